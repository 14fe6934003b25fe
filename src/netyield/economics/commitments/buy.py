"""How much to commit, for which term, at what risk? The plan of one history, with all that is told beside it.

The plan is made for needed units, after what is paid for already. Planning on allocated units is possible when asked for, and its
extra cost is told: that is how unused capacity comes to be booked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from netyield.core.errors import WrongUse
from netyield.economics.commitments.back_test import Judged, fitted_hours, judge
from netyield.economics.commitments.demand import ALLOCATED, NEEDED, PAID, Demand, Released, net_of_paid
from netyield.economics.commitments.horizon import Horizon, over_terms
from netyield.economics.commitments.keep_value import FUTURES, Future
from netyield.economics.commitments.layers import layer_plan
from netyield.economics.commitments.linear_program import whole_plan
from netyield.economics.commitments.offers import OfferBook
from netyield.economics.commitments.plan_cost import MICRO, Micros, PlanCost, plan_cost
from netyield.economics.commitments.ski_rental import reserve_online
from netyield.economics.commitments.uncertainty import SCENARIOS, Drawn, ScenarioCost, draw_weeks, in_scenario

DRAWS, DRAWS_BRANCHING = 200, 20


@dataclass(frozen=True, slots=True)
class Question:
    """How to plan. ``plan_on``: needed or allocated. ``hold_back_hours``: judge on so many last hours, else on all."""

    plan_on: str = NEEDED
    hold_back_hours: int | None = None
    draws: int | None = None
    seed: int = 0
    futures: tuple[Future, ...] = FUTURES


@dataclass(frozen=True, slots=True)
class Guard:
    """The break-even rule without any forecast: what it would have bought of an offer in these hours, and its worst case."""

    offer: str
    rent_before_buying: Decimal  # of one more unit, in any stretch as long as the term
    units_reserved: int
    cost: Decimal


@dataclass(frozen=True)
class BuyPlan:
    """The plan and everything told beside it. Costs are of the judged hours, in the offers' currency."""

    plan_on: str
    plan: Mapping[str, int]
    fitted: Demand
    judged: Demand
    planned: Micros  # of the judged hours, after what is paid for
    result: Judged
    parts: PlanCost
    released: Released | None
    back_test: Judged | None
    back_test_fitted_hours: int | None
    drawn: Drawn | None
    scenarios: tuple[ScenarioCost, ...]
    horizon: Horizon | None  # the plan and its alternatives through the longest term, bought anew as terms end
    guards: tuple[Guard, ...]
    allocated_plan: Mapping[str, int] | None
    allocated_extra_cost: Decimal | None  # of committing to allocated units, measured on what is needed


def best_plan(demand: Micros, book: OfferBook) -> dict[str, int]:
    """The cheapest units of each offer through all the hours: by layers without limits, else by the program (the same)."""
    if all(offer.plain for offer in book.offers):
        return layer_plan(demand, book)
    return whole_plan(demand, book)


def buy(demand: Demand, book: OfferBook, question: Question) -> BuyPlan:
    """The plan for a history. Raises WrongUse when it knows nothing but allocated units and was not told to plan on them."""
    planned_on(demand, question)
    fitted, judged = _halves(demand, question)
    asked = fitted.series[question.plan_on]
    to_fit, _ = net_of_paid(asked, fitted)
    to_judge, released = net_of_paid(judged.series[question.plan_on], judged)
    plan = best_plan(to_fit, book)
    plain = all(offer.plain for offer in book.offers)
    draws = question.draws if question.draws is not None else DRAWS if plain else DRAWS_BRANCHING
    later, first = _back_test(demand, book, question)
    extra = _allocated(fitted, judged, plan, book, question)
    return BuyPlan(
        question.plan_on, plan, fitted, judged, to_judge,
        judge(plan, to_fit, to_judge, book), plan_cost(plan, to_judge, book), released, later, first,
        draw_weeks(to_fit, fitted.hour_us, plan, book, best_plan, draws, question.seed),
        tuple(in_scenario(one, asked, fitted.series.get(PAID), plan, book, best_plan) for one in SCENARIOS),
        over_terms(to_fit, book, plan, question.futures),
        _guards(to_fit, book), *extra,
    )  # fmt: skip


def planned_on(demand: Demand, question: Question) -> None:
    """Refuse to plan on a series that is not there, or on allocated units without being told to."""
    if question.plan_on in demand.series:
        return
    if question.plan_on == NEEDED and ALLOCATED in demand.series:
        message = "only allocated units are known, which are an upper bound: units are held that nobody uses."
        raise WrongUse(message, "Add a column active or needed, or say --plan-on allocated to commit to the upper bound.")
    message = f"there are no {question.plan_on} units in the history (there are {', '.join(demand.series)})."
    raise WrongUse(message, f"Add a column {question.plan_on}, or choose another --plan-on.")


def _halves(demand: Demand, question: Question) -> tuple[Demand, Demand]:
    """The hours to fit on and those to judge on: the same, unless some are held back."""
    if question.hold_back_hours is None:
        return demand, demand
    first = demand.position_after(demand.span_hours - question.hold_back_hours)
    if not 0 < first < demand.hours:
        message = f"holding back {question.hold_back_hours} of {demand.span_hours} hours leaves nothing to fit or to judge."
        raise WrongUse(message, "Hold back less than the whole history.")
    return demand.part(0, first), demand.part(first, demand.hours)


def _back_test(demand: Demand, book: OfferBook, question: Question) -> tuple[Judged | None, int | None]:
    hours = fitted_hours(demand.span_hours) if question.hold_back_hours is None else None
    if hours is None:
        return None, None
    first = demand.position_after(hours)
    early, late = (net_of_paid(d.series[question.plan_on], d)[0] for d in (demand.part(0, first), demand.part(first, demand.hours)))
    if not len(early) or not len(late):
        return None, None
    return judge(best_plan(early, book), early, late, book), first


def _guards(demand: Micros, book: OfferBook) -> tuple[Guard, ...]:
    """The break-even rule for each offer on its own; whole units are needed in an hour that needs any part of one."""
    whole = (-(-demand // MICRO)).tolist()
    found = []
    for offer in book.offers:
        bound = min(offer.term_hours, len(whole))  # a longer look back sees no more
        price = offer.rate * offer.term_hours
        if price > book.on_demand * bound:
            found.append(Guard(offer.name, price, 0, book.on_demand * sum(whole)))
            continue
        done = reserve_online(whole, book.on_demand, offer.rate, offer.term_hours)
        found.append(Guard(offer.name, price, sum(done.reservations), done.cost))
    return tuple(found)


def _allocated(
    fitted: Demand, judged: Demand, plan: Mapping[str, int], book: OfferBook, question: Question
) -> tuple[Mapping[str, int] | None, Decimal | None]:
    """The plan for allocated units, and what it costs above the plan for needed ones on what is needed."""
    if ALLOCATED not in fitted.series or NEEDED not in fitted.series:
        return (plan, None) if question.plan_on == ALLOCATED else (None, None)
    allocated, needed = (best_plan(net_of_paid(fitted.series[name], fitted)[0], book) for name in (ALLOCATED, NEEDED))
    asked = net_of_paid(judged.series[NEEDED], judged)[0]
    return allocated, plan_cost(allocated, asked, book).total - plan_cost(needed, asked, book).total
