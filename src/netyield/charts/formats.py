"""How is a figure written for a person? One spelling for charts, terminal and page.

Nothing here computes an answer: a value comes in, its words go out. Unknown is never a number: it is
``not measured``, and a bound that cannot be given is ``unbounded``. Amounts are rounded once, here, for the eye;
the exact digits stay in the table, in CSV and in JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from netyield.core.money import quantise
from netyield.core.names import IDLE, SHARED, UNATTRIBUTED, UNKNOWN
from netyield.core.period import DAY, Period, parse_time

NOT_MEASURED = "not measured"
UNBOUNDED = "unbounded"
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "KRW": "₩", "CNY": "CN¥", "INR": "₹"}
WHOLE_UNITS_ONLY = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "HUF"})  # no cents in daily use
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
RATE_DIGITS = 4  # significant digits of a unit cost below one


RESERVED = {IDLE: "(idle)", SHARED: "(shared)", UNATTRIBUTED: "(unattributed)", UNKNOWN: "(unknown)", "": "(none)"}


def label(value: Any) -> str:
    """A dimension's value; the reserved ones and the empty one in words."""
    return RESERVED.get(str(value), str(value))


def spaced(name: Any) -> str:
    """A machine's name as words: ``rejected_by_user`` is ``rejected by user``."""
    return str(name).replace("_", " ")


def decimal(value: Any) -> Decimal | None:
    """The value as a Decimal; None for null, NaN and infinity."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    found = value if isinstance(value, Decimal) else Decimal(str(value))
    return found if found.is_finite() else None


def _signed(negative: bool, currency: str, digits: str) -> str:
    symbol = SYMBOLS.get(currency, f"{currency} " if currency else "")
    return f"{'-' if negative else ''}{symbol}{digits}"


def money(value: Any, currency: str) -> str:
    """An amount: ``$1,234.50``; a real amount too small to show is ``<$0.01``, never $0.00."""
    amount = decimal(value)
    if amount is None:
        return NOT_MEASURED
    places = 0 if currency in WHOLE_UNITS_ONLY else 2
    rounded = quantise(amount, places)
    if not rounded and amount:
        least = _signed(False, currency, f"{Decimal(1).scaleb(-places):f}")
        return f"<{least}" if amount > 0 else f">-{least}"
    return _signed(rounded < 0, currency, f"{abs(rounded):,f}")


def rate(value: Any, currency: str) -> str:
    """A unit cost: cents from one unit upwards, four significant digits below, ``$0.04213``."""
    amount = decimal(value)
    if amount is None:
        return NOT_MEASURED
    if abs(amount) >= 1 or not amount:
        return _signed(amount < 0, currency, f"{abs(quantise(amount, 2)):,f}")
    places = max(2, RATE_DIGITS - 1 - amount.adjusted())
    digits = f"{abs(quantise(amount, places)):f}"
    whole, _, fraction = digits.partition(".")
    return _signed(amount < 0, currency, f"{whole}.{fraction.rstrip('0').ljust(2, '0')}")


def compact_money(value: Any, currency: str) -> str:
    """An amount for an axis: ``$1.2M``, ``$40k``, ``$7``."""
    amount = decimal(value)
    if amount is None:
        return NOT_MEASURED
    return _signed(amount < 0, currency, compact(abs(amount)))


def compact(value: Any) -> str:
    """A count for a headline: ``1.2B``, ``640k``, ``12``."""
    amount = decimal(value)
    if amount is None:
        return NOT_MEASURED
    for power, letter in ((12, "T"), (9, "B"), (6, "M"), (3, "k")):
        if abs(amount) >= Decimal(10) ** power:
            scaled = amount.scaleb(-power)
            return f"{quantise(scaled, 0 if abs(scaled) >= 100 else 1):f}".removesuffix(".0") + letter
    return f"{quantise(amount, 0 if amount == amount.to_integral_value() else 2):f}"


def share(value: Any) -> str:
    """A part of one: 0.338 is ``33.8%``; a real share too small to show is ``<0.1%``."""
    part = decimal(value)
    if part is None:
        return NOT_MEASURED
    rounded = quantise(part * 100, 1)
    if not rounded and part:
        return "<0.1%" if part > 0 else ">-0.1%"
    return f"{rounded:,f}%" if rounded else "0.0%"


def count(value: Any) -> str:
    """A whole number with separators, or one with its own digits (at most four places)."""
    number = decimal(value)
    if number is None:
        return NOT_MEASURED
    if number == number.to_integral_value():
        return f"{int(number):,d}"
    return f"{quantise(number, 4):,f}".rstrip("0").rstrip(".")


def hours(value: Any) -> str:
    """GPU-hours with one place: ``636,864.0``."""
    number = decimal(value)
    return NOT_MEASURED if number is None else f"{quantise(number, 1):,f}"


def moment(value: datetime | date | str | None) -> str:
    """A UTC time: a midnight is a day, ``2026-11-01``; anything else has its minute, ``2026-11-01 13:20``."""
    if value is None:
        return NOT_MEASURED
    if isinstance(value, str):
        return value
    if not isinstance(value, datetime):
        return value.isoformat()
    utc = value.astimezone(UTC) if value.tzinfo else value
    if (utc.hour, utc.minute, utc.second, utc.microsecond) == (0, 0, 0, 0):
        return f"{utc:%Y-%m-%d}"
    return f"{utc:%Y-%m-%d %H:%M}"


def minute(text: str) -> str:
    """An ISO time of the books, to the minute: ``2026-11-01 00:00 UTC``."""
    return f"{parse_time(text):%Y-%m-%d %H:%M} UTC"


def window(period: Period) -> str:
    """The inclusive days of a half-open window: ``1 Nov to 30 Nov 2026 (30 days, UTC)``."""
    since, until = period.since.astimezone(UTC), period.until.astimezone(UTC)
    whole_days = (
        since == since.replace(hour=0, minute=0, second=0, microsecond=0) and (until - since) % DAY == timedelta()
    )
    if not whole_days or since == until:
        return f"{since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC"
    last = until - DAY
    days = (until - since) // DAY
    if days == 1:
        return f"{_day(since)} {since.year} (1 day, UTC)"
    first = _day(since) if since.year == last.year else f"{_day(since)} {since.year}"
    return f"{first} to {_day(last)} {last.year} ({days:,} days, UTC)"


def _day(value: datetime) -> str:
    return f"{value.day} {MONTHS[value.month - 1]}"


def interval(bounds: Any, write: Any, open_end: str = UNBOUNDED) -> str:
    """``low to high`` by ``write``; one text when they are equal; ``from low, unbounded`` when there is no high.

    ``bounds`` is a mapping with ``low`` and ``high``, a single value, or None (not measured).
    """
    if bounds is None:
        return NOT_MEASURED
    if not isinstance(bounds, Mapping):
        return str(write(bounds))
    low, high = decimal(bounds.get("low")), decimal(bounds.get("high"))
    if low is None and high is None:
        return NOT_MEASURED
    if high is None:
        return f"from {write(low)}, {open_end}"
    if low is None:
        return f"at most {write(high)}"
    return str(write(low)) if write(low) == write(high) else f"{write(low)} to {write(high)}"
