"""A source made in a test: deliveries are given as lists of rows, dirt and failures included."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from netyield.core.contract import conform, contract
from netyield.core.finding import Finding
from netyield.sources.contract import Chunk, Delivery, DeliveryKind, Probe, SourceSettings, rejected_rows
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = datetime(2026, 11, 1, tzinfo=UTC)
Row = Mapping[str, Any]
# What depends on who delivered a row and when; everything else must not depend on the order of deliveries.
DELIVERED = ("delivery", "row_number", "recorded_at", "run_id")


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def attempt(key: str, hours: float = 0, **columns: Any) -> dict[str, Any]:
    base = {"event_key": key, "event_time": at(hours), "status": "ok", "provenance": "provider_reported", "version": 1}
    return {**base, "model": "m", "in_uncached": 10, "out_text": 5, **columns}


def outcome(key: str, key_type: str, value: str, hours: float = 0, **columns: Any) -> dict[str, Any]:
    base = {"event_key": key, "event_time": at(hours), "key_type": key_type, "key": value}
    return {**base, "verdict": "accepted", "grade": 4, **columns}


def charge(key: str, amount: str, start: datetime = START, days: int = 30, **columns: Any) -> dict[str, Any]:
    from decimal import Decimal

    return {
        "event_key": key, "event_time": start, "charge_start": start, "charge_end": start + timedelta(days=days),
        "billing_period_start": start, "currency": "USD", "charge_category": "Usage", "issuer": "Cloud",
        "billing_account_id": "1", "billed_cost": Decimal(amount), "effective_cost": Decimal(amount), **columns,
    }  # fmt: skip


def capacity(key: str, hours: float, total: int = 8, allocated: int = 4) -> dict[str, Any]:
    base = {"event_key": key, "event_time": at(hours), "pool": "p"}
    return {**base, "gpus_total": total, "gpus_allocated": allocated, "hold_us": 3_600_000_000}


def table_of(table: str, rows: Sequence[Row]) -> pa.Table:
    numbered = [{"row_number": number, **row} for number, row in enumerate(rows, start=2)]
    schema = pa.schema([f for f in contract(table).source_schema if any(f.name in row for row in numbered)])
    return conform(table, pa.Table.from_pylist(numbered, schema=schema))


@dataclass
class Given:
    """One delivery of the fake."""

    name: str
    tables: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    kind: DeliveryKind = "append"
    content: str = ""
    snapshot_keys: tuple[str, ...] = ()
    cursor: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    rejected: Sequence[tuple[int, str, str, str, Mapping[str, Any] | None]] = ()
    raw: Path | bytes | None = None
    fails: BaseException | None = None
    chunk_rows: int = 1_000
    arrow: Callable[[], Iterator[Chunk]] | None = None

    @property
    def content_hash(self) -> str:
        said = self.content or json.dumps([self.name, self.tables], default=str, sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def chunks(self) -> Iterator[Chunk]:
        if self.arrow is not None:
            yield from self.arrow()
        for table, rows in self.tables.items():
            whole = table_of(table, rows) if rows else contract(table).source_schema.empty_table()
            for start in range(0, max(len(rows), 1), self.chunk_rows):
                yield Chunk({table: whole.slice(start, self.chunk_rows)})
        refused = rejected_rows(list(self.rejected)) if self.rejected else None
        yield Chunk(findings=list(self.findings), rejected=refused)
        if self.fails is not None:
            raise self.fails

    def delivery(self) -> Delivery:
        return Delivery(
            self.name, self.kind, self.content_hash, self.chunks, self.raw, lambda: self.cursor,
            lambda: self.snapshot_keys,
        )  # fmt: skip


class Fake:
    """Yields what it was given, whatever the cursor; remembers the cursors it was handed."""

    type: ClassVar[str] = "fake"

    def __init__(self, *given: Given | BaseException, probe: Probe | None = None, **settings: Any) -> None:
        self.settings = FakeSettings(type="fake", **settings)
        self.given = given
        self.cursors: list[Mapping[str, Any]] = []
        self._probe = probe or Probe(True, "a fake")

    def probe(self) -> Probe:
        return self._probe

    def deliveries(self, cursor: Mapping[str, Any]) -> Iterator[Delivery]:
        self.cursors.append(cursor)
        for given in self.given:
            if isinstance(given, BaseException):
                raise given
            yield given.delivery()


class FakeSettings(SourceSettings):
    mapping: str = ""


def rows_of(folder: Folder, table: str, manifest: Manifest | None = None) -> list[dict[str, Any]]:
    segments = (manifest or folder.manifest()).of(table)
    tables = [pq.ParquetFile(path).read() for path in folder.paths(segments)]
    return pa.concat_tables([contract(table).schema.empty_table(), *tables]).to_pylist()


def canonical(folder: Folder, table: str, leave: Sequence[str] = DELIVERED) -> list[tuple[Any, ...]]:
    """The rows of a table without what depends on the delivery, sorted."""
    names = [name for name in contract(table).schema.names if name not in leave]
    return sorted((tuple(row[name] for name in names) for row in rows_of(folder, table)), key=repr)


def codes(findings: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in findings]
