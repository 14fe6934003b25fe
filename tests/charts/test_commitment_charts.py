"""Charts of commitments keep the rules of every chart, and draw what the answers say."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from netyield.answers import commit_plan, coverage, exit
from netyield.answers.answer import Answer
from netyield.charts.drawing import Drawing
from netyield.charts.drawings import drawings
from netyield.core.period import Period
from netyield.economics.commitments.buy import Question, buy
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.demand import HOUR_US, Demand
from netyield.economics.commitments.exit_plan import exit_plan
from netyield.economics.commitments.offers import Offer, OfferBook
from netyield.economics.commitments.products import find_product

D = Decimal
PICO = 10**12
CONTRACT = Commitment(
    "block", "neocloud_take_or_pay", 8, date(2026, 1, 1), date(2027, 1, 1), D(2), on_demand_rate=D(3), used_units=D(1),
    inputs={"termination_fee": D(10_000)},
)  # fmt: skip


def day(number: int, **more: Any) -> dict[str, Any]:
    """A day of the bill: 3 covered, 1 unused, 2 on demand GPU-hours."""
    us = 1_775_001_600_000_000 + number * 24 * HOUR_US
    return {
        "day_us": us, "covered": 6 * PICO, "covered_list": 9 * PICO, "covered_us": 3 * HOUR_US, "unused": 2 * PICO, "unused_us": HOUR_US,
        "on_demand": 6 * PICO, "on_demand_list": 6 * PICO, "on_demand_us": 2 * HOUR_US, "hours_missing": 0, "list_missing": 0,
    } | more  # fmt: skip


def covered(*days: dict[str, Any]) -> Answer:
    window = Period(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC))
    return coverage.answer([], days, [], [CONTRACT], window=window, currency="USD", as_of="", waterfall_pico=0)


def left() -> Answer:
    return exit.answer(exit_plan(CONTRACT, find_product(CONTRACT.product), date(2026, 3, 1)), "declared")


def bought() -> Answer:
    hours = np.arange(72, dtype=np.int64) * HOUR_US + 1_775_001_600_000_000
    book = OfferBook(D(1), (Offer("1y", D("0.6"), 8760),))
    demand = Demand(hours, {"needed": hours // HOUR_US % 5 * 1_000_000, "allocated": np.full(72, 6_000_000)})
    return commit_plan.answer(buy(demand, book, Question()), book)


ANSWERS = {"coverage": covered(day(0), day(1), day(2)), "exit": left(), "commit_plan": bought()}
DRAWN = [(drawing.name, drawing) for answer in ANSWERS.values() for drawing in drawings(answer)]


def test_what_is_drawn() -> None:
    assert [name for name, _ in DRAWN] == ["coverage_area", "expiry_ladder", "exit_values", "demand_days"]


def values_of(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        own = [row for row in node.get("values", []) if isinstance(row, dict)] if isinstance(node.get("values"), list) else []
        return own + [row for inner in node.values() for row in values_of(inner)]
    return [row for inner in node for row in values_of(inner)] if isinstance(node, list) else []


@pytest.mark.parametrize("drawing", [drawing for _, drawing in DRAWN], ids=[name for name, _ in DRAWN])
def test_the_rules_of_every_chart(drawing: Drawing) -> None:
    text = json.dumps(drawing.spec, allow_nan=False)
    assert "Decimal" not in text
    for layer in drawing.spec.get("layer", [drawing.spec]):
        assert layer["mark"].get("aria") is False or layer["encoding"]["description"]["field"] == "sentence"
        for channel in layer["encoding"].values():
            if isinstance(channel, dict) and channel.get("type") == "temporal" and "scale" in channel:
                assert channel["scale"]["type"] == "utc"
    rows = values_of(drawing.spec)
    assert all(row[name].endswith("Z") for row in rows for name in ("day", "since", "ends") if name in row)
    assert {row["walk"] for row in rows if "sentence" in row} == set(range(len(drawing.sentences)))
    assert drawing.description
    assert all(drawing.sentences)


def test_areas_are_hours_where_the_bill_says_them_else_money() -> None:
    by_hours, by_money = (drawings(covered(day(0), day(1, **more)))[0] for more in ({}, {"hours_missing": 1}))
    sizes = [{row["kind"]: row["size"] for row in values_of(each.spec) if "kind" in row} for each in (by_hours, by_money)]
    assert sizes == [{"covered": 3, "unused": 1, "on demand": 2}, {"covered": 6, "unused": 2, "on demand": 6}]
    assert "3.0 GPU-hours, $6.00" in by_hours.sentences[0]
    assert "GPU-hours" not in by_money.sentences[0]


def test_every_exit_of_every_month_is_drawn_against_keeping() -> None:
    (drawing,) = drawings(ANSWERS["exit"])
    table = ANSWERS["exit"].views["exit_values"][0]
    assert len(drawing.sentences) == table.num_rows == 10
    assert drawing.sentences[0].startswith("termination fee on 2026-03-01: $")
    assert {"value": 0} in values_of(drawing.spec)


def test_the_plan_is_a_level_line_and_days_are_means() -> None:
    (drawing,) = drawings(ANSWERS["commit_plan"])
    units = sum(row["quantity"] for row in ANSWERS["commit_plan"].body["plan"])
    assert {"units": units} in values_of(drawing.spec)
    assert {row["units"] for row in values_of(drawing.spec) if row.get("series") == "allocated"} == {6.0}


def test_nothing_to_draw_is_no_chart() -> None:
    window = Period(datetime(2026, 4, 1, tzinfo=UTC), datetime(2026, 4, 4, tzinfo=UTC))
    empty = coverage.answer([], [], [], [], window=window, currency="USD", as_of="", waterfall_pico=0)
    assert drawings(empty) == []
    assert "no commitment" in empty.description
    kept = exit.answer(exit_plan(CONTRACT, find_product("gcp_cud"), date(2026, 3, 1)), "declared")
    assert drawings(kept) == []
