"""How are rows cut into segments, and what is known of a segment without opening it?

Rows go to the UTC day of their event_time; charges to the first day of their billing month; outcomes that were
matched to the day of their attempt. One segment holds one table, day and snapshot key.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from netyield.core.contract import contract
from netyield.core.errors import ContractError
from netyield.core.period import micros
from netyield.store.manifest import Segment

DAY_US = 86_400_000_000
ROW_GROUP_ROWS = 131_072
# Identity columns differ on every row: a dictionary of them costs time and saves nothing.
_PLAIN = {
    "event_key", "response_id", "trace_id", "span_id", "request_id", "logical_request_id", "key", "record", "attempt_key",
    "attempt_id", "prefix_blocks",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Encoded:
    """A Parquet file in memory and what the manifest says of it."""

    content: memoryview
    rows: int
    min_us: int
    max_us: int
    sha256: str


def encode(table: str, rows: pa.Table) -> Encoded:
    """The Parquet bytes of ``rows`` (full contract schema)."""
    return encode_pieces(table, iter([rows]))


def encode_pieces(table: str, pieces: Iterator[pa.Table]) -> Encoded:
    """The Parquet bytes of several pieces, of which only one is in memory as rows at a time."""
    schema = contract(table).schema
    sink = pa.BufferOutputStream()
    count, low, high = 0, [], []
    with pq.ParquetWriter(
        sink, schema, compression="zstd", use_dictionary=_dictionary(schema), column_encoding=_encodings(schema)
    ) as writer:
        for piece in pieces:
            writer.write_table(piece, row_group_size=ROW_GROUP_ROWS)
            count += piece.num_rows
            if piece.num_rows:
                first, last = bounds(table, piece)
                low.append(first)
                high.append(last)
    content = memoryview(sink.getvalue())
    return Encoded(content, count, min(low), max(high), hashlib.sha256(content).hexdigest())


def _encodings(schema: pa.Schema) -> dict[str, str]:
    """Numbers and times as differences, identities with their lengths apart: smaller, and half the time to read."""
    numbers = [f.name for f in schema if (pa.types.is_int64(f.type) and f.name not in _PLAIN) or pa.types.is_timestamp(f.type)]
    identities = [f.name for f in schema if pa.types.is_string(f.type) and f.name in _PLAIN]
    return dict.fromkeys(numbers, "DELTA_BINARY_PACKED") | dict.fromkeys(identities, "DELTA_LENGTH_BYTE_ARRAY")


def _dictionary(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_string(field.type) and field.name not in _PLAIN]


def checked(table: str, rows: pa.Table) -> pa.Table:
    """``rows`` in the contract's column order. Raises ContractError when columns or types differ."""
    schema = contract(table).schema
    if rows.schema.equals(schema):
        return rows
    if sorted(rows.column_names) != sorted(schema.names):
        message = f"table {table}: a segment needs the columns {schema.names}, not {rows.column_names};"
        raise ContractError(message, f"the contract is core/tables/{table}.csv.")
    return rows.select(schema.names).cast(schema)


def place_us(table: str, rows: pa.Table) -> pa.ChunkedArray:
    """The time (int64 microseconds) that decides the day of each row."""
    if table == "charges":
        times = pc.coalesce(rows["billing_period_start"], rows["charge_start"])
    elif table == "outcomes":
        times = pc.coalesce(rows["attempt_time"], rows["event_time"])
    else:
        times = rows["event_time"]
    return times.cast(pa.int64())


def bounds(table: str, rows: pa.Table) -> tuple[int, int]:
    """(min_us, max_us) as the manifest keeps them."""
    if table == "charges":
        return _edge("min", rows["charge_start"]), _edge("max", rows["charge_end"])
    place = place_us(table, rows)
    return _edge("min", place), _edge("max", place)


def _edge(which: str, times: pa.ChunkedArray) -> int:
    value = pc.min_max(times.cast(pa.int64()))[which].as_py()
    return int(value)


def by_day(table: str, rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """``rows`` cut by the day (charges: month) they belong to, oldest first; order within a day is kept."""
    if rows.num_rows == 0:
        return
    days = place_us(table, rows).to_numpy() // DAY_US
    if table == "charges":
        months = days.astype("datetime64[D]").astype("datetime64[M]")
        days = months.astype("datetime64[D]").astype(np.int64)
    first = int(days[0])
    if np.all(days == first):
        yield _name(first), rows
        return
    if np.any(np.diff(days) < 0):
        order = np.argsort(days, kind="stable")
        days, rows = days[order], rows.take(pa.array(order))
    edges = [0, *(np.flatnonzero(np.diff(days)) + 1).tolist(), len(days)]
    for start, end in itertools.pairwise(edges):
        yield _name(int(days[start])), rows.slice(start, end - start)


def _name(day: int) -> str:
    return date.fromordinal(date(1970, 1, 1).toordinal() + day).isoformat()


def overlaps(segment: Segment, since: datetime | None, until: datetime | None) -> bool:
    """Whether rows of the segment may lie in the half-open window; an end that is None is open."""
    last_exclusive = segment.max_us if segment.table == "charges" else segment.max_us + 1
    if since is not None and last_exclusive <= micros(since.astimezone(UTC)):
        return False
    return until is None or segment.min_us < micros(until.astimezone(UTC))


def read(paths: Sequence[Path], table: str) -> pa.Table:
    """All rows of some segments (small ones: this fills memory)."""
    schema = contract(table).schema
    return pa.concat_tables([schema.empty_table(), *(pq.ParquetFile(path).read().cast(schema) for path in paths)])


def pieces(path: Path, table: str) -> Iterator[pa.Table]:
    """The rows of a segment, one row group's worth at a time, in file order."""
    schema = contract(table).schema
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=ROW_GROUP_ROWS):
            yield pa.Table.from_batches([batch]).cast(schema)
