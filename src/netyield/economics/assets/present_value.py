"""What is money of later periods worth now, and at which rate do payments repay a loan? Decimal arithmetic, 50 digits."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal

CONTEXT = Context(prec=50, rounding=ROUND_HALF_UP)
ONE = Decimal(1)
MONTHS = Decimal(12)


def discounted(flows: Sequence[Decimal], rate: Decimal, *, in_advance: bool = False) -> list[Decimal]:
    """Each flow at its value now; flow n comes at the end of period n, or at its start."""
    factor = CONTEXT.divide(ONE, CONTEXT.add(ONE, rate))
    worth = ONE if in_advance else factor
    found = []
    for flow in flows:
        found.append(CONTEXT.multiply(flow, worth))
        worth = CONTEXT.multiply(worth, factor)
    return found


def present_value(flows: Sequence[Decimal], rate: Decimal, *, in_advance: bool = False) -> Decimal:
    """The value now of flows at the ends (or starts) of periods, unrounded."""
    return total(discounted(flows, rate, in_advance=in_advance))


def total(amounts: Sequence[Decimal]) -> Decimal:
    """An exact sum."""
    found = Decimal(0)
    for amount in amounts:
        found = CONTEXT.add(found, amount)
    return found


def monthly_rate(yearly: Decimal) -> Decimal:
    """The rate per month that compounds to a rate per year."""
    return CONTEXT.subtract(CONTEXT.power(CONTEXT.add(ONE, yearly), CONTEXT.divide(ONE, MONTHS)), ONE)


def implied_rate(flows: Sequence[Decimal], value: Decimal, *, in_advance: bool = False) -> Decimal:
    """The rate at which positive flows are worth ``value``, by bisection to 30 digits. Raises ValueError when there is none."""
    low, high = Decimal("-0.9"), Decimal(10)
    if not present_value(flows, high, in_advance=in_advance) <= value <= present_value(flows, low, in_advance=in_advance):
        message = f"no rate between -90 % and 1,000 % makes these payments worth {value}"
        raise ValueError(message)
    while high - low > Decimal("1e-30"):
        middle = CONTEXT.divide(CONTEXT.add(low, high), Decimal(2))
        if present_value(flows, middle, in_advance=in_advance) > value:
            low = middle
        else:
            high = middle
    return high


def rounded(amount: Decimal, unit: Decimal) -> Decimal:
    """An amount as a whole multiple of the statement's unit, half away from zero."""
    steps = CONTEXT.divide(amount, unit).quantize(ONE, ROUND_HALF_UP, CONTEXT)
    return CONTEXT.multiply(steps, unit)
