"""The headline by hand: bounds, certain waste, unit costs, nulls."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from netyield.answers import unit_cost, waterfall
from netyield.answers.books import Books, Query
from netyield.attribution import replica_hours
from netyield.attribution.leaf import LEAF
from netyield.core.period import Period, parse_time
from netyield.store.engine import Engine

WINDOW = Period(parse_time("2026-10-05"), parse_time("2026-10-06"))
HOUR = 1_791_158_400_000_000
SETTINGS = {
    "active_above": 0.0,
    "coverage_floor": 0.5,
    "loaded_rule": "proportional",
    "policy": "utok/1 x",
    "other_currencies": {},
    "scopes": [],
    "unclassified": [],
    "serving": {},
}


def leaf(step: str, dollars: int, tokens: int = 0, **more: Any) -> dict[str, Any]:
    blank = {f.name: "" if pa.types.is_string(f.type) else 0 for f in LEAF}
    return (
        blank
        | {
            "hour_us": HOUR,
            "currency": "USD",
            "step": step,
            "evidence": "derived",
            "pico": Decimal(dollars * 10**12),
            "unit_tokens": tokens,
        }
        | more
    )


def books(
    *leaves: dict[str, Any],
    fleet: list[dict[str, Any]] | None = None,
    activity: list[dict[str, Any]] | None = None,
    by: str | None = None,
) -> Books:
    engine = Engine(threads=1)
    engine.register("leaves", pa.Table.from_pylist(list(leaves), schema=LEAF))
    text, number = pa.string(), pa.int64()
    engine.register(
        "fleet",
        pa.Table.from_pylist(
            fleet or [],
            schema=pa.schema(
                [
                    ("pool", text),
                    ("device", text),
                    ("hour_us", number),
                    ("state", text),
                    ("pico", pa.decimal128(38, 0)),
                    ("gpu_us", number),
                ]
            ),
        ),
    )
    engine.register(
        "activity",
        pa.Table.from_pylist(
            activity or [],
            schema=pa.schema(
                [
                    ("pool", text),
                    ("device", text),
                    ("state", text),
                    ("us", number),
                    ("signal_us", number),
                    ("held_us", number),
                    ("allocation_known", pa.bool_()),
                ]
            ),
        ),
    )
    engine.register("replica_hours", replica_hours.SCHEMA.empty_table())
    bill = {
        "bill": Decimal(1),
        "rate_card": Decimal(0),
        "list_estimate": Decimal(0),
        "adjustments": Decimal(0),
        "total": Decimal(1),
    }
    return Books(engine, WINDOW, "USD", "effective", "2026-11-01", "UTC", Query(by=by), bill, SETTINGS)


WHOLE = (
    leaf("useful", 20, 200, attempts=2, answers=2),
    leaf("unproven", 10, 100),
    leaf("unproven.attested", 5, 50),
    leaf("wasted.superseded", 5, 40),
    leaf("wasted.rejected_by_user", 5, 40),
    leaf("wasted.aborted_undelivered", 1, 30),
    leaf("idle", 20),
    leaf("idle_held", 4),
    leaf("down", 3),
    leaf("commitment_unused", 10),
    leaf("unknown", 7),
    leaf("unpriced", 0, 60),
    leaf("active_unattributed", 2),
    leaf("unclassified", 3),
    leaf("unreconciled", -6),
    leaf("credits", -4),
    leaf("platform", 8),
    leaf("training.failed", 50),
    leaf("non_ai", 9),
    leaf("tax", 1),
)


def test_the_bounds_of_net_yield() -> None:
    headline = waterfall.answer(books(*WHOLE)).headline
    assert headline["in_scope_total"] == "93"
    # useful + unproven + attested + unknown + unpriced + active_unattributed + unclassified; a negative difference adds nothing.
    assert headline["net_yield"] == {"low": pytest.approx(20 / 93, abs=1e-6), "high": pytest.approx(47 / 93, abs=1e-6)}


def test_certain_waste_leaves_out_what_is_judged_by_people_or_lost_to_outages() -> None:
    waste = waterfall.answer(books(*WHOLE)).headline["certain_waste"]
    assert waste == {"amount": "40", "share": pytest.approx(40 / 93, abs=1e-6)}


def test_unit_costs_count_the_tokens_that_may_be_useful_and_those_delivered() -> None:
    headline = waterfall.answer(books(*WHOLE)).headline
    assert Decimal(headline["cost_per_useful_mtok"]["low"]) == round(Decimal(93 * 10**6) / 410, 6)
    assert Decimal(headline["cost_per_useful_mtok"]["high"]) == round(Decimal(93 * 10**6) / 200, 6)
    assert Decimal(headline["cost_per_served_mtok"]["all_in"]) == round(Decimal(93 * 10**6) / 490, 6)
    assert headline["coverage"] == pytest.approx(31 / 46, abs=1e-6)
    assert headline["cost_per_useful_answer"] == "46.5"


def test_a_single_figure_is_withheld_below_the_coverage_floor_but_the_bounds_are_not() -> None:
    headline = waterfall.answer(books(leaf("useful", 1, 10, answers=1), leaf("unproven", 9, 90))).headline
    assert headline["cost_per_useful_answer"] is None
    assert headline["cost_per_useful_mtok"]["high"] == "1000000"


def test_nothing_in_scope_gives_nulls() -> None:
    headline = waterfall.answer(books(leaf("credits", -5), leaf("useful", 5, 10), leaf("non_ai", 3))).headline
    assert headline["in_scope_total"] == "0"
    assert headline["net_yield"] == {"low": None, "high": None}
    assert headline["cost_per_useful_mtok"] == {"low": None, "high": None}
    assert headline["certain_waste"]["share"] is None


def test_no_outcome_leaves_the_upper_end_of_the_cost_open() -> None:
    answer = waterfall.answer(books(leaf("unproven", 9, 90)))
    assert answer.headline["net_yield"]["low"] == 0
    assert answer.headline["cost_per_useful_mtok"] == {"low": "100000", "high": None}
    assert any("No outcome" in caveat for caveat in answer.caveats)


def test_activity_is_an_interval_when_hours_are_unknown() -> None:
    fleet = [
        {"pool": "a", "device": "g", "hour_us": HOUR, "state": s, "pico": Decimal(0), "gpu_us": us}
        for s, us in (("active", 50), ("idle", 30), ("unknown", 20))
    ]
    activity = [
        {
            "pool": "a",
            "device": "g",
            "state": "active",
            "us": 50,
            "signal_us": 40,
            "held_us": 50,
            "allocation_known": True,
        },
        {
            "pool": "a",
            "device": "g",
            "state": "idle",
            "us": 30,
            "signal_us": 0,
            "held_us": 30,
            "allocation_known": True,
        },
    ]
    body = waterfall.answer(books(leaf("idle", 1), fleet=fleet, activity=activity)).body
    assert body["headline"]["activity"]["low"] == pytest.approx(0.4)
    assert body["headline"]["activity"]["high"] == pytest.approx(0.6)
    assert body["headline"]["activity"]["active_time"] == {"low": 0.5, "high": 0.7}
    assert sum(body["usage"]["gpu_hours_by_state"].values()) == pytest.approx(body["usage"]["gpu_hours_paid"], abs=1e-5)


def test_steps_without_a_source_are_shown_as_not_measured_and_not_as_zero() -> None:
    rows = {r["step"]: r for r in waterfall.answer(books(leaf("unclassified", 5))).table.to_pylist()}
    assert rows["idle"]["amount"] is None
    assert rows["idle"]["measured"] is False
    assert {r["step"] for r in waterfall.answer(books(leaf("unclassified", 5))).body["rows"]} == {"unclassified"}


def test_bars_follow_one_another_to_the_total() -> None:
    rows = [r for r in waterfall.answer(books(*WHOLE)).table.to_pylist() if r["measured"]]
    edge = 0.0
    for row in rows:
        start, end = (row["lo"], row["hi"]) if row["amount"] >= 0 else (row["hi"], row["lo"])
        assert start == pytest.approx(edge)
        edge = end
    assert edge == pytest.approx(float(sum(r["amount"] for r in rows)))


def test_loaded_slices_add_up_to_the_in_scope_total_to_the_pico_unit() -> None:
    shared = books(
        leaf("useful", 20, 200, team="red"),
        leaf("unproven", 11, 100, team="blue"),
        leaf("idle", 17),
        leaf("platform", 3),
        leaf("non_ai", 9),
        by="team",
    )
    rows = {r["slice"]: r for r in unit_cost.answer(shared).body["rows"]}
    assert sum(Decimal(r["loaded_amount"]) for r in rows.values()) == 51
    assert rows["red"]["direct_amount"] == "20"
    assert Decimal(rows["red"]["loaded_amount"]) == pytest.approx(
        Decimal(20) + Decimal(20) * 20 / 31, abs=Decimal("1e-9")
    )


def test_with_nothing_to_load_it_on_shared_money_stays_unattributed() -> None:
    rows = unit_cost.answer(books(leaf("idle", 17), by="team")).body["rows"]
    assert [(r["slice"], r["loaded_amount"]) for r in rows] == [("__unattributed__", "17")]
