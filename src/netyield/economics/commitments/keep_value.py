"""Is it worth keeping? What leaving saves and what it costs, under futures of demand and price.

    leave at t when  sum over k > t of d^(k-t) (c m - p_k r_k) hours_k > exit cost(t)

c: rate still to be paid, m: units that go, p_k: on-demand price then, r_k: units then rented instead, min(U_k, q) - min(U_k, q - m)
of the U_k in use. With all units (m = q) and use below q this is c - p u per unit and hour. What was prepaid and does not come back
is in no term: it is sunk. Source: facts sheet section 3.
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


def gains(
    commitment: Commitment, timeline: Timeline, future: Future, units: int, discount_per_year: Decimal = Decimal(0)
) -> list[Decimal]:
    """Per month start, and at the end (0): what leaving ``units`` then saves until the end, in money of that month."""
    if commitment.on_demand_rate is None or commitment.used_units is None:
        message = f"{commitment.id}: without on_demand_rate and used_units nothing says what keeping is worth."
        raise WrongUse(message, "Declare both, or let used_units be measured from the books.")
    back = 1 / growth(discount_per_year, 1)
    whole, kept = Decimal(commitment.quantity), Decimal(commitment.quantity - units)
    used, price = commitment.used_units, commitment.on_demand_rate
    saved, hourly = commitment.rate * units, Decimal(0)
    found, value = [Decimal(0)], Decimal(0)
    for month in range(len(timeline.hours) - 1, -1, -1):
        if future.demand_per_year or future.price_per_year or len(found) == 1:  # else every month is like the last
            wanted = used * growth(future.demand_per_year, month)
            rented = (wanted if wanted < whole else whole) - (wanted if wanted < kept else kept)
            hourly = saved - price * growth(future.price_per_year, month) * rented
        value = hourly * timeline.hours[month] + (value * back if discount_per_year else value)
        found.append(value)
    return found[::-1]


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
