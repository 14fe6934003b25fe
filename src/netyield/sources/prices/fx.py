"""Dated exchange rates.

    [[source]]
    type = "fx"
    path = "fx/*.csv"         # columns date, base, quote, rate and perhaps source; or rates = [...] in line
    base = "EUR"              # for files with one column per currency (the European Central Bank's)

One unit of ``base`` is worth ``rate`` units of ``quote``. Nothing is converted by a rate that is not here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from netyield.core.period import DAY, Period
from netyield.sources.contract import (
    Chunk,
    Cursor,
    Delivery,
    Probe,
    SourceSettings,
    rejected_rows,
)
from netyield.sources.file_deliveries import file_deliveries
from netyield.sources.files import Place, header, label, matching, no_file, read_rows, size_bytes
from netyield.sources.prices.fx_rows import FxReader, long_rows, wide_rows


class InlineRate(BaseModel):
    """One rate in netyield.toml."""

    model_config = ConfigDict(extra="forbid")

    date: str
    base: str
    quote: str
    rate: str
    source: str | None = None

    @field_validator("date", "rate", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        """TOML dates, and numbers as the digits they show."""
        if isinstance(value, date):
            return value.isoformat()
        return repr(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


class FxRates:
    """``fx_rates`` from files or from the configuration."""

    type: ClassVar[str] = "fx"

    class Settings(SourceSettings):
        """Keys of ``type = "fx"``."""

        path: str = ""
        rates: list[InlineRate] = Field(default_factory=list)
        base: str = Field(default="EUR", pattern="^[A-Z]{3}$")

        @model_validator(mode="after")
        def _one_of_both(self) -> FxRates.Settings:
            if bool(self.path) == bool(self.rates):
                message = "give either path or rates"
                raise ValueError(message)
            return self

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.root = root

    def probe(self) -> Probe:
        """Pairs and days; reads the files, which are small."""
        paths = matching(self.root, self.settings.path) if self.settings.path else []
        if self.settings.path and not paths:
            missing = no_file(self.type, self.settings.path, self.root)
            return Probe(False, f"no file at {self.settings.path}", findings=(missing,))
        chunks = [chunk for delivery in self.deliveries({}) for chunk in delivery.chunks()]
        rows = [row for chunk in chunks if "fx_rates" in chunk.tables for row in chunk.tables["fx_rates"].to_pylist()]
        pairs = sorted({f"{row['base']}/{row['quote']}" for row in rows})
        days = [row["event_time"] for row in rows]
        found = f"{len(rows):,} exchange rates of {len(pairs)} pairs ({', '.join(pairs[:5])})"
        window = Period(min(days), max(days) + DAY) if days else None
        findings = tuple(finding for chunk in chunks for finding in chunk.findings)
        return Probe(bool(rows), found, window, len(rows), tables=("fx_rates",), findings=findings)

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """One per file; rates in the configuration are a snapshot, so that an edited rate replaces the old one."""

        def make(path: Path, name: str, identity: str) -> Delivery:
            return Delivery(
                name=name, kind="immutable", content_hash=identity,
                chunks=partial(self._file_chunks, path, identity), raw=path, next_cursor=partial(dict, cursor),
                size_bytes=size_bytes(path),
            )

        if self.settings.path:
            yield from file_deliveries(self.type, self.root, self.settings.path, make)
        if self.settings.rates:
            name = self.settings.name or self.type
            rates = [rate.model_dump(exclude_none=True) for rate in self.settings.rates]
            raw = json.dumps(rates, sort_keys=True).encode()
            identity = hashlib.sha256(name.encode() + b"\0" + raw).hexdigest()
            yield Delivery(
                name=name, kind="snapshot", content_hash=identity, chunks=partial(self._inline_chunks, name, identity),
                raw=raw, next_cursor=partial(dict, cursor), snapshot_keys=lambda: (name,), size_bytes=len(raw),
            )

    def _inline_chunks(self, name: str, identity: str) -> Iterator[Chunk]:
        rows = [
            (number, rate.date, rate.base, rate.quote, rate.rate, rate.source)
            for number, rate in enumerate(self.settings.rates, 1)
        ]
        yield FxReader(Place(self.type, name), identity[:32]).chunk(rows, Chunk())

    def _file_chunks(self, path: Path, identity: str) -> Iterator[Chunk]:
        place = Place(self.type, label(self.root, path))
        names = {name.strip().casefold(): name for name in header(path, place)}
        long = {"date", "base", "quote", "rate"} <= names.keys()
        reader = FxReader(place, identity[:32])
        for block in read_rows(path, place):
            chunk = Chunk(findings=list(block.findings))
            if block.rejected:
                chunk.rejected = rejected_rows([(row[0], "fx_rates", *row[1:]) for row in block.rejected])
            if long:
                yield reader.chunk(long_rows(block, names), chunk)
            elif "date" in names:
                yield reader.chunk(wide_rows(block, names["date"], self.settings.base), chunk)
            else:
                if names:
                    message = f"columns date, base, quote, rate are wanted, found were {', '.join(names.values())}"
                    chunk.findings.append(place.error("missing_columns", message, "Rename the columns."))
                yield chunk
                return
