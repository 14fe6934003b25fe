"""The user's own prices as written. What did we agree to pay, from when to when, for which models?

A contract row names a provider, a model (or glob), a tariff and a validity, and either rates or a discount off the
list. Rates it does not name fall to the wider class it names (cache reads without a rate are input), never back to
the list; a class with no rate at all leaves attempts that have such tokens unpriced.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from netyield.core.period import parse_time
from netyield.sources.prices.price_rows import REQUEST, STANDARD, TARIFFS, Dimensions

# What a rate may be called: <name>_per_mtok (in ``currency``) or <name>_usd_per_mtok.
RATE_NAMES: dict[str, Dimensions] = {
    "input": {"direction": "input"},
    "cache_read": {"direction": "input", "token_type": "cache_read"},
    "cache_write": {"direction": "input", "token_type": "cache_write"},
    "cache_write_5m": {"direction": "input", "token_type": "cache_write", "cache_ttl": "5m"},
    "cache_write_30m": {"direction": "input", "token_type": "cache_write", "cache_ttl": "30m"},
    "cache_write_1h": {"direction": "input", "token_type": "cache_write", "cache_ttl": "1h"},
    "cache_write_12h": {"direction": "input", "token_type": "cache_write", "cache_ttl": "12h"},
    "audio_input": {"direction": "input", "modality": "audio"},
    "audio_cache_read": {"direction": "input", "modality": "audio", "token_type": "cache_read"},
    "image_input": {"direction": "input", "modality": "image"},
    "image_cache_read": {"direction": "input", "modality": "image", "token_type": "cache_read"},
    "tool_input": {"direction": "input", "token_type": "tool"},
    "output": {"direction": "output"},
    "reasoning": {"direction": "output", "token_type": "reasoning"},
    "audio_output": {"direction": "output", "modality": "audio"},
    "image_output": {"direction": "output", "modality": "image"},
}
ANY_TARIFF = "*"
MTOK = 10**6
_RATE_KEY = re.compile(r"^(?P<name>\w+?)(?P<usd>_usd)?_per_(?P<per>mtok|request)$")


class ContractPrice(BaseModel):
    """One row of ``prices``. Amounts are exact: write them as text ("0.30")."""

    model_config = ConfigDict(extra="forbid")

    provider: str
    model: str
    tariff: str = STANDARD
    since: str | None = None
    until: str | None = None
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    from_input_tokens: int = Field(0, ge=0)
    discount_percent: Decimal | None = Field(None, ge=0, le=100)
    rates: dict[str, Decimal] = Field(default_factory=dict, description="<name>_usd_per_mtok or <name>_per_mtok")

    @model_validator(mode="before")
    @classmethod
    def _collect_rates(cls, given: Any) -> Any:
        """Gather the keys that are rates."""
        if not isinstance(given, dict) or "rates" in given:
            return given
        kept: dict[str, Any] = {}
        rates: dict[str, Decimal] = {}
        for key, value in given.items():
            match = _RATE_KEY.match(key)
            if match is None:
                kept[key] = value
                continue
            name = match["name"] if match["per"] == "mtok" else REQUEST
            if name in rates or (name != REQUEST and name not in RATE_NAMES):
                message = f"{key}: names of rates are {', '.join(RATE_NAMES)}, each given once"
                raise ValueError(message)
            if match["usd"] and given.get("currency", "USD") != "USD":
                message = f"{key} is in USD, but currency is {given['currency']}; write {key.replace('_usd', '')}"
                raise ValueError(message)
            rates[name] = _amount(key, value)
        return kept | {"rates": rates}

    @field_validator("tariff")
    @classmethod
    def _known_tariff(cls, tariff: str) -> str:
        if tariff not in (*TARIFFS, ANY_TARIFF):
            message = f"tariff {tariff!r} is not one of {', '.join(TARIFFS)} or '*' for all"
            raise ValueError(message)
        return tariff

    @field_validator("since", "until", mode="before")
    @classmethod
    def _as_text(cls, moment: Any) -> Any:
        """A TOML date or time as ISO text; checked here, read in the source's time zone later."""
        written = moment.isoformat() if isinstance(moment, date) else moment
        if isinstance(written, str):
            parse_time(written)
        return written

    @model_validator(mode="after")
    def _makes_sense(self) -> ContractPrice:
        if not self.rates and self.discount_percent is None:
            message = "a contract price needs at least one rate (input_usd_per_mtok = \"...\") or a discount_percent"
            raise ValueError(message)
        if self.since and self.until and parse_time(self.since) >= parse_time(self.until):
            message = f"since {self.since} is not before until {self.until}"
            raise ValueError(message)
        for medium in ("audio", "image"):
            if {"cache_read", f"{medium}_input"} <= self.rates.keys() and f"{medium}_cache_read" not in self.rates:
                message = f"cache_read and {medium}_input both cover cached {medium}: give {medium}_cache_read too"
                raise ValueError(message)
        return self


def _amount(key: str, value: Any) -> Decimal:
    """A rate as an exact decimal; a TOML float counts as the digits it was written with."""
    try:
        amount = Decimal(repr(value) if isinstance(value, float) else str(value).strip())
    except InvalidOperation:
        amount = Decimal("nan")
    if not amount.is_finite() or amount < 0 or amount >= MTOK:
        message = f"{key} = {value!r} is not an amount of money of 0 or more per million tokens"
        raise ValueError(message)
    return amount
