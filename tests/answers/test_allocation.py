"""Who pays, and between which amounts other sharing rules would have put it, by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from made_books import dollars, leaf, make

from netyield.answers import allocation
from netyield.answers.books import Query
from netyield.core.errors import WrongUse

# Replica money of 60 (red 40, blue 20 by our rule), an API bill of 10 for red, 30 shared, 5 that is not AI.
LEAVES = [
    leaf("useful", 40, team="red", scope="gpu", method="declared"),
    leaf("unproven", 20, team="blue", scope="gpu", method="declared"),
    leaf("unproven", 10, team="red", scope="ai_api", method="price list"),
    leaf("idle", 30, scope="gpu", method="device time", gpu_us=1),
    leaf("non_ai", 5, team="red"),
]
METHODS = [{"method": "calibrated", "pool": "a", "serving": s, "r_squared": r} for s, r in (("x", 0.91), ("y", 0.95))]


def spread(rule: str, red: int, blue: int) -> list[dict[str, Any]]:
    return [
        {"rule": rule, "model": "m", "team": team, "app": "", "customer": "", "pico": dollars(amount)}
        for team, amount in (("red", red), ("blue", blue))
    ]


SPREADS = [*spread("token share", 45, 15), *spread("time share", 30, 30), *spread("KV memory time", 38, 22)]


def rows(where: dict[str, str] | None = None, by: str | None = None) -> dict[str, dict[str, Any]]:
    answer = allocation.answer(make(Query(by=by, where=where or {}), leaves=LEAVES, spreads=SPREADS, methods=METHODS))
    return {r["slice"]: r for r in answer.body["rows"]}


def test_shared_money_is_loaded_in_proportion_and_adds_up() -> None:
    found = rows()
    # Of the 30 that nobody owns, red with 50 of 70 direct carries 150/7 and blue the rest; what is not AI stays out.
    assert (found["red"]["direct_amount"], found["blue"]["direct_amount"]) == ("50", "20")
    assert Decimal(found["blue"]["loaded_amount"]) == pytest.approx(Decimal(20) + Decimal(60) / 7, abs=Decimal("1e-11"))
    assert sum(Decimal(r["loaded_amount"]) for r in found.values()) == 100
    assert [r["share"] for r in found.values()] == [pytest.approx(0.714286), pytest.approx(0.285714)]


def test_the_spread_moves_only_the_replica_money() -> None:
    """Of red's 50 direct, 40 came from replicas; other rules give it 30 to 45, so that it pays 40 to 55."""
    found = rows()
    assert (found["red"]["low_amount"], found["red"]["high_amount"]) == ("40", "55")
    assert (found["blue"]["low_amount"], found["blue"]["high_amount"]) == ("15", "30")


def test_the_chosen_rule_itself_lies_within_the_spread() -> None:
    books = make(leaves=LEAVES, spreads=spread("time share", 50, 10))
    found = {r["slice"]: r for r in allocation.answer(books).body["rows"]}
    assert (found["red"]["low_amount"], found["red"]["high_amount"]) == ("50", "60")
    assert (found["blue"]["low_amount"], found["blue"]["high_amount"]) == ("10", "20")


def test_spreads_are_not_told_of_dimensions_or_filters_they_do_not_know() -> None:
    assert rows(by="scope")["gpu"]["low_amount"] is None
    assert rows(where={"team": "red"})["red"]["high_amount"] is None


def test_the_headline_says_what_part_carries_a_team_and_the_method_its_fit() -> None:
    answer = allocation.answer(make(leaves=LEAVES, spreads=SPREADS, methods=METHODS))
    assert answer.headline == {"by": "team", "attributed_share": 0.7, "in_scope_total": "100"}
    assert answer.description == "70.00 of 100.00 USD is attributed directly by team."
    assert answer.body["rows"][0]["method"] == "calibrated (2 replicas, R2 at least 0.91)"


def test_money_nobody_owns_at_all_stays_unattributed() -> None:
    answer = allocation.answer(make(leaves=[leaf("idle", 7)]))
    assert [(r["slice"], r["loaded_amount"]) for r in answer.body["rows"]] == [("__unattributed__", "7")]
    assert answer.headline["attributed_share"] == 0


def test_a_dimension_that_does_not_exist_names_those_that_do() -> None:
    with pytest.raises(WrongUse, match=r"colour.*team"):
        allocation.answer(make(Query(by="colour"), leaves=LEAVES))
