"""Cells of an event log as times, amounts, durations and words: what does each cell say, and which say nothing?

Cells come as text (CSV, JSON Lines) or typed (Parquet). A whole column is converted at once; only a column with
something odd in it is looked at cell by cell, so that one bad row costs little and hides nothing. Times are cut,
never rounded, to the microsecond (Azure logs 100-nanosecond steps). No float touches a time or an amount.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.core.money import MONEY
from netyield.core.period import TIMESTAMP, micros, parse_time

TimeUnit = Literal["iso", "s", "ms", "us", "ns"]
PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
NUMBER = r"^\s*[+-]?(?:[0-9]{1,18}\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?\s*$"
NAIVE = r"^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?$"
NO_WORD = pa.array(["", "null", "NULL", "None", "\\N"])
EXACT = pa.decimal128(28, 9)
AMOUNT_TEXT = pa.decimal128(38, 18)
LARGEST_AMOUNT = 10**15


@dataclass(frozen=True, slots=True)
class Times:
    """Microseconds since 1970 UTC. ``given``: the cell is not empty; ``good``: it is a time; ``doubtful``: the clock
    of a naive zone showed this time twice, or never (the first pass was taken)."""

    us: NDArray[np.int64]
    given: NDArray[np.bool_]
    good: NDArray[np.bool_]
    doubtful: NDArray[np.bool_]

    def array(self) -> pa.Array:
        """The good times as timestamps, null elsewhere."""
        return pa.array(self.us, pa.int64(), mask=~self.good).cast(TIMESTAMP)


def flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """One array, dictionaries unpacked."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return array.cast(array.type.value_type) if pa.types.is_dictionary(array.type) else array


