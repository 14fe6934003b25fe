"""The exact curve against published tables, an independent slow cache, and the peer's own program."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kv_traces import NAMES, made_trace, mooncake, paths, trace_path
from kvcache_sim.plan import build_execution_plan
from kvcache_sim.policies import simulate_policy
from kvcache_sim.trace import parse_trace_file, parse_trace_lines
from slow_caches import tree_lru

from netyield.core.errors import WrongUse
from netyield.economics.kv.curve import lru_curve
from netyield.economics.kv.definition import Definition, Denominator, Mean, Weight
from netyield.economics.kv.replay import Policy, replay
from netyield.economics.kv.runs import leading_blocks, request_ranks

EVERYTHING = 10**9
CAPACITIES = (204, 1024, 3276, 6553, 10240, 13107, 26214, 52428)
# Hit tokens of the last half, token-weighted, contiguous prefix: kvcache-simulator 0.1.3 and a second implementation.
GOLDEN_LRU = {
    "conversation": (3_082_824, 3_194_814, 4_955_971, 10_394_228, 15_020_117, 16_995_095, 22_411_828, 25_671_028),
    "synthetic": (927_032, 4_804_282, 11_046_773, 17_834_548, 22_425_510, 24_745_792, 30_190_015, 31_535_563),
}
CEILINGS = {"conversation": (27_038_068, 67_915_607, 0.39811), "synthetic": (31_535_563, 36_552_394, 0.86275)}
# Whole trace, no warm-up, infinite cache.
IDEAL = {
    "conversation": (54_098_411, 144_793_823, 105_710, 288_500, 0.40938, 0.43089),
    "synthetic": (39_852_661, 61_194_628, 77_953, 121_877, 0.43152, 0.68780),
}
# Whole trace, tree LRU at 1,000, 5,859, 10,000, 30,000 and 100,000 blocks: block-weighted, token-weighted.
WHOLE_CAPACITIES = np.array([1_000, 5_859, 10_000, 30_000, 100_000])
WHOLE = {
    "conversation": ((0.044530, 0.136076, 0.211598, 0.325747, 0.363688),
                     (0.045413, 0.138730, 0.215748, 0.332153, 0.370844)),
    "synthetic": ((0.084118, 0.309353, 0.423944, 0.624211), (0.085718, 0.315091, 0.431764, 0.635597)),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_golden_hit_tokens_of_the_last_half(name: str) -> None:
    curve = lru_curve(mooncake(name), Definition(warmup=0.5))
    assert tuple(curve.hit_tokens(c) for c in CAPACITIES) == GOLDEN_LRU[name]
    ceiling, measured, ratio = CEILINGS[name]
    assert (curve.ceiling_hit_tokens, curve.measured) == (ceiling, measured)
    assert curve.ratio(EVERYTHING) == pytest.approx(ratio, abs=5e-6)


@pytest.mark.parametrize("name", NAMES)
def test_ideal_ratios_of_the_whole_trace_by_every_definition(name: str) -> None:
    trace = mooncake(name)
    tokens, all_tokens, blocks, all_blocks, mean, mean_of_last_half = IDEAL[name]
    curve = lru_curve(trace, Definition(warmup=0))
    assert (curve.ceiling_hit_tokens, curve.measured, curve.hit_blocks(EVERYTHING)) == (tokens, all_tokens, blocks)
    by_block = lru_curve(trace, Definition(warmup=0, weight=Weight.BLOCKS))
    assert by_block.measured == all_blocks
    assert by_block.ratio(EVERYTHING) == blocks / all_blocks
    means = [lru_curve(trace, Definition(warmup=w, mean=Mean.REQUESTS)).ratio(EVERYTHING) for w in (0, 0.5)]
    assert means == pytest.approx([mean, mean_of_last_half], abs=6e-6)


@pytest.mark.parametrize("name", NAMES)
def test_six_digits_of_the_whole_trace(name: str) -> None:
    by_block, by_token = WHOLE[name]
    places = WHOLE_CAPACITIES[: len(by_block)]
    blocks = lru_curve(mooncake(name), Definition(warmup=0, weight=Weight.BLOCKS))
    tokens = lru_curve(mooncake(name), Definition(warmup=0))
    assert blocks.ratios(places) == pytest.approx(by_block, abs=5.1e-7)
    assert tokens.ratios(places) == pytest.approx(by_token, abs=5.1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_the_curve_is_what_a_replay_finds(name: str) -> None:
    trace = mooncake(name)
    for definition in (Definition(), Definition(0.2, mean=Mean.REQUESTS)):
        curve = lru_curve(trace, definition)
        for capacity in (1, 3, 40, 500, 4_000, 40_000):
            hits = replay(trace, Policy.LRU, capacity, definition)
            assert (hits.hit_tokens, hits.hit_blocks) == (curve.hit_tokens(capacity), curve.hit_blocks(capacity))
            assert hits.ratio == pytest.approx(curve.ratio(capacity), abs=1e-12)


@pytest.mark.parametrize(("name", "capacities"), [("conversation", (6_553,)), ("synthetic", (204, 6_553, 26_214))])
def test_agrees_with_the_peer_on_recorded_traces(name: str, capacities: tuple[int, ...]) -> None:
    plan = build_execution_plan(parse_trace_file(trace_path(name), block_size=512), warmup_fraction=0.5)
    curve = lru_curve(mooncake(name), Definition())
    for capacity in capacities:
        theirs = simulate_policy(plan, "lru", capacity)
        assert theirs.measurementMode == "fixed_window"
        assert (theirs.hitTokens, theirs.totalTokens) == (curve.hit_tokens(capacity), curve.measured)


ids = st.lists(st.integers(0, 2), min_size=1, max_size=7)
requests = st.lists(st.tuples(ids, st.integers(1, 4)), min_size=1, max_size=25)


def tokens_of(drawn: list[tuple[list[int], int]]) -> list[int]:
    """Input tokens that end within the last block."""
    return [4 * (len(path) - 1) + last for path, last in drawn]


@settings(deadline=None, max_examples=150)
@given(requests)
def test_every_capacity_of_a_random_tree_equals_the_slow_cache(drawn: list[tuple[list[int], int]]) -> None:
    trace = made_trace([path for path, _ in drawn], tokens_of(drawn))
    curve = lru_curve(trace, Definition(warmup=0))
    runs = request_ranks(trace)
    for capacity in range(trace.unique_blocks + 2):
        slow = tree_lru(paths([path for path, _ in drawn]), capacity) if capacity else [0] * len(drawn)
        assert leading_blocks(runs, trace.requests, capacity).tolist() == slow
        tokens = [min(4 * hits, n) for hits, n in zip(slow, tokens_of(drawn), strict=True)]
        assert (curve.hit_tokens(capacity), curve.hit_blocks(capacity)) == (sum(tokens), sum(slow))


@settings(deadline=None, max_examples=100)
@given(requests, st.integers(0, 9))
def test_agrees_with_the_peer_on_random_trees(drawn: list[tuple[list[int], int]], more: int) -> None:
    """At capacities that hold the longest request: below, the peer's LRU may evict what the same request inserted.

    First requests of their own blocks fill the cache, without which the peer reports nothing.
    """
    capacity = max(len(path) for path, _ in drawn) + more
    filled = [([9] * capacity, 4 * capacity)] * len(drawn)
    paths_, tokens = [p for p, _ in filled + drawn], [n for _, n in filled] + tokens_of(drawn)
    trace = made_trace(paths_, tokens)
    lines = [
        json.dumps({"hash_ids": list(path), "input_length": n, "block_size": 4})
        for path, n in zip(paths_, tokens, strict=True)
    ]
    plan = build_execution_plan(parse_trace_lines(lines), warmup_fraction=0.5)
    for ours, theirs in ((Policy.LRU, "lru"), (Policy.FIFO, "fifo"), (Policy.OPT, "optimal")):
        found = simulate_policy(plan, theirs, capacity)
        assert found.measurementMode == "fixed_window"
        assert replay(trace, ours, capacity, Definition()).hit_tokens == found.hitTokens
    assert lru_curve(trace, Definition()).hit_tokens(capacity) == simulate_policy(plan, "lru", capacity).hitTokens


def test_runs_name_the_request_that_left_the_blocks() -> None:
    trace = made_trace([[1, 2, 3], [1, 2, 4], [1, 2, 3]], [12, 12, 12])
    runs = request_ranks(trace)
    found = list(zip(runs.request, runs.depth, runs.length, runs.base, runs.owner, strict=True))
    # Request 2 finds its first two blocks where request 1 left them, and its third behind all of request 1.
    assert found == [(1, 0, 2, 0, 0), (2, 0, 2, 0, 1), (2, 2, 1, 3, 0)]


def test_tokens_without_a_block_id_count_in_one_denominator_only() -> None:
    longer = replace(made_trace([[1], [1]], [4, 4]), input_tokens=np.array([10, 10]))
    assert lru_curve(longer, Definition(0)).ratio(9) == 4 / 20
    assert lru_curve(longer, Definition(0, denominator=Denominator.IDENTIFIED)).ratio(9) == 4 / 8


def test_a_trace_without_requests_has_an_empty_curve() -> None:
    curve = lru_curve(made_trace([], []), Definition())
    assert (curve.hit_tokens(5), curve.ratio(5), curve.ceiling_hit_tokens) == (0, 0.0, 0)


@pytest.mark.parametrize("warmup", [1.0, -0.1, float("nan")])
def test_a_warmup_that_counts_nothing_is_refused(warmup: float) -> None:
    with pytest.raises(WrongUse, match=r"0\.5"):
        Definition(warmup=warmup)
