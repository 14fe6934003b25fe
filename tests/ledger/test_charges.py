"""Labels, roles and parts of bill lines, on lines whose place is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from ledger_rows import table_of

from netyield.ledger import charges
from netyield.ledger.settings import PoolRule
from netyield.store.engine import Engine

START = datetime(2026, 10, 1, tzinfo=UTC)
POOLS = [
    PoolRule(name="a", tags={"pool": "a"}),
    PoolRule(name="ptu", kind="provisioned_throughput", tags={"pool": "ptu"}),
]


def line(**more: Any) -> dict[str, Any]:
    return {
        "charge_start": START,
        "charge_end": START + timedelta(hours=1),
        "billing_period_start": START,
        "effective_cost": Decimal(10),
    } | more


def grouped(*lines: dict[str, Any]) -> list[dict[str, Any]]:
    engine = Engine(threads=1)
    engine.register("charges", table_of("charges", lines))
    charges.label(engine, "effective", [], POOLS, [])
    found: list[dict[str, Any]] = charges.group(engine).to_pylist()
    assert sum(r["pico"] for r in found) == sum(int(item["effective_cost"] * 10**12) for item in lines)
    return found


def steps(*lines: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in grouped(*lines):
        found[row["step"]] = found.get(row["step"], 0) + int(row["pico"])
    return found


GPU = {"gpu_count": 8, "tags": '{"pool": "a"}', "consumed_unit": "Hours", "consumed_quantity": Decimal("0.5")}


def test_paid_gpu_time_is_hours_times_gpus() -> None:
    row = grouped(line(**GPU))[0]
    assert (row["step"], row["pool"], int(row["gpu_us"])) == ("pool", "a", 4 * 3_600_000_000)


def test_gpu_hours_are_not_multiplied_twice() -> None:
    assert int(grouped(line(**GPU | {"consumed_unit": "GPU Hours"}))[0]["gpu_us"]) == 1_800_000_000


@pytest.mark.parametrize(
    ("more", "step"),
    [
        ({"charge_category": "Tax", "service_name": "OpenAI API"}, "tax"),
        ({"charge_category": "Credit"}, "credits"),
        ({"service_name": "OpenAI API"}, "api"),
        ({"service_name": "Amazon Bedrock", "tags": '{"pool": "ptu"}'}, "pool"),
        (GPU | {"commitment_id": "c", "commitment_status": "Unused"}, "commitment_unused"),
        (GPU | {"capacity_reservation_status": "Unused"}, "commitment_unused"),
        (
            {"service_name": "Amazon Simple Queue Service", "commitment_id": "c", "commitment_status": "Unused"},
            "non_ai",
        ),
        (
            {"service_name": "Compute Savings Plans", "commitment_id": "sp", "commitment_status": "Unused"},
            "commitment_unused",
        ),
    ],
)
def test_roles(more: dict[str, Any], step: str) -> None:
    assert set(steps(line(**more))) == {step}


def test_a_credit_follows_the_resource_it_names() -> None:
    found = grouped(
        line(**GPU, resource_id="i-1"), line(charge_category="Credit", resource_id="i-1", effective_cost=Decimal(-3))
    )
    assert {(r["step"], r["pool"]) for r in found} == {("pool", "a")}


def test_the_unused_part_of_a_general_savings_plan_splits_by_its_ai_share_of_use() -> None:
    plan = {"commitment_id": "sp"}
    found = steps(
        line(**GPU | plan | {"commitment_status": "Used", "effective_cost": Decimal(30)}),
        line(service_name="Compute", **plan | {"commitment_status": "Used", "effective_cost": Decimal(70)}),
        line(
            service_name="Compute Savings Plans",
            **plan | {"commitment_status": "Unused", "effective_cost": Decimal(10)},
        ),
    )
    assert found["commitment_unused"] == 3 * 10**12
    assert found["non_ai"] == 7 * 10**12
