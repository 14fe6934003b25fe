"""The checks every source passes. Is my plug-in one the ledger can trust?

For authors of sources: give ``check_source`` a function that makes a fresh source over your fixture, and
``check_bad_bytes`` one that makes a source over a file the suite writes. Both raise ``Nonconforming`` with what is
wrong, whichever test runner you use. What they look at:

    probe           never raises, finds the fixture, says so in a sentence
    rows            match the table contracts; event keys are unique within a delivery; lines are counted from 1
    repetition      a second fresh source gives the same deliveries: names, content hashes, rows and keys
    cursor          is JSON, survives a round trip, and brings no unknown event when read from again
    bad bytes       are findings or rejected rows, never an exception
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, get_args

import pyarrow as pa

from netyield.core.contract import contract
from netyield.core.errors import ContractError, SourceError
from netyield.core.finding import Finding, Severity
from netyield.sources.contract import REJECTED, Chunk, Delivery, DeliveryKind, Probe, Source

MakeSource = Callable[[], Source]
EventKeys = frozenset[tuple[str, str]]

# What a file may turn into on its way: name of the damage to what it does with good bytes.
DAMAGES: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "one newline": lambda _: b"\n",
    "cut in the middle": lambda good: good[: len(good) // 2],
    "cut after three bytes": lambda good: good[:3],
    "noise": lambda _: bytes((n * 197 + 89) % 256 for n in range(4_096)),
    "zero bytes in the middle": lambda good: good[: len(good) // 2] + b"\0" * 64 + good[len(good) // 2 :],
    "another encoding": lambda good: good.decode("utf-8", "replace").encode("utf-16"),
    "broken UTF-8": lambda good: good[: len(good) // 2] + b"\xff\xfe\xc3" + good[len(good) // 2 :],
    "a web page": lambda _: b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>\n",
    "a pretended gzip": lambda good: b"\x1f\x8b\x08\x00" + good,
}


class Nonconforming(AssertionError):
    """The source breaks the contract; the message says where."""


@dataclass(slots=True)
class ReadDelivery:
    """One delivery, read to its end."""

    name: str
    kind: str
    content_hash: str
    tables: dict[str, pa.Table] = field(default_factory=dict)
    rejected: int = 0
    findings: list[Finding] = field(default_factory=list)
    snapshot_keys: tuple[str, ...] = ()
    next_cursor: Any = None

    @property
    def event_keys(self) -> EventKeys:
        """(table, event_key) of every row."""
        return frozenset((name, key) for name, rows in self.tables.items() for key in rows["event_key"].to_pylist())

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(table.num_rows for table in self.tables.values())


def check_source(make: MakeSource) -> list[ReadDelivery]:
    """Every check on a source over good data; returns what it read. The fixture must bring at least one row."""
    check_probe(make())
    deliveries = check_rows(make())
    if not sum(delivery.rows for delivery in deliveries):
        _fail(make(), "the fixture brought no rows: the checks would prove nothing")
    check_repetition(make)
    check_cursor(make)
    return deliveries


def check_probe(source: Source) -> Probe:
    """The probe describes what is there and does not change what a read brings."""
    probe = source.probe()
    if not isinstance(probe, Probe):
        _fail(source, f"probe() returned {type(probe).__name__}, not a Probe")
    if not probe.found.strip():
        _fail(source, "probe() found nothing to say: `found` is empty")
    if not probe.reachable:
        _fail(source, f"probe() does not reach its own fixture: {probe.found}")
    for table in probe.tables:
        _known_table(source, table)
    _check_findings(source, list(probe.findings))
    return probe


def read(source: Source, cursor: Mapping[str, Any] | None = None) -> Iterator[ReadDelivery]:
    """Read every delivery to its end, as the ledger does."""
    for delivery in source.deliveries(cursor or {}):
        yield _consume(source, delivery)


def _consume(source: Source, delivery: Delivery) -> ReadDelivery:
    done = ReadDelivery(delivery.name, delivery.kind, delivery.content_hash)
    pieces: dict[str, list[pa.Table]] = {}
    for chunk in delivery.chunks():
        _check_chunk(source, chunk)
        for name, rows in chunk.tables.items():
            pieces.setdefault(name, []).append(rows)
        done.rejected += 0 if chunk.rejected is None else chunk.rejected.num_rows
        done.findings += chunk.findings
    done.tables = {name: pa.concat_tables(parts) for name, parts in pieces.items()}
    done.snapshot_keys = delivery.snapshot_keys()
    done.next_cursor = delivery.next_cursor()
    return done


def check_rows(source: Source) -> list[ReadDelivery]:
    """Rows match their contracts, keys are unique, kinds and hashes are what the ledger needs."""
    deliveries = list(read(source))
    for delivery in deliveries:
        if delivery.kind not in get_args(DeliveryKind):
            _fail(source, f"{delivery.name}: unknown delivery kind {delivery.kind!r}")
        if not delivery.content_hash:
            _fail(source, f"{delivery.name}: a delivery needs a content hash")
        if delivery.kind == "snapshot" and delivery.rows and not delivery.snapshot_keys:
            _fail(source, f"{delivery.name}: a snapshot must say which keys it replaces")
        for name, rows in delivery.tables.items():
            keys = rows["event_key"].to_pylist()
            if len(set(keys)) != len(keys):
                twice = next(key for key in keys if keys.count(key) > 1)
                _fail(source, f"{delivery.name}: event_key {twice!r} stands twice in table {name}")
            numbers = rows["row_number"].to_pylist()
            if min(numbers, default=0) < 0 or (numbers.count(0) == 1 and len(numbers) > 1):
                _fail(source, f"{delivery.name}: row numbers of table {name} count from 1 (0: of no line at all)")
    return deliveries


def check_repetition(make: MakeSource) -> None:
    """Two fresh sources over the same data deliver the same."""
    first, second = list(read(make())), list(read(make()))
    if [d.name for d in first] != [d.name for d in second]:
        _fail(make(), f"a second read delivers {[d.name for d in second]} instead of {[d.name for d in first]}")
    for one, other in zip(first, second, strict=True):
        if one.content_hash != other.content_hash:
            _fail(make(), f"{one.name}: the content hash changes from read to read")
        if one.tables.keys() != other.tables.keys() or any(
            not one.tables[n].equals(other.tables[n]) for n in one.tables
        ):
            _fail(make(), f"{one.name}: the rows change from read to read")
        if one.findings != other.findings or one.rejected != other.rejected:
            _fail(make(), f"{one.name}: findings or rejected rows change from read to read")


def check_cursor(make: MakeSource) -> None:
    """The cursor is JSON; reading on from it brings nothing that was not there before."""
    first = list(read(make()))
    known = {delivery.content_hash for delivery in first}
    keys: EventKeys = frozenset().union(*(delivery.event_keys for delivery in first))
    cursor: Mapping[str, Any] = {}
    for delivery in first:
        try:
            cursor = json.loads(json.dumps(delivery.next_cursor))
        except (TypeError, ValueError) as error:
            _fail(make(), f"{delivery.name}: the cursor is not JSON ({error})")
        if cursor != delivery.next_cursor:
            _fail(make(), f"{delivery.name}: the cursor does not survive JSON: {delivery.next_cursor!r}")
    for delivery in read(make(), cursor):
        new = delivery.event_keys - keys
        if new and delivery.content_hash not in known:
            _fail(make(), f"{delivery.name}: read again from its own cursor it brings {len(new)} unknown events")


def check_bad_bytes(make_over: Callable[[Path], Source], good: bytes, path: Path) -> None:
    """Damaged files become findings or quarantine, never an exception. ``path`` is written again and again.

    Only ``SourceError`` may leave a source, and only when nothing at all can be read.
    """
    for damage, spoil in DAMAGES.items():
        path.write_bytes(spoil(good))
        source = make_over(path)
        try:
            probe = source.probe()
            deliveries = list(read(source))
        except SourceError:
            continue
        except Nonconforming:
            raise
        except Exception as error:
            _fail(source, f"a file with {damage} raises {type(error).__name__}: {error}")
        if not isinstance(probe, Probe):
            _fail(source, f"a file with {damage}: probe() returned {type(probe).__name__}")
        silent = not probe.findings and not any(d.findings or d.rejected or d.rows for d in deliveries)
        if silent and path.stat().st_size > 1:
            _fail(source, f"a file with {damage} is passed over in silence: say so in a finding")


def _check_chunk(source: Source, chunk: Chunk) -> None:
    for name, rows in chunk.tables.items():
        _known_table(source, name)
        wanted = contract(name).source_schema
        if not rows.schema.equals(wanted):
            _fail(source, f"table {name}: the columns are not the contract's; use conform({name!r}, rows)")
        for column in wanted:
            if not column.nullable and rows[column.name].null_count:
                _fail(source, f"table {name}: column {column.name} has nulls, which the contract forbids")
    if chunk.rejected is not None and not chunk.rejected.schema.equals(REJECTED):
        _fail(source, "rejected rows have other columns than sources.contract.REJECTED; use rejected_rows()")
    _check_findings(source, chunk.findings)


def _known_table(source: Source, name: str) -> None:
    try:
        contract(name)
    except ContractError as error:
        _fail(source, str(error))


def _check_findings(source: Source, findings: list[Finding]) -> None:
    for finding in findings:
        if not isinstance(finding, Finding):
            _fail(source, f"{finding!r} is not a Finding")
        repaired = finding.repair.strip() or finding.severity is Severity.INFO
        if "." not in finding.code or not finding.message.strip() or not repaired:
            _fail(source, f"finding {finding.code!r} needs a dotted code, a message and a repair")


def _fail(source: Source, message: str) -> NoReturn:
    whole = f"source {type(source).__name__}: {message}"
    raise Nonconforming(whole)
