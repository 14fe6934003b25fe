"""What would another useful life, residual value or method do to depreciation, month by month? Prospectively; nothing is booked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.depreciation import definition, window
from netyield.answers.depreciation_tables import BOOK_WORDS
from netyield.answers.statements import statement
from netyield.core.currencies import from_coins
from netyield.core.finding import Finding
from netyield.core.money import text
from netyield.economics.assets.schedule import Schedule
from netyield.economics.assets.unit_costs import UnitCost
from netyield.economics.assets.what_if import Compared

COLUMNS = (
    AnswerColumn("period", "text", "", "Month or calendar year"),
    AnswerColumn("currency", "text", "", "Currency of the row"),
    AnswerColumn("charge", "money", "currency", "Depreciation with the change"),
    AnswerColumn("charge_before", "money", "currency", "Depreciation as the register has it"),
    AnswerColumn("change", "money", "currency", "The difference"),
    AnswerColumn("accumulated", "money", "currency", "Accumulated depreciation at its end, with the change"),
    AnswerColumn("carrying", "money", "currency", "Carrying amount at its end, with the change"),
    AnswerColumn("carrying_before", "money", "currency", "Carrying amount at its end, as the register has it"),
)
UNIT_COLUMNS = (
    AnswerColumn("period", "text", "", "Month"),
    AnswerColumn("currency", "text", "", "Currency of the ledger's report"),
    AnswerColumn("before_low", "money", "currency per million tokens", "Cost per useful million tokens, lower bound"),
    AnswerColumn("before_high", "money", "currency per million tokens", "Its upper bound; empty = unbounded"),
    AnswerColumn("after_low", "money", "currency per million tokens", "The same with the change"),
    AnswerColumn("after_high", "money", "currency per million tokens", "Its upper bound; empty = unbounded"),
)


@dataclass(frozen=True)
class Wanted:
    """What is asked: the change in words, and the months' unit costs where a project knows them."""

    words: str
    unit_costs: tuple[UnitCost, ...] = ()


def answer(rows: Sequence[Compared], after: Schedule, wanted: Wanted, findings: Sequence[Finding] = ()) -> Answer:
    """Every period before and after; ``body`` is the JSON object."""
    listed = [_plain(row) for row in rows]
    first = next((row["period"] for row in listed if row["change"] != "0"), None)
    words = _sentence(rows, wanted.words, first)
    costs = [_unit_cost(each) for each in wanted.unit_costs if not each.by]
    body: dict[str, Any] = {
        "answer": "depreciation_what_if", "book": after.book, "by": after.grain, "change": wanted.words, "first_changed": first,
        "rows": listed, "unit_cost": costs, "definition": definition(after), "description": words, "findings": len(findings),
    }  # fmt: skip
    currencies = sorted({row.currency for row in rows})
    return statement(
        f"Depreciation with {wanted.words}, {BOOK_WORDS[after.book]}", body, (listed, COLUMNS), findings=findings,
        headline={"first_changed": first}, views={"unit_cost": (costs, UNIT_COLUMNS)}, window=window(listed),
        currency=currencies[0] if len(currencies) == 1 else None,
    )  # fmt: skip


def _plain(row: Compared) -> dict[str, Any]:
    def amount(coins: int) -> str:
        return text(from_coins(coins, row.currency))

    before, after = row.before, row.after
    return {
        "period": row.period, "currency": row.currency, "charge": amount(after.charge if after else 0),
        "charge_before": amount(before.charge if before else 0), "change": amount(row.change),
        "accumulated": amount(row.accumulated_after), "carrying": amount(row.carrying_after),
        "carrying_before": amount(before.carrying if before else 0),
    }  # fmt: skip


def _unit_cost(cost: UnitCost) -> dict[str, Any]:
    """A month's cost per useful token before and after; a month the change does not touch stays as it is."""
    after = cost.other or cost.full
    amounts = {"before_low": cost.full.low, "before_high": cost.full.high, "after_low": after.low, "after_high": after.high}
    return {"period": cost.period, "currency": cost.currency} | {key: None if value is None else text(value) for key, value in amounts.items()}


def _sentence(rows: Sequence[Compared], words: str, first: str | None) -> str:
    if first is None:
        return f"With {words} no period changes."
    row = next(row for row in rows if row.period == first)
    old, new = (from_coins(each.charge if each else 0, row.currency) for each in (row.before, row.after))
    return f"With {words} depreciation changes from {first} on: {new:,.2f} {row.currency} instead of {old:,.2f} in that period."

