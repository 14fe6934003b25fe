"""Rows of exchange rates checked one by one. Which rates are good, and which contradict themselves?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pyarrow as pa

from netyield.core.contract import conform, contract
from netyield.core.money import CONTEXT
from netyield.core.period import parse_time
from netyield.sources.amounts import read_number
from netyield.sources.contract import Chunk, rejected_rows
from netyield.sources.files import Block, Place

COLUMNS = ("date", "base", "quote", "rate", "source")
NO_RATE = frozenset({"", "n/a", "na", "null", "-"})
RATE_PLACES = Decimal(1).scaleb(-18)
MOST = Decimal(10) ** 15
Candidate = tuple[int, str, str, str, str, str | None]  # row_number, date, base, quote, rate, source


def long_rows(block: Block, names: dict[str, str]) -> Iterator[Candidate]:
    """One row per rate; ``names`` maps our column names to the file's."""
    columns = [_texts(block, names[name]) if name in names else [None] * len(block.numbers) for name in COLUMNS]
    for number, day, base, quote, rate, source in zip(block.numbers.to_pylist(), *columns, strict=True):
        yield number, day or "", base or "", quote or "", rate or "", source or None


def wide_rows(block: Block, day_column: str, base: str) -> Iterator[Candidate]:
    """One column per currency; cells without a rate are left out."""
    quotes = [name for name in block.rows.column_names if _currency(name.strip()) and name != day_column]
    columns = {quote: _texts(block, quote) for quote in quotes}
    for index, (number, day) in enumerate(zip(block.numbers.to_pylist(), _texts(block, day_column), strict=True)):
        for quote in quotes:
            rate = columns[quote][index]
            if rate is not None and rate.strip().casefold() not in NO_RATE:
                yield number, day or "", base, quote.strip(), rate, None


def _texts(block: Block, name: str) -> list[str | None]:
    values: list[str | None] = block.rows[name].cast(pa.string()).to_pylist()
    return values


def _currency(code: str) -> bool:
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


@dataclass(slots=True)
class FxReader:
    """Checks the rates of one delivery; ``seen`` finds days that are stated twice."""

    place: Place
    identity: str
    seen: dict[tuple[str, str, str], Decimal] = field(default_factory=dict)

    def chunk(self, candidates: Iterable[Candidate], chunk: Chunk) -> Chunk:
        """Add the good rates to ``chunk``, and the others to its rejected rows."""
        rows: list[dict[str, Any]] = []
        refused: list[tuple[int, str, str, str, Any]] = []
        again = []
        for candidate in candidates:
            number, day, base, quote, rate, source = candidate
            try:
                moment, value = self._check(day, base, quote, rate)
            except ValueError as error:
                record = dict(zip(COLUMNS, candidate[1:], strict=True))
                refused.append((number, "fx_rates", f"{self.place.code}.bad_rate", str(error), record))
                continue
            key = (moment.isoformat(), base, quote)
            first = self.seen.setdefault(key, value)
            if first is not value:  # setdefault gave back an earlier one
                if first == value:
                    again.append(number)
                    continue
                why = f"{base}/{quote} on {key[0]} is {value} here and {first} before; the first one is used"
                refused.append((number, "fx_rates", f"{self.place.code}.conflict", why, None))
                continue
            rows.append({
                "row_number": number, "event_key": f"{self.identity}:{number}:{quote}",
                "event_time": parse_time(key[0]), "rate_date": key[0], "base": base, "quote": quote, "rate": value,
                "rate_source": source,
            })
        self._report(chunk, refused, again)
        if rows:
            chunk.tables["fx_rates"] = conform(
                "fx_rates", pa.Table.from_pylist(rows, schema=contract("fx_rates").source_schema)
            )
        return chunk

    def _check(self, day: str, base: str, quote: str, rate: str) -> tuple[date, Decimal]:
        try:
            moment = date.fromisoformat(day.strip()[:10])
        except ValueError:
            message = f"{day!r} is no date such as 2026-11-01"
            raise ValueError(message) from None
        for code in (base, quote):
            if not _currency(code):
                message = f"{code!r} is no ISO 4217 code such as USD"
                raise ValueError(message)
        value = read_number(rate)
        if not 0 < value < MOST:
            message = f"a rate of {rate} is not above zero" if value <= 0 else f"a rate of {rate} is absurd"
            raise ValueError(message)
        if base == quote and value != 1:
            message = f"{base} in {quote} cannot be {rate}"
            raise ValueError(message)
        exact = value.quantize(RATE_PLACES, ROUND_HALF_EVEN, CONTEXT)
        if exact == 0:
            message = f"a rate of {rate} is too small for 18 decimal places"
            raise ValueError(message)
        return moment, exact

    def _report(self, chunk: Chunk, refused: list[tuple[int, str, str, str, Any]], again: list[int]) -> None:
        if again:
            message = "rates stated twice with the same value were taken once"
            chunk.findings.append(self.place.info("repeated", message, "", again[0], len(again)))
        if not refused:
            return
        table = rejected_rows(refused)
        chunk.rejected = table if chunk.rejected is None else pa.concat_tables([chunk.rejected, table])
        for code in dict.fromkeys(row[2] for row in refused):
            rows = [row for row in refused if row[2] == code]
            repair = "Correct the rate; the row waits in quarantine."
            name = code.rpartition(".")[2]
            chunk.findings.append(self.place.error(name, rows[0][3], repair, rows[0][0], len(rows)))
