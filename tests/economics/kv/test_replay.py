"""Every policy against published hit counts and a slow, plainly written cache of the same parameters."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kv_traces import NAMES, made_trace, mooncake, paths
from slow_caches import flat, tree_lru, tree_opt

from netyield.core.errors import WrongUse
from netyield.economics.kv.definition import Definition, Match, Weight
from netyield.economics.kv.replay import REPLAYED, Policy, replay, replayer

CAPACITIES = (204, 1024, 3276, 6553, 10240, 13107, 26214, 52428)
# Last half, token-weighted, contiguous prefix: kvcache-simulator 0.1.3 and a second implementation.
GOLDEN = {
    ("conversation", Policy.FIFO): (2_800_712, 3_106_872, 4_821_516, 9_717_517, 12_621_687, 14_697_452, 19_698_815, 23_706_725),
    ("conversation", Policy.LRU): (3_082_824, 3_194_814, 4_955_971, 10_394_228, 15_020_117, 16_995_095, 22_411_828, 25_671_028),
    ("conversation", Policy.OPT): (6_421_919, 13_516_455, 21_734_398, 26_215_927, 27_038_068, 27_038_068, 27_038_068, 27_038_068),
    ("synthetic", Policy.FIFO): (576_312, 4_603_978, 10_977_112, 16_674_829, 20_883_806, 23_367_996, 28_035_903, 31_535_563),
    ("synthetic", Policy.LRU): (927_032, 4_804_282, 11_046_773, 17_834_548, 22_425_510, 24_745_792, 30_190_015, 31_535_563),
    ("synthetic", Policy.OPT): (5_794_298, 13_446_767, 22_149_702, 27_018_372, 30_311_828, 31_535_563, 31_535_563, 31_535_563),
}  # fmt: skip
# Whole trace, block-weighted, every access by itself: libCacheSim 0.3.5.
FLAT_CAPACITIES = (1_000, 5_859, 10_000, 30_000, 100_000)
GOLDEN_FLAT = {
    ("conversation", Policy.LRU): (0.044475, 0.135532, 0.211165, 0.325709, 0.363688),
    ("conversation", Policy.FIFO): (0.043532, 0.126984, 0.186523, 0.302087, 0.359276),
    ("conversation", Policy.LFU): (0.048080, 0.096603, 0.131761, 0.275893, 0.363102),
    ("conversation", Policy.S3FIFO): (0.054336, 0.157470, 0.192461, 0.254908, 0.340062),
    ("conversation", Policy.ARC): (0.052946, 0.143601, 0.222548, 0.310832, 0.363102),
    ("conversation", Policy.OPT): (0.190620, 0.353137, 0.366412, 0.366412, 0.366412),
    ("synthetic", Policy.LRU): (0.082460, 0.309353, 0.423493, 0.624211),
    ("synthetic", Policy.FIFO): (0.078743, 0.300729, 0.399033, 0.595100),
    ("synthetic", Policy.LFU): (0.040081, 0.242892, 0.357754, 0.625959),
    ("synthetic", Policy.S3FIFO): (0.089123, 0.312233, 0.418291, 0.603707),
    ("synthetic", Policy.ARC): (0.093332, 0.323400, 0.435611, 0.625959),
    ("synthetic", Policy.OPT): (0.276615, 0.549940, 0.617959, 0.639604),
}
PLAIN = Definition(warmup=0, weight=Weight.BLOCKS, match=Match.ANY)


@pytest.mark.parametrize(("name", "policy"), GOLDEN)
def test_golden_hit_tokens(name: str, policy: Policy) -> None:
    found = tuple(replay(mooncake(name), policy, c, Definition()).hit_tokens for c in CAPACITIES)
    assert found == GOLDEN[name, policy]


@pytest.mark.parametrize(("name", "policy"), GOLDEN_FLAT)
def test_golden_six_digits_block_by_block(name: str, policy: Policy) -> None:
    golden = GOLDEN_FLAT[name, policy]
    places = FLAT_CAPACITIES[: len(golden)]
    assert [replay(mooncake(name), policy, c, PLAIN).ratio for c in places] == pytest.approx(golden, abs=5.1e-7)


@pytest.mark.parametrize("name", NAMES)
def test_no_policy_beats_the_optimum_of_its_kind(name: str) -> None:
    trace = mooncake(name)
    for capacity in (500, 5_000):
        best = replay(trace, Policy.OPT, capacity, PLAIN).hit_blocks
        assert all(replay(trace, policy, capacity, PLAIN).hit_blocks <= best for policy in REPLAYED)


requests = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=40)


@pytest.mark.parametrize("policy", REPLAYED)
@settings(deadline=None, max_examples=60)
@given(drawn=requests, capacity=st.integers(1, 24))
def test_single_blocks_equal_the_slow_cache(policy: Policy, drawn: list[list[int]], capacity: int) -> None:
    trace = made_trace(drawn, [4 * len(ids) for ids in drawn])
    found = replayer(trace, policy, Match.ANY)(capacity)
    slow = flat(paths(drawn), policy.value, min(capacity, trace.unique_blocks))
    assert found.leading.tolist() == [leading for leading, _ in slow]
    assert found.anywhere.tolist() == [sum(hits) for _, hits in slow]
    assert found.last.tolist() == [hits[-1] for _, hits in slow]


@settings(deadline=None, max_examples=150)
@given(requests, st.integers(1, 24))
def test_leaves_equal_the_slow_cache(drawn: list[list[int]], capacity: int) -> None:
    trace = made_trace(drawn, [4 * len(ids) for ids in drawn])
    for policy, slow in ((Policy.LRU, tree_lru), (Policy.OPT, tree_opt)):
        assert replayer(trace, policy, Match.PREFIX)(capacity).leading.tolist() == slow(paths(drawn), capacity)


def test_a_prefix_hit_ends_at_the_first_gap() -> None:
    """FIFO has dropped the root of the path it still holds two blocks of."""
    trace = made_trace([[1, 2, 3], [7], [1, 2, 3]], [12, 4, 10])
    whole = replay(trace, Policy.FIFO, 3, Definition(warmup=0))
    assert (whole.hit_tokens, whole.hit_blocks) == (0, 0)
    loose = replay(made_trace([[1, 2, 3], [7], [1, 2, 3]], [12, 4, 10]), Policy.LRU, 9, PLAIN)
    assert (loose.hit_tokens, loose.hit_blocks) == (10, 3)


@pytest.mark.parametrize("policy", REPLAYED)
def test_no_cache_finds_nothing_and_no_trace_breaks_nothing(policy: Policy) -> None:
    trace = made_trace([[1, 2], [1, 2]], [8, 8])
    assert replay(trace, policy, 0, Definition(warmup=0)).hit_tokens == 0
    assert replay(made_trace([], []), policy, 5, Definition()).ratio == 0.0


def test_a_time_to_live_is_no_replay() -> None:
    with pytest.raises(WrongUse, match="not replayed"):
        replay(made_trace([[1]], [4]), Policy.TTL, 3, PLAIN)
