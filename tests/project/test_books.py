"""Days are kept until their inputs change; a past moment can be asked for; a closed month never changes."""

from __future__ import annotations

import errno
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ledger_rows import START, make_project, table_of

from netyield.project import Project, Query
from netyield.store.folder import Folder

HOUR = timedelta(hours=1)
TOML = '[[pool]]\nname = "a"\ntags = {pool = "a"}\ndevices = ["a*"]\n'
WHOLE = Query(since="2026-10-05", until="2026-10-08")


def gpu_line(**more: Any) -> dict[str, Any]:
    return {
        "charge_start": START,
        "charge_end": START + 72 * HOUR,
        "billing_period_start": START.replace(day=1),
        "effective_cost": Decimal(720),
        "billed_cost": Decimal(720),
        "gpu_count": 1,
        "consumed_quantity": Decimal(72),
        "consumed_unit": "Hours",
        "tags": '{"pool": "a"}',
    } | more


def samples(days: int = 3) -> list[dict[str, Any]]:
    return [
        {
            "device_id": "a0",
            "value": 100.0 if hour % 2 else 0.0,
            "event_time": START + hour * HOUR,
            "hold_us": 3_600_000_000,
        }
        for hour in range(24 * days)
    ]


def calls() -> list[dict[str, Any]]:
    return [
        {
            "event_time": START + (2 * n + 1) * HOUR,
            "end_time": START + (2 * n + 2) * HOUR,
            "pool": "a",
            "model": "m",
            "team": "red",
            "in_uncached": 1000,
            "out_text": 100,
        }
        for n in range(36)
    ]


def book(project: Project, table: str, rows: list[dict[str, Any]], recorded: datetime) -> None:
    folder = Folder.open(project.root)
    with folder.writer() as writer:
        writer.write_segments(table, table_of(table, rows), f"late-{table}", recorded_at=recorded)
        writer.commit(recorded_at=recorded)
    project._books.clear()


def steps(project: Project, query: Query) -> dict[str, Decimal]:
    return {row["step"]: Decimal(row["amount"]) for row in project.answer("waterfall", query).body["rows"]}


def outcome(number: int, verdict: str = "accepted") -> dict[str, Any]:
    at = calls()[number - 1]["event_time"]
    return {
        "event_time": at,
        "attempt_time": at,
        "attempt_key": f"attempts{number}",
        "key": f"attempts{number}",
        "verdict": verdict,
        "event_key": f"o{number}",
    }


def derived(project: Project) -> set[Path]:
    return {path for path in (project.root / ".netyield" / "derived").rglob("*.parquet") if "leaves" in str(path)}


def test_a_late_outcome_recomputes_its_attempts_day_and_no_other(tmp_path: Path) -> None:
    project = make_project(tmp_path, TOML, charges=[gpu_line()], gpu_samples=samples(), attempts=calls())
    before = project.answer("waterfall", WHOLE).body
    files = derived(project)
    assert len(files) == 3
    book(project, "outcomes", [outcome(1)], datetime(2026, 12, 1, tzinfo=UTC))
    after = project.answer("waterfall", WHOLE).body
    assert {path.parent.name for path in derived(project) - files} == {"2026-10-05"}
    assert before["total"] == after["total"] == "720"
    steps = {r["step"]: Decimal(r["amount"]) for r in after["rows"]}
    assert steps["useful"] == 10


def test_a_retry_after_midnight_replaces_a_call_of_the_day_before_and_recomputes_it(tmp_path: Path) -> None:
    made = calls()
    made[11] |= {"request_id": "last of the day"}
    project = make_project(tmp_path, TOML, charges=[gpu_line()], gpu_samples=samples(), attempts=made)
    first_day = Query(since="2026-10-05", until="2026-10-06")
    evening = Query(since="2026-10-05T22:00:00Z", until="2026-10-06")
    assert steps(project, first_day) == steps(project, evening) | {"unproven": 120, "idle": 120}
    files = derived(project)
    retry = {
        "event_time": START + 24 * HOUR + timedelta(minutes=30), "pool": "a", "model": "m", "out_text": 1, "event_key": "retry",
        "retry_of": "last of the day",
    }
    book(project, "attempts", [retry], datetime(2026, 12, 1, tzinfo=UTC))
    assert steps(project, first_day) == {"unproven": 110, "idle": 120, "wasted.superseded": 10}
    assert steps(project, evening) == {"wasted.superseded": 10, "idle": 10}
    assert {path.parent.name for path in derived(project) - files} == {"2026-10-05"}


