"""Would the method have worked? Fitted on the first weeks, judged on those it had not seen.

Four costs of the same held-back hours: the plan's, the optimum of one who had known them, all on demand, and everything committed
(the peak of the fitted hours under the cheapest offer).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from netyield.economics.commitments.demand import HOURS_OF_WEEK
from netyield.economics.commitments.linear_program import free_plan
from netyield.economics.commitments.offers import OfferBook
from netyield.economics.commitments.plan_cost import MICRO, Micros, plan_cost

FITTED_SHARE = 3  # of four weeks


@dataclass(frozen=True, slots=True)
class Judged:
    """Costs of the same hours under four strategies, with the units held."""

    hours: int
    plan: Mapping[str, int]
    cost: Decimal
    hindsight_cost: Decimal
    hindsight_units: int
    on_demand_cost: Decimal
    all_committed: Mapping[str, int]
    all_committed_cost: Decimal


def judge(plan: Mapping[str, int], fitted: Micros, judged: Micros, book: OfferBook) -> Judged:
    """The plan on the judged hours. ``fitted``: the hours it was made from, whose peak is "everything committed"."""
    everything = all_committed(fitted, book)
    purchases, hindsight = free_plan(judged, book, HOURS_OF_WEEK)
    none: Mapping[str, int] = {}
    return Judged(
        len(judged),
        plan,
        plan_cost(plan, judged, book).total,
        hindsight,
        sum(purchase.units for purchase in purchases if purchase.start == 0),
        plan_cost(none, judged, book).total,
        everything,
        plan_cost(everything, judged, book).total,
    )


def all_committed(fitted: Micros, book: OfferBook) -> dict[str, int]:
    """The peak of the hours under the cheapest offers first, as far as they go."""
    left, units = -(-int(fitted.max(initial=0)) // MICRO), {offer.name: 0 for offer in book.offers}
    for offer in sorted(book.offers, key=lambda offer: offer.rate):
        wanted = -(-left // offer.step) * offer.step
        most = wanted if offer.at_most is None else min(wanted, offer.at_most // offer.step * offer.step)
        units[offer.name] = most
        left = max(0, left - most)
    return units


def fitted_hours(span_hours: int) -> int | None:
    """Hours to fit on by default: three of every four whole weeks; None with fewer than four weeks."""
    weeks = span_hours // HOURS_OF_WEEK
    return weeks * FITTED_SHARE // 4 * HOURS_OF_WEEK if weeks >= FITTED_SHARE + 1 else None
