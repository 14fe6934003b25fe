"""PromQL text: exact windows on both kinds of server, and values that cannot break out of their quotes."""

from __future__ import annotations

import re

import pytest

from netyield.sources.gpu.prometheus_queries import (
    aggregate_windows,
    any_of,
    batches,
    quoted,
    samples_in,
    seconds,
    selector,
)


def times_counted(params: dict[str, str], window_ms: int, closed_left: bool, samples: range) -> list[list[int]]:
    """Which samples each step of a range query covers, by the rule of the server (2: closed, 3: open at the left)."""
    found = re.search(r"\[(\d+)ms\]", params["query"])
    assert found is not None
    span = int(found.group(1))
    start, end = (round(float(params[name]) * 1000) for name in ("start", "end"))
    return [[t for t in samples if (end_at - span <= t if closed_left else end_at - span < t) and t <= end_at]
            for end_at in range(start, end + 1, window_ms)]


@pytest.mark.parametrize("closed_left", [True, False])
@pytest.mark.parametrize("offset", [0, 1, 29_999])
def test_windows_hold_each_sample_once_on_either_kind_of_server(closed_left: bool, offset: int) -> None:
    start, end, window = 1_000_000, 1_900_000, 300_000
    samples = range(start - 60_000 + offset, end + 60_000, 30_000)
    params = aggregate_windows("sum_over_time", '{__name__="m"}', start, end, window, closed_left)
    counted = times_counted(params, window, closed_left, samples)
    assert [t for group in counted for t in group] == [t for t in samples if start <= t < end]
    assert [len(group) for group in counted] == [10, 10, 10]


def test_a_raw_request_covers_its_window_and_at_most_one_sample_more() -> None:
    params = samples_in("m", 1_000_000, 1_300_000)
    assert params == {"query": "m[300000ms]", "time": "1299.999"}
    assert seconds(1_790_812_800_001) == "1790812800.001"


def test_names_and_values_are_quoted() -> None:
    assert quoted('a"} or up{x="\\') == '"a\\"} or up{x=\\"\\\\"'
    assert any_of(["pod-1.a", "b|c"]) == '"pod-1\\\\.a|b\\\\|c"'
    assert selector(["up"], ['job="x"']) == '{__name__="up",job="x"}'
    assert selector(["a:b", "c"]) == '{__name__=~"a:b|c"}'


def test_batches_are_distinct_and_bounded() -> None:
    assert list(batches(["b", "a", "b", "c"], 2)) == [["a", "b"], ["c"]]
    assert list(batches([])) == []
