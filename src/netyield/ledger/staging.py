"""How does a stream of chunks become segments that wait to be booked, in bounded memory?

Rows get their lineage (who delivered them, when the ledger first held them, which month they are posted to), rows
whose time cannot be a time go to quarantine, and every quarter of a million rows per table become segments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.contract import conform, contract
from netyield.core.event_number import event_numbers
from netyield.core.finding import Finding, Severity
from netyield.core.period import TIMESTAMP, iso, micros, parse_time, posting_period
from netyield.sources.contract import REJECTED, Chunk
from netyield.store.engine import Engine
from netyield.store.manifest import Segment
from netyield.store.writer import Writer

FLUSH_ROWS = 262_144
FLUSH_BYTES = 256 * 1024 * 1024
LATEST = datetime(2262, 1, 1, tzinfo=UTC)
FUTURE = timedelta(days=1)
# What somebody observed cannot lie ahead; bills, prices and rates can.
OBSERVED = {"attempts", "outcomes", "gpu_samples", "gpu_slices", "gpu_owners", "capacity_samples", "engine_samples"}
# Columns the ledger fills; whatever a source wrote there is not kept and not compared.
FILLED: dict[str, dict[str, Any]] = {
    "attempts": {"version": 1, "attempt_id": None},
    "outcomes": {"attempt_key": None, "attempt_time": None, "attempt_id": None},
}
QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Booking:
    """Whose rows these are and when they are booked."""

    tenant: str
    source: str
    delivery: str
    name: str
    run_id: str
    now: datetime
    closed: frozenset[str] = frozenset()
    redelivers: bool = False
    snapshot_keys: tuple[str, ...] = ()

    @property
    def name_key(self) -> str:
        """The snapshot key of rows that belong to no single period: a delivery of the same name replaces them."""
        return f"{self.source}|{self.name}"


def posting_periods(event_times: pa.ChunkedArray, now: datetime, closed: frozenset[str]) -> pa.Array:
    """The month of each event, or the month of ``now`` where that month is closed."""
    months = event_times.cast(pa.int64()).to_numpy().astype("datetime64[us]").astype("datetime64[M]")
    if not len(months):
        return pa.array([], pa.string())
    first, last = months.min(), months.max()
    values, places = (np.array([first]), None) if first == last else np.unique(months, return_inverse=True)
    current = posting_period(now)
    names = [current if str(month) in closed else str(month) for month in values]
    if places is None:
        return pa.repeat(pa.scalar(names[0]), len(months))
    return pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(names)).cast(pa.string())


def with_lineage(table: str, rows: pa.Table, booking: Booking) -> pa.Table:
    """``rows`` of a source (conforming) as rows of the ledger."""
    count = rows.num_rows
    given: dict[str, Any] = {
        "tenant": pa.repeat(pa.scalar(booking.tenant), count),
        "source": pa.repeat(pa.scalar(booking.source), count),
        "delivery": pa.repeat(pa.scalar(booking.delivery), count),
        "recorded_at": pa.repeat(pa.scalar(booking.now, TIMESTAMP), count),
        "run_id": pa.repeat(pa.scalar(booking.run_id), count),
        "posting_period": posting_periods(rows["event_time"], booking.now, booking.closed),
    }
    schema = contract(table).schema
    for name, value in FILLED.get(table, {}).items():
        given[name] = pa.repeat(pa.scalar(value, schema.field(name).type), count)
    if table == "attempts":
        given["attempt_id"] = event_numbers(booking.source, rows["event_key"])
    return pa.Table.from_arrays([given[name] if name in given else rows[name] for name in schema.names], schema=schema)


@dataclass(slots=True)
class Staging:
    """The rows of one delivery on their way into segments."""

    writer: Writer
    engine: Engine
    booking: Booking
    note: Callable[[str, pa.Table], None]  # told what is written: the keys are compared with the books later
    findings: list[Finding] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    rows: int = 0
    _waiting: dict[str, list[pa.Table]] = field(default_factory=dict)

    def conforming(self, chunk: Chunk) -> dict[str, pa.Table]:
        """The tables of a chunk, quarantine included. Raises ContractError when one does not obey its contract."""
        tables = {table: conform(table, rows) for table, rows in chunk.tables.items() if rows.num_rows}
        if chunk.rejected is not None and chunk.rejected.num_rows:
            tables[QUARANTINE] = self._quarantine(chunk.rejected.cast(REJECTED))
        return tables

    def add(self, tables: Mapping[str, pa.Table], findings: Sequence[Finding]) -> None:
        """Take the conforming tables of a chunk and its findings."""
        for table, given in tables.items():
            rows = given if table == QUARANTINE else self._possible(table, given)
            if rows.num_rows:
                self.rows += rows.num_rows
                self._keep(table, with_lineage(table, rows, self.booking))
        self.findings += findings

    def _quarantine(self, rejected: pa.Table) -> pa.Table:
        """Rows a source (or this module) refused, as rows of the quarantine table."""
        count = rejected.num_rows
        numbers = pc.fill_null(rejected["row_number"], 0)
        own = pa.table(
            {
                "row_number": numbers,
                "event_key": pc.binary_join_element_wise(
                    self.booking.delivery, numbers.cast(pa.string()), pc.fill_null(rejected["code"], ""), ":"
                ),
                "event_time": pa.repeat(pa.scalar(self.booking.now, TIMESTAMP), count),
                **{name: pc.fill_null(rejected[name], "") for name in ("table", "code", "message")},
                "record": rejected["record"],
            }
        )
        return conform(QUARANTINE, own)

    def finish(self) -> list[Segment]:
        """Write what still waits; all segments of the delivery."""
        for table in list(self._waiting):
            self._flush(table)
        return self.segments

    def refuse(self, table: str, bad: pa.Table, code: str, message: str) -> None:
        """Put rows (as the source gave them) into quarantine."""
        count = bad.num_rows
        rejected = pa.table(
            {
                "row_number": bad["row_number"],
                "table": pa.repeat(pa.scalar(table), count),
                "code": pa.repeat(pa.scalar(code), count),
                "message": pa.repeat(pa.scalar(message), count),
                "record": records(self.engine, bad),
            },
            schema=REJECTED,
        )
        self._keep(QUARANTINE, with_lineage(QUARANTINE, self._quarantine(rejected), self.booking))

    def _keep(self, table: str, rows: pa.Table) -> None:
        waiting = self._waiting.setdefault(table, [])
        waiting.append(rows)
        if sum(part.num_rows for part in waiting) >= FLUSH_ROWS or sum(part.nbytes for part in waiting) >= FLUSH_BYTES:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = pa.concat_tables(self._waiting.pop(table))
        if table != QUARANTINE:
            self.note(table, rows)
        for key, part in by_snapshot_key(table, rows, self.booking):
            self.segments += self.writer.write_segments(
                table, part, self.booking.delivery, key, recorded_at=self.booking.now
            )

    def _possible(self, table: str, rows: pa.Table) -> pa.Table:
        """``rows`` without those whose time is before 1970 or after 2262; times ahead of now are only remarked."""
        if not rows.num_rows:
            return rows
        times = rows["event_time"].cast(pa.int64())
        edges = pc.min_max(times)
        if edges["min"].as_py() < 0 or edges["max"].as_py() >= micros(LATEST):
            good = pc.and_(pc.greater_equal(times, 0), pc.less(times, micros(LATEST)))
            self._refuse_times(table, rows.filter(pc.invert(good)))
            rows = rows.filter(good)
            times = rows["event_time"].cast(pa.int64())
        if table in OBSERVED and rows.num_rows and pc.max(times).as_py() > micros(self.booking.now + FUTURE):
            ahead = rows.filter(pc.greater(times, micros(self.booking.now + FUTURE)))
            message = f"{table} rows lie more than a day after the ingest ({iso(self.booking.now)}); they are kept."
            repair = "Check the clock of the sender, and time_unit and timezone of the source."
            self._remark("ledger.future_time", Severity.WARNING, message, repair, ahead)
        return rows

    def _refuse_times(self, table: str, bad: pa.Table) -> None:
        message = f"{table} rows have a time before 1970 or after 2262; they are in quarantine."
        repair = "Check time_unit and the time column of the source."
        self._remark("ledger.impossible_time", Severity.ERROR, message, repair, bad)
        self.refuse(table, bad, "ledger.impossible_time", "time before 1970 or after 2262")

    def _remark(self, code: str, severity: Severity, message: str, repair: str, rows: pa.Table) -> None:
        first = pc.min(rows["row_number"]).as_py()
        self.findings.append(Finding(code, severity, message, repair, self.booking.name, first, rows.num_rows))


def records(engine: Engine, rows: pa.Table) -> pa.ChunkedArray:
    """Each row as a JSON object, times as microseconds (some are not dates)."""
    plain = rows.set_column(
        rows.schema.get_field_index("event_time"), "event_time", rows["event_time"].cast(pa.int64())
    )
    engine.register("rows_to_record", plain)
    return engine.query("SELECT CAST(to_json(rows_to_record) AS VARCHAR) AS record FROM rows_to_record")["record"]


def by_snapshot_key(table: str, rows: pa.Table, booking: Booking) -> Iterator[tuple[str | None, pa.Table]]:
    """``rows`` cut by the period they redeliver; charges say themselves which one when there are several."""
    keys = booking.snapshot_keys
    if not booking.redelivers:
        yield None, rows
        return
    if len(keys) == 1 or table != "charges":
        yield (keys[0] if len(keys) == 1 else booking.name_key), rows
        return
    text = [pc.fill_null(rows[name], "") for name in ("issuer", "billing_account_id")]
    start = pc.fill_null(rows["billing_period_start"].cast(pa.int64()).cast(pa.string()), "")
    joined = pc.binary_join_element_wise(*text, start, "|").combine_chunks().dictionary_encode()
    known = {_comparable(key): key for key in keys}
    places = joined.indices.to_numpy()
    order = np.argsort(places, kind="stable")
    edges = np.flatnonzero(np.diff(places[order])) + 1
    for start_at, end in zip([0, *edges], [*edges, len(order)], strict=True):
        name = joined.dictionary[int(places[order[start_at]])].as_py()
        yield known.get(name, name), rows.take(pa.array(order[start_at:end]))


def _comparable(key: str) -> str:
    """An ``issuer|account|billing period start`` key with its time as microseconds, however the source wrote it."""
    left, _, start = key.rpartition("|")
    try:
        return f"{left}|{micros(parse_time(start))}"
    except ValueError:
        return key
