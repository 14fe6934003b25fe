"""An API bill on a day without a call: the log was connected and saw none, or no log speaks of the day."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_rows import START, make_project, table_of

from netyield.project import Project, Query

DAY = timedelta(days=1)
POOL = '[[pool]]\nname = "a"\nmodels = ["own-*"]\n'


def bill(day: int) -> dict[str, Any]:
    return {
        "charge_start": START + day * DAY,
        "charge_end": START + (day + 1) * DAY,
        "effective_cost": Decimal(3),
        "service_name": "OpenAI API",
        "provider": "OpenAI",
        "model": "gpt-4o-mini",
    }


def call(day: int, **more: Any) -> dict[str, Any]:
    return {
        "event_time": START + day * DAY + timedelta(hours=5),
        "provider": "openai",
        "model": "gpt-4o-mini",
        "in_uncached": 1000,
        "out_text": 10,
        "event_key": f"call{day}",
    } | more


def steps(project: Project) -> dict[int, set[tuple[str, str]]]:
    """(step, reason) of the API bill by day."""
    query = Query(since="2026-10-05", until="2026-10-10")
    rows = project.books(query).engine.query(
        """SELECT DISTINCT CAST((hour_us - epoch_us(TIMESTAMP '2026-10-05')) // 86400000000 AS INT) AS day, step, reason
           FROM leaves WHERE method = 'bill'"""
    ).to_pylist()
    found: dict[int, set[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault(row["day"], set()).add((row["step"], row["reason"]))
    return found


NOBODY, NOT_SEEN = {("unproven", "no_traffic_source")}, {("unreconciled", "billed")}


def test_a_quiet_day_within_the_log_is_unreconciled_and_one_outside_has_no_source(tmp_path: Path) -> None:
    project = make_project(tmp_path, charges=[bill(day) for day in range(5)], attempts=[call(1), call(3)])
    assert steps(project) == {0: NOBODY, 1: NOT_SEEN, 2: NOT_SEEN, 3: NOT_SEEN, 4: NOBODY}
    body = project.answer("waterfall", Query(since="2026-10-05", until="2026-10-10")).body
    assert sum(Decimal(row["amount"]) for row in body["rows"]) == Decimal(body["total"]) == 15


def test_a_log_of_self_hosted_models_says_nothing_of_the_api(tmp_path: Path) -> None:
    own = [call(day, model="own-llama", provider=None, pool="a") for day in (0, 4)]
    gpu = {
        "charge_start": START, "charge_end": START + 5 * DAY, "effective_cost": Decimal(1), "gpu_count": 1,
        "tags": '{"pool": "a"}',
    }  # fmt: skip
    project = make_project(tmp_path, POOL, charges=[gpu, *(bill(day) for day in range(5))], attempts=own)
    assert {day: found & NOBODY for day, found in steps(project).items()} == dict.fromkeys(range(5), NOBODY)


def test_a_late_call_reaches_the_quiet_days_it_now_covers(tmp_path: Path) -> None:
    project = make_project(tmp_path, charges=[bill(day) for day in range(5)], attempts=[call(1)])
    assert steps(project)[2] == NOBODY
    with project.folder.writer() as writer:
        writer.write_segments("attempts", table_of("attempts", [call(4)]), "late")
        writer.commit()
    project._books.clear()
    assert steps(project)[2] == NOT_SEEN