def test_a_report_of_a_past_moment_is_byte_identical(tmp_path: Path) -> None:
    project = make_project(tmp_path, TOML, charges=[gpu_line()], gpu_samples=samples(), attempts=calls())
    past = Query(since="2026-10-05", until="2026-10-08", as_of="2026-11-02T00:00:00Z")
    first = json.dumps(project.answer("waterfall", past).body)
    book(project, "outcomes", [outcome(1)], datetime(2026, 12, 1, tzinfo=UTC))
    assert json.dumps(project.answer("waterfall", past).body) == first
    assert json.dumps(project.answer("waterfall", WHOLE).body) != first


def test_a_closed_month_keeps_its_figures_and_the_difference_is_posted_later(tmp_path: Path) -> None:
    project = make_project(tmp_path, TOML, charges=[gpu_line()], gpu_samples=samples(), attempts=calls())
    before = project.answer("waterfall", WHOLE).body["rows"]
    project.close_month("2026-10", datetime(2026, 11, 3, tzinfo=UTC))
    book(project, "outcomes", [outcome(1), outcome(30, "rejected")], datetime(2026, 11, 10, tzinfo=UTC))
    book(
        project,
        "charges",
        [gpu_line(effective_cost=Decimal(72), charge_class="Correction", event_key="c9", gpu_count=None)],
        datetime(2026, 11, 10, tzinfo=UTC),
    )
    project.ingest(now=datetime(2026, 11, 11, 5, tzinfo=UTC))
    assert project.answer("waterfall", WHOLE).body["rows"] == before
    posted = project.answer("waterfall", Query(since="2026-11-11", until="2026-11-12"))
    rows = {r["step"]: Decimal(r["amount"]) for r in posted.body["rows"]}
    assert Decimal(posted.body["total"]) == 72 == sum(rows.values())
    assert rows["useful"] > 0 > rows["unproven"]
    project.ingest(now=datetime(2026, 11, 12, 5, tzinfo=UTC))
    assert Decimal(project.answer("waterfall", Query(since="2026-11-11", until="2026-11-13")).body["total"]) == 72


def test_the_size_up_to_which_raw_files_are_copied_is_the_projects_own(tmp_path: Path) -> None:
    bill = (
        "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory\n"
        "1,1,1,1,USD,2026-10-01,2026-10-02,Usage\n"
    )
    for name, limit, kept in (("small", 10, False), ("large", 10_000, True)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "bill.csv").write_text(bill)
        source = '[[source]]\ntype = "focus"\npath = "bill.csv"\n'
        (folder / "netyield.toml").write_text(f"[project]\nkeep_raw_max_bytes = {limit}\n{source}")
        done = Project.open(folder).ingest()
        assert (done.booked[0].raw is not None) is kept
        assert ("ledger.raw_not_kept" in {finding.code for finding in done.findings}) is not kept


def test_who_may_only_read_gets_the_same_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that refuses writing is played: whoever runs the tests may be root, who may write anywhere."""
    project = make_project(tmp_path, TOML, charges=[gpu_line()], gpu_samples=samples(), attempts=calls())
    written = pq.write_table

    def refuse(table: pa.Table, where: Path, **more: Any) -> None:
        if tmp_path in where.parents:
            raise PermissionError(errno.EACCES, "Permission denied", str(where))
        written(table, where, **more)

    monkeypatch.setattr("netyield.project.kept.pq.write_table", refuse)
    told = project.answer("waterfall", WHOLE).body
    assert not derived(project)
    monkeypatch.undo()
    assert Project.open(tmp_path).answer("waterfall", WHOLE).body == told
    assert len(derived(project)) == 3