def is_text(column: pa.Array) -> bool:
    """Is it a column of strings?"""
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def words(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Trimmed text; empty cells and the usual spellings of "nothing" are null. A float 3.0 reads "3"."""
    column = flat(column)
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return pa.nulls(len(column), pa.string())
    if pa.types.is_floating(column.type):
        texts = [None if v is None or v != v else f"{v:.0f}" if v.is_integer() else repr(v) for v in column.to_pylist()]
        return pa.array(texts, pa.string())
    text = column if column.type == pa.string() else column.cast(pa.string())
    if pc.any(pc.match_substring_regex(text, r"^\s|\s$")).as_py():
        text = pc.utf8_trim_whitespace(text)
    empty = pc.is_in(text, value_set=NO_WORD)
    return pc.if_else(empty, pa.scalar(None, pa.string()), text) if pc.any(empty).as_py() else text


def translate(column: pa.Array, known: Mapping[str, str]) -> tuple[pa.Array, NDArray[np.bool_]]:
    """(the word each cell stands for, mask of cells with an unknown word). ``known`` has lower-case keys; spaces and
    hyphens count as underscores."""
    encoded = pc.dictionary_encode(column)
    encoded = encoded.combine_chunks() if isinstance(encoded, pa.ChunkedArray) else encoded
    found = [known.get(word.lower().replace(" ", "_").replace("-", "_")) for word in encoded.dictionary.to_pylist()]
    result = pa.array(found, pa.string()).take(encoded.indices)
    return result, _valid(column) & ~_valid(result)


def times(column: pa.Array | pa.ChunkedArray, unit: TimeUnit, zone: str) -> Times:
    """A column as times. ISO times without an offset are in ``zone``; the other units count from 1970 UTC."""
    column = flat(column)
    column = words(column) if is_text(column) else column
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        stamps = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False)
        us, doubtful = _utc(stamps, zone)
    elif unit == "iso":
        us, doubtful = _iso(column if is_text(column) else words(column), zone)
    else:
        us, doubtful = scaled(column, unit), np.zeros(len(column), bool)
    return Times(pc.fill_null(us, 0).to_numpy(zero_copy_only=False), _valid(column), _valid(us), doubtful)


def _valid(column: pa.Array) -> NDArray[np.bool_]:
    result: NDArray[np.bool_] = pc.is_valid(column).to_numpy(zero_copy_only=False)
    return result


def _utc(stamps: pa.Array, zone: str) -> tuple[pa.Array, NDArray[np.bool_]]:
    if stamps.type.tz is not None or zone == "UTC":
        return stamps.cast(pa.int64()), np.zeros(len(stamps), bool)
    early = pc.assume_timezone(stamps, timezone=zone, ambiguous="earliest", nonexistent="latest").cast(pa.int64())
    late = pc.assume_timezone(stamps, timezone=zone, ambiguous="latest", nonexistent="earliest").cast(pa.int64())
    doubtful = pc.fill_null(pc.not_equal(early, late), False).to_numpy(zero_copy_only=False)
    return early, doubtful


def _iso(text: pa.Array, zone: str) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Nanoseconds hold every fraction up to nine digits; the cut to microseconds rounds down."""
    naive = pa.timestamp("ns")
    zoned = pa.timestamp("ns", "UTC")
    for kind in (naive, zoned):
        try:
            return _utc(_micro(text.cast(kind)), zone)
        except pa.ArrowInvalid:
            continue
    plain = pc.fill_null(pc.match_substring_regex(text, NAIVE), False)
    try:
        us, doubtful = _utc(_micro(pc.if_else(plain, text, None).cast(naive)), zone)
    except pa.ArrowInvalid:  # month 13
        us, doubtful = pa.nulls(len(text), pa.int64()), np.zeros(len(text), bool)
    found = pc.fill_null(us, 0).to_numpy(zero_copy_only=False).copy()
    good = _valid(us)
    known: dict[str, int | None] = {}
    for place in np.flatnonzero(~good & _valid(text)):
        word = text[place].as_py()
        if word not in known:
            known[word] = _one_iso(word, zone)
        value = known[word]
        if value is not None:
            found[place], good[place] = value, True
    return pa.array(found, pa.int64(), mask=~good), doubtful


def _micro(stamps: pa.Array) -> pa.Array:
    nanos = stamps.cast(pa.int64())
    whole = pa.array(
        np.floor_divide(pc.fill_null(nanos, 0).to_numpy(zero_copy_only=False), 1_000), mask=~_valid(nanos)
    )
    return whole.cast(pa.timestamp("us", stamps.type.tz))


def _one_iso(word: str, zone: str) -> int | None:
    plain = word.replace("/", "-")
    try:
        return micros(parse_time(plain.removesuffix(" UTC") + "Z" if plain.endswith(" UTC") else plain, zone))
    except (ValueError, OverflowError):
        return None


def scaled(column: pa.Array | pa.ChunkedArray, unit: TimeUnit) -> pa.Array:
    """Numbers in ``unit`` as whole microseconds (int64), cut toward zero; null where there is no number."""
    column = flat(column)
    per_second = PER_SECOND[unit]
    if is_text(column):
        try:
            return _whole_micros(column.cast(pa.int64()), per_second)
        except pa.ArrowInvalid:
            return _exact_micros(column, per_second)
    if pa.types.is_integer(column.type):
        return _whole_micros(column.cast(pa.int64(), safe=False), per_second)
    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return _exact_micros(words(column), per_second)
    return pa.nulls(len(column), pa.int64())


def _whole_micros(numbers: pa.Array, per_second: int) -> pa.Array:
    if per_second > 1_000_000:
        return pc.divide(numbers, per_second // 1_000_000)
    factor = 1_000_000 // per_second
    inside = pc.less_equal(pc.abs(numbers), (2**63 - 1) // factor)
    return pc.multiply(pc.if_else(inside, numbers, None), factor)


def _exact_micros(text: pa.Array, per_second: int) -> pa.Array:
    number = pc.fill_null(pc.match_substring_regex(text, NUMBER), False)
    trimmed = pc.utf8_trim_whitespace(pc.if_else(number, text, None))
    cut = pc.replace_substring_regex(trimmed, r"(\.[0-9]{9})[0-9]+$", r"\1")
    try:
        exact = cut.cast(EXACT)
    except pa.ArrowInvalid:  # an exponent or far too many digits somewhere
        exact = pa.array([_fits(word) for word in cut.to_pylist()], EXACT)
    factor = pa.scalar(1_000_000, pa.decimal128(7, 0))
    product = pc.multiply(exact, factor).cast(pa.decimal128(38, 9)).cast(pa.int64(), safe=False)
    return pc.divide(product, per_second)


def _fits(word: str | None) -> Decimal | None:
    if word is None:
        return None
    value = Decimal(word)
    return value.quantize(Decimal("1e-9")) if abs(value) < Decimal(10) ** 13 else None


def amounts(column: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, NDArray[np.bool_]]:
    """(DECIMAL(38,12), mask of cells that are no amount). Digits finer than a pico-unit are cut."""
    text = words(column)
    number = pc.fill_null(pc.match_substring_regex(text, NUMBER), False)
    values = pc.if_else(number, text, None)
    try:
        exact = values.cast(AMOUNT_TEXT).cast(MONEY, safe=False)
        big = pc.fill_null(pc.greater_equal(pc.abs(exact), pa.scalar(LARGEST_AMOUNT).cast(MONEY)), False)
        exact = pc.if_else(big, None, exact)
    except pa.ArrowInvalid:
        exact = pa.array([_money(word) for word in values.to_pylist()], MONEY)
    wrong = _valid(text) & ~_valid(exact)
    return exact, wrong


def _money(word: str | None) -> Decimal | None:
    if word is None or abs(Decimal(word)) >= LARGEST_AMOUNT:
        return None
    return Decimal(word).quantize(Decimal("1e-12"), rounding=ROUND_DOWN)
