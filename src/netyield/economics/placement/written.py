"""How is an uncertain input written in a file? A number, or ``[low, likely, high]``; checked for what it is.

``{ value = ..., source = "...", dated = 2026-11-01 }`` says whose word this one number is; else the table's source holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator

from netyield.economics.placement.uncertain import Uncertain, exactly, within


def _interval(written: Any) -> Uncertain:
    if isinstance(written, Mapping):
        return _sourced(written)
    if isinstance(written, int | float) and not isinstance(written, bool):
        return exactly(float(written))
    if isinstance(written, list) and len(written) == 3 and all(isinstance(each, int | float) for each in written):
        low, mid, high = map(float, written)
        if not low <= mid <= high:
            message = f"{written} is not in order: write [low, likely, high]"
            raise ValueError(message)
        return within(low, mid, high)
    if isinstance(written, Uncertain):
        return written
    message = f"{written!r} is neither a number nor [low, likely, high]"
    raise ValueError(message)


def _sourced(written: Mapping[str, Any]) -> Uncertain:
    unknown = sorted(set(written) - {"value", "source", "dated"})
    if unknown or "value" not in written or isinstance(written["value"], Mapping):
        message = f"{dict(written)} is no input: write value, source and dated"
        raise ValueError(message)
    day = written.get("dated")
    if day is not None and not isinstance(day, date):
        try:
            day = date.fromisoformat(str(day))
        except ValueError:
            message = f"{day!r} is no day: write dated = 2026-11-30"
            raise ValueError(message) from None
    return replace(_interval(written["value"]), source=str(written.get("source", "")), dated=day.isoformat() if day else "")


def _at_least_zero(value: Uncertain) -> Uncertain:
    if not (value.low >= 0 and value.high < 1e15):
        message = "the interval holds a value below 0, or no finite one"
        raise ValueError(message)
    return value


def _share(value: Uncertain) -> Uncertain:
    if not (value.low >= 0 and value.high <= 1):
        message = "a share lies between 0 and 1"
        raise ValueError(message)
    return value


def _above_zero(value: Uncertain) -> Uncertain:
    if not (value.low > 0 and value.high < 1e15):
        message = "the interval must lie above 0"
        raise ValueError(message)
    return value


Amount = Annotated[Uncertain, BeforeValidator(lambda written: _at_least_zero(_interval(written)))]
Positive = Annotated[Uncertain, BeforeValidator(lambda written: _above_zero(_interval(written)))]
Share = Annotated[Uncertain, BeforeValidator(lambda written: _share(_interval(written)))]
Number = Annotated[Uncertain, BeforeValidator(_interval)]
