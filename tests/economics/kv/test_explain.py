"""Every token under one reason: against published hits, a plain count, and a case that was reported as a bug and is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.economics.kv.definition import Definition
from netyield.economics.kv.explain import REASONS, explain
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Identity, Trace

DATA = Path(__file__).parents[2] / "data" / "kv"


def trace_of(paths: list[list[int]], tokens: list[int], block: int, sessions: list[int] | None = None) -> Trace:
    """A trace of chained ids over full blocks only; what they do not cover has no id."""
    names: dict[tuple[int, ...], int] = {}
    parent: list[int] = []
    nodes: list[int] = []
    first = [0]
    for path in paths:
        before = -1
        for depth in range(len(path)):
            key = tuple(path[: depth + 1])
            if key not in names:
                names[key] = len(parent)
                parent.append(before)
            before = names[key]
            nodes.append(before)
        first.append(len(nodes))
    count = len(paths)
    whole = np.full(count, block, np.int32)
    zeros = np.zeros(count, np.int32)
    session = zeros if sessions is None else np.array(sessions, np.int32)
    return Trace(
        "made", "made", Identity.PREFIX, block, np.arange(count) * 1_000_000, np.array(tokens, np.int64),
        np.full(count, -1, np.int64), np.array(first, np.int64), np.array(nodes, np.int32), np.array(parent, np.int32),
        whole, whole, zeros, session, ("",), tuple(map(str, range(int(session.max()) + 1))),
    )  # fmt: skip


@pytest.mark.parametrize(("name", "hits"), [("conversation", 10_394_228), ("synthetic", 17_834_548)])
def test_hits_are_the_published_ones_and_all_reasons_add_up(name: str, hits: int) -> None:
    found = explain(read_trace(DATA / f"mooncake_{name}_trace.jsonl.gz"), 6_553, Definition())

    assert found.hit_tokens == hits
    assert sum(found.tokens.values()) == found.input_tokens
    assert set(found.tokens) == set(REASONS)


def test_the_reuse_structure_is_the_published_one() -> None:
    found = explain(read_trace(DATA / "mooncake_conversation_trace.jsonl.gz"), 10**9, Definition(warmup=0.0))

    assert f"{found.reused_blocks / found.distinct_blocks:.2%}" == "24.15%"
    assert found.hit_tokens == 54_098_411
    assert found.tokens["evicted"] == 0


def test_a_shared_prompt_shorter_than_a_block_hits_exactly_nothing() -> None:
    """240 shared tokens under blocks of 784 (vLLM issue 54607): no hit, and that is right."""
    found = explain(trace_of([[] for _ in range(50)], [240 + 60] * 50, 784), 10_000, Definition(warmup=0.0))

    assert found.hit_tokens == 0
    assert found.tokens["block_floor"] == 50 * 300
    assert found.floor_requests == 50


def test_own_history_and_shared_prefixes_are_told_apart() -> None:
    system, first, second = [7], [7, 1], [7, 1, 2]
    # Two conversations behind one system block; the first goes on.
    made = trace_of([first, [7, 9], second], [200, 200, 300], 100, sessions=[0, 1, 0])
    found = explain(made, 100, Definition(warmup=0.0))

    assert found.tokens == {
        "own_history_hit": 100, "shared_prefix_hit": 200, "evicted": 0, "first_seen_reused": 200, "one_shot": 200,
        "block_floor": 0,
    }  # fmt: skip
    assert system == [7]


blocks = st.lists(st.lists(st.integers(0, 2), max_size=5), min_size=1, max_size=25)


@settings(deadline=None)
@given(blocks, st.integers(1, 12))
def test_every_block_is_under_the_reason_a_plain_count_gives(paths: list[list[int]], capacity: int) -> None:
    made = trace_of(paths, [100 * len(path) + 30 for path in paths], 100)
    found = explain(made, capacity, Definition(warmup=0.0))

    keys = [[tuple(path[: depth + 1]) for depth in range(len(path))] for path in paths]
    total = {key: sum(key in other for other in keys) for path in keys for key in path}
    seen: set[tuple[int, ...]] = set()
    first_reused = one_shot = known = 0
    for path in keys:
        for key in path:
            if key in seen:
                known += 1
            elif total[key] > 1:
                first_reused += 1
            else:
                one_shot += 1
        seen.update(path)
    assert found.tokens["one_shot"] == 100 * one_shot
    assert found.tokens["first_seen_reused"] == 100 * first_reused
    assert found.hit_tokens + found.tokens["evicted"] == 100 * known
    assert found.tokens["block_floor"] == 30 * len(paths)
    assert sum(found.tokens.values()) == found.input_tokens
    assert min(found.tokens.values()) >= 0
