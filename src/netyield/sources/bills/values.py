"""Columns of a bill as Netyield types: text, times, fixed words, JSON. What did the bill mean by this value?"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.period import TIMESTAMP, parse_time
from netyield.sources.bills.focus_columns import plain, read_data

NO_VALUE = pa.array(["", "NULL", "null", "Null", "\\N"])
CACHE_LIMIT = 200_000


def text(values: pa.Array) -> pa.Array:
    """Text, with every spelling of "no value" as null. Maps, lists and structs become JSON."""
    if pa.types.is_nested(values.type):
        return pa.array([None if v is None else json.dumps(_plain_json(v), default=str) for v in values.to_pylist()],
                        pa.string())
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if values.type != pa.string():
        values = values.cast(pa.string())
    empty = pc.is_in(values, value_set=NO_VALUE)
    return pc.if_else(empty, None, values) if pc.any(empty).as_py() else values


def _plain_json(value: Any) -> Any:
    """Maps come as pairs, and warehouses write tags as a list of {key, value}; both are objects."""
    if value == []:
        return {}
    if isinstance(value, list) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in value):
        return dict(value)
    if isinstance(value, list) and all(isinstance(p, dict) and {"key", "value"} <= p.keys() for p in value):
        return {pair["key"]: pair["value"] for pair in value}
    return value


def numbers(values: pa.Array) -> pa.Array:
    """A column that holds numbers: typed ones as they are, text with "no value" as null."""
    typed = (pa.types.is_decimal, pa.types.is_integer, pa.types.is_floating)
    return values if any(is_type(values.type) for is_type in typed) else text(values)


@dataclass(slots=True)
class Converter:
    """Converts each distinct text once, remembering it over the blocks of a file (periods and tags repeat a lot)."""

    convert: Callable[[str], Any]
    kind: pa.DataType
    seen: dict[str, Any] = field(default_factory=dict)

    def __call__(self, values: pa.Array) -> pa.Array:
        """``values`` (text) converted; a text that cannot be converted is null."""
        encoded = values.dictionary_encode()
        if len(self.seen) > CACHE_LIMIT:
            self.seen.clear()
        results = []
        for value in encoded.dictionary.to_pylist():
            if value not in self.seen:
                self.seen[value] = self.convert(value)
            results.append(self.seen[value])
        return pa.array(results, self.kind).take(encoded.indices)


def times(zone: str) -> Converter:
    """ISO dates and times, with ``Z``, an offset, `` UTC`` or, when naive, in ``zone``."""

    def convert(value: str) -> datetime | None:
        try:
            return parse_time(value.strip().removesuffix(" UTC") + "Z" if value.endswith(" UTC") else value, zone)
        except (ValueError, OverflowError):
            return None

    return Converter(convert, TIMESTAMP)


def moments(values: pa.Array, zone: str, converter: Converter) -> tuple[pa.Array, pa.Array]:
    """(UTC times, texts to name in a message). A date or naive timestamp is in ``zone``."""
    kind = values.type
    if pa.types.is_date(kind):
        values, kind = values.cast(pa.timestamp("us")), pa.timestamp("us")
    if pa.types.is_timestamp(kind):
        if kind.tz is None:
            values = pc.assume_timezone(values, zone, ambiguous="earliest", nonexistent="latest")
        return pc.cast(values, TIMESTAMP, safe=False), values.cast(pa.string())
    texts = text(values)
    return converter(texts), texts


@cache
def _words() -> dict[str, dict[str, str]]:
    words: dict[str, dict[str, str]] = {}
    for row in read_data("focus_words"):
        words.setdefault(row["column"], {})[plain(row["word"])] = row["word"]
    return words


def words(column: str) -> Converter:
    """Values FOCUS fixes, in the spelling FOCUS fixes (``Usage-based`` is Usage-Based); others stay as written."""
    known = _words()[column]
    return Converter(lambda value: known.get(plain(value), value.strip()), pa.string())


def known_words(column: str) -> frozenset[str]:
    """The values FOCUS allows in a column."""
    return frozenset(_words()[column].values())


def normal_json(value: str) -> str | None:
    """A JSON object with sorted keys; null for anything else. Some exports leave the outer braces out."""
    for candidate in (value, "{" + value + "}"):
        try:
            parsed = _plain_json(json.loads(candidate))
        except (ValueError, RecursionError):
            continue
        if isinstance(parsed, dict):
            return json.dumps(parsed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return None
