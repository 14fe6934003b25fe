"""What each kind of source covers, and the window they cover together."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ledger_rows import START, make_project

from netyield.core.errors import WrongUse
from netyield.core.finding import Severity
from netyield.core.period import Period
from netyield.project import Project, Query
from netyield.project.window import covered, default

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def ranges(root: Path, **tables: Any) -> dict[str, tuple[float, float]]:
    """Hours after START of what every kind covers."""
    project = make_project(root, "", **tables)
    found = covered(project.folder, project.manifest())
    return {kind: ((p.since - START) / HOUR, (p.until - START) / HOUR) for kind, p in found.items()}


def span(a: float, b: float) -> Period:
    return Period(START + a * HOUR, START + b * HOUR)


def line(a: int, b: int, category: str = "Usage") -> dict[str, Any]:
    return {"charge_start": START + a * HOUR, "charge_end": START + b * HOUR, "charge_category": category}


def readings(minutes: list[int], device: str = "g", hold: int = 10) -> list[dict[str, Any]]:
    return [
        {"device_id": device, "value": 1.0, "event_time": START + m * MINUTE, "hold_us": hold * 60_000_000}
        for m in minutes
    ]


def test_a_bill_covers_its_use_and_not_the_term_of_a_purchase(tmp_path: Path) -> None:
    assert ranges(tmp_path / "a", charges=[line(0, 24), line(12, 48), line(-300, 8760, "Purchase")]) == {
        "bill": (0, 48)
    }
    assert ranges(tmp_path / "b", charges=[line(-300, 8760, "Purchase")]) == {"bill": (-300, 8760)}


def test_telemetry_ends_a_usual_step_after_its_last_reading_and_not_a_whole_hold(tmp_path: Path) -> None:
    assert ranges(tmp_path / "a", gpu_samples=readings([0, 2, 4, 58])) == {"telemetry": (0, 1)}
    assert ranges(tmp_path / "b", gpu_samples=readings([0])) == {"telemetry": (0, 10 / 60)}
    assert ranges(tmp_path / "c", gpu_samples=[*readings([0, 30], "g"), *readings([0, 30], "h")]) == {
        "telemetry": (0, 40 / 60)
    }


def test_counts_stand_for_their_own_interval(tmp_path: Path) -> None:
    counts = [
        {"pool": "p", "gpus_total": 4, "gpus_allocated": 1, "event_time": START + h * HOUR, "hold_us": 3_600_000_000}
        for h in (0, 1)
    ]
    assert ranges(tmp_path, capacity_samples=counts) == {"telemetry": (0, 2)}


def test_traffic_is_rounded_out_to_whole_hours(tmp_path: Path) -> None:
    calls = [{"event_time": START + m * MINUTE} for m in (90, 200)]
    assert ranges(tmp_path / "a", attempts=calls) == {"traffic": (1, 4)}
    assert ranges(tmp_path / "b", attempts=[{"event_time": START + HOUR}]) == {"traffic": (1, 2)}


def test_the_default_is_where_all_overlap_and_says_so() -> None:
    window, notes = default({"bill": span(0, 48), "traffic": span(24, 72)})
    assert window == span(24, 48)
    assert [(n.code, n.severity) for n in notes] == [("window.intersection", Severity.INFO)]
    assert default({"bill": span(0, 48), "traffic": span(0, 48)}) == (span(0, 48), [])
    assert default({}) == (None, [])


def test_without_an_overlap_the_bill_decides_and_the_gap_is_a_warning() -> None:
    window, notes = default({"telemetry": span(48, 72), "bill": span(0, 48)})
    assert window == span(0, 48)
    assert [(n.code, n.severity) for n in notes] == [("window.no_overlap", Severity.WARNING)]
    assert default({"telemetry": span(48, 72), "traffic": span(0, 48)})[0] == span(48, 72)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(
        tmp_path_factory.mktemp("books"), '[project]\ntimezone = "Europe/Berlin"\n', charges=[line(0, 48)]
    )


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (None, None, (0, 48)),
        ("2026-10-05", None, (-2, 48)),
        (None, "2026-10-06T00:00:00Z", (0, 24)),
        ("2026-10-05T01:00:00.5", "2026-10-06", (-1, 22)),
        ("2026-10-05T01:00:00Z", "2026-10-06T00:00:00+00:00", (1, 24)),
    ],
)
def test_times_a_person_writes_are_in_the_projects_zone(
    project: Project, since: str | None, until: str | None, expected: tuple[int, int]
) -> None:
    assert project.window(Query(since=since, until=until), project.manifest())[0] == span(*expected)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2026-10-06", "2026-10-06"),
        ("2026-10-07", "2026-10-06"),
        ("yesterday", None),
        ("2026-13-01", None),
        ("2026-10-09", None),
    ],
)
def test_a_window_that_is_none_is_wrong_use(project: Project, since: str, until: str | None) -> None:
    with pytest.raises(WrongUse):
        project.window(Query(since=since, until=until), project.manifest())


def test_empty_books_say_what_to_do(tmp_path: Path) -> None:
    made = make_project(tmp_path)
    with pytest.raises(WrongUse, match="netyield ingest"):
        made.window(Query(), made.manifest())
