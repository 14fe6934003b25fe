"""What does a plan cost over hours of demand? Exact: demand in whole millionths of a unit, rates as decimals.

Every hour pays for all committed units, rents on demand what they do not cover, and sells what is left over at the best
resale rates first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from netyield.core.money import CONTEXT
from netyield.economics.commitments.offers import Offer, OfferBook

MICRO = 1_000_000
Micros = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class PlanCost:
    """Cost of some hours, in the offers' currency; unit-hours are exact decimals."""

    committed: Decimal
    on_demand: Decimal
    resold: Decimal
    on_demand_unit_hours: Decimal
    unused_unit_hours: Decimal

    @property
    def total(self) -> Decimal:
        """Committed and on demand less what resale brought."""
        return self.committed + self.on_demand - self.resold


def plan_cost(quantities: Mapping[str, int], demand: Micros, book: OfferBook) -> PlanCost:
    """The cost of so many units of each offer, held through all the hours. ``demand``: millionths of a unit per hour."""
    held = sum(quantities.values())
    hours = len(demand)
    committed = sum((offer.rate * quantities.get(offer.name, 0) * hours for offer in book.offers), Decimal(0))
    over, spare = beyond(demand, held), beyond(-demand, -held)
    resold = _resold([(offer, quantities.get(offer.name, 0)) for offer in book.offers], demand, held)
    return PlanCost(committed, CONTEXT.multiply(over, book.on_demand), resold, over, spare)


def beyond(demand: Micros, held: int) -> Decimal:
    """Unit-hours of demand above so many units."""
    return CONTEXT.scaleb(Decimal(int(np.maximum(demand - held * MICRO, 0).sum())), -6)


def _resold(held: Sequence[tuple[Offer, int]], demand: Micros, total: int) -> Decimal:
    """What spare units bring: those of the best resale rate stand at the top of the pile and are spare first."""
    brought, top = Decimal(0), total
    for offer, units in sorted(held, key=lambda pair: -pair[0].resale_rate):
        if units and offer.resale_rate:
            spare = beyond(-demand, -top) - beyond(-demand, -(top - units))
            brought += CONTEXT.multiply(spare, offer.resale_rate)
        top -= units
    return brought
