"""Reported counts as whole numbers: what did the program say, and was it a count at all?

Counts arrive as integers, as text (OpenTelemetry events, CSV), as floats (data frames) or inside JSON objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

WHOLE_NUMBER = r"^\+?[0-9]{1,18}(?:\.0*)?$"  # "12.0": a data frame that met an empty cell
NEGATIVE_NUMBER = r"^-[0-9]{1,18}(?:\.0*)?$"
NO_COUNT = ("", "null", "none", "nan", "n/a", "na", "-")


def whole_numbers(column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    """(int64 with nulls, mask of values that are no whole number)."""
    none = np.zeros(len(column), bool)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_null(column.type):
        return column.cast(pa.int64()), none
    if pa.types.is_integer(column.type) and column.type != pa.uint64():
        return column.cast(pa.int64()), none
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _whole_text(column)
    if not (pa.types.is_floating(column.type) or pa.types.is_decimal(column.type) or column.type == pa.uint64()):
        return pa.nulls(len(column), pa.int64()), pc.is_valid(column).to_numpy(zero_copy_only=False)
    value = pc.fill_null(column.cast(pa.float64(), safe=False), 0.0).to_numpy(zero_copy_only=False)
    missing = pc.is_null(column, nan_is_null=True).to_numpy(zero_copy_only=False)
    whole = np.isfinite(value) & (np.trunc(value) == value) & (np.abs(value) < 2.0**62)
    number = pa.array(np.where(whole, value, 0).astype(np.int64), mask=missing | ~whole)
    return number, ~whole & ~missing


def _whole_text(column: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    try:
        return column.cast(pa.int64()), np.zeros(len(column), bool)
    except pa.ArrowInvalid:
        pass
    trimmed = pc.utf8_trim_whitespace(column)
    empty = pc.is_in(pc.utf8_lower(trimmed), value_set=pa.array(NO_COUNT, column.type))
    negative = pc.match_substring_regex(trimmed, NEGATIVE_NUMBER)
    good = pc.or_(pc.match_substring_regex(trimmed, WHOLE_NUMBER), negative)
    digits = pc.replace_substring_regex(pc.if_else(good, trimmed, None), r"(^\+)|(\.0*$)", "")
    wrong = pc.fill_null(pc.and_not(pc.invert(good), empty), False)
    return digits.cast(pa.int64()), wrong.to_numpy(zero_copy_only=False)


def number_column(values: Sequence[Any]) -> pa.Array:
    """JSON values as one column: int64 when all are whole numbers, else the digits as text (judged later)."""
    if all(value is None or (isinstance(value, int) and not isinstance(value, bool)) for value in values):
        try:
            return pa.array(values, pa.int64())
        except OverflowError:
            pass
    return pa.array([None if value is None else str(value) for value in values], pa.string())


@cache
def _steps(path: str) -> tuple[tuple[str, str, str], ...]:
    steps = []
    for part in path.split("."):
        member, _, selector = part.partition("[")
        key, _, value = selector.rstrip("]").partition("=")
        steps.append((member, key, value))
    return tuple(steps)


def at(usage: Mapping[str, Any], path: str) -> Any:
    """The value at a path (``a.b`` a member, ``a[k=v]`` the list entry whose member k is v); None where there is none.

    A member whose own name is the whole path (``gen_ai.usage.input_tokens``) wins.
    """
    if path in usage:
        return usage[path]
    found: Any = usage
    for member, key, value in _steps(path):
        found = found.get(member) if isinstance(found, Mapping) else None
        if key:
            entries = found if isinstance(found, list) else []
            found = next((one for one in entries if isinstance(one, Mapping) and one.get(key) == value), None)
    return found
