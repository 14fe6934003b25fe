"""What is keeping a commitment worth? Month by month, what is saved by leaving it then, under one future of demand and price.

    leave at t when  sum over k > t of d^(k-t) (c m - p_k r_k) hours_k > exit cost(t)

c: rate still to be paid, m: units that go, p_k: on-demand price then, r_k: units then rented instead: what the q units would have
served of the hourly use less what the q - m that stay do, mean of min(U, q) - min(U, q - m) over the hours. With all units (m = q)
and use below q this is c - p u per unit and hour. What was prepaid and does not come back is in no term: it is sunk.
Source: facts sheet section 3; hours as in hourly_use.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from netyield.core.errors import WrongUse
from netyield.economics.commitments.contract import HOURS_OF_DAY, Commitment, months_from


@dataclass(frozen=True, slots=True)
class Future:
    """A scenario: change of demand and of on-demand prices per year (-0.5 = halves), and its weight."""

    name: str
    demand_per_year: Decimal = Decimal(0)
    price_per_year: Decimal = Decimal(0)
    weight: Decimal = Decimal(1)


FUTURES = (
    Future("as now", weight=Decimal(2)),
    Future("demand halves every year", demand_per_year=Decimal("-0.5")),
    Future("demand doubles every year", demand_per_year=Decimal(1)),
    Future("prices fall by a quarter every year", price_per_year=Decimal("-0.25")),
    Future("prices rise by a tenth every year", price_per_year=Decimal("0.1")),
)


@dataclass(frozen=True)
class Timeline:
    """The months ahead of one commitment: starts, hours of each month. The last date is the end."""

    days: tuple[date, ...]
    hours: tuple[int, ...]

    @classmethod
    def of(cls, commitment: Commitment, day: date) -> Timeline:
        """From a day (not before the start) to the end."""
        return _months(max(day, commitment.start), commitment.end)


@lru_cache(maxsize=4096)
def _months(day: date, end: date) -> Timeline:
    days = months_from(day, end)
    return Timeline(tuple(days), tuple((later - earlier).days * HOURS_OF_DAY for earlier, later in pairwise(days)))


@lru_cache(maxsize=65536)
def growth(per_year: Decimal, months: int) -> Decimal:
    """(1 + per_year) ** (months / 12)."""
    if not per_year:
        return Decimal(1)
    return (1 + per_year) ** (Decimal(months) / 12)


@dataclass(frozen=True, slots=True)
class Saved:
    """What leaving so many units saves: until the end, by the month of leaving (the end itself last: 0), and in an hour of each."""

    until_end: list[Decimal]
    hourly: list[Decimal]


class Keeping:
    """One commitment over its months: what leaving saves, for any number of units and any future. Raises WrongUse.

    What must be rented depends on the change of demand alone: it is worked out once for all futures that share one.
    """

    def __init__(self, commitment: Commitment, timeline: Timeline, discount_per_year: Decimal = Decimal(0)) -> None:
        use, price = commitment.use, commitment.on_demand_rate
        if price is None or use is None:
            message = f"{commitment.id}: without on_demand_rate and used_units nothing says what keeping is worth."
            raise WrongUse(message, "Declare both, or let the use be measured (--demand, --history, or the project's bill).")
        self.commitment, self.timeline, self.use, self.price = commitment, timeline, use, price
        self.keys = [use.key(start.month) for start in timeline.days[:-1]]
        self.back = 1 / growth(discount_per_year, 1) if discount_per_year else None
        self._served: dict[tuple[Decimal, int], list[Decimal]] = {}
        self._rented: dict[tuple[Decimal, int], list[Decimal]] = {}

    def served(self, demand_per_year: Decimal, units: int) -> list[Decimal]:
        """Per month: mean units of use that so many units serve."""
        found = self._served.get((demand_per_year, units))
        if found is None:
            whole = Decimal(units)
            if demand_per_year:
                found = [self.use.served(key, whole, growth(demand_per_year, month)) for month, key in enumerate(self.keys)]
            else:
                of_key = {key: self.use.served(key, whole, Decimal(1)) for key in set(self.keys)}
                found = [of_key[key] for key in self.keys]
            self._served[demand_per_year, units] = found
        return found

    def rented(self, demand_per_year: Decimal, units: int) -> list[Decimal]:
        """Per month: mean units that must be rented once so many are gone."""
        found = self._rented.get((demand_per_year, units))
        if found is None:
            whole = self.commitment.quantity
            before, after = self.served(demand_per_year, whole), self.served(demand_per_year, whole - units)
            found = self._rented[demand_per_year, units] = [mine - rest for mine, rest in zip(before, after, strict=True)]
        return found

    def saved(self, future: Future, units: int) -> Saved:
        """Per month start: what leaving ``units`` then saves until the end, in money of that month."""
        rented = self.rented(future.demand_per_year, units)
        paid, price, change = self.commitment.rate * units, self.price, future.price_per_year
        if change:
            hourly = [paid - price * growth(change, month) * each for month, each in enumerate(rented)]
        else:
            hourly = [paid - price * each for each in rented]
        until_end, value = [Decimal(0)], Decimal(0)
        for one, hours in zip(reversed(hourly), reversed(self.timeline.hours), strict=True):
            value = one * hours + (value if self.back is None else value * self.back)
            until_end.append(value)
        return Saved(until_end[::-1], hourly)


def release_gain(
    hours: int, committed: Decimal, on_demand: Decimal, use: Sequence[Decimal] | Decimal, discount: Decimal = Decimal(1)
) -> Decimal:
    """The rule of one unit, hour by hour: sum of d^k (c - p u_k). ``use``: one share, or one per hour."""
    if isinstance(use, Decimal):
        if discount == 1:
            return hours * (committed - on_demand * use)
        use = [use] * hours
    factor, found = Decimal(1), Decimal(0)
    for share in use:
        found += factor * (committed - on_demand * share)
        factor *= discount
    return found
