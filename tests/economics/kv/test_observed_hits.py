"""Hit rates of a running engine: growth of counters with restarts, and the capacity of the curve that fits."""

from __future__ import annotations

from itertools import accumulate

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kv_traces import mooncake

from netyield.economics.kv.curve import lru_curve
from netyield.economics.kv.observed_hits import AS_COUNTED, effective_capacity, observed_hits, together

MINUTE = 60_000_000
NAMES = ("replica", "namespace", "model", "metric", "labels", "kind", "value", "t")


def samples(
    *series: tuple[str, str, list[float]], replica: str = "r", kind: str = "counter", labels: str = ""
) -> pa.Table:
    rows = [
        (replica, None, model, metric, labels or None, kind, value, at * MINUTE)
        for metric, model, values in series
        for at, value in enumerate(values)
    ]
    return pa.Table.from_pylist([dict(zip(NAMES, row, strict=True)) for row in rows])


def test_hits_in_memory_and_through_a_connector() -> None:
    (found,) = observed_hits(
        samples(
            ("vllm:prefix_cache_queries", "m", [1_000, 5_000, 11_000]),
            ("vllm:prefix_cache_hits", "m", [200, 1_200, 4_200]),
            ("vllm:external_prefix_cache_queries", "m", [0, 3_000, 6_000]),
            ("vllm:external_prefix_cache_hits", "m", [0, 500, 2_000]),
            ("vllm:kv_cache_usage_perc", "m", [0.5, 0.5, 0.5]),
        )
    )
    assert (found.queried, found.hit, found.asked_outside, found.hit_outside) == (10_000, 4_000, 6_000, 2_000)
    assert found.local_ratio == 0.4
    assert found.ratio == 0.6
    assert (found.first_us, found.last_us, found.restarts) == (0, 2 * MINUTE, 0)


def test_a_restart_counts_from_zero_and_a_window_is_not_extrapolated() -> None:
    table = samples(
        ("vllm:prefix_cache_queries", "m", [100, 900, 50, 450]), ("vllm:prefix_cache_hits", "m", [10, 410, 20, 220])
    )
    (whole,) = observed_hits(table)
    assert (whole.queried, whole.hit, whole.restarts) == (800 + 50 + 400, 400 + 20 + 200, 1)
    (late,) = observed_hits(table, (2 * MINUTE, 4 * MINUTE))
    assert (late.queried, late.hit, late.restarts) == (400, 200, 0)


def test_gauges_other_counters_and_readings_that_are_no_counts_are_left_out() -> None:
    assert observed_hits(samples(("vllm:prefix_cache_hits", "m", [1, 2]), kind="gauge")) == []
    assert observed_hits(samples(("vllm:prompt_tokens", "m", [1, 2]))) == []
    (one,) = observed_hits(samples(("vllm:prefix_cache_queries", "m", [float("nan"), -1.0, 5.0])))
    assert (one.queried, one.ratio) == (0, None)
    assert together([one]) is None


def test_processes_are_told_apart_and_summed() -> None:
    tables = [
        samples(("sglang:prompt_tokens", "m", [0, 100]), ("sglang:cached_tokens", "m", [0, hits]), replica=name)
        for name, hits in (("a", 50), ("b", 10))
    ]
    found = observed_hits(pa.concat_tables(tables))
    assert [(one.replica, one.ratio) for one in found] == [("a", 0.5), ("b", 0.1)]
    both = together(found)
    assert both is not None
    assert both.ratio == pytest.approx(0.3)


@given(st.lists(st.lists(st.integers(0, 1000), min_size=1, max_size=5), min_size=1, max_size=4))
def test_growth_is_what_every_life_of_a_process_counted_after_its_first_reading(lives: list[list[int]]) -> None:
    """Each life starts at zero, and falls below the last reading; what it counted before its first reading is its own."""
    readings: list[float] = []
    expected = 0
    for number, steps in enumerate(lives):
        totals = list(accumulate(steps))
        if number and totals[0] >= readings[-1]:
            continue  # a restart nobody can see
        expected += totals[-1] - (totals[0] if number == 0 else 0)
        readings += totals
    (found,) = observed_hits(samples(("vllm:prefix_cache_queries", "m", readings)))
    assert found.queried == expected


def test_the_effective_capacity_is_the_first_that_hits_as_much() -> None:
    curve = lru_curve(mooncake("conversation"), AS_COUNTED)
    for capacity in (1_024, 6_553, 26_214):
        found = effective_capacity(curve, curve.ratio(capacity))
        assert found.capacity_blocks is not None
        assert found.capacity_blocks <= capacity
        assert curve.ratio(found.capacity_blocks) == pytest.approx(curve.ratio(capacity))
        assert curve.ratio(found.capacity_blocks - 1) < curve.ratio(capacity)
    assert effective_capacity(curve, 0.0).capacity_blocks == 0
    beyond = effective_capacity(curve, 0.9)
    assert beyond.capacity_blocks is None
    assert "37.4%" in beyond.note
