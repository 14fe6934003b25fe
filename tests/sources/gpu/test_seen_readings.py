from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.sources.gpu.seen_readings import SeenReadings

READING = st.tuples(st.integers(0, 3), st.integers(0, 20), st.integers(0, 2))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(READING, max_size=12), max_size=6))
def test_blocks_give_the_verdicts_of_a_dictionary(blocks: list[list[tuple[int, int, int]]]) -> None:
    seen = SeenReadings()
    standing: dict[tuple[int, int], int] = {}
    for block in blocks:
        array = np.array(block, np.int64).reshape(-1, 3)
        verdict = seen.sort_out(array[:, 0], array[:, 1], array[:, 2].astype(np.uint64))
        for place, (series, us, content) in enumerate(block):
            old = standing.get((series, us))
            standing.setdefault((series, us), content)
            assert bool(verdict.repeated[place]) == (old is not None and old == content)
            assert bool(verdict.conflicting[place]) == (old is not None and old != content)
