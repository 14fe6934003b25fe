"""The words of an asset register: what one [[asset]], [[change]] or row of its CSV may say, with units in the names.

Amounts are exact decimals (text or TOML numbers), lives are text such as "6y", "72m" or "4y6m", dates are days.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from netyield.core.depreciation import YEAR, Method

BookName = Literal["ifrs", "us_gaap"]
BOOKS: tuple[BookName, ...] = ("ifrs", "us_gaap")
Convention = Literal["month", "next_month", "day"]
LARGEST = Decimal(10**18)
LIFE = re.compile(r"(?:(?P<years>\d+(?:\.\d+)?)\s*y(?:ears?)?)?\s*(?:(?P<months>\d+)\s*m(?:onths?)?)?", re.IGNORECASE)


def exact(value: Any) -> Any:
    """A number as the digits it shows; text without separators."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return value
    try:
        found = Decimal(value if isinstance(value, int | Decimal) else str(value).strip())
    except InvalidOperation:
        message = f'{value!r} is no amount; write digits with a point, such as "39999.50"'
        raise ValueError(message) from None
    if not found.is_finite() or abs(found) >= LARGEST:
        message = f"{value!r} is no amount, or one of {LARGEST:,f} and more"
        raise ValueError(message)
    return found


def months_of(value: Any) -> Any:
    """``6y``, ``72m``, ``4y6m`` or ``4.5y`` as months."""
    if isinstance(value, Fraction):
        return value
    match = LIFE.fullmatch(str(value).strip())
    if not match or not (match["years"] or match["months"]):
        message = f'{value!r} is no length of time; write "6y", "72m" or "4y6m"'
        raise ValueError(message)
    return Fraction(match["years"] or 0) * YEAR + int(match["months"] or 0)


def day_of(value: Any) -> Any:
    """A TOML date or its text."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            message = f"{value!r} is no day; write it as 2026-11-30"
            raise ValueError(message) from None
    return value


Amount = Annotated[Decimal, BeforeValidator(exact)]
Months = Annotated[Fraction, BeforeValidator(months_of)]
Day = Annotated[date, BeforeValidator(day_of)]


class Strict(BaseModel):
    """Unknown keys are refused; a common other word of accountants is understood."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True, arbitrary_types_allowed=True)


class Estimates(Strict):
    """What can differ between books and change over time. None: as before."""

    method: Method | None = None
    useful_life: Months | None = None
    remaining_life: Months | None = None
    residual: Amount | None = Field(None, validation_alias=AliasChoices("residual", "residual_value", "salvage"))
    factor: Amount | None = None
    switch: bool | None = None
    units_total: Amount | None = None


class Change(Estimates):
    """A change of estimate: from ``effective`` on, never before the month it was recorded in."""

    effective: Day
    recorded: Day | None = None
    book: BookName | None = None
    assets: str = "*"
    reason: str = ""


class WriteDown(Strict):
    """An impairment loss, or with ``[[asset.reversal]]`` its reversal."""

    at: Day = Field(validation_alias=AliasChoices("date", "at"))
    amount: Amount
    book: BookName | None = None
    recorded: Day | None = None
    reason: str = ""


class AssetTerms(Estimates):
    """One asset: what was paid, from when it serves, and how it is written off."""

    id: str = Field("asset", validation_alias=AliasChoices("id", "name", "asset"))
    cost: Amount
    currency: str | None = Field(None, pattern=r"^[A-Z]{3}$")
    purchased: Day | None = None
    in_service: Day = Field(validation_alias=AliasChoices("in_service", "in_service_date"))
    recorded: Day | None = None
    convention: Convention = "month"
    gpus: int = Field(0, ge=0)
    serial: str = ""
    pool: str = ""
    group: str = ""
    tags: dict[str, str] | None = None
    units: dict[str, Amount] | None = None
    ifrs: Estimates | None = None
    us_gaap: Estimates | None = None
    change: tuple[Change, ...] = ()
    write_down: tuple[WriteDown, ...] = ()
    reversal: tuple[WriteDown, ...] = ()
    disposed: Day | None = None
    proceeds: Amount | None = None


class Rate(Strict):
    """A dated exchange rate: one unit of ``base`` is worth ``rate`` of ``quote`` on ``date``."""

    day: Day = Field(validation_alias=AliasChoices("date", "day"))
    base: str = Field(pattern=r"^[A-Z]{3}$")
    quote: str = Field(pattern=r"^[A-Z]{3}$")
    rate: Amount = Field(gt=0)
