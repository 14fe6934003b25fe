"""Dollars per GPU-hour for people who have no bill yet.

    [[source]]
    type = "rate_card"
    rates = [{pool = "*", usd_per_gpu_hour = "2.00", since = "2020-01-01", gpus = 8}]

``pool`` is a name or glob; ``per_gpu_hour`` with ``currency`` is for other money; ``gpus`` says how many are paid for
at all times (without it each device is paid from its first to its last sample); ``until`` ends a rate. A changed card
replaces the old one. Numbers without quotes are read as the digits they show.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from netyield.core.contract import conform, contract
from netyield.core.finding import Finding
from netyield.core.money import from_pico, text, to_pico
from netyield.core.period import iso, parse_time
from netyield.sources.amounts import read_number
from netyield.sources.contract import Chunk, Cursor, Delivery, Probe, SourceSettings
from netyield.sources.files import Place

LONG_AGO = "2000-01-01"
DEAR_USD = Decimal(1000)  # no GPU-hour costs this; a GPU-month does
MOST_GPUS = 10_000_000


class Rate(BaseModel):
    """One line of the card."""

    model_config = ConfigDict(extra="forbid")

    pool: str = "*"
    usd_per_gpu_hour: Decimal | None = None
    per_gpu_hour: Decimal | None = None
    currency: str = "USD"
    since: str = LONG_AGO
    until: str | None = None
    gpus: int | None = Field(default=None, ge=0, le=MOST_GPUS)
    term: str | None = None
    source: str | None = None

    @field_validator("usd_per_gpu_hour", "per_gpu_hour", mode="before")
    @classmethod
    def _exact(cls, value: Any) -> Any:
        """A TOML float becomes the shortest decimal that gives it back: what the file shows."""
        if value is None or isinstance(value, Decimal):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            message = 'write the rate as text, such as "2.00"'
            raise ValueError(message)
        amount = read_number(value if isinstance(value, str) else repr(value))
        if amount < 0 or amount >= Decimal(10) ** 9:
            message = "a rate is from 0 to a billion per GPU-hour"
            raise ValueError(message)
        return amount

    @field_validator("since", "until", mode="before")
    @classmethod
    def _moment(cls, value: Any) -> Any:
        """TOML dates and times, or their text."""
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, str):
            parse_time(value)
        return value

    @model_validator(mode="after")
    def _one_rate(self) -> Rate:
        if (self.usd_per_gpu_hour is None) == (self.per_gpu_hour is None):
            message = "give either usd_per_gpu_hour, or per_gpu_hour with currency"
            raise ValueError(message)
        if self.usd_per_gpu_hour is not None and self.currency != "USD":
            message = "usd_per_gpu_hour is in USD; use per_gpu_hour with currency"
            raise ValueError(message)
        if len(self.currency) != 3 or not self.currency.isalpha() or not self.currency.isupper():
            message = f"currency {self.currency!r} is no ISO 4217 code such as EUR"
            raise ValueError(message)
        return self

    @property
    def amount(self) -> Decimal:
        """The rate, whichever way it was written."""
        return self.usd_per_gpu_hour if self.usd_per_gpu_hour is not None else self.per_gpu_hour or Decimal(0)


class RateCard:
    """``rate_cards`` from the configuration itself."""

    type: ClassVar[str] = "rate_card"

    class Settings(SourceSettings):
        """Keys of ``type = "rate_card"``."""

        rates: list[Rate] = Field(min_length=1)

        @model_validator(mode="after")
        def _lasting(self) -> RateCard.Settings:
            for rate in self.rates:
                if rate.until and parse_time(rate.until, self.timezone) <= parse_time(rate.since, self.timezone):
                    message = f"the rate of pool {rate.pool!r} ends ({rate.until}) before it starts ({rate.since})"
                    raise ValueError(message)
            return self

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.root = root

    @property
    def _name(self) -> str:
        return self.settings.name or self.type

    def probe(self) -> Probe:
        """The card in one sentence."""
        rates = [f"{r.pool} {text(r.amount)} {r.currency}" for r in self.settings.rates]
        found = f"{len(rates)} rate{'s' if len(rates) > 1 else ''} per GPU-hour: {', '.join(rates[:5])}"
        return Probe(True, found, None, len(rates), None, ("rate_cards",), tuple(self._findings()))

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """One snapshot: the card as it is now."""
        rates = [rate.model_dump(mode="json", exclude_none=True) for rate in self.settings.rates]
        raw = json.dumps({"rates": rates, "timezone": self.settings.timezone}, sort_keys=True).encode()
        yield Delivery(
            name=self._name,
            kind="snapshot",
            content_hash=hashlib.sha256(self.type.encode() + b"\0" + self._name.encode() + b"\0" + raw).hexdigest(),
            chunks=self._chunks,
            raw=raw,
            next_cursor=partial(dict, cursor),
            snapshot_keys=lambda: (self._name,),
            size_bytes=len(raw),
        )

    def _chunks(self) -> Iterator[Chunk]:
        rows = [self._row(number, rate) for number, rate in enumerate(self.settings.rates, 1)]
        table = pa.Table.from_pylist(rows, schema=contract("rate_cards").source_schema)
        yield Chunk(tables={"rate_cards": conform("rate_cards", table)}, findings=self._findings())

    def _row(self, number: int, rate: Rate) -> dict[str, Any]:
        since = self._since(rate)
        return {
            "row_number": number,
            "event_key": f"{rate.pool}|{rate.currency}|{iso(since)}|{number}",
            "event_time": since,
            "pool": rate.pool,
            "currency": rate.currency,
            "rate_per_gpu_hour": from_pico(to_pico(rate.amount)[0]),
            "valid_from": since,
            "valid_until": parse_time(rate.until, self.settings.timezone) if rate.until else None,
            "gpus": rate.gpus,
            "term": rate.term,
            "price_source": rate.source,
        }

    def _since(self, rate: Rate) -> datetime:
        return parse_time(rate.since, self.settings.timezone)

    def _findings(self) -> list[Finding]:
        place = Place(self.type, self._name)
        findings = []
        seen: dict[tuple[str, datetime], Rate] = {}
        for number, rate in enumerate(self.settings.rates, 1):
            first = seen.setdefault((rate.pool, self._since(rate)), rate)
            if first is not rate:
                message = f"pool {rate.pool!r} has two rates since {rate.since}: {_money(first)} and {_money(rate)}"
                repair = "Keep one, or give the other its own since."
                findings.append(place.error("same_since", message, repair, number))
            if to_pico(rate.amount)[1]:
                message = f"the rate {text(rate.amount)} was cut to 12 decimal places"
                findings.append(place.info("finer_digits", message, "", number))
            if rate.currency == "USD" and rate.amount >= DEAR_USD:
                message = f"{_money(rate)} per GPU-hour looks like a price per month"
                findings.append(place.warning("dear_rate", message, "Divide a monthly price by 730 hours.", number))
        return findings


def _money(rate: Rate) -> str:
    return f"{text(rate.amount)} {rate.currency}"
