"""How much to commit for an uncertain demand? The newsvendor quantile, in units.

    cost(k) = c k + p E[(D - k)+] - s E[(k - D)+]      optimum F(k*) = (p - c) / (p - s)

c: committed rate, p: on-demand rate, s: what an unused unit brings (resale, internal reuse), all per unit and hour.
Without resale the quantile is the discount: 40 % off means the 40th percentile. Source: facts sheet section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from statistics import NormalDist

from netyield.core.errors import WrongUse


def critical_ratio(on_demand: Decimal, committed: Decimal, resale: Decimal = Decimal(0)) -> Decimal:
    """(p - c) / (p - s), the share of hours a unit must not be needed in. Raises WrongUse unless s < c < p."""
    if not resale < committed < on_demand:
        message = f"resale {resale} < committed {committed} < on demand {on_demand} does not hold."
        raise WrongUse(message, "Correct the rates: only then is there anything to weigh.")
    return (on_demand - committed) / (on_demand - resale)


def best_quantity(demand: Sequence[int], on_demand: Decimal, committed: Decimal, resale: Decimal = Decimal(0)) -> int:
    """The smallest k with F(k) at least the critical ratio, over equally likely whole demands.

    Exact: the comparison is made on whole counts, count(D <= k) * (p - s) >= n * (p - c).
    """
    critical_ratio(on_demand, committed, resale)
    if not demand:
        message = "there is no demand to plan for."
        raise WrongUse(message, "Give at least one hour.")
    ordered, wanted = sorted(demand), len(demand) * (on_demand - committed)
    if wanted <= 0:
        return 0
    for rank, value in enumerate(ordered, start=1):
        last = rank == len(ordered) or ordered[rank] != value
        if last and rank * (on_demand - resale) >= wanted:
            return max(0, value)
    return max(0, ordered[-1])


def expected_cost(
    quantity: int, demand: Sequence[int], on_demand: Decimal, committed: Decimal, resale: Decimal = Decimal(0)
) -> Decimal:
    """Mean cost of an hour with so many units committed."""
    over = sum(max(0, value - quantity) for value in demand)
    idle = sum(max(0, quantity - value) for value in demand)
    return committed * quantity + (on_demand * over - resale * idle) / len(demand)


def normal_quantity(
    mean: float, deviation: float, on_demand: Decimal, committed: Decimal, resale: Decimal = Decimal(0)
) -> float:
    """The quantile for a normally distributed demand."""
    return NormalDist(mean, deviation).inv_cdf(float(critical_ratio(on_demand, committed, resale)))
