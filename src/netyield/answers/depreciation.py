"""What do owned assets cost month by month, what are they still worth, and how much of a useful token is depreciation?

Amounts are the books' own: exact, rounded once to coins at each period end. Formulas: docs/assets.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.depreciation_tables import (
    AMOUNTS,
    ASSET_COLUMNS,
    BOOK_WORDS,
    COLUMNS,
    LINE_COLUMNS,
    PHASE_COLUMNS,
    TIE_COLUMNS,
    UNIT_COLUMNS,
)
from netyield.answers.statements import View, statement
from netyield.core.currencies import from_coins
from netyield.core.depreciation import YEAR, Method, first_day, month_name, month_number
from netyield.core.finding import Finding, Severity
from netyield.core.money import MONEY, text
from netyield.core.period import Period
from netyield.economics.assets.schedule import Row, Schedule
from netyield.economics.assets.trial_balance import Reconciled, Tie
from netyield.economics.assets.unit_costs import UnitCost
from netyield.sources.bills.assets.asset import Asset, Estimate
from netyield.sources.bills.assets.history import History

UNIT_COST = (
    "months of the ledger's default window; without: every leaf less its part of the depreciation booked on its bill line and hour, in scope or "
    "not as the leaf is; write-downs, disposals and running cost stay in"
)


@dataclass(frozen=True)
class Ledger:
    """The general ledger's balances beside the assets', and what does not agree."""

    ties: tuple[Tie, ...]
    lines: tuple[Reconciled, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Shown:
    """What of a schedule is asked for: from ``since`` to ``until`` (the first month not shown), every asset's own rows or not."""

    until: str | None = None
    by_asset: bool = False
    unit_costs: tuple[UnitCost, ...] = ()
    ledger: Ledger | None = None
    since: str | None = None


def answer(schedule: Schedule, findings: Sequence[Finding] = (), shown: Shown | None = None) -> Answer:
    """The schedule; ``body`` is the JSON object."""
    asked = shown or Shown()
    rows = [plain_row(row) for row in _kept(schedule.rows, asked)]
    listed = [asset_row(found) for found in schedule.histories]
    words = _sentence(schedule, rows)
    findings = [*findings, *_open(schedule), *(asked.ledger.findings if asked.ledger else ())]
    currencies = sorted({row["currency"] for row in rows})
    body: dict[str, Any] = {
        "answer": "depreciation",
        "book": schedule.book,
        "by": schedule.grain,
        "currency": currencies[0] if len(currencies) == 1 else None,
        "rows": rows,
        "assets": [{**row, "phases": phases(found)} for row, found in zip(listed, schedule.histories, strict=True)],
        "unit_cost": [each.plain() for each in asked.unit_costs if not each.by],
        "unit_cost_by": {by: [each.plain() for each in asked.unit_costs if each.by == by] for by in ("model", "team")},
        "definition": definition(schedule),
        "description": words,
        "findings": len(findings),
    }
    rules = [{"asset": row["asset"], **phase} for row in body["assets"] for phase in row["phases"]]
    views: dict[str, View] = {
        "assets": (listed if len(listed) > 1 else [], ASSET_COLUMNS), "phases": (rules, PHASE_COLUMNS),
        "unit_cost": (body["unit_cost"], UNIT_COLUMNS),
    }  # fmt: skip
    for by, each in body["unit_cost_by"].items():
        views[f"unit_cost_by_{by}"] = (each, (*UNIT_COLUMNS[:4], AnswerColumn("slice", "text", "", by.capitalize()), *UNIT_COLUMNS[4:]))
    if asked.unit_costs:
        body["definition"] |= {"unit cost": UNIT_COST}
    if asked.by_asset:
        body["asset_rows"] = [
            {"asset": asset.id, **plain_row(row)} for asset, each in schedule.by_asset() for row in _kept(each, asked)
        ]
        views["asset_rows"] = (body["asset_rows"], (ASSET_COLUMNS[0], *COLUMNS))
    if asked.ledger is not None:
        body["general_ledger"] = [tie_row(each) for each in asked.ledger.ties]
        body["reconciliation"] = [{**asdict(each), "amount": text(each.amount)} for each in asked.ledger.lines]
        views |= {"general_ledger": (body["general_ledger"], TIE_COLUMNS), "reconciliation": (body["reconciliation"], LINE_COLUMNS)}
    return statement(
        f"Depreciation of owned assets, {BOOK_WORDS[schedule.book]}", body, (rows, COLUMNS), findings=findings, views=views,
        headline={"book": schedule.book, "assets": len(listed), "rows": len(rows)}, window=window(rows), currency=body["currency"],
    )  # fmt: skip


def plain_row(row: Row) -> dict[str, Any]:
    """A row with amounts as decimal text."""
    coins = (row.opening, row.additions, row.charge, row.written, row.disposed, row.accumulated, row.carrying)
    amounts = {name: text(from_coins(value, row.currency)) for name, value in zip(AMOUNTS, coins, strict=True)}
    return {"period": row.period, "currency": row.currency, **amounts}


def tie_row(tie: Tie) -> dict[str, Any]:
    """One account beside the general ledger's balance; the difference is a column of its own."""
    ledger = None if tie.general_ledger is None else text(tie.general_ledger)
    amounts = {"assets": text(tie.assets), "general_ledger": ledger, "difference": text(tie.difference)}
    return {"account": tie.account, "currency": tie.currency, **amounts}


