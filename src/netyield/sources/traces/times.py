"""Arrival times as trace files write them: numbers in some unit, or dates."""

from __future__ import annotations

import math
from datetime import UTC, datetime

UNITS_US = {"s": 1_000_000.0, "ms": 1_000.0, "us": 1.0, "ns": 0.001}
EPOCH_LIKE = ((1e17, "ns"), (1e14, "us"), (1e11, "ms"))  # a number at least this large is a date in that unit


def microseconds(value: object, unit: str | None) -> int:
    """A time as microseconds from some origin. Raises ValueError for what is no time.

    Without ``unit`` a number is in seconds unless it is so large that it can only be a date in a finer unit.
    """
    message = "its time cannot be read"  # a value is never repeated: in the wrong column it may be a prompt
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            try:
                return _dated(str(value))
            except ValueError:
                raise ValueError(message) from None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(message)
    if unit is None:
        unit = next((name for least, name in EPOCH_LIKE if abs(value) >= least), "s")
    return round(value * UNITS_US[unit])


def _dated(text: str) -> int:
    whole, _, fraction = text.strip().removesuffix("Z").partition(".")
    digits = fraction[: len(fraction) - len(fraction.lstrip("0123456789"))]
    moment = datetime.fromisoformat(whole + fraction[len(digits) :])
    seconds = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
    return seconds * 1_000_000 + int((digits + "000000")[:6])
