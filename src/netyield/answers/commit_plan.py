"""How much should be committed, for which term, at what risk? The plan beside hindsight, nothing and everything."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers import commit_plan_tables as tables
from netyield.answers.answer import Answer, AnswerColumn
from netyield.core.finding import Finding
from netyield.core.money import MONEY, quantise, text
from netyield.core.period import HOUR, Period, from_micros, iso
from netyield.economics.commitments.back_test import Judged
from netyield.economics.commitments.buy import BuyPlan
from netyield.economics.commitments.demand import ACTIVE, ALLOCATED, NEEDED, NO_HEADROOM
from netyield.economics.commitments.horizon import Horizon
from netyield.economics.commitments.offers import OfferBook
from netyield.economics.commitments.uncertainty import HIGH, LOW

COLUMNS = (
    AnswerColumn("strategy", "text", "", "What one does"),
    AnswerColumn("units", "number", "units", "Units committed from the first hour"),
    AnswerColumn("cost", "money", "currency", "Cost of the judged hours"),
    AnswerColumn("saved", "money", "currency", "Less than renting everything on demand"),
    AnswerColumn("saved_share", "share", "of on demand", "The same as a share"),
)
PLAN, HINDSIGHT, NOTHING, EVERYTHING = "this plan", "hindsight optimum", "nothing committed", "everything committed"


def answer(plan: BuyPlan, book: OfferBook, findings: tuple[Finding, ...] = ()) -> Answer:
    """The plan with its costs, the three series, the offers, what it rests on and what would change it."""
    body = _body(plan, book)
    rows = strategies(plan.result)
    schema = pa.schema([(c.name, {"money": MONEY, "text": pa.string()}.get(c.kind, pa.float64())) for c in COLUMNS])
    since = from_micros(int(plan.judged.hour_us[0]))
    return Answer(
        name="commit_plan",
        title="How much to commit",
        as_of="",
        window=Period(since, from_micros(int(plan.judged.hour_us[-1])) + HOUR),
        currency=book.currency,
        basis="",
        table=pa.Table.from_pylist(rows, schema=schema),
        columns=COLUMNS,
        headline={key: body[key] for key in ("plan", "cost", "hindsight_cost", "on_demand_cost", "release")},
        description=sentence(plan, book),
        caveats=(*(f"{key}: {value}" for key, value in body["definition"].items()), *_caveats(plan)),
        views=tables.views(plan, book),
        findings=findings,
        body=body,
    )


def strategies(judged: Judged) -> list[dict[str, Any]]:
    """The four strategies on the same hours, for the table."""
    rows = (
        (PLAN, sum(judged.plan.values()), judged.cost),
        (HINDSIGHT, judged.hindsight_units, judged.hindsight_cost),
        (NOTHING, 0, judged.on_demand_cost),
        (EVERYTHING, sum(judged.all_committed.values()), judged.all_committed_cost),
    )
    return [
        {
            "strategy": name,
            "units": float(units),
            "cost": quantise(cost, 12),
            "saved": quantise(judged.on_demand_cost - cost, 12),
            "saved_share": float((judged.on_demand_cost - cost) / judged.on_demand_cost) if judged.on_demand_cost else None,
        }
        for name, units, cost in rows
    ]


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else text(quantise(value, 6))


def _costs(judged: Judged) -> dict[str, Any]:
    return {
        "cost": _amount(judged.cost),
        "hindsight_cost": _amount(judged.hindsight_cost),
        "on_demand_cost": _amount(judged.on_demand_cost),
        "all_committed_cost": _amount(judged.all_committed_cost),
    }


def _units(plan: Any) -> list[dict[str, Any]]:
    return [{"offer": name, "quantity": count} for name, count in plan.items() if count]


def _body(plan: BuyPlan, book: OfferBook) -> dict[str, Any]:
    """The --json object."""
    released = plan.released
    return {
        "answer": "commit_plan",
        "currency": book.currency,
        "unit": book.unit,
        "advice": advice(plan),
        "plan": _units(plan.plan),
        **_costs(plan.result),
        "release": None if released is None else released.release_units,
        "stop_renting": None if released is None else released.stop_units,
        "judged": {"hours": plan.result.hours, **_window(plan)},
        "fitted": {"hours": plan.fitted.hours, "same_hours": plan.fitted is plan.judged},
        "plan_on": plan.plan_on,
        "series": tables.series(plan),
        "paid_already": None
        if released is None
        else {
            "paid_unit_hours": _amount(released.paid_unit_hours),
            "unused_unit_hours": _amount(released.unused_unit_hours),
            "idle_unit_hours": _amount(released.idle_unit_hours),
            "free_unit_hours": _amount(released.free_unit_hours),
            "short_hours": released.short_hours,
        },
        "planning_on_allocated": None
        if plan.allocated_plan is None
        else {"plan": _units(plan.allocated_plan), "extra_cost": _amount(plan.allocated_extra_cost)},
        "offers": tables.offer_rows(plan, book, exact=True),
        "bootstrap": None
        if plan.drawn is None
        else {
            "draws": plan.drawn.draws,
            "weeks": plan.drawn.weeks,
            "units": {"low": plan.drawn.together[0], "high": plan.drawn.together[1]},
            "cost_per_hour": {"low": _amount(plan.drawn.cost_per_hour[0]), "high": _amount(plan.drawn.cost_per_hour[1])},
        },
        "scenarios": tables.scenario_rows(plan, exact=True),
        "terms": None
        if plan.horizon is None
        else {
            "months": plan.horizon.months,
            "cheapest": plan.horizon.cheapest.strategy,
            "safest": plan.horizon.safest.strategy,
            "futures": [
                {"future": f.name, "demand_per_year": float(f.demand_per_year), "price_per_year": float(f.price_per_year), "weight": float(f.weight)}
                for f in plan.horizon.futures
            ],
            "strategies": tables.term_rows(plan, exact=True),
        },
        "without_forecast": tables.guard_rows(plan, exact=True),
        "back_test": None
        if plan.back_test is None
        else {
            "fitted_hours": plan.back_test_fitted_hours,
            "judged_hours": plan.back_test.hours,
            "plan": _units(plan.back_test.plan),
            **_costs(plan.back_test),
        },
        "definition": _definition(plan, book),
    }


def _window(plan: BuyPlan) -> dict[str, Any]:
    if not plan.judged.dated:
        return {"since": None, "until": None}
    first, last = (from_micros(int(plan.judged.hour_us[at])) for at in (0, -1))
    return {"since": iso(first), "until": iso(last + HOUR)}


def _definition(plan: BuyPlan, book: OfferBook) -> dict[str, str]:
    judged = "the hours the plan was made from" if plan.fitted is plan.judged else "hours held back from the plan"
    words = {
        "plan_on": f"{plan.plan_on} units" + (f" ({plan.fitted.how_needed})" if plan.plan_on == NEEDED else ""),
        "netting": "units paid for already are used first" if plan.released else "nothing paid for is known: nothing netted out",
        "cost": f"{plan.result.hours:,} hours, {judged}; a term is paid for the hours in them, upfront payments spread over it",
        "hindsight": "the linear program of one who knew these hours; a purchase may start every 168 hours",
        "everything": "the peak of the fitted hours, cheapest offers first",
        "on_demand_rate": f"{text(book.on_demand)} {book.currency} per {book.unit} and hour",
        "evidence": "modelled: the history stands for the hours to come",
    }
    if plan.drawn is not None:
        words["bootstrap"] = f"{plan.drawn.draws} draws of {plan.drawn.weeks} whole weeks, P{LOW * 100:.0f} to P{HIGH * 100:.0f}"
    return words


def _caveats(plan: BuyPlan) -> tuple[str, ...]:
    notes = []
    if plan.plan_on == ALLOCATED:
        extra = plan.allocated_extra_cost
        more = f"; that costs {quantise(extra, 2):,} more on what is needed" if extra is not None else ""
        notes.append(f"Allocated units are an upper bound: they say who holds, not who uses{more}.")
    if plan.plan_on == NEEDED and plan.fitted.how_needed == NO_HEADROOM:
        notes.append("No headroom is declared: needed is the mean activity of each hour; say --headroom for what is above it.")
    if plan.horizon is not None and any(one.units for one in plan.horizon.strategies):
        notes.append(_term_risk(plan.horizon))
    if plan.drawn is None:
        notes.append("Fewer than two whole weeks: how far the plan would move with another month is not measured.")
    if plan.back_test is None and plan.fitted is plan.judged:
        notes.append("Fewer than four whole weeks: the method is not tested on weeks it had not seen.")
    if ACTIVE not in plan.fitted.series:
        notes.append("No activity is known: nothing says what the units do.")
    if plan.released and plan.released.stop_units:
        notes.append(f"{plan.released.stop_units:,} units are rented by the hour though no hour needed them: they bind nobody, stop them.")
    if plan.released:
        notes.append("What is paid for already is taken to stay as long as the history is long; `commitments report` has its ends.")
    return tuple(notes)


def _term_risk(horizon: Horizon) -> str:
    """Which strategy is cheapest through the longest term, and which is furthest from regret."""
    cheap, safe = horizon.cheapest, horizon.safest
    words = f"Over {horizon.months} months in {len(horizon.futures)} futures, bought anew as terms end: {cheap.strategy} costs least"
    if safe.strategy != cheap.strategy:
        far, near = quantise(cheap.regret, 0), quantise(safe.regret, 0)
        words += f", {safe.strategy} is never as far above the best of a future ({near:,} at most, against {far:,})"
    return f"{words}. Futures are assumptions (--future)."


def advice(plan: BuyPlan) -> str:
    """What to do in a few words: ``buy nothing, release 12``."""
    bought = ", ".join(f"{count} of {name}" for name, count in plan.plan.items() if count)
    words = [f"buy {bought}" if bought else "buy nothing"]
    if plan.released and plan.released.release_units:
        words.append(f"release {plan.released.release_units}")
    if plan.released and plan.released.stop_units:
        words.append(f"stop renting {plan.released.stop_units}")
    return ", ".join(words)


def sentence(plan: BuyPlan, book: OfferBook) -> str:
    """The one sentence a reader takes away."""
    result, freed = plan.result, plan.released
    action = advice(plan)
    start = action[:1].upper() + action[1:]
    if freed and freed.release_units and not any(plan.plan.values()):
        return f"{start}: no hour of the history needed {freed.release_units:,} of the {book.unit}s paid for already."
    cost = f"{quantise(result.cost, 2):,} {book.currency} for {result.hours:,} hours"
    if not any(plan.plan.values()):
        return f"{start}: {cost} on demand; no offer pays at this use."
    saved = (result.on_demand_cost - result.cost) / result.on_demand_cost if result.on_demand_cost else Decimal(0)
    direction = f"{saved:.1%} less than" if saved >= 0 else f"{-saved:.1%} more than"
    return f"{start}: {cost}, {direction} on demand; with hindsight {quantise(result.hindsight_cost, 2):,}."
