"""Remarks on a window: each appears when it must, names its size, and is silent otherwise."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from netyield.attribution.leaf import LEAF
from netyield.config import Config, parse
from netyield.core.finding import Finding, Severity
from netyield.core.period import Period, micros, parse_time
from netyield.ledger.currency import Rates
from netyield.project.findings import from_record, of_books
from netyield.project.inputs import GROUPS, Shared
from netyield.store.engine import Engine

WINDOW = Period(parse_time("2026-10-05"), parse_time("2026-10-06"))
BASE = micros(WINDOW.since)
HOUR_US = 3_600_000_000
CONFIRMED = parse({"pool": [{"name": "a"}, {"name": "b"}]})


def leaf(step: str, amount: int, **more: Any) -> dict[str, Any]:
    blank = {f.name: "" if pa.types.is_string(f.type) else 0 for f in LEAF}
    return blank | {"hour_us": BASE, "step": step, "pico": Decimal(amount) * 10**12} | more


def shared(cards: tuple[str, ...] = (), devices: int = 0, rates: Rates | None = None) -> Shared:
    none = pa.table({"x": pa.array([], pa.int64())})
    return Shared(
        currency="USD",
        basis="effective",
        groups=GROUPS.empty_table(),
        other_currencies={},
        cards=[{"currency": c} for c in cards],
        device_pools=pa.table({"device": ["g"] * devices}),
        extents=none,
        count_extents=none,
        owner_facts=none,
        unclassified=[],
        scopes=[],
        pools=[],
        bridge=[],
        rates=rates or Rates([]),
        findings=[],
    )


def told(
    leaves: list[dict[str, Any]] | None = None,
    paid: dict[str, int] | None = None,
    seen: dict[str, int] | None = None,
    common: Shared | None = None,
    config: Config = CONFIRMED,
) -> dict[str, Finding]:
    """Findings by code. ``paid`` and ``seen``: hours per pool in the window's first hour."""
    engine = Engine(threads=1)
    engine.register("all_leaves", pa.Table.from_pylist(leaves or [], schema=LEAF))
    place = [("pool", pa.string()), ("hour_us", pa.int64()), ("state", pa.string())]
    fleet = [
        {"pool": p, "hour_us": BASE, "state": "idle", "gpu_us": h * HOUR_US, "pico": Decimal(1)}
        for p, h in (paid or {}).items()
    ]
    activity = [{"pool": p, "hour_us": BASE, "state": "idle", "us": h * HOUR_US} for p, h in (seen or {}).items()]
    engine.register(
        "fleet",
        pa.Table.from_pylist(fleet, schema=pa.schema([*place, ("gpu_us", pa.int64()), ("pico", pa.decimal128(38, 0))])),
    )
    engine.register("activity", pa.Table.from_pylist(activity, schema=pa.schema([*place, ("us", pa.int64())])))
    found = of_books(engine, common or shared(), WINDOW, config)
    engine.close()
    assert len({f.code for f in found}) == len(found)
    return {f.code: f for f in found}


def test_clean_books_are_silent() -> None:
    assert told([leaf("useful", 5), leaf("idle", 3)], {"a": 4, "b": 1}, {"a": 4, "b": 1}) == {}


def test_an_outage_of_counted_pools_is_named_by_day_with_its_money() -> None:
    found = told(
        [
            leaf("down", 30, gpu_us=3 * HOUR_US),
            leaf("down", 10, gpu_us=HOUR_US),
            leaf("down", 99, gpu_us=HOUR_US, device="g"),
        ]
    )["gpu.outage"]
    assert found.severity is Severity.WARNING
    assert "2026-10-05: 4.0 GPU-hours, 40.00 USD" in found.message


def test_unclassified_money_names_the_largest_services_whatever_their_sign() -> None:
    leaves = [leaf("unclassified", n, service=f"s{n}") for n in (1, 2, 3, 4, 5)] + [
        leaf("unclassified", -9, provider="P")
    ]
    found = told(leaves)["scope.unclassified"]
    assert found.message.startswith("6.00 USD of 6 services")
    assert found.message.endswith("the largest: P -9.00 USD; s5 5.00 USD; s4 4.00 USD; s3 3.00 USD; s2 2.00 USD")


def test_models_without_a_price_are_counted_and_billed_money_of_them_is_not() -> None:
    leaves = [
        leaf("unpriced", 0, model="m", attempts=3, unit_tokens=1200),
        leaf("unpriced", 0, attempts=9),
        leaf("unpriced", 5, model="billed"),
    ]
    found = told(leaves)["prices.unpriced"]
    assert found.message == "2 models have no price: no model (9 attempts), m (3 attempts); 1,200 output tokens"
    assert "prices.unpriced" not in told(leaves[2:])


@pytest.mark.parametrize(
    ("paid", "seen", "codes"),
    [
        ({"a": 1}, {"b": 1}, {"pool.no_telemetry", "pool.no_charge"}),
        ({"a": 1, "b": 1}, {"a": 1}, {"pool.no_telemetry"}),
        ({"a": 1}, {"a": 1, "b": 1}, {"pool.no_charge"}),
        ({"a": 100}, {"a": 101}, set()),
        ({"a": 100}, {"a": 102}, {"pool.more_seen_than_paid"}),
        ({"a": 2}, {"a": 1}, set()),
    ],
)
def test_pools_whose_money_and_devices_do_not_meet(paid: dict[str, int], seen: dict[str, int], codes: set[str]) -> None:
    found = told(paid=paid, seen=seen)
    assert set(found) == codes
    assert all(f.severity is Severity.WARNING for f in found.values())


def test_pools_matched_by_name_alone_ask_to_be_confirmed() -> None:
    found = told(paid={"a": 1}, seen={"a": 1}, common=shared(devices=1), config=Config())
    assert [(f.code, f.severity) for f in found.values()] == [("pool.assumed", Severity.INFO)]
    assert told(paid={"a": 1}, seen={"a": 1}, config=Config()) == {}
    assert told(paid={"__unknown__": 1}, seen={"__unknown__": 1}, common=shared(devices=1), config=Config()) == {}


def test_a_rate_card_nobody_can_convert_is_an_error() -> None:
    rates = Rates([("2026-10-05", "EUR", "USD", Decimal(1))])
    found = told(common=shared(("USD", "EUR", "KRW"), rates=rates))["fx.no_rate_for_card"]
    assert found.severity is Severity.ERROR
    assert "rate cards in KRW" in found.message


def test_a_finding_comes_back_from_its_record_as_it_was() -> None:
    given = Finding("focus.bad_amount", Severity.ERROR, "m", "r", "bill.csv", 7, 3)
    record = {
        "code": "focus.bad_amount",
        "severity": "error",
        "message": "m",
        "repair": "r",
        "file": "bill.csv",
        "row": 7,
        "count": 3,
    }
    assert from_record(record) == given
