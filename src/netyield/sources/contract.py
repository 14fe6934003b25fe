"""The one contract every source obeys. What is there, and what does the next read bring?

A source is a small object made from its settings. ``probe`` says what it would find and how much; ``deliveries``
lists what there is to read, one after the other, from a cursor; each delivery streams chunks of Arrow tables that
match the table contracts, with findings and rejected rows beside them. A source never writes, never prices, and
never raises for dirt in the data. It raises SourceError only when nothing can be read at all.

Delivery kinds
    immutable   a file or window whose content hash is its identity; seen once, it is skipped
    append      rows have an ``event_key``; a growing log is read on from its cursor, re-sent rows are recognised
    snapshot    the sender redelivers a whole period; a newer one replaces the same ``snapshot_key`` values
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, field_validator

from netyield.core.finding import Finding, Severity
from netyield.core.period import Period, known_zone

DeliveryKind = Literal["immutable", "append", "snapshot"]
Cursor = Mapping[str, Any]  # JSON values only; stored in the manifest, handed back on the next read


class SourceSettings(BaseModel):
    """Keys every [[source]] has; each source adds its own. Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")

    type: str
    name: str = ""
    timezone: str = "UTC"

    _zone = field_validator("timezone")(known_zone)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a source would deliver, found without reading it all."""

    reachable: bool
    found: str  # one sentence for a person: "1 FOCUS 1.2 file, 1,000 rows, USD, Sep 2024"
    window: Period | None = None
    rows: int | None = None  # estimate where exact is dear
    bytes: int | None = None
    tables: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(slots=True)
class Chunk:
    """A piece of a delivery: rows per table (``conform``-ed), rows refused, remarks.

    ``rejected`` rows have columns row_number, table, code, message, record (all of quarantine's own).
    """

    tables: dict[str, pa.Table] = field(default_factory=dict)
    rejected: pa.Table | None = None
    findings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class Delivery:
    """One file, page or request window. ``chunks`` is called once, and only when the delivery is new.

    ``snapshot_keys`` (snapshot only): the "issuer|account|billing period start" values this delivery replaces; a
    callable because a file must be read to know them. ``next_cursor`` is valid after the chunks were consumed.
    ``fault``: this one cannot be read at all, and why; nothing of it is booked and the next ones are read.
    """

    name: str
    kind: DeliveryKind
    content_hash: str
    chunks: Callable[[], Iterator[Chunk]]
    raw: Path | bytes | None = None
    next_cursor: Callable[[], Cursor] = dict
    snapshot_keys: Callable[[], tuple[str, ...]] = tuple
    size_bytes: int | None = None
    fault: Finding | None = None


@runtime_checkable
class Source(Protocol):
    """What the ledger asks of a source."""

    type: ClassVar[str]
    settings: SourceSettings

    def probe(self) -> Probe:
        """Find out what is there. Cheap; asks for no more than a sample."""
        ...

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """What there is to read after ``cursor`` (empty at first), oldest first."""
        ...


REJECTED = pa.schema(
    [
        pa.field("row_number", pa.int64()),
        pa.field("table", pa.string()),
        pa.field("code", pa.string()),
        pa.field("message", pa.string()),
        pa.field("record", pa.string()),
    ]
)


def rejected_rows(rows: list[tuple[int, str, str, str, Mapping[str, Any] | None]]) -> pa.Table:
    """(row_number, table, code, message, record) tuples as the table a Chunk carries."""
    return pa.table(
        {
            "row_number": [row[0] for row in rows],
            "table": [row[1] for row in rows],
            "code": [row[2] for row in rows],
            "message": [row[3] for row in rows],
            "record": [None if row[4] is None else json.dumps(row[4], default=str) for row in rows],
        },
        schema=REJECTED,
    )


def unreadable(code: str, name: str, error: OSError) -> Delivery:
    """What stands for a file that cannot be opened: the files after it are still read."""
    message = f"the file cannot be read: {error.strerror or type(error).__name__}; nothing of it is in the books."
    repair = "Give the user that runs Netyield the right to read it, and run again; the other files were read."
    fault = Finding(f"{code}.unreadable", Severity.ERROR, message, repair, name)
    return Delivery(name, "immutable", "", lambda: iter([Chunk(findings=[fault])]), fault=fault)


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
