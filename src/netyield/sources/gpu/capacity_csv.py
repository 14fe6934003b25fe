"""GPUs total and allocated per pool over time, from a mapped file: what was paid for, and what did somebody hold?

Each row stands for the interval that begins at its time. Equal rows that follow one another without a gap become
one row that stands for all of them (never past the end of their UTC day), so that a month of minutes of a quiet
pool is some dozens of rows and its GPU-hours are still exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, field_validator

from netyield.core.contract import conform
from netyield.core.period import TIMESTAMP
from netyield.sources.contract import Chunk
from netyield.sources.files import Block, Place, header, read_rows
from netyield.sources.gpu.csv_columns import Numbers, Times, TimeUnit, cell, numbers, times
from netyield.sources.gpu.file_source import FileSettings, FileSource, Refusals, missing_columns, unmapped_columns
from netyield.sources.gpu.seen_readings import SeenReadings

TABLE = "capacity_samples"
DAY_US = 86_400_000_000
TIME_REPAIR = 'Correct the row, or set time_unit = "s" | "ms" | "iso" to what the file has.'
MOST_GPUS = 10_000_000  # more than any fleet: a count beyond it is a wrong column or unit


class CapacityCsv(FileSource):
    """``type = "capacity_csv"``: per-pool counts of GPUs."""

    type: ClassVar[str] = "capacity_csv"
    tables: ClassVar[tuple[str, ...]] = (TABLE,)

    class Settings(FileSettings):
        """``columns`` names the file's columns for ``time``, ``total`` and ``allocated``."""

        pool: str | None = "{filename}"
        columns: Mapping[str, str]
        time_unit: TimeUnit = "iso"
        interval_seconds: float = Field(gt=0, le=86_400)

        @field_validator("columns")
        @classmethod
        def _named(cls, columns: Mapping[str, str]) -> Mapping[str, str]:
            if set(columns) != {"time", "total", "allocated"}:
                message = "columns must name exactly time, total and allocated"
                raise ValueError(message)
            return columns

    settings: Settings

    def read(self, path: Path, place: Place) -> Iterator[Chunk]:
        """The counts of one file, block by block."""
        wanted = self.settings.columns
        names = header(path, place)
        lost = missing_columns(names, wanted, tuple(wanted), place)
        yield Chunk(findings=lost or unmapped_columns(names, wanted.values(), place))
        if lost:
            return
        seen = SeenReadings()
        for block in read_rows(path, place, list(wanted.values())):
            yield self._chunk(block, place, self.pool_of(path) or "", seen)

    def _chunk(self, block: Block, place: Place, pool: str, seen: SeenReadings) -> Chunk:
        refusals = Refusals(TABLE, place)
        refusals.take_block(block)
        if block.rows.num_rows:
            counts = _good_counts(block, self.settings, refusals, seen)
            refusals.chunk.tables[TABLE] = _table(
                counts, pool, round(self.settings.interval_seconds * 1_000_000), self.settings.delivery == "immutable"
            )
        return refusals.finish()


@dataclass(frozen=True, slots=True)
class _Counts:
    """Rows as arrays of one length, by time."""

    us: NDArray[np.int64]
    total: NDArray[np.int64]
    allocated: NDArray[np.int64]
    row: NDArray[np.int64]


def _good_counts(block: Block, settings: CapacityCsv.Settings, refusals: Refusals, seen: SeenReadings) -> _Counts:
    names = settings.columns
    rows = block.rows
    row = block.numbers.to_numpy(zero_copy_only=False)
    when = times(rows[names["time"]], settings.time_unit, settings.timezone)
    total, allocated = numbers(rows[names["total"]]), numbers(rows[names["allocated"]])

    def record(position: int) -> dict[str, object]:
        return {key: cell(rows[names[key]], position) for key in ("time", "total", "allocated")}

    left = np.ones(row.size, bool)
    for code, bad, message, repair in _faults(when, total, allocated):
        refusals.refuse(bad & left, row, code, message, repair, record)
        left &= ~bad
    kept = np.flatnonzero(left)
    whole = total.value[kept].astype(np.int64), allocated.value[kept].astype(np.int64)
    content = whole[0].astype(np.uint64) << np.uint64(32) | whole[1].astype(np.uint64)
    verdict = seen.sort_out(np.zeros(kept.size, np.int64), when.us[kept], content)
    refusals.remark_repeated(verdict.repeated, row[kept])
    conflicting = np.zeros(row.size, bool)
    conflicting[kept[verdict.conflicting]] = True
    refusals.refuse_conflicting(conflicting, row, record)
    new = ~(verdict.repeated | verdict.conflicting)
    by_time = np.argsort(when.us[kept][new], kind="stable")
    return _Counts(*(values[new][by_time] for values in (when.us[kept], *whole, row[kept])))


def _faults(when: Times, total: Numbers, allocated: Numbers) -> Iterator[tuple[str, NDArray[np.bool_], str, str]]:
    """(code, rows, message, repair) of everything that makes a row unusable, the first that applies first."""
    yield "bad_time", ~when.good, "the time cannot be read", TIME_REPAIR
    for name, found in (("total", total), ("allocated", allocated)):
        whole = found.good & ~found.missing & (found.value == np.floor(np.where(found.good, found.value, 0.5)))
        yield f"bad_{name}", ~whole, f"{name} is not a whole number of GPUs", "Correct the row, or map another column."
        yield f"negative_{name}", found.value < 0, f"{name} is negative", "Correct the row: a count is never negative."
        absurd = found.value > MOST_GPUS
        yield f"absurd_{name}", absurd, f"{name} is more GPUs than any fleet has", "Correct the row, or its unit."
    over = allocated.value > total.value
    yield "over_allocated", over, "more GPUs are allocated than exist", "Correct the row, or swap the mapped columns."


def _table(counts: _Counts, pool: str, interval_us: int, joined: bool) -> pa.Table:
    """One row per run of equal counts without a gap, or per row when the file may still grow."""
    us, size = counts.us, counts.us.size
    opens = np.ones(size, bool)
    if joined and size:
        same = (counts.total[1:] == counts.total[:-1]) & (counts.allocated[1:] == counts.allocated[:-1])
        opens[1:] = ~same | (us[1:] - us[:-1] != interval_us) | (us[1:] // DAY_US != us[:-1] // DAY_US)
    start = np.flatnonzero(opens)
    last = np.append(start[1:], size) - 1 if size else start
    hold = us[last] - us[start] + interval_us
    begin = pa.array(us[start])
    total, allocated = pa.array(counts.total[start]), pa.array(counts.allocated[start])
    parts = (begin, total, allocated, pa.array(hold))
    key = pc.binary_join_element_wise(pa.scalar(pool), *(part.cast(pa.string()) for part in parts), "|")
    return conform(TABLE, pa.table({
        "row_number": pa.array(counts.row[start]),
        "event_key": key,
        "event_time": begin.cast(TIMESTAMP),
        "pool": pa.repeat(pa.scalar(pool), start.size),
        "gpus_total": total,
        "gpus_allocated": allocated,
        "hold_us": pa.array(hold),
    }))
