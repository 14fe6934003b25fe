"""When should a commitment be left, and how? Keeping against every exit over time; the cheapest plan and what would change it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.core.finding import Finding, Severity
from netyield.core.money import MONEY, quantise, text
from netyield.core.period import Period
from netyield.economics.commitments.contract import schedule
from netyield.economics.commitments.exit_plan import KEEP, ExitPlan
from netyield.economics.commitments.weighing import Leaving

COLUMNS = (
    AnswerColumn("option", "text", "", "Keep, or a way out"),
    AnswerColumn("units", "number", "units", "Units that go"),
    AnswerColumn("when", "text", "", "Its best month"),
    AnswerColumn("cost", "money", "currency", "What leaving costs then; negative brings cash"),
    AnswerColumn("value", "money", "currency", "Better than keeping by, weighted over the futures"),
    AnswerColumn("value_low", "money", "currency", "In the worst of the futures"),
    AnswerColumn("value_high", "money", "currency", "In the best of the futures"),
)
REFUSED_COLUMNS = (
    AnswerColumn("option", "text", "", "Way out"),
    AnswerColumn("status", "text", "", "not allowed, or unknown"),
    AnswerColumn("why", "text", "", "Why"),
    AnswerColumn("asks_for", "text", "", "What to find out, and declare under [commitment.exit]"),
)
FLIP_COLUMNS = (
    AnswerColumn("input", "text", "", "What moves alone"),
    AnswerColumn("now", "number", "", "As it is"),
    AnswerColumn("turns_at", "text", "", "Where the decision turns"),
)
FUTURE_COLUMNS = (
    AnswerColumn("future", "text", "", "Scenario"),
    AnswerColumn("demand_per_year", "share", "a year", "Change of use"),
    AnswerColumn("price_per_year", "share", "a year", "Change of on-demand prices"),
    AnswerColumn("weight", "number", "", "Weight"),
    AnswerColumn("value", "money", "currency", "The plan against keeping there"),
)
VALUE_COLUMNS = (
    AnswerColumn("day", "time", "", "Day of leaving"),
    AnswerColumn("option", "text", "", "Way out"),
    AnswerColumn("value", "money", "currency", "Better than keeping by, weighted"),
    AnswerColumn("value_low", "money", "currency", "In the worst of the futures"),
    AnswerColumn("value_high", "money", "currency", "In the best of the futures"),
)
SCHEDULE_COLUMNS = (
    AnswerColumn("since", "text", "", "First day"),
    AnswerColumn("until", "text", "", "Day after the last"),
    AnswerColumn("due", "money", "currency", "Falls due, used or not"),
    AnswerColumn("prepaid_used", "money", "currency", "Of the upfront payment"),
    AnswerColumn("owed_after", "money", "currency", "Still to be paid"),
    AnswerColumn("prepaid_after", "money", "currency", "Paid for time to come"),
)

NOWHERE = "nowhere"
DEEDS = {
    "return_window": "return {}",
    "wind_down": "cancel {} by the quote",
    "refund": "cancel {} for a refund",
    "fee": "cancel {} for its fee",
    "clawback": "give back {} for what remains of the deposit",
    "resale": "resell {}",
    "exchange": "exchange {}",
    "termination_fee": "pay the termination fee for {}",
    "credits": "give back {} for credits",
    "renegotiate": "take the offer for {}",
}


def answer(plan: ExitPlan, how_used: str, findings: tuple[Finding, ...] = ()) -> Answer:
    """The plan for one commitment. ``how_used``: where its use comes from, in words."""
    one = plan.commitment
    rows = _rows(plan)
    body = _body(plan, rows, how_used)
    tables: Mapping[str, tuple[Sequence[Mapping[str, Any]], tuple[AnswerColumn, ...]]] = {
        "not_to_be_had": (_refused(plan), REFUSED_COLUMNS),
        "turns": (_flips(plan), FLIP_COLUMNS),
        "futures": (_futures(plan), FUTURE_COLUMNS),
        "exit_values": (_values(plan), VALUE_COLUMNS),
        "schedule": (_schedule(plan), SCHEDULE_COLUMNS),
    }
    return Answer(
        name="exit",
        title=f"Keep or leave: {one.name or one.id}",
        as_of="",
        window=Period(_moment(min(plan.day, one.end)), _moment(one.end)),
        currency=one.currency,
        basis="",
        table=_arrow(rows, COLUMNS),
        columns=COLUMNS,
        headline=body["best"],
        description=_sentence(plan),
        caveats=(*(f"{key}: {value}" for key, value in body["definition"].items()), *_caveats(plan)),
        views={name: (_arrow(found, columns), columns) for name, (found, columns) in tables.items() if found},
        findings=(*findings, *_asked(plan)),
        body=body,
    )


def _moment(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _name(option: Leaving, plan: ExitPlan) -> str:
    """``refund of 12 of 64``, or the kind alone for all units."""
    words = option.kind.replace("_", " ")
    return words if option.units == plan.commitment.quantity else f"{words} of {option.units} of {plan.commitment.quantity}"


def _rows(plan: ExitPlan) -> list[dict[str, Any]]:
    """Keeping, then the best month of every exit and number of units, best first."""
    best: dict[str, Leaving] = {}
    for option in plan.options:
        name = _name(option, plan)
        if name not in best or option.value > best[name].value:
            best[name] = option
    zero = quantise(Decimal(0), 12)
    keep = {"option": KEEP, "units": 0.0, "when": "", "cost": zero, "value": zero, "value_low": zero, "value_high": zero}
    rows = [
        {
            "option": name,
            "units": float(option.units),
            "when": f"{option.day:%Y-%m-%d}",
            "cost": quantise(option.cost, 12),
            **_range(option),
        }
        for name, option in best.items()
    ]
    return sorted([keep, *rows], key=lambda row: (-row["value"], row["option"] != KEEP, row["option"]))


def _range(option: Leaving) -> dict[str, Decimal]:
    return {
        "value": quantise(option.value, 12),
        "value_low": quantise(min(option.values), 12),
        "value_high": quantise(max(option.values), 12),
    }


def _body(plan: ExitPlan, rows: Sequence[Mapping[str, Any]], how_used: str) -> dict[str, Any]:
    """The --json object."""
    one, product, best = plan.commitment, plan.product, plan.best
    amounts = ("cost", "value", "value_low", "value_high")
    return {
        "answer": "exit",
        "commitment": one.id,
        "product": {
            "id": product.id,
            "name": product.name,
            "source": product.source,
            "checked": f"{product.checked:%Y-%m-%d}",
            "verified": product.verified,
            "billed_while_stopped": product.billed_while_stopped,
        },
        "currency": one.currency,
        "unit": one.unit,
        "quantity": one.quantity,
        "used_units": None if one.used_units is None else text(quantise(one.used_units, 6)),
        "from": f"{plan.day:%Y-%m-%d}",
        "ends": f"{one.end:%Y-%m-%d}",
        "owed": text(one.owed_after(plan.day)),
        "sunk_prepayment": text(plan.sunk),
        "best": {"action": KEEP, "units": 0, "when": None, "value": "0"}
        if best is None
        else {
            "action": best.kind,
            "units": best.units,
            "when": f"{best.day:%Y-%m-%d}",
            **{name: text(value) for name, value in _range(best).items()},
        },
        "rows": [{**row, "when": row["when"] or None, **{name: text(row[name]) for name in amounts}} for row in rows],
        "not_to_be_had": _refused(plan),
        "turns": [
            {**row, "turns_at": None if row["turns_at"] == NOWHERE else float(row["turns_at"])} for row in _flips(plan)
        ],
        "futures": [{**row, "value": text(row["value"])} for row in _futures(plan)],
        "definition": {
            "value": "chance x (payments that stop - use then rented on demand - cost of the exit), money of the day asked about",
            "sunk": "prepayments that do not come back are in no option",
            "use": how_used,
            "futures": "weighted mean; the range is the worst and the best of them (assumed: declare your own weights)",
            "evidence": "modelled",
        },
    }


def _refused(plan: ExitPlan) -> list[dict[str, Any]]:
    return [
        {"option": quote.kind.replace("_", " "), "status": quote.status, "why": quote.why, "asks_for": ", ".join(quote.needs)}
        for quote in plan.refused
    ]


def _flips(plan: ExitPlan) -> list[dict[str, Any]]:
    return [
        {
            "input": flip.what,
            "now": float(quantise(flip.now, 6)),
            "turns_at": NOWHERE if flip.turns_at is None else text(quantise(flip.turns_at, 6)),
        }
        for flip in plan.flips
    ]


def _futures(plan: ExitPlan) -> list[dict[str, Any]]:
    values = plan.best.values if plan.best else [Decimal(0)] * len(plan.futures)
    return [
        {
            "future": future.name,
            "demand_per_year": float(future.demand_per_year),
            "price_per_year": float(future.price_per_year),
            "weight": float(future.weight),
            "value": quantise(value, 12),
        }
        for future, value in zip(plan.futures, values, strict=True)
    ]


def _values(plan: ExitPlan) -> list[dict[str, Any]]:
    return [{"day": f"{option.day:%Y-%m-%d}", "option": _name(option, plan), **_range(option)} for option in plan.options]


def _schedule(plan: ExitPlan) -> list[dict[str, Any]]:
    return [
        {
            "since": f"{row.since:%Y-%m-%d}",
            "until": f"{row.until:%Y-%m-%d}",
            **{name: quantise(getattr(row, name), 12) for name in ("due", "prepaid_used", "owed_after", "prepaid_after")},
        }
        for row in schedule(plan.commitment)
    ]


def _asked(plan: ExitPlan) -> list[Finding]:
    """A finding for every way out whose price nobody told."""
    return [
        Finding(
            "commitments.exit_unknown",
            Severity.WARNING,
            f"{plan.commitment.id}: {quote.kind.replace('_', ' ')} cannot be weighed: {quote.why}",
            f"Find out and declare under [commitment.exit]: {', '.join(quote.needs)}.",
            plan.commitment.file,
        )
        for quote in plan.refused
        if quote.needs and quote.kind != "renegotiate"
    ]


def _caveats(plan: ExitPlan) -> tuple[str, ...]:
    product = plan.product
    notes = [f"Terms of {product.name}: {product.source}, written down {product.checked:%Y-%m-%d}" + (
        "." if product.verified else "; partly from secondary sources: check the contract.")]
    notes += [f"{term.kind.replace('_', ' ')}: {term.note}." for term in product.exits if term.note]
    if product.billed_while_stopped:
        notes.append("It is billed while stopped: switching machines off saves nothing.")
    if product.renews and product.notice_days:
        notes.append(f"It renews by itself: say no {product.notice_days} days before {plan.commitment.end}.")
    return tuple(notes)


def _sentence(plan: ExitPlan) -> str:
    one, best = plan.commitment, plan.best
    name = one.name or one.id
    if best is None:
        unknown = sum(1 for quote in plan.refused if quote.needs and quote.kind != "renegotiate")
        more = f"; {unknown} ways out wait for a price" if unknown else ""
        return f"Keep {name} until {one.end}: no way out that can be had is cheaper{more}."
    what = f"all {one.quantity}" if best.units == one.quantity else f"{best.units} of {one.quantity}"
    deed = DEEDS.get(best.kind, best.kind.replace("_", " ")).format(f"{what} {one.unit}s of {name}")
    words = f"{deed[:1].upper()}{deed[1:]} on {best.day}"
    low, high = min(best.values), max(best.values)
    return f"{words}: {quantise(best.value, 0):,} {one.currency} better than keeping ({quantise(low, 0):,} to {quantise(high, 0):,})."


def _arrow(rows: Sequence[Mapping[str, Any]], columns: Sequence[AnswerColumn]) -> pa.Table:
    types = {"money": MONEY, "text": pa.string(), "time": pa.string()}
    return pa.Table.from_pylist(list(rows), schema=pa.schema([(c.name, types.get(c.kind, pa.float64())) for c in columns]))
