"""For which term, at what risk? Plans carried through the longest term on offer, bought anew whenever a term ends, in several futures.

A three-year rate is always below a one-year rate; what it costs is that nothing can be changed for three years. Each strategy buys
today for the history's demand and holds what it bought to the end of its term. Whenever a term ends, and once a year, it buys again by
the same rule what is not held, for the demand of that day and at the offers of that day, which keep their discount from the on-demand
price. What is not covered is rented, what is spare is resold at the offer's rate, both at the price of that day. What is paid for
already is taken to stay.

    cost of a month = hours * ( sum of rates held + p_t E[(D g_t - k)+] - s_t E[(k - D g_t)+] ),  D the hours of the history

Offers with limits or steps are cut to them after the rule, which is exact only for offers without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from netyield.economics.commitments.keep_value import Future, growth
from netyield.economics.commitments.layers import layer_plan
from netyield.economics.commitments.offers import Offer, OfferBook
from netyield.economics.commitments.plan_cost import MICRO, Micros, plan_cost

MONTH_HOURS = 730
BUY_EVERY_MONTHS = 12
NOTHING, PLAN = "nothing committed", "this plan"
PLACES = 6


@dataclass(frozen=True, slots=True)
class TermCost:
    """One strategy: units bought today, its cost in every future, weighted, and how far it lies above the best of each at most."""

    strategy: str
    units: int
    costs: tuple[Decimal, ...]
    cost: Decimal
    regret: Decimal


@dataclass(frozen=True)
class Horizon:
    """Strategies over so many months, in these futures; the first two differ in what is held, the others in what may be bought."""

    months: int
    futures: tuple[Future, ...]
    strategies: tuple[TermCost, ...]

    @property
    def cheapest(self) -> TermCost:
        """The lowest weighted cost; of equal ones the one that binds less."""
        return min(self.strategies, key=lambda one: (one.cost, one.units))

    @property
    def safest(self) -> TermCost:
        """The smallest regret in the worst future; of equal ones the one that binds less."""
        return min(self.strategies, key=lambda one: (one.regret, one.units))


@dataclass(frozen=True, slots=True)
class _Held:
    """Units of an offer held until a month, at the rate agreed when they were bought."""

    offer: Offer
    units: int
    rate: Decimal
    until: int


def over_terms(demand: Micros, book: OfferBook, plan: Mapping[str, int], futures: Sequence[Future]) -> Horizon | None:
    """Every strategy in every future; None without demand. ``demand``: hours of the history, net of what is paid for."""
    if not len(demand):
        return None
    months = max(_months(offer) for offer in book.offers)
    menus: dict[str, tuple[Mapping[str, int], OfferBook]] = {PLAN: (plan, book)}
    for offer in book.offers:
        alone = replace(book, offers=(offer,))
        menus[f"only {offer.name}"] = (_bought(demand, alone), alone)
    menus[NOTHING] = ({}, replace(book, offers=()))
    costs = {
        name: tuple(_cost(demand, menu, first, months, future) for future in futures) for name, (first, menu) in menus.items()
    }
    best = [min(each[n] for each in costs.values()) for n in range(len(futures))]
    weights = sum((future.weight for future in futures), Decimal(0))
    return Horizon(months, tuple(futures), tuple(
        TermCost(
            name, sum(menus[name][0].values()), each,
            sum((cost * future.weight for cost, future in zip(each, futures, strict=True)), Decimal(0)) / weights,
            max(cost - least for cost, least in zip(each, best, strict=True)),
        )
        for name, each in costs.items()
    ))  # fmt: skip


def _months(offer: Offer) -> int:
    return max(1, round(offer.term_hours / MONTH_HOURS))


def _bought(demand: Micros, book: OfferBook) -> dict[str, int]:
    """What the rule buys of a menu, cut to limits and steps."""
    wanted = layer_plan(demand, book)
    for offer in book.offers:
        units = wanted[offer.name] if offer.at_most is None else min(wanted[offer.name], offer.at_most)
        wanted[offer.name] = units // offer.step * offer.step
    return wanted


def _cost(demand: Micros, menu: OfferBook, first: Mapping[str, int], months: int, future: Future) -> Decimal:
    held = [_Held(offer, first.get(offer.name, 0), offer.rate, _months(offer)) for offer in menu.offers]
    return sum(_by_month(demand, menu, held, months, future), Decimal(0))


def _by_month(demand: Micros, menu: OfferBook, held: list[_Held], months: int, future: Future) -> Iterator[Decimal]:
    """The cost of each month, after what is bought at its start."""
    for month in range(months):
        price = round(growth(future.price_per_year, month), PLACES)
        wanted = _scaled(demand, growth(future.demand_per_year, month))
        due = any(one.until == month for one in held) or (month > 0 and month % BUY_EVERY_MONTHS == 0)
        held = [one for one in held if one.until > month]
        if due:
            held += _added(wanted, menu, held, month, price)
        book = replace(menu, on_demand=menu.on_demand * price, offers=tuple(
            replace(one.offer, name=str(at), rate=one.rate, resale_rate=one.offer.resale_rate * price) for at, one in enumerate(held)
        ))  # fmt: skip
        cost = plan_cost({str(at): one.units for at, one in enumerate(held)}, wanted, book).total
        yield cost * MONTH_HOURS / len(demand)


def _added(wanted: Micros, menu: OfferBook, held: Sequence[_Held], month: int, price: Decimal) -> list[_Held]:
    """What the rule buys of the menu at that day's price, beyond what is held."""
    owned = {offer.name: sum(one.units for one in held if one.offer.name == offer.name) for offer in menu.offers}
    left = np.maximum(wanted - sum(owned.values()) * MICRO, 0)
    offers = tuple(
        replace(offer, rate=offer.rate * price, resale_rate=offer.resale_rate * price,
                at_most=None if offer.at_most is None else max(0, offer.at_most - owned[offer.name]))
        for offer in menu.offers
    )  # fmt: skip
    units = _bought(left, replace(menu, on_demand=menu.on_demand * price, offers=offers))
    return [_Held(offer, units[offer.name], offer.rate * price, month + _months(offer)) for offer in menu.offers if units[offer.name]]


def _scaled(demand: Micros, factor: Decimal) -> Micros:
    return demand if factor == 1 else np.rint(demand * float(factor)).astype(np.int64)