def asset_row(found: History) -> dict[str, Any]:
    """One asset in a line."""
    asset, last = found.asset, found.phases[-1][1]
    gain = None
    if found.disposed is not None and asset.terms.proceeds is not None:
        gain = text(asset.terms.proceeds - from_coins(found.derecognised(), asset.currency))

    def amount(coins: int) -> str:
        return text(from_coins(coins, asset.currency))

    return {
        "asset": asset.id, "currency": asset.currency, "method": str(last.method), "in_service": f"{asset.terms.in_service}",
        "life_ends": month_name(found.months.stop) if found.missing is None else None, "cost": amount(asset.cost),
        "residual": amount(last.residual), "charged": amount(found.accumulated[-1] if found.accumulated else 0),
        "written_down": amount(sum(each.coins for each in found.written)), "gain": gain,
    }  # fmt: skip


def phases(found: History) -> list[dict[str, Any]]:
    """From when on the charge follows which rule: what explains every row."""
    listed = []
    for at, estimate, why in found.phases:
        base = found.asset.cost - found.at_end(int(at) - 1)[0] - found.written_by(int(at)) - estimate.residual
        left = None if estimate.end is None else estimate.end - at
        listed.append({
            "from": month_name(int(at)), "why": why, "method": str(estimate.method),
            "base": text(from_coins(max(0, base), found.asset.currency)),
            "residual": text(from_coins(estimate.residual, found.asset.currency)),
            "months": None if left is None else f"{float(left):g}",
            "words": _words(found.asset, estimate, max(0, base), left),
        })  # fmt: skip
    return listed


def _words(asset: Asset, estimate: Estimate, base: int, left: Any) -> str:
    amount = f"{from_coins(base, asset.currency):,f} {asset.currency}"
    if estimate.method is Method.UNITS and estimate.units_total:
        return f"{amount} x units / {float(estimate.units_total):,g} units"
    months = f"{float(left or 0):g} months"
    if estimate.method is Method.STRAIGHT_LINE:
        return f"{amount} evenly over {months}"
    if estimate.method is Method.SUM_OF_YEARS:
        return f"{amount} over {months}, year j of n weighing n - j + 1"
    switch = ", straight line once that takes more" if estimate.switch else ""
    return f"{float(estimate.factor):g} / {float(left or 0) / YEAR:g} of each asset-year's opening amount, down to the residual{switch}"


def definition(schedule: Schedule) -> dict[str, str]:
    """Every choice that changes the figures, by name."""
    conventions = sorted({found.asset.terms.convention for found in schedule.histories})
    said = {
        "month": "month: the month of placing in service counts in full, the month of disposal not",
        "next_month": "next_month: depreciation starts with the month after, and takes the month of disposal in full",
        "day": "day: by days from placing in service to disposal",
    }
    return {
        "book": f"{BOOK_WORDS[schedule.book]}; terms and events of the other book do not count",
        "rounding": "the amount used up is rounded half up to the smallest coin at each month end; a charge is the difference",
        "changes": "prospective: a new estimate starts from the booked carrying amount (IAS 8.36, ASC 250-10-45-17)",
        "convention": "; ".join(said[each] for each in conventions) or said["month"],
        "residual": "0 where none is given",
    }


def _open(schedule: Schedule) -> list[Finding]:
    """Assets by units whose rows end because nobody gave the units of a month."""
    found = []
    for each in schedule.histories:
        if each.missing is not None:
            message = f"asset {each.asset.id!r}: nobody gave units for {month_name(each.missing)}; its rows end before it."
            repair = "Add the month's units, 0 when it was off."
            found.append(Finding("assets.units_missing", Severity.WARNING, message, repair))
    return found


def _kept(rows: Sequence[Row], asked: Shown) -> list[Row]:
    since, until = asked.since or "", asked.until or "9999"
    return [row for row in rows if since[: len(row.period)] <= row.period < until[: len(row.period)]]


def _sentence(schedule: Schedule, rows: Sequence[dict[str, Any]]) -> str:
    if not rows:
        return "There is no asset to depreciate."
    parts = []
    for currency in sorted({row["currency"] for row in rows}):
        own = [row for row in rows if row["currency"] == currency]
        total = sum(pa.scalar(row["charge"]).cast(MONEY).as_py() for row in own)
        parts.append(f"{total:,.2f} {currency} from {own[0]['period']} to {own[-1]['period']}, {_last(own[-1])} left at the end")
    count = len(schedule.histories)
    return f"{count:,} asset{'s' if count != 1 else ''} depreciate{'' if count != 1 else 's'} by {'; '.join(parts)}."


def _last(row: dict[str, Any]) -> str:
    return f"{pa.scalar(row['carrying']).cast(MONEY).as_py():,.2f}"


def window(rows: Sequence[dict[str, Any]]) -> Period:
    """From the first period of the rows to the end of the last."""
    names = [row["period"] for row in rows] or ["1970"]
    first = names[0] if "-" in names[0] else f"{names[0]}-01"
    last = month_number(max(names)) + 1 if "-" in names[0] else (int(max(names)) + 1) * YEAR
    since, until = first_day(month_number(first)), first_day(last)
    return Period(datetime(since.year, since.month, 1, tzinfo=UTC), datetime(until.year, until.month, 1, tzinfo=UTC))

