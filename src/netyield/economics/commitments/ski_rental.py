"""When to reserve without any forecast? The break-even rule: reserve once the rent paid reaches the price.

A reservation costs ``committed * term`` for one unit over ``term`` hours; renting costs ``on_demand`` per unit and hour of use.
A unit is reserved as soon as the on-demand hours of the last ``term`` hours, which an earlier reservation would have saved,
cost as much as the reservation; those hours then count as served. No sequence makes this dearer than (2 - a) times the
best plan in hindsight, a being the share of the on-demand rate still charged for use under a reservation.
Source: Wang, Li, Liang, arXiv:1305.5608 (a = 0 is ski rental); facts sheet section 5.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from netyield.core.errors import WrongUse


@dataclass(frozen=True, slots=True)
class Reserved:
    """What the rule did: units reserved per hour, and the cost of all hours."""

    reservations: tuple[int, ...]
    on_demand_unit_hours: int
    cost: Decimal


def deterministic_ratio(charged_share: float = 0.0) -> float:
    """The worst case of the break-even rule against hindsight: 2 - a."""
    return 2 - charged_share


def randomised_ratio(charged_share: float = 0.0) -> float:
    """The worst case, in expectation, of the best randomised rule: e / (e - 1 + a)."""
    return math.e / (math.e - 1 + charged_share)


def reserve_online(demand: Sequence[int], on_demand: Decimal, committed: Decimal, term_hours: int) -> Reserved:
    """Run the rule over hourly demand, seeing no hour before it comes. Costs are whole reservations and hours of rent."""
    if term_hours < 1 or committed <= 0 or on_demand <= 0:
        message = "the break-even rule needs a term of at least an hour and positive rates."
        raise WrongUse(message, "Correct the offer.")
    price = committed * term_hours
    hours = len(demand)
    real = np.zeros(hours + term_hours, np.int64)  # units under reservation
    seen = np.zeros(hours + term_hours, np.int64)  # the same, with past hours counted as served by later reservations
    wanted = np.array(demand, dtype=np.int64)
    made, rented = [0] * hours, 0
    for now in range(hours):
        first = max(0, now - term_hours + 1)
        while int((wanted[first : now + 1] > seen[first : now + 1]).sum()) * on_demand >= price:
            made[now] += 1
            real[now : now + term_hours] += 1
            seen[first : now + term_hours] += 1
        rented += max(0, int(wanted[now] - real[now]))
    return Reserved(tuple(made), rented, sum(made) * price + rented * on_demand)
