"""What would a new offer be worth? Blend and extend, another quantity, another type: the contract as offered against keeping it.

Until the old end the new payments replace the old ones, and use beyond the new units is rented. After it the new contract still
binds: it is worth what its used units would have cost on demand. Without an offer nothing is assumed.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

from netyield.economics.commitments.contract import HOURS_OF_DAY, Commitment, months_from
from netyield.economics.commitments.keep_value import Future, growth

RENEGOTIATE = "renegotiate"
OFFERED = ("new_rate", "new_end", "new_quantity")


def renegotiation(commitment: Commitment, day: date, future: Future) -> Decimal | None:
    """Value of the offer (``new_rate``, ``new_quantity``, ``new_end``) against keeping, from a day on; None without one."""
    inputs = commitment.inputs
    if not all(name in inputs for name in OFFERED):
        return None
    if commitment.on_demand_rate is None or commitment.used_units is None:
        return None
    rate, units, end = Decimal(inputs["new_rate"]), int(inputs["new_quantity"]), inputs["new_end"]
    days = sorted({*months_from(day, max(end, commitment.end)), *(d for d in (commitment.end, end) if d > day)})
    found = Decimal(0)
    for number, (since, until) in enumerate(pairwise(days)):
        hours = (until - since).days * HOURS_OF_DAY
        used = commitment.used_units * growth(future.demand_per_year, number)
        price = commitment.on_demand_rate * growth(future.price_per_year, number)
        old_units = commitment.quantity if since < commitment.end else 0
        new_units = units if since < end else 0
        old = commitment.rate * old_units + price * (used - min(used, Decimal(old_units)))
        new = rate * new_units + price * (used - min(used, Decimal(new_units)))
        found += (old - new) * hours
    return found - Decimal(inputs.get("new_fee", 0))
