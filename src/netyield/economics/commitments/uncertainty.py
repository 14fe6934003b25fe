"""How sure is a plan? Whole weeks drawn again and again, and scenarios of demand and price.

Weeks keep the pattern of days and nights; drawing them with replacement says what other months of the same kind would have
asked for (bootstrap). Scenarios say what happens when the kind changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeVar

import numpy as np

from netyield.economics.commitments.demand import HOURS_OF_WEEK
from netyield.economics.commitments.offers import Offer, OfferBook
from netyield.economics.commitments.plan_cost import Micros, plan_cost

T = TypeVar("T")
Planner = Callable[[Micros, OfferBook], dict[str, int]]
LOW, HIGH = 0.10, 0.90
FEWEST_WEEKS = 2


@dataclass(frozen=True, slots=True)
class Drawn:
    """10th to 90th percentile over the drawn histories: units of each offer and altogether, and cost per hour of the plan."""

    draws: int
    weeks: int
    units: Mapping[str, tuple[int, int]]
    together: tuple[int, int]
    cost_per_hour: tuple[Decimal, Decimal]


def draw_weeks(
    demand: Micros, hour_us: Micros, plan: Mapping[str, int], book: OfferBook, planner: Planner, draws: int, seed: int
) -> Drawn | None:
    """Plan anew for histories made of whole weeks drawn with replacement; None with fewer than two of them."""
    weeks = _weeks(demand, hour_us)
    if len(weeks) < FEWEST_WEEKS or draws < 1:
        return None
    random = np.random.default_rng(seed)
    quantities, costs = [], []
    for _ in range(draws):
        history = np.concatenate([weeks[index] for index in random.integers(0, len(weeks), len(weeks))])
        quantities.append(planner(history, book))
        costs.append(plan_cost(plan, history, book).total / len(history))
    units = {offer.name: _range([q[offer.name] for q in quantities]) for offer in book.offers}
    together = _range([sum(q.values()) for q in quantities])
    ordered = sorted(costs)
    return Drawn(draws, len(weeks), units, together, (_at(ordered, LOW), _at(ordered, HIGH)))


def _weeks(demand: Micros, hour_us: Micros) -> list[Micros]:
    """Whole weeks from the first hour; one with unknown hours has fewer hours, one with none is left out."""
    if not len(demand):
        return []
    number = (hour_us - hour_us[0]) // (HOURS_OF_WEEK * 3_600_000_000)
    whole = int((hour_us[-1] - hour_us[0]) // 3_600_000_000 + 1) // HOURS_OF_WEEK
    found = [demand[number == week] for week in range(whole)]
    return [week for week in found if len(week)]


def _range(values: Sequence[int]) -> tuple[int, int]:
    ordered = sorted(values)
    return _at(ordered, LOW), _at(ordered, HIGH)


def _at(ordered: Sequence[T], share: float) -> T:
    return ordered[round(share * (len(ordered) - 1))]


@dataclass(frozen=True, slots=True)
class BuyScenario:
    """Another future: demand and on-demand price as multiples of the history's."""

    name: str
    demand: Decimal = Decimal(1)
    price: Decimal = Decimal(1)


SCENARIOS = (
    BuyScenario("as the history"),
    BuyScenario("demand halves", demand=Decimal("0.5")),
    BuyScenario("demand falls by a fifth", demand=Decimal("0.8")),
    BuyScenario("demand grows by a quarter", demand=Decimal("1.25")),
    BuyScenario("on-demand price falls by a third", price=Decimal("0.67")),
)


@dataclass(frozen=True, slots=True)
class ScenarioCost:
    """The plan in another future: its cost, the best plan there with its cost, and nothing committed."""

    scenario: BuyScenario
    cost: Decimal
    best: Mapping[str, int]
    best_cost: Decimal
    on_demand_cost: Decimal


def in_scenario(
    scenario: BuyScenario, demand: Micros, paid: Micros | None, plan: Mapping[str, int], book: OfferBook, planner: Planner
) -> ScenarioCost:
    """What the plan costs there, beside the plan one would have made for it. ``paid`` is used first there too."""
    numerator, denominator = scenario.demand.as_integer_ratio()
    scaled = demand * numerator // denominator
    scaled = scaled if paid is None else np.maximum(scaled - paid, 0)
    rate = book.on_demand * scenario.price
    there = replace(book, on_demand=rate, offers=tuple(_at_price(offer, scenario.price) for offer in book.offers))
    worth = tuple(offer for offer in there.offers if offer.rate < rate)
    best = {offer.name: 0 for offer in there.offers} | planner(scaled, replace(there, offers=worth))
    none: Mapping[str, int] = {}
    return ScenarioCost(
        scenario,
        plan_cost(plan, scaled, there).total,
        best,
        plan_cost(best, scaled, there).total,
        plan_cost(none, scaled, there).total,
    )


def _at_price(offer: Offer, price: Decimal) -> Offer:
    """The same contract: its rate is fixed, what a spare unit brings moves with the market."""
    return replace(offer, resale_rate=offer.resale_rate * price)
