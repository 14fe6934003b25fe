"""A pool that both the bill and a rate card name is paid for once, by the bill, and somebody is told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_rows import START, make_project

from netyield.project import Project, Query

HOUR = timedelta(hours=1)
TOML = '[[pool]]\nname = "a"\ntags = {pool = "a"}\ndevices = ["a*"]\n[[pool]]\nname = "b"\ndevices = ["b*"]\n'
DAY = Query(since="2026-10-05", until="2026-10-06")


def card(**more: Any) -> dict[str, Any]:
    return {"pool": "*", "rate_per_gpu_hour": Decimal(2), "valid_from": START.replace(year=2020), "event_time": START} | more


def line(first: int, last: int, dollars: int, **more: Any) -> dict[str, Any]:
    return {
        "charge_start": START + first * HOUR,
        "charge_end": START + last * HOUR,
        "effective_cost": Decimal(dollars),
        "billed_cost": Decimal(0),
        "gpu_count": 1,
        "tags": '{"pool": "a"}',
    } | more


def books(folder: Path, *lines: dict[str, Any]) -> Project:
    samples = [
        {"device_id": device, "value": 50.0, "event_time": START + n * HOUR, "hold_us": 3_600_000_000}
        for device in ("a0", "b0")
        for n in range(24)
    ]
    return make_project(folder, TOML, charges=lines, rate_cards=[card()], gpu_samples=samples)


def by_pool(project: Project, query: Query = DAY) -> dict[str, Decimal]:
    rows = project.books(query).engine.query("SELECT pool, total(pico) AS pico FROM leaves GROUP BY pool").to_pylist()
    return {r["pool"]: Decimal(r["pico"]) / 10**12 for r in rows}


def test_the_bill_pays_its_hours_and_the_card_the_others(tmp_path: Path) -> None:
    project = books(tmp_path, line(0, 6, 60))
    assert by_pool(project) == {"a": 60 + 18 * 2, "b": 48}
    answer = project.answer("waterfall", DAY)
    assert answer.body["total"] == "144"
    told = next(f for f in answer.findings if f.code == "pool.billed_and_rated")
    assert "a 6.0 hours (6.0 GPU-hours, 12.00 USD)" in told.message
    assert "until" in told.repair


def test_parts_of_an_hour_are_parted_exactly(tmp_path: Path) -> None:
    late = line(0, 6, 60) | {"charge_start": START + HOUR / 4}
    assert by_pool(books(tmp_path, late))["a"] == 60 + Decimal("18.25") * 2


def test_an_hour_the_bill_prepaid_is_not_rated_on_the_billed_basis_either(tmp_path: Path) -> None:
    project = books(tmp_path, line(0, 24, 60))
    assert by_pool(project, Query(since=DAY.since, until=DAY.until, basis="billed")) == {"a": 0, "b": 48}


def test_a_loose_credit_or_an_unused_commitment_pays_for_no_hour(tmp_path: Path) -> None:
    credit = line(0, 24, -5, charge_category="Credit")
    unused = line(0, 24, 7, commitment_id="c", commitment_status="Unused")
    project = books(tmp_path, credit, unused)
    assert Decimal(project.answer("waterfall", DAY).body["total"]) == 48 + 48 - 5 + 7
    assert "pool.billed_and_rated" not in {f.code for f in project.answer("waterfall", DAY).findings}
