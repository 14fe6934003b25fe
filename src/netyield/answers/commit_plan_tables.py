"""The further tables of ``commit_plan``: series, offers, scenarios, the rule without forecast, the back-test, the days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from netyield.answers.answer import AnswerColumn
from netyield.core.money import MONEY, quantise, text
from netyield.core.period import from_micros
from netyield.economics.commitments.buy import BuyPlan
from netyield.economics.commitments.demand import PAID, RENTED, SERIES, unit_hours
from netyield.economics.commitments.offers import OfferBook
from netyield.economics.commitments.plan_cost import MICRO, Micros

Views = dict[str, tuple[pa.Table, tuple[AnswerColumn, ...]]]
FIGURES = ("mean", "median", "p95", "peak", "unit_hours", "of_paid")
DAY_US = 86_400_000_000
SERIES_COLUMNS = (
    AnswerColumn("series", "text", "", "Which demand"),
    AnswerColumn("mean", "number", "units", "Mean of the hours"),
    AnswerColumn("median", "number", "units", "Half of the hours are below"),
    AnswerColumn("p95", "number", "units", "95 of 100 hours are below"),
    AnswerColumn("peak", "number", "units", "The largest hour"),
    AnswerColumn("unit_hours", "number", "unit-hours", "Sum of the hours"),
    AnswerColumn("of_paid", "share", "of paid", "Share of what is paid for already"),
)
OFFER_COLUMNS = (
    AnswerColumn("offer", "text", "", "What can be bought"),
    AnswerColumn("quantity", "number", "units", "Units of the plan"),
    AnswerColumn("quantity_low", "number", "units", "10th percentile over drawn histories"),
    AnswerColumn("quantity_high", "number", "units", "90th percentile over drawn histories"),
    AnswerColumn("rate", "money", "currency per unit-hour", "Committed, upfront payment included"),
    AnswerColumn("discount", "share", "of on demand", "Below the on-demand rate"),
    AnswerColumn("break_even_use", "share", "of the term", "Use at which a unit pays"),
    AnswerColumn("term_hours", "number", "hours", "How long it binds"),
    AnswerColumn("upfront", "money", "currency", "Paid at once for the plan's units"),
    AnswerColumn("bound", "money", "currency", "All that the plan's units cost over the term"),
)
SCENARIO_COLUMNS = (
    AnswerColumn("scenario", "text", "", "Another future"),
    AnswerColumn("cost", "money", "currency", "Cost of this plan there"),
    AnswerColumn("best_cost", "money", "currency", "Cost of the plan one would have made for it"),
    AnswerColumn("best_units", "number", "units", "Units of that plan"),
    AnswerColumn("regret", "money", "currency", "The difference"),
    AnswerColumn("on_demand_cost", "money", "currency", "With nothing committed"),
)
TERM_COLUMNS = (
    AnswerColumn("strategy", "text", "", "What is bought today, and again whenever its term ends"),
    AnswerColumn("units", "number", "units", "Units bought today"),
    AnswerColumn("cost", "money", "currency", "Cost through the longest term, weighted over the futures"),
    AnswerColumn("cost_low", "money", "currency", "In the cheapest of the futures"),
    AnswerColumn("cost_high", "money", "currency", "In the dearest of the futures"),
    AnswerColumn("regret", "money", "currency", "Above the best strategy of a future, at most"),
)
GUARD_COLUMNS = (
    AnswerColumn("offer", "text", "", "What can be bought"),
    AnswerColumn("rent_before_buying", "money", "currency", "Rent of one more unit within a term at which to buy it"),
    AnswerColumn("units_reserved", "number", "units", "What the rule would have bought in these hours"),
    AnswerColumn("cost", "money", "currency", "Rent and whole reservations then; at most twice hindsight"),
)
BACK_TEST_COLUMNS = (
    AnswerColumn("strategy", "text", "", "What one would have done after the fitted weeks"),
    AnswerColumn("units", "number", "units", "Units committed"),
    AnswerColumn("cost", "money", "currency", "Cost of the weeks not seen"),
)
DAY_COLUMNS = (
    AnswerColumn("day", "time", "UTC", "Day"),
    AnswerColumn("series", "text", "", "Which demand"),
    AnswerColumn("units", "number", "units", "Mean of its known hours"),
)


def views(plan: BuyPlan, book: OfferBook) -> Views:
    """Every further table that has rows."""
    made = {
        "series": (series_rows(plan), SERIES_COLUMNS),
        "offers": (offer_rows(plan, book, exact=False), OFFER_COLUMNS),
        "back_test": (back_test_rows(plan), BACK_TEST_COLUMNS),
        "scenarios": (scenario_rows(plan, exact=False), SCENARIO_COLUMNS),
        "terms": (term_rows(plan, exact=False), TERM_COLUMNS),
        "without_forecast": (guard_rows(plan, exact=False), GUARD_COLUMNS),
        "demand_days": (day_rows(plan), DAY_COLUMNS),
    }
    return {name: (_table(rows, columns), columns) for name, (rows, columns) in made.items() if rows}


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[AnswerColumn]) -> pa.Table:
    types = {"money": MONEY, "text": pa.string(), "time": pa.string()}
    return pa.Table.from_pylist(list(rows), schema=pa.schema([(c.name, types.get(c.kind, pa.float64())) for c in columns]))


def _money(value: Decimal, *, exact: bool) -> Any:
    return text(quantise(value, 6)) if exact else quantise(value, 12)


def series(plan: BuyPlan) -> dict[str, Any]:
    """The three series by name, null where nobody knows one; what is paid beside them."""
    return {
        row["series"]: None if row["mean"] is None else {key: row[key] for key in FIGURES} for row in series_rows(plan)
    }


def series_rows(plan: BuyPlan) -> list[dict[str, Any]]:
    """Mean, median, 95th percentile, peak and sum of every series of the fitted hours; empty where nobody knows it."""
    paid = plan.fitted.series.get(PAID)
    known = plan.fitted.series
    return [
        _series_row(name, known[name], paid) if name in known else {"series": name, **dict.fromkeys(FIGURES)}
        for name in (*SERIES, PAID, *([RENTED] if RENTED in known else []))
    ]


def _series_row(name: str, values: Micros, paid: Micros | None) -> dict[str, Any]:
    ordered = np.sort(values)
    at = {share: float(ordered[max(0, -(-len(ordered) * share // 100) - 1)]) / MICRO for share in (50, 95, 100)}
    total = int(values.sum())
    return {
        "series": name,
        "mean": round(total / len(values) / MICRO, 6),
        "median": at[50],
        "p95": at[95],
        "peak": at[100],
        "unit_hours": float(unit_hours(values)),
        "of_paid": round(total / int(paid.sum()), 6) if paid is not None and paid.sum() else None,
    }


def offer_rows(plan: BuyPlan, book: OfferBook, *, exact: bool) -> list[dict[str, Any]]:
    """Every offer with its units, their range, and what they bind."""
    drawn = plan.drawn.units if plan.drawn else {}
    rows = []
    for offer in book.offers:
        units = plan.plan.get(offer.name, 0)
        low, high = drawn.get(offer.name, (None, None))
        rows.append(
            {
                "offer": offer.name,
                "quantity": units,
                "quantity_low": low,
                "quantity_high": high,
                "rate": _money(offer.rate, exact=exact),
                "discount": float(1 - offer.rate / book.on_demand),
                "break_even_use": float(offer.rate / book.on_demand),
                "term_hours": offer.term_hours,
                "upfront": _money(offer.upfront * units, exact=exact),
                "bound": _money(offer.rate * units * offer.term_hours, exact=exact),
            }
        )
    return rows


def scenario_rows(plan: BuyPlan, *, exact: bool) -> list[dict[str, Any]]:
    """The plan in every other future."""
    return [
        {
            "scenario": each.scenario.name,
            "cost": _money(each.cost, exact=exact),
            "best_cost": _money(each.best_cost, exact=exact),
            "best_units": sum(each.best.values()),
            "regret": _money(each.cost - each.best_cost, exact=exact),
            "on_demand_cost": _money(each.on_demand_cost, exact=exact),
        }
        for each in plan.scenarios
    ]


def term_rows(plan: BuyPlan, *, exact: bool) -> list[dict[str, Any]]:
    """The plan and its alternatives through the longest term; none without demand."""
    return [
        {
            "strategy": each.strategy,
            "units": each.units,
            "cost": _money(each.cost, exact=exact),
            "cost_low": _money(min(each.costs), exact=exact),
            "cost_high": _money(max(each.costs), exact=exact),
            "regret": _money(each.regret, exact=exact),
        }
        for each in (plan.horizon.strategies if plan.horizon else ())
    ]


def guard_rows(plan: BuyPlan, *, exact: bool) -> list[dict[str, Any]]:
    """The break-even rule per offer."""
    return [
        {
            "offer": guard.offer,
            "rent_before_buying": _money(guard.rent_before_buying, exact=exact),
            "units_reserved": guard.units_reserved,
            "cost": _money(guard.cost, exact=exact),
        }
        for guard in plan.guards
    ]


def back_test_rows(plan: BuyPlan) -> list[dict[str, Any]]:
    """Four strategies on the weeks the plan had not seen; none without a back-test."""
    test = plan.back_test
    if test is None:
        return []
    rows = (
        ("plan of the fitted weeks", sum(test.plan.values()), test.cost),
        ("hindsight optimum", test.hindsight_units, test.hindsight_cost),
        ("nothing committed", 0, test.on_demand_cost),
        ("everything committed", sum(test.all_committed.values()), test.all_committed_cost),
    )
    return [{"strategy": name, "units": units, "cost": quantise(cost, 12)} for name, units, cost in rows]


def day_rows(plan: BuyPlan) -> list[dict[str, Any]]:
    """The mean of every series per day, for the chart; none when the hours have no dates."""
    if not plan.fitted.dated:
        return []
    days = plan.fitted.hour_us // DAY_US
    names, where = np.unique(days, return_inverse=True)
    counts = np.bincount(where)
    rows = []
    for name in (*SERIES, PAID, RENTED):
        if name in plan.fitted.series:
            sums = np.bincount(where, plan.fitted.series[name].astype(np.float64)) / counts / MICRO
            rows += [
                {"day": f"{from_micros(int(day) * DAY_US):%Y-%m-%d}", "series": name, "units": round(float(value), 6)}
                for day, value in zip(names, sums, strict=True)
            ]
    return rows
