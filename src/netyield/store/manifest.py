"""Which segments, deliveries, cursors and closed months make up the books, as of which moment?

A manifest is numbered and what it says never changes. On disk each number is one small JSON file that holds what changed since
the number before (``base`` says since which one) or, now and then, everything (``base`` null), so that ten thousand
deliveries cost ten thousand small files and not ten thousand copies of the whole list. ``Manifest`` in memory is
always the whole state. A checksum makes a damaged file a clear error instead of wrong books.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any

from netyield.core.errors import StoreError
from netyield.core.period import EPOCH, iso, parse_time

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Segment:
    """One immutable Parquet file: rows of one table, day, source and (for redelivered periods) snapshot key.

    ``min_us``/``max_us`` are microseconds since 1970: the first and last event_time; for charges the first
    charge_start and last charge_end (exclusive); for outcomes that were matched, the time of their attempt.
    ``parts`` are the hashes of the segments this one was merged from: compaction keeps rows, so it keeps them.
    """

    table: str
    path: str
    rows: int
    day: str | None
    min_us: int
    max_us: int
    sha256: str
    size_bytes: int
    delivery: str
    snapshot_key: str | None
    recorded_at: datetime
    source: str = ""
    parts: tuple[str, ...] = ()

    @property
    def number(self) -> int:
        """The number of the manifest this segment was written for (its file name starts with it)."""
        return int(self.path.rsplit("/", 1)[-1].split("-", 1)[0])


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """What was booked of one file, page or request window.

    ``hash`` is what the ``delivery`` column of its rows says: the content hash, or, when another source delivered
    the same bytes before, the hash of source and content. ``settings`` identifies the mapping it was read with and
    ``manifest`` the number that booked it.
    """

    hash: str
    source: str
    name: str
    kind: str
    rows: Mapping[str, int]
    recorded_at: datetime
    raw: str | None = None
    findings: tuple[Mapping[str, Any], ...] = ()
    content_hash: str = ""
    snapshot_keys: tuple[str, ...] = ()
    settings: str = ""
    manifest: int = 0
    size_bytes: int | None = None


@dataclass(frozen=True)
class Manifest:
    """The books at one moment. Number 0 is the empty one."""

    number: int = 0
    recorded_at: datetime = EPOCH
    segments: tuple[Segment, ...] = ()
    deliveries: Mapping[str, DeliveryRecord] = field(default_factory=dict)
    cursors: Mapping[str, Any] = field(default_factory=dict)
    closed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def of(self, table: str) -> list[Segment]:
        """The segments of one table."""
        return [segment for segment in self.segments if segment.table == table]


@dataclass(frozen=True)
class Change:
    """What one manifest changed; ``base`` is the number it follows, or None when it holds everything."""

    number: int
    recorded_at: datetime
    base: int | None
    add: tuple[Segment, ...] = ()
    drop: tuple[str, ...] = ()
    deliveries: Mapping[str, DeliveryRecord] = field(default_factory=dict)
    cursors: Mapping[str, Any] = field(default_factory=dict)
    closed: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """Entries in the file: decides when writing everything again is worth it."""
        return len(self.add) + len(self.drop) + len(self.deliveries) + 1


EMPTY = Manifest()


def apply(base: Manifest, change: Change) -> Manifest:
    """The state after ``change``."""
    kept = base.segments
    if change.drop:
        gone = set(change.drop)
        kept = tuple(segment for segment in kept if segment.path not in gone)
    return Manifest(
        number=change.number,
        recorded_at=change.recorded_at,
        segments=kept + change.add,
        deliveries={**base.deliveries, **change.deliveries},
        cursors={**base.cursors, **change.cursors},
        closed={**base.closed, **change.closed},
    )


def whole(state: Manifest) -> Change:
    """``state`` as a change that needs no base."""
    return Change(
        state.number, state.recorded_at, None, state.segments, (), state.deliveries, state.cursors, state.closed
    )


def inputs_key(segments: Iterable[Segment]) -> str:
    """One hash for the rows of some segments: the same before and after a compaction, other after any change."""
    parts = sorted(part for segment in segments for part in (segment.parts or (segment.sha256,)))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def encode(change: Change) -> bytes:
    """The file of a manifest: JSON with the checksum of its body."""
    body = {
        "format": FORMAT,
        "number": change.number,
        "recorded_at": iso(change.recorded_at),
        "base": change.base,
        "add": [_plain(segment) for segment in change.add],
        "drop": list(change.drop),
        "deliveries": {key: _plain(record) for key, record in change.deliveries.items()},
        "cursors": dict(change.cursors),
        "closed": {month: dict(entry) for month, entry in change.closed.items()},
    }
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f'{{"sha256":"{digest}","manifest":{text}}}\n'.encode()


def decode(content: bytes, name: str) -> Change:
    """The change a manifest file holds. Raises StoreError when it is damaged or from a newer version."""
    repair = f"Restore {name} from a backup; the manifests before it are not touched."
    try:
        outer = json.loads(content)
        body = outer["manifest"]
        text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    except (ValueError, KeyError, TypeError):
        message = f"manifest {name} is damaged: it is not the JSON that was written."
        raise StoreError(message, repair) from None
    if hashlib.sha256(text.encode()).hexdigest() != outer.get("sha256"):
        message = f"manifest {name} is damaged: its checksum does not match."
        raise StoreError(message, repair)
    if body["format"] > FORMAT:
        message = f"manifest {name} has format {body['format']}; this version reads up to {FORMAT}."
        raise StoreError(message, "Use the newer netyield that wrote it.")
    return Change(
        number=body["number"],
        recorded_at=parse_time(body["recorded_at"]),
        base=body["base"],
        add=tuple(_segment(entry) for entry in body["add"]),
        drop=tuple(body["drop"]),
        deliveries={key: _record(entry) for key, entry in body["deliveries"].items()},
        cursors=body["cursors"],
        closed=body["closed"],
    )


def booked(record: DeliveryRecord, number: int) -> DeliveryRecord:
    """The record with the number of the manifest that books it."""
    return replace(record, manifest=number)


def _plain(value: Segment | DeliveryRecord) -> dict[str, Any]:
    defaults = {f.name: f.default for f in fields(value)}
    plain = {key: item for key, item in asdict(value).items() if item != defaults[key]}
    plain["recorded_at"] = iso(value.recorded_at)
    return plain


def _segment(entry: Mapping[str, Any]) -> Segment:
    moment = parse_time(entry["recorded_at"])
    return Segment(**{**entry, "recorded_at": moment, "parts": tuple(entry.get("parts", ()))})


def _record(entry: Mapping[str, Any]) -> DeliveryRecord:
    return DeliveryRecord(
        **{
            **entry,
            "recorded_at": parse_time(entry["recorded_at"]),
            "findings": tuple(entry.get("findings", ())),
            "snapshot_keys": tuple(entry.get("snapshot_keys", ())),
        }
    )
