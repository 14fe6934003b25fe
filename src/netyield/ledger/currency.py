"""What is an amount in another currency worth, and on which day's rate? Exact integers; no rate means no conversion.

A rate of the charge's own day is used, else the last one before it that is at most ``MAX_AGE_DAYS`` old.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from netyield.core.money import round_half_up

RATE_UNIT = 10**18
MAX_AGE_DAYS = 7


class Rates:
    """Dated exchange rates, looked up by (base, quote, day). The inverse of a published pair is used when need be."""

    def __init__(self, rows: Iterable[tuple[str, str, str, Decimal]]) -> None:
        pairs: dict[tuple[str, str], dict[str, int]] = {}
        for day, base, quote, rate in rows:
            pairs.setdefault((base, quote), {})[day] = int(rate * RATE_UNIT)
        self._pairs = {pair: (sorted(days), days) for pair, days in pairs.items()}

    def convert(self, pico: int, base: str, quote: str, day: str) -> int | None:
        """``pico`` of ``base`` in pico-units of ``quote`` on ``day`` (``2026-11-01``), or None without a rate."""
        if base == quote:
            return pico
        rate = self._rate(base, quote, day)
        if rate is not None:
            return round_half_up(pico * rate, RATE_UNIT)
        inverse = self._rate(quote, base, day)
        return None if inverse is None else round_half_up(pico * RATE_UNIT, inverse)

    def _rate(self, base: str, quote: str, day: str) -> int | None:
        found = self._pairs.get((base, quote))
        if found is None:
            return None
        days, rates = found
        index = bisect_right(days, day) - 1
        if index < 0 or _age_days(days[index], day) > MAX_AGE_DAYS:
            return None
        return rates[days[index]]


def _age_days(earlier: str, later: str) -> int:
    return (date.fromisoformat(later) - date.fromisoformat(earlier)).days
