"""What would a new offer be worth? Blend and extend, another quantity, another type: the contract as offered against keeping it.

Until the old end the new payments replace the old ones, and use beyond the new units is rented. After it the new contract still
binds: it is worth what its used units would have cost on demand. A unit of another type does the work of ``new_unit_equals`` old
ones. Without an offer nothing is assumed.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

from netyield.economics.commitments.contract import HOURS_OF_DAY, Commitment, months_from
from netyield.economics.commitments.keep_value import Future, growth

RENEGOTIATE = "renegotiate"
OFFERED = ("new_rate", "new_end", "new_quantity")


def renegotiation(commitment: Commitment, day: date, future: Future, discount_per_year: Decimal = Decimal(0)) -> Decimal | None:
    """Value of the offer (``new_rate``, ``new_quantity``, ``new_end``) against keeping, in money of a day; None without one."""
    inputs, use, price_now = commitment.inputs, commitment.use, commitment.on_demand_rate
    if use is None or price_now is None or not all(name in inputs for name in OFFERED):
        return None
    units, end = int(inputs["new_quantity"]), inputs["new_end"]
    new_rate = Decimal(inputs["new_rate"]) * units
    serves = units * Decimal(inputs.get("new_unit_equals", 1))
    days = sorted({*months_from(day, max(end, commitment.end)), *(d for d in (commitment.end, end) if d > day)})
    found = Decimal(0)
    for since, until in pairwise(days):
        months = (since.year - day.year) * 12 + since.month - day.month
        factor, key = growth(future.demand_per_year, months), use.key(since.month)
        price = price_now * growth(future.price_per_year, months)
        held = Decimal(commitment.quantity if since < commitment.end else 0)
        offered = serves if since < end else Decimal(0)
        old = (commitment.rate * commitment.quantity if held else 0) - price * use.served(key, held, factor)
        new = (new_rate if offered else 0) - price * use.served(key, offered, factor)
        found += (old - new) * (until - since).days * HOURS_OF_DAY / growth(discount_per_year, months)
    return found - Decimal(inputs.get("new_fee", 0))
