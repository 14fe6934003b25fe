"""Lengths alone give no blocks; a declared model gives the blocks it says, and the answer says so too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.core.errors import WrongUse
from netyield.sources.traces.lengths import Reuse, modelled
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Identity

AZURE = Path(__file__).parents[2] / "data" / "traffic" / "azure_2023_conv_head.csv"


def test_lengths_have_no_blocks_and_a_finding_says_so() -> None:
    trace = read_trace(AZURE)
    assert (trace.format, trace.identity, trace.requests) == ("lengths", Identity.NONE, 200)
    assert (trace.accesses, trace.unique_blocks) == (0, 0)
    assert (trace.input_tokens[0], trace.output_tokens[0]) == (374, 44)
    assert trace.arrival_us[:3].tolist() == [0, 4_314_579, 4_541_877]
    assert [(f.code, f.severity) for f in trace.findings] == [("trace.lengths_only", "error")]
    assert "--reuse" in trace.findings[0].repair


def test_a_declared_model_is_named() -> None:
    trace = read_trace(AZURE, reuse="shared:160+conversations:8", block_size=16)
    assert trace.identity is Identity.PREFIX
    assert "reuse is modelled, not measured: shared:160+conversations:8" in trace.notes
    assert [(f.code, f.severity) for f in trace.findings] == [("trace.modelled_reuse", "warning")]
    begin = trace.nodes[trace.first[:-1]]
    assert ((begin == 0) == (trace.input_tokens >= 16)).all()
    with pytest.raises(WrongUse, match="shared:TOKENS"):
        read_trace(AZURE, reuse="half")


@given(
    st.lists(st.integers(1, 200), max_size=40),
    st.integers(1, 20),
    st.builds(Reuse, st.integers(0, 90), st.integers(0, 5)),
)
def test_the_model_shares_what_it_declares_and_nothing_else(tokens: list[int], size: int, model: Reuse) -> None:
    counts, ids = modelled(np.array(tokens, np.int64), size, model)
    assert counts.tolist() == [-(-one // size) for one in tokens]
    ends = np.cumsum(counts)
    paths = [ids[end - count : end].tolist() for end, count in zip(ends, counts, strict=True)]
    for r, path in enumerate(paths):
        for q in range(r):
            same = next((d for d, (a, b) in enumerate(zip(path, paths[q], strict=False)) if a != b), min(len(path), len(paths[q])))
            assert not set(path[same:]) & set(paths[q][same:])  # prefixes only
            together = min(tokens[r], tokens[q]) // size
            of_one = model.conversations and (r - q) % model.conversations == 0
            grows = of_one and tokens[r - model.conversations] // size <= tokens[r] // size
            least = min(model.shared_tokens // size, together)
            if grows and q == r - model.conversations:
                least = together
            assert same >= least
            if not of_one:
                assert same == least
