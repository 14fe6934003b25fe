"""Exact money. How is an amount cut or split without losing a pico-unit?

Unit: 1 pico-unit = 1e-12 of a currency unit. An attempt's cost is an int64 of pico-units; charges, leaves
and sums are DECIMAL(38,12). Nothing here touches a float. Integer division truncates toward zero, so that
share(-C) = -share(C) and a reversal cancels line by line.
Sources: design section 4 (splitting), facts sheet on billing section 5 (largest remainder at statement leaves).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation

import pyarrow as pa

PICO_DIGITS = 12
PICO = 10**PICO_DIGITS
MONEY = pa.decimal128(38, PICO_DIGITS)
INT64_MAX = 2**63 - 1
# Cutting a charge by seconds multiplies it by up to 1e9 inside 128 bits; beyond this a line is not money.
AMOUNT_LIMIT = Decimal(10) ** 15
CONTEXT = Context(prec=76)


def parse_amount(text: str) -> Decimal:
    """The exact decimal a bill wrote. Raises ValueError for anything that is not a finite plain number."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        message = f"{text!r} is not a number"
        raise ValueError(message) from None
    if not value.is_finite():
        message = f"{text!r} is not a finite number"
        raise ValueError(message)
    if abs(value) >= AMOUNT_LIMIT:
        message = f"{text!r} is beyond {AMOUNT_LIMIT:.0e} units"
        raise ValueError(message)
    return value


def to_pico(amount: Decimal) -> tuple[int, Decimal]:
    """(pico-units, remainder in units). The remainder has the sign of the amount and is below one pico-unit."""
    scaled = CONTEXT.scaleb(amount, PICO_DIGITS)
    whole = int(scaled)  # int() truncates toward zero
    return whole, CONTEXT.scaleb(CONTEXT.subtract(scaled, Decimal(whole)), -PICO_DIGITS)


def from_pico(pico: int) -> Decimal:
    """The decimal of 12 places for a whole number of pico-units."""
    return CONTEXT.scaleb(Decimal(pico), -PICO_DIGITS)


def text(amount: Decimal) -> str:
    """Plain digits, no exponent, no trailing zeros, no negative zero: the way an amount is printed in JSON."""
    plain = f"{amount:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in {"-0", ""} else plain


def int_div(dividend: int, divisor: int) -> int:
    """Integer division that truncates toward zero, as every engine's kernel does."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend >= 0) == (divisor > 0) else -quotient


def split(amount_pico: int, weights: Sequence[int], keys: Sequence[str]) -> list[int]:
    """Divide ``amount_pico`` over non-negative integer weights; the parts add up exactly.

    share = trunc(C*w/W); the remainder goes to the row with the largest (weight, key). Independent of row order.
    Raises ValueError when no weight is positive: give that money a named bucket instead.
    """
    total = sum(weights)
    if total <= 0:
        message = "split needs one positive weight; give the whole amount to a named bucket instead"
        raise ValueError(message)
    shares = [int_div(amount_pico * weight, total) for weight in weights]
    heir = max(range(len(weights)), key=lambda i: (weights[i], keys[i]))
    shares[heir] += amount_pico - sum(shares)
    return shares


def cut(amount_pico: int, span: int, start: int, end: int) -> int:
    """The part of an amount spread evenly over ``span`` that falls in [start, end), 0 <= start <= end <= span.

    Cumulative integers: adjacent cuts always add up to the whole, wherever the edges are.
    """
    return int_div(amount_pico * end, span) - int_div(amount_pico * start, span)


def round_half_up(numerator: int, denominator: int) -> int:
    """numerator/denominator rounded to a whole number, ties away from zero (the one rounding rule)."""
    sign = -1 if (numerator < 0) != (denominator < 0) else 1
    top, bottom = abs(numerator), abs(denominator)
    return sign * ((2 * top + bottom) // (2 * bottom))


def quantise(amount: Decimal, places: int) -> Decimal:
    """An amount rounded once for a statement or a screen, ties away from zero."""
    return amount.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=CONTEXT)


def largest_remainder(total: int, weights: Sequence[int], keys: Sequence[str]) -> list[int]:
    """Statement lines in whole cents: floor by weight, missing cents to the largest fractions, ties by key."""
    denominator = sum(weights)
    if denominator <= 0:
        message = "largest_remainder needs one positive weight"
        raise ValueError(message)
    sign = -1 if total < 0 else 1
    pairs = [divmod(abs(total) * weight, denominator) for weight in weights]
    lines = [whole for whole, _ in pairs]
    order = sorted(range(len(weights)), key=lambda i: (-pairs[i][1], keys[i]))
    for index in order[: abs(total) - sum(lines)]:
        lines[index] += 1
    return [sign * line for line in lines]
