"""The suite itself: a good source passes, and each way of breaking the contract is caught."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from netyield.core.contract import conform
from netyield.core.finding import Finding, Severity
from netyield.sources.contract import Chunk, Cursor, Delivery, Probe, Source, SourceSettings
from netyield.testing.conformance import DAMAGES, Nonconforming, check_bad_bytes, check_source

MOMENT = datetime(2026, 10, 5, tzinfo=UTC)


class Pairs:
    """A toy source of exchange rates: one JSON object per line. Subclasses break one rule each."""

    type: ClassVar[str] = "pairs"
    kind: ClassVar[Any] = "append"

    class Settings(SourceSettings):
        path: str

    def __init__(self, settings: Settings, root: Path) -> None:
        self.settings = settings
        self.path = root / settings.path

    def probe(self) -> Probe:
        return Probe(True, "a file of exchange rates")

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        data = self.path.read_bytes()
        content_hash = hashlib.sha256(data).hexdigest()
        after = {"bytes": len(data)}
        yield Delivery("pairs", self.kind, content_hash, lambda: self.chunks(data), next_cursor=lambda: after)

    def chunks(self, data: bytes) -> Iterator[Chunk]:
        rows, findings = [], []
        for number, line in enumerate(data.splitlines(), start=1):
            try:
                pair = json.loads(line)
                rows.append(
                    {"row_number": number, "event_key": self.key(number, pair["rate"]), **_rate(pair["rate"])}
                )
            except (ValueError, TypeError, KeyError):
                findings.append(
                    Finding("pairs.bad_row", Severity.ERROR, "not a rate", "Correct it.", "pairs", number)
                )
        if rows:
            yield Chunk({"fx_rates": self.table(pa.Table.from_pylist(rows))}, None, findings)
        else:
            yield Chunk(findings=findings)

    def key(self, number: int, rate: str) -> str:
        return f"{number}:{rate}"

    def table(self, rows: pa.Table) -> pa.Table:
        return conform("fx_rates", rows)


def _rate(rate: str) -> dict[str, Any]:
    exact = pa.scalar(rate).cast(pa.decimal128(38, 18)).as_py()
    return {"event_time": MOMENT, "rate_date": "2026-10-05", "base": "EUR", "quote": "USD", "rate": exact}


class RaisesInProbe(Pairs):
    def probe(self) -> Probe:
        return Probe(False, "nothing here")


class SaysNothing(Pairs):
    def probe(self) -> Probe:
        return Probe(True, " ")


class RepeatsKeys(Pairs):
    def key(self, number: int, rate: str) -> str:
        return "always the same"


class ForgetsColumns(Pairs):
    def table(self, rows: pa.Table) -> pa.Table:
        return rows


class CountsFromZero(Pairs):
    def table(self, rows: pa.Table) -> pa.Table:
        counted = pa.array(range(rows.num_rows))
        return conform("fx_rates", rows.set_column(rows.column_names.index("row_number"), "row_number", counted))


class ChangesItsRows(Pairs):
    numbers = itertools.count()

    def key(self, number: int, rate: str) -> str:
        return f"{next(self.numbers)}"


class UnknownKind(Pairs):
    kind = "whenever"


class SnapshotWithoutKeys(Pairs):
    kind = "snapshot"


class CursorOfObjects(Pairs):
    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        for delivery in super().deliveries(cursor):
            delivery.next_cursor = lambda: {"at": MOMENT}
            yield delivery


class CursorOfTuples(Pairs):
    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        for delivery in super().deliveries(cursor):
            delivery.next_cursor = lambda: {"at": (1, 2)}
            yield delivery


class InventsAfterItsCursor(Pairs):
    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        for delivery in super().deliveries(cursor):
            if cursor:
                delivery.content_hash, delivery.chunks = "new", lambda: self.chunks(b'{"rate": "9.9"}\n')
            yield delivery


class FindingWithoutRepair(Pairs):
    def chunks(self, data: bytes) -> Iterator[Chunk]:
        yield Chunk(findings=[Finding("pairs.odd", Severity.WARNING, "odd", "")])


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"rate": "1.10"}\n{"rate": "1.25"}\n{"rate": "1.25"}\n')
    return path


def _maker(kind: type[Pairs], path: Path) -> Callable[[], Source]:
    return lambda: kind(kind.Settings(type="pairs", path=path.name), path.parent)


def test_a_good_source_passes_and_its_rows_come_back(good: Path) -> None:
    deliveries = check_source(_maker(Pairs, good))
    assert [delivery.rows for delivery in deliveries] == [3]
    assert len(deliveries[0].event_keys) == 3


def test_a_fixture_without_rows_proves_nothing(tmp_path: Path) -> None:
    empty = tmp_path / "pairs.jsonl"
    empty.write_text("")
    with pytest.raises(Nonconforming, match="no rows"):
        check_source(_maker(Pairs, empty))


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (RaisesInProbe, "does not reach"),
        (SaysNothing, "nothing to say"),
        (RepeatsKeys, "stands twice"),
        (ForgetsColumns, "not the contract's"),
        (CountsFromZero, "count from 1"),
        (ChangesItsRows, "change from read to read"),
        (UnknownKind, "unknown delivery kind"),
        (SnapshotWithoutKeys, "which keys it replaces"),
        (CursorOfObjects, "not JSON"),
        (CursorOfTuples, "does not survive"),
        (InventsAfterItsCursor, "unknown events"),
        (FindingWithoutRepair, "needs a dotted code"),
    ],
)
def test_each_broken_rule_is_caught(good: Path, broken: type[Pairs], complaint: str) -> None:
    with pytest.raises(Nonconforming, match=complaint):
        check_source(_maker(broken, good))


def test_damaged_files_are_tried_in_every_way(good: Path, tmp_path: Path) -> None:
    tried: list[bytes] = []

    def make(path: Path) -> Source:
        tried.append(path.read_bytes())
        return _maker(Pairs, path)()

    check_bad_bytes(make, good.read_bytes(), tmp_path / "damaged.jsonl")
    assert len(tried) == len(DAMAGES)
    assert b"" in tried


class Fragile(Pairs):
    def chunks(self, data: bytes) -> Iterator[Chunk]:
        data.decode("utf-8")
        yield from super().chunks(data)


class Silent(Pairs):
    def chunks(self, data: bytes) -> Iterator[Chunk]:
        yield from (Chunk(chunk.tables) for chunk in super().chunks(data))


@pytest.mark.parametrize(("broken", "complaint"), [(Fragile, "raises UnicodeDecodeError"), (Silent, "in silence")])
def test_exceptions_and_silence_over_bad_bytes_are_caught(
    good: Path, tmp_path: Path, broken: type[Pairs], complaint: str
) -> None:
    with pytest.raises(Nonconforming, match=complaint):
        check_bad_bytes(lambda path: _maker(broken, path)(), good.read_bytes(), tmp_path / "damaged.jsonl")
