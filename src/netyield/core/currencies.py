"""How small is the smallest coin of a currency? Digits after the point, as ISO 4217 lists them."""

from __future__ import annotations

from decimal import Decimal

from netyield.core.money import CONTEXT

USUAL_DIGITS = 2
MINOR_DIGITS = {
    "BHD": 3, "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0, "KMF": 0, "KRW": 0,
    "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0,
    "XPF": 0,
}  # fmt: skip


def minor_digits(currency: str) -> int:
    """2 for dollars and euros, 0 for yen."""
    return MINOR_DIGITS.get(currency, USUAL_DIGITS)


def coins(amount: Decimal, currency: str) -> int:
    """The amount in whole smallest coins. Raises ValueError when it has finer digits."""
    scaled = CONTEXT.scaleb(amount, minor_digits(currency))
    whole = int(scaled)
    if whole != scaled:
        message = f"{amount} is finer than the smallest coin of {currency}"
        raise ValueError(message)
    return whole


def from_coins(count: int, currency: str) -> Decimal:
    """The amount of so many smallest coins."""
    return CONTEXT.scaleb(Decimal(count), -minor_digits(currency))


def statement_unit(unit: Decimal, currency: str) -> Decimal:
    """What a statement is rounded to: ``unit``, or the smallest coin when it is 0. Raises ValueError for a part of a coin."""
    if not unit:
        return from_coins(1, currency)
    coins(unit, currency)
    return unit
