"""Server-side windows: which can be taken as they are, and what the others become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netyield.core.finding import Severity
from netyield.sources.gpu.prometheus_replay import replay
from netyield.sources.gpu.prometheus_reply import Spool, series_of, spooled
from netyield.sources.gpu.prometheus_settings import PrometheusSettings
from netyield.sources.gpu.prometheus_windows import FUNCTIONS, WindowMean, WindowTable
from netyield.sources.gpu.series import Series

NAME = "DCGM_FI_DEV_GPU_UTIL"
WINDOW = 300_000_000
STEP = 30_000_000
LABELS = {"UUID": "GPU-5eed0000-0000-4000-8000-000000000001", "Hostname": "n"}
PLACE = (LABELS["UUID"], "")


def table(*rows: tuple[dict[str, str], list[list[float]]]) -> WindowTable:
    """Cells per series: for each function the values of windows 0, 1, ..."""
    made = WindowTable(0, WINDOW, len(rows[0][1][0]), {NAME: STEP})
    for labels, cells in rows:
        for function, values in zip(FUNCTIONS, cells, strict=True):
            ends = (np.arange(len(values), dtype=np.int64) + 1) * WINDOW - 1000
            keep = ~np.isnan(values)
            made.add(function, [Series(NAME, labels, ends[keep], np.array(values, dtype=np.float64)[keep])])
    return made


def test_a_plain_window_is_its_mean_at_its_start_held_for_what_it_covers() -> None:
    made = table((LABELS, [[10, 4], [250, 100], [30, 25], [20, 25]]))
    assert made.doubtful() == {}
    (series,) = made.means({})
    assert series.times_us.tolist() == [0, WINDOW]
    assert series.values.tolist() == [25, 25]
    assert series.holds_us is not None
    assert series.holds_us.tolist() == [WINDOW, 4 * STEP]


@pytest.mark.parametrize(
    "cells",
    [
        [[10], [9.3e18], [9.223372036854776e18], [0]],  # an INT64 blank
        [[10], [2147483700], [2147483634], [0]],  # an INT32 blank
        [[10], [-5], [1], [-10]],
        [[10], [float("nan")], [float("nan")], [float("nan")]],
    ],
)
def test_a_window_with_something_to_clean_is_doubtful(cells: list[list[float]]) -> None:
    made = table((LABELS, cells))
    if np.isnan(cells[1][0]):  # an answer that is not a number is no answer
        made.rows[next(iter(made.rows))].cells[0, 0] = 10
    doubtful = made.doubtful()
    assert doubtful[PLACE].tolist() == [True]
    assert made.means(doubtful) == []
    assert made.raw_matchers(doubtful) == ("UUID", [LABELS["UUID"]])


def test_complete_equal_copies_are_clear_and_everything_else_shared_is_doubtful() -> None:
    full, other = [[10], [250], [30], [20]], [[10], [260], [30], [20]]
    part = [[4], [100], [30], [20]]
    pods = [LABELS | {"exported_pod": pod} for pod in "ab"]
    assert table((pods[0], full), (pods[1], full)).doubtful() == {}
    assert list(table((pods[0], full), (pods[1], other)).doubtful()) == [PLACE]
    assert list(table((pods[0], part), (pods[1], part)).doubtful()) == [PLACE]  # the same scrapes, or others?
    assert table((pods[0], [[10, np.nan], [250, np.nan], [30, np.nan], [20, np.nan]]),
                 (pods[1], [[np.nan, 4], [np.nan, 100], [np.nan, 30], [np.nan, 20]])).doubtful() == {}


def test_devices_without_an_identity_of_their_own_are_fetched_by_signal() -> None:
    masked = {"UUID": "", "gpu": "0", "Hostname": "n"}
    made = table((masked, [[10], [-5], [1], [-10]]))
    assert made.raw_matchers(made.doubtful()) is None


def test_raw_readings_reduce_to_means_and_covered_time() -> None:
    times = np.array([0, STEP, WINDOW - 1, WINDOW], dtype=np.int64)
    starts, means, holds = WindowMean(0, WINDOW, STEP)(times, np.array([1.0, 2.0, 3.0, 7.0]), times)
    assert (starts.tolist(), means.tolist(), holds.tolist()) == ([0, WINDOW], [2, 7], [3 * STEP, STEP])


def spool(folder: Path, exchanges: list[tuple[dict[str, Any], dict[str, Any]]]) -> Path:
    header = {"start_ms": 0, "end_ms": 600_000, "interval_us": {NAME: STEP}, "allocating_jobs": [], "help_texts": {}}
    made = Spool(folder / "spool.gz", header)
    for asked, parsed in exchanges:
        made.add(asked, json.dumps(parsed, indent=1).encode())
    made.close()
    return made.path


def test_an_answer_the_server_calls_incomplete_is_a_finding(tmp_path: Path) -> None:
    values = [[0, "1"], [30, "2"], [600, "3"]]
    parsed = {"status": "success", "warnings": ["store-7 is not there"], "data": {"resultType": "matrix", "result": [
        {"metric": {"__name__": NAME, **LABELS}, "values": values},
        {"metric": {"__name__": NAME, "UUID": "h"}, "histograms": [[0, {"count": "1"}]]}]}}
    asked = {"kind": "samples", "group": "gpu_util_percent", "start_ms": 0, "end_ms": 600_000}
    path = spool(tmp_path, [(asked, parsed)])
    chunks = list(replay(path, PrometheusSettings(url="http://host:9090")))
    rows = [row for chunk in chunks if "gpu_samples" in chunk.tables for row in chunk.tables["gpu_samples"].to_pylist()]
    assert [row["value"] for row in rows] == [1, 2]  # the sample at the end belongs to the next window
    (finding,) = chunks[-1].findings
    assert (finding.code, finding.severity) == ("prometheus.partial_answer", Severity.WARNING)
    assert "store-7" in finding.message


def test_a_spool_reads_back_what_was_written(tmp_path: Path) -> None:
    asked = {"kind": "facts", "group": "facts", "start_ms": 0, "end_ms": 1, "name": "up"}
    parsed = {"status": "success", "data": [{"__name__": "up", "job": "a\nb"}]}
    header, (found_asked, found) = list(spooled(spool(tmp_path, [(asked, parsed)])))
    assert header[0]["end_ms"] == 600_000
    assert (found_asked, found) == (asked, parsed)
    assert series_of(found, asked)[0].labels == {"job": "a\nb"}
