"""The short way for bill-only days gives what the whole way gives."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ledger_rows import START, make_project

from netyield.project import Query, days
from netyield.project.days import DayJob
from netyield.store.reused import ReusedEngine


def test_both_ways_give_the_same_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    month = {
        "charge_start": START.replace(day=1),
        "charge_end": START.replace(day=1, month=11),
        "billing_period_start": START.replace(day=1),
    }
    day = {"charge_start": START, "charge_end": START + timedelta(days=1), "billing_period_start": START.replace(day=1)}
    tokens = {
        "consumed_unit": "Tokens",
        "service_name": "OpenAI API",
        "provider": "OpenAI",
        "model": "gpt-4o-mini-2024-07-18",
    }
    project = make_project(
        tmp_path,
        charges=[
            month | {"effective_cost": Decimal("731.000000000007"), "gpu_count": 8, "tags": '{"pool": "a"}'},
            day
            | {
                "effective_cost": Decimal(-5),
                "gpu_count": 8,
                "tags": '{"pool": "a"}',
                "consumed_unit": "Hours",
                "consumed_quantity": Decimal(24),
            },
            day
            | {
                "effective_cost": Decimal("1.23"),
                "tags": '{"pool": "b"}',
                "gpu_count": 1,
                "charge_category": "Adjustment",
            },
            day
            | tokens
            | {"effective_cost": Decimal(3), "consumed_quantity": Decimal(1000), "token_class": "out_text"},
            day
            | tokens
            | {
                "effective_cost": Decimal(2),
                "consumed_quantity": Decimal(5000),
                "token_class": "in_uncached",
                "sub_account_id": "p",
            },
            day | {"effective_cost": Decimal(9), "service_name": "OpenAI API", "provider": "OpenAI"},
            month | {"effective_cost": Decimal(40), "service_name": "GitHub Copilot"},
            day | {"effective_cost": Decimal(4), "charge_category": "Tax"},
        ],
    )
    seen: list[DayJob] = []
    whole = days.compute_whole

    def spy(job: DayJob, reused: ReusedEngine) -> dict[str, Any]:
        seen.append(job)
        return whole(job, reused)

    monkeypatch.setattr(days, "compute_whole", spy)
    monkeypatch.setattr(days, "_SHAPES", {})
    project.answer("waterfall", Query(since="2026-10-05", until="2026-10-08"))
    assert len(seen) == 1  # the first day teaches the shapes; the other two go the short way
    with days.day_engine() as reused:
        expected = whole(seen[0], reused)
        found = days.compute(seen[0], reused)
    assert len(seen) == 1
    for name, table in expected.items():
        assert found[name].to_pylist() == table.to_pylist(), name
        assert found[name].schema == table.schema, name
