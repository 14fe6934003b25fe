"""Whatever hours of a day are asked for, their states are those the whole day has in them."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_rows import MINUTE, START, make_project

from netyield.core.period import iso
from netyield.project import Project, Query

HOUR = timedelta(hours=1)


def gpu_minutes(project: Project, *edges: int) -> Counter[str]:
    """GPU-minutes by state, added up over the windows between the edges (minutes of the day)."""
    found: Counter[str] = Counter()
    for since, until in itertools.pairwise(edges):
        query = Query(since=iso(START + since * MINUTE), until=iso(START + until * MINUTE))
        hours = project.answer("waterfall", query).body["usage"]["gpu_hours_by_state"]
        found.update({state: round(float(value) * 60) for state, value in hours.items()})
    return +found


def card(gpus: int) -> dict[str, Any]:
    return {"pool": "p", "rate_per_gpu_hour": Decimal(2), "valid_from": START, "event_time": START, "gpus": gpus}


def test_a_short_window_within_an_outage_is_down(tmp_path: Path) -> None:
    counts = [
        {
            "pool": "p",
            "gpus_total": 8,
            "gpus_allocated": 0 if 600 <= minute < 660 else 6,
            "event_time": START + minute * MINUTE,
            "hold_us": 300_000_000,
        }
        for minute in range(0, 1440, 5)
    ]
    project = make_project(tmp_path, capacity_samples=counts, rate_cards=[card(8)])
    day = gpu_minutes(project, 0, 1440)
    assert day["down"] == 8 * 60
    assert gpu_minutes(project, 610, 630) == {"down": 8 * 20}
    assert gpu_minutes(project, 0, 601, 615, 650, 700, 1440) == day


def test_an_outage_that_began_before_midnight_and_one_that_an_earlier_reading_reaches_into(tmp_path: Path) -> None:
    """The last count before midnight stands ten minutes into the day: the silent hour counts it."""
    counts = [
        {"pool": "p", "gpus_total": 8, "gpus_allocated": held, "event_time": START + at * MINUTE, "hold_us": hold * 60_000_000}
        for at, held, hold in ((-20, 0, 30), (10, 0, 50), (60, 6, 120))
    ]
    project = make_project(tmp_path, capacity_samples=counts, rate_cards=[card(8)])
    assert gpu_minutes(project, 0, 180)["down"] == 480
    assert gpu_minutes(project, 30, 50) == {"down": 160}


def test_the_signal_of_an_hour_is_the_same_in_every_part_of_it(tmp_path: Path) -> None:
    """Utilisation all the time, the better signal (SM activity, zero) in the first ten minutes of the hour only."""
    rows = [
        {"device_id": "g", "metric": "gpu_util_percent", "value": 80.0, "event_time": START + minute * MINUTE}
        for minute in range(120)
    ] + [
        {"device_id": "g", "metric": "sm_active_ratio", "value": 0.0, "event_time": START + minute * MINUTE}
        for minute in range(10)
    ]
    project = make_project(tmp_path, gpu_samples=rows, rate_cards=[{**card(1), "pool": "*"}])
    whole = gpu_minutes(project, 0, 120)
    assert whole["active"] == 60
    assert gpu_minutes(project, 0, 5, 20, 40, 90, 120) == whole
