"""Rows of the Contract Commitment dataset checked one by one. Which are commitments, and which contradict themselves?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import Any

import pyarrow as pa

from netyield.core.contract import conform, contract
from netyield.core.money import CONTEXT
from netyield.core.period import parse_time
from netyield.sources.amounts import read_number
from netyield.sources.bills.focus_columns import plain, read_data
from netyield.sources.bills.values import normal_json, text
from netyield.sources.contract import Chunk, rejected_rows
from netyield.sources.files import Block, Place

TABLE = "contract_commitments"
NEEDED = ("commitment_id", "period_start", "period_end")
PLACES = {"money": 12, "amount": 18, "share": 18}
MOST = Decimal(10) ** 15


@dataclass(frozen=True, slots=True)
class _Known:
    column: str
    kind: str
    name: str


@cache
def known() -> tuple[_Known, ...]:
    """Every column of the dataset that is read."""
    return tuple(_Known(row["column"], row["kind"], row["name"]) for row in read_data("contract_commitment_columns"))


def found_columns(header: list[str]) -> tuple[dict[str, str], list[str]]:
    """Our column -> the file's, and the FOCUS names of needed ones that are not there."""
    present = {plain(name): name for name in reversed(header)}
    columns = {each.column: present[plain(each.name)] for each in known() if plain(each.name) in present}
    return columns, [each.name for each in known() if each.column in NEEDED and each.column not in columns]


@dataclass(frozen=True, slots=True)
class ContractReader:
    """Reads the blocks of one file. ``columns``: our column -> the file's."""

    place: Place
    identity: str
    columns: Mapping[str, str]
    zone: str

    def chunk(self, block: Block) -> Chunk:
        """The good rows, and the others as rejected ones."""
        chunk = Chunk(findings=list(block.findings))
        refused = [(row[0], TABLE, *row[1:]) for row in block.rejected]
        values = {column: text(_array(block.rows[name])).to_pylist() for column, name in self.columns.items()}
        rows = []
        for at, number in enumerate(block.numbers.to_pylist()):
            record = {column: cells[at] for column, cells in values.items() if cells[at] is not None}
            if not record:
                continue
            try:
                row = self._row(record)
            except ValueError as error:
                refused.append((number, TABLE, f"{self.place.code}.bad_row", str(error), record))
                continue
            moment = row.get("last_updated") or row["period_start"]
            rows.append({**row, "row_number": number, "event_key": f"{self.identity}:{number}", "event_time": moment})
        self._report(chunk, refused)
        if rows:
            chunk.tables[TABLE] = conform(TABLE, pa.Table.from_pylist(rows, schema=contract(TABLE).source_schema))
        return chunk

    def _row(self, record: Mapping[str, str]) -> dict[str, Any]:
        row = {each.column: self._value(each, record[each.column]) for each in known() if each.column in record}
        for each in known():
            if each.column in NEEDED and row.get(each.column) is None:
                message = f"{each.name} is empty"
                raise ValueError(message)
        if row["period_end"] <= row["period_start"]:
            message = f"{row['commitment_id']} ends at {record['period_end']}, not after its start {record['period_start']}"
            raise ValueError(message)
        if row.get("currency") and not (len(row["currency"]) == 3 and row["currency"].isalpha() and row["currency"].isupper()):
            message = f"BillingCurrency {row['currency']!r} is no ISO 4217 code such as USD"
            raise ValueError(message)
        return row

    def _value(self, column: _Known, words: str) -> Any:
        if column.kind == "time":
            try:
                return parse_time(words.strip(), self.zone)
            except (ValueError, OverflowError):
                message = f"{column.name} {words!r} is no time such as 2026-11-01T00:00:00Z"
                raise ValueError(message) from None
        if column.kind == "json":
            kept = normal_json(words)
            if kept is None:
                message = f"{column.name} is no JSON object"
                raise ValueError(message)
            return kept
        return self._number(column, words) if column.kind in PLACES else words.strip()

    def _number(self, column: _Known, words: str) -> Decimal:
        value = read_number(words)
        most = Decimal(1) if column.kind == "share" else MOST
        if not 0 <= value <= most:
            limit = "between 0 and 1 (0.4 for 40 %)" if column.kind == "share" else f"between 0 and {MOST:.0E}"
            message = f"{column.name} {words} is not {limit}"
            raise ValueError(message)
        return value.quantize(Decimal(1).scaleb(-PLACES[column.kind]), ROUND_HALF_EVEN, CONTEXT)

    def _report(self, chunk: Chunk, refused: list[tuple[int, str, str, str, Any]]) -> None:
        if not refused:
            return
        chunk.rejected = rejected_rows(refused)
        for row in [row for row in refused if row[2].endswith(".bad_row")][:3]:
            repair = "Correct it; the row waits in quarantine."
            chunk.findings.append(self.place.error("bad_row", row[3], repair, row[0]))


def _array(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def exit_terms(words: str | None) -> dict[str, Any]:
    """The object of x_ExitTerms with exact numbers."""
    return dict(json.loads(words, parse_float=Decimal)) if words else {}
