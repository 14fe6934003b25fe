"""Utilisation by hour of the week: of the right hour, averaging to the whole, and the same as a count by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from netyield.economics.serving.fleet import Fleet
from netyield.economics.serving.simulator import simulate
from netyield.economics.serving.step_time import linear
from netyield.economics.serving.traffic import Traffic, of_trace
from netyield.economics.serving.weekly import by_hour, counted_from
from netyield.sources.traces.read import read_trace

GOLDEN = linear(23.0e-3, 0.0673e-3, 2.27e-8, 0.0411e-3)
DATA = Path(__file__).parents[2] / "data" / "serving"
HOUR_S = 3600


def traffic(arrival: np.ndarray, start: datetime | None = None) -> Traffic:
    count, window = len(arrival), float(np.ceil(arrival[-1] / HOUR_S) * HOUR_S)
    whole = [np.full(count, each, np.int64) for each in (500, 0, 50)]
    start_us = None if start is None else int(start.timestamp()) * 1_000_000
    return Traffic("made", arrival, *whole, window, start_us=start_us)


def test_the_busy_hour_is_the_hour_of_the_week_it_was() -> None:
    quiet, busy = np.arange(0, HOUR_S, 10.0), np.arange(0, HOUR_S, 2.0)
    wednesday = datetime(2026, 11, 18, 13, tzinfo=UTC)  # 61 hours after Monday 00:00
    load = traffic(np.concatenate([quiet, HOUR_S + busy, 2 * HOUR_S + quiet]), wednesday)
    served = simulate(load, Fleet(GOLDEN, 2, 10**9))
    hours = by_hour(load, served, GOLDEN, 0.5, 2)
    assert counted_from(load) == "Monday 00:00 UTC"
    assert [each.hour_of_week for each in hours] == [61, 62, 63]
    assert [each.minutes for each in hours] == [60, 60, 60]
    assert hours[1].utilisation_p50 / hours[0].utilisation_p50 == pytest.approx(5, rel=0.01)
    # All requests are alike: a minute's share is its requests' part of the whole load, over two replicas.
    assert hours[0].utilisation_p50 == pytest.approx(0.5 * 3 * HOUR_S * 6 / load.requests / 60 / 2, rel=0.01)


def test_the_same_hour_of_two_weeks_is_one() -> None:
    day = np.arange(0, HOUR_S, 5.0)
    load = traffic(np.concatenate([day, 168 * HOUR_S + day[::2]]))
    hours = by_hour(load, simulate(load, Fleet(GOLDEN, 1, 10**9)), GOLDEN, 0.1, 1)
    assert counted_from(load) == "the start of the recording"
    assert [each.hour_of_week for each in hours] == list(range(168))
    assert hours[0].minutes == 120
    assert hours[0].utilisation_p90 > hours[0].utilisation_p50 > 0
    assert {each.utilisation_p90 for each in hours[1:]} == {0.0}  # nothing came: recorded, and idle


def test_minutes_average_to_the_utilisation_of_the_recording() -> None:
    code = of_trace(read_trace(DATA / "azure2023_AzureLLMInferenceTrace_code.csv.gz"))
    load = code.requests_per_second / GOLDEN.requests_per_second(2048, 28, 128)
    hours = by_hour(code, simulate(code, Fleet(GOLDEN, 12, 10**9)), GOLDEN, load, 12)
    # Recorded on Thursday 16 November 2023, from 18:17 UTC.
    assert [each.hour_of_week for each in hours] == [3 * 24 + 18, 3 * 24 + 19]
    minutes = np.array([each.minutes for each in hours])
    assert minutes.tolist() == [43, 14]  # 18:17:04 to 19:14:20: the last minute is less than half recorded
    mean = float(np.average([each.utilisation for each in hours], weights=minutes))
    assert mean == pytest.approx(load / 12, rel=0.03)
    assert all(each.utilisation_p50 <= each.utilisation_p90 for each in hours)
