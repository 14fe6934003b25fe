"""File columns as times, numbers and words: what does each cell say, and which cells cannot be read?

Cells come as text (CSV, JSON Lines) or typed (Parquet). The fast way converts a whole column at once; only a column
with something odd in it is looked at cell by cell, so that one bad row costs little and hides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.core.period import TIMESTAMP, micros, parse_time

TimeUnit = Literal["s", "ms", "iso"]
# What exporters write where a device has no reading (nvidia-smi: [N/A], [Not Supported], [Unknown Error]).
MISSING_WORDS = frozenset({"", "n/a", "[n/a]", "[not supported]", "[unknown error]", "[gpu is lost]", "null", "none"})
# nvidia-smi writes units behind its numbers unless asked not to: "45 %", "16959 MiB", "294.94 W".
UNIT_FACTORS = {"": 1.0, "%": 1.0, "w": 1.0, "j": 1.0, "b": 1.0, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30}
NUMBER = r"^\s*(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*(?P<unit>%|[a-zA-Z]*)\s*$"
LATEST_US = 4_102_444_800_000_000  # 2100-01-01: beyond it the unit of the times is wrong


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds since 1970 (UTC); ``good`` is False where a cell is no time or lies outside 1970 to 2100."""

    us: NDArray[np.int64]
    good: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Values; ``missing`` where the cell is empty, ``good`` False where it holds something that is no number."""

    value: NDArray[np.float64]
    missing: NDArray[np.bool_]
    good: NDArray[np.bool_]


def times(column: pa.ChunkedArray, unit: TimeUnit, zone: str) -> Times:
    """A column as times. ISO times without an offset are in ``zone``; ``s`` and ``ms`` count from 1970 UTC."""
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        values = _utc(column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False), zone)
    elif unit == "iso":
        values = _iso(pc.utf8_trim_whitespace(column.cast(pa.string())), zone)
    else:
        values = _counted(column, 1_000_000 if unit == "s" else 1_000)
    us = pc.fill_null(values, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Times(us, (us >= 0) & (us < LATEST_US))


def _utc(column: pa.ChunkedArray, zone: str) -> pa.ChunkedArray:
    if column.type.tz is None:
        # A clock hour that comes twice (end of summer time) is its first pass; one that never was moves on.
        column = pc.assume_timezone(column, timezone=zone, ambiguous="earliest", nonexistent="latest")
    return column.cast(TIMESTAMP).cast(pa.int64())


def _iso(column: pa.ChunkedArray, zone: str) -> pa.ChunkedArray:
    for kind in (pa.timestamp("us"), TIMESTAMP):
        try:
            return _utc(column.cast(kind), zone)
        except pa.ArrowInvalid:
            continue
    words = column.to_pylist()
    known = {word: _one_iso(word, zone) for word in set(words)}
    return pa.chunked_array([pa.array([known[word] for word in words], pa.int64())])


def _one_iso(word: str | None, zone: str) -> int | None:
    if not word:
        return None
    try:
        return micros(parse_time(word.replace("/", "-"), zone))  # nvidia-smi writes 2026/05/01 00:00:00.000
    except (ValueError, OverflowError):
        return None


def _counted(column: pa.ChunkedArray, scale: int) -> pa.ChunkedArray:
    """Seconds or milliseconds as microseconds: whole numbers exactly, fractions rounded to the microsecond."""
    try:
        whole = column.cast(pa.int64())
        return pc.multiply_checked(whole, scale)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        found = numbers(column)
    product = np.where(found.good & ~found.missing, found.value, -1.0) * scale
    product = np.where((product >= 0) & (product < LATEST_US), product, -1.0)
    return pa.chunked_array([pa.array(np.rint(product).astype(np.int64))])


def numbers(column: pa.ChunkedArray, scale: float = 1.0) -> Numbers:
    """A column as float64 numbers times ``scale``. A typed NaN and the word NaN are no numbers."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return _typed(column, scale)
    try:
        absent = column.is_null().to_numpy()
        value = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy()
        return Numbers(value * scale, absent, np.isfinite(value))
    except pa.ArrowInvalid:
        pass
    text = pc.fill_null(column, "")
    missing = pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(text)), value_set=pa.array(sorted(MISSING_WORDS)))
    parts = pc.extract_regex(text, NUMBER)
    number = pc.struct_field(parts, "number").cast(pa.float64())
    unit = pc.utf8_lower(pc.struct_field(parts, "unit"))
    factor = np.array([UNIT_FACTORS.get(word or "", np.nan) for word in unit.to_pylist()], np.float64)
    value = pc.fill_null(number, float("nan")).to_numpy() * factor * scale
    lost = missing.to_numpy()
    return Numbers(np.where(lost, 0.0, value), lost, lost | np.isfinite(value))


def _typed(column: pa.ChunkedArray, scale: float) -> Numbers:
    missing = column.is_null().to_numpy()
    try:
        value = pc.fill_null(column.cast(pa.float64(), safe=False), 0.0).to_numpy() * scale
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        value = np.full(len(column), np.nan)
    return Numbers(np.where(missing, 0.0, value), missing, missing | np.isfinite(value))


def words(column: pa.ChunkedArray) -> pa.Array:
    """A column as trimmed text, empty where it is null. A whole float (3.0) reads as 3: pandas made it so."""
    if pa.types.is_floating(column.type):
        column = pa.chunked_array([pa.array([_plain(value) for value in column.to_pylist()], pa.string())])
    text = pc.utf8_trim_whitespace(pc.fill_null(column.cast(pa.string()), ""))
    return text.combine_chunks() if isinstance(text, pa.ChunkedArray) else text


def _plain(value: float | None) -> str | None:
    return None if value is None else (str(int(value)) if float(value).is_integer() else str(value))


def cell(column: pa.ChunkedArray, position: int) -> Any:
    """One cell as it goes into quarantine: plain text or number."""
    value = column[position].as_py()
    return value.isoformat() if isinstance(value, datetime | date) else value


def zone_is_known(zone: str) -> bool:
    """Is ``zone`` an IANA time zone of this machine?"""
    try:
        ZoneInfo(zone)
    except (ValueError, OSError, LookupError):
        return False
    return True
