"""Runs of rows that differ only in time and value, as Arrow tables. Built by column, never row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.core.contract import conform
from netyield.core.period import TIMESTAMP

IntArray: TypeAlias = NDArray[np.int64]
FloatArray: TypeAlias = NDArray[np.float64]
ROWS_PER_TABLE = 500_000
SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """Rows that share ``constants`` and the first part of their event key; one row per time."""

    constants: Mapping[str, str | int | None]
    key: str
    times_us: IntArray
    holds_us: IntArray
    values: FloatArray | None = None


@dataclass(slots=True)
class RowNumbers:
    """Row numbers of one delivery, counted from 1 over all its tables."""

    used: int = 0

    def take(self, rows: int) -> pa.Array:
        """The next ``rows`` numbers."""
        first = self.used + 1
        self.used += rows
        return pa.array(np.arange(first, first + rows, dtype=np.int64))


def key_of(*parts: str) -> str:
    """A short stable digest of what identifies a series; with the time behind it, an event key."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def usual_interval(times_us: IntArray) -> int | None:
    """The median step of a series, to the whole second where it is longer than one; None below three samples."""
    if len(times_us) < 3:
        return None
    step = int(np.median(np.diff(times_us)))
    return round(step / SECOND_US) * SECOND_US if step >= SECOND_US else max(step, 1)


def tables_of(table: str, runs: Iterable[Run], numbers: RowNumbers) -> Iterator[pa.Table]:
    """The runs as conforming tables of bounded size, in the order given."""
    batch: list[Run] = []
    rows = 0
    for run in runs:
        if not len(run.times_us):
            continue
        batch.append(run)
        rows += len(run.times_us)
        if rows >= ROWS_PER_TABLE:
            yield _table(table, batch, numbers)
            batch, rows = [], 0
    if batch:
        yield _table(table, batch, numbers)


def _table(table: str, runs: Sequence[Run], numbers: RowNumbers) -> pa.Table:
    lengths = [len(run.times_us) for run in runs]
    index = pa.array(np.repeat(np.arange(len(runs)), lengths))
    times = pa.array(np.concatenate([run.times_us for run in runs]))
    keys = pa.array([run.key for run in runs], pa.string()).take(index)
    columns: dict[str, pa.Array] = {
        "row_number": numbers.take(sum(lengths)),
        "event_key": pc.binary_join_element_wise(keys, times.cast(pa.string()), ":"),
        "event_time": times.cast(TIMESTAMP),
    }
    for name in runs[0].constants:
        columns[name] = pa.array([run.constants[name] for run in runs]).take(index)
    if runs[0].values is not None:
        columns["value"] = pa.array(np.concatenate([run.values for run in runs if run.values is not None]))
    columns["hold_us"] = pa.array(np.concatenate([run.holds_us for run in runs]))
    return conform(table, pa.table(columns))
