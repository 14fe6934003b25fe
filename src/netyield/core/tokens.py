"""Token classes: how do the counts a program reports become disjoint kinds of token?

A program reports parents and some of their parts (cached inside input, reasoning inside output, or beside them). A
class is a leaf: parent - descendants, by the equation of the dialect (``token_dialects.toml``). A missing count is
unknown, never zero, and a negative leaf means the equation and the report contradict each other: the row is bad and
goes to quarantine, nothing is clamped. Unit: tokens.
Sources: the class equations of the providers named in the data file; genai-prices ``decompose.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.core.token_counts import at, number_column, whole_numbers
from netyield.core.token_dialects import Dialect, TokenClass, class_names, dialects, token_classes

__all__ = [
    "COUNT_LIMIT",
    "Dialect",
    "Leaves",
    "TokenClass",
    "class_names",
    "dialects",
    "gather",
    "leaves",
    "token_classes",
]
COUNT_LIMIT = 2**40  # a single call never has a million million tokens; a larger count is a fault


class Leaves(NamedTuple):
    """``classes``: int64 per token class (null = unknown); ``bad``: rows for quarantine; ``reasons``: why, or null."""

    classes: dict[str, pa.Array]
    bad: pa.BooleanArray
    reasons: pa.StringArray


class _Count(NamedTuple):
    value: NDArray[np.int64]
    known: NDArray[np.bool_]


def leaves(dialect: str, fields: Mapping[str, pa.Array]) -> Leaves:
    """Reported counts (by path, any Arrow type) as disjoint classes. All arrays have one length.

    A path the dialect does not know is ignored. Raises KeyError for an unknown dialect.
    """
    rule = dialects()[dialect]
    rows = len(next(iter(fields.values()))) if fields else 0
    faults = _Faults(rows)
    known: dict[str, _Count] = {}
    for quantity, paths in rule.fields.items():
        given = {path: _count(fields[path], path, faults) for path in paths if path in fields}
        if given:
            known[quantity] = _agreed(given, faults)
    for name in class_names():
        if name in fields:
            known[name] = _count(fields[name], name, faults)
    for leaf, (added, subtracted) in rule.leaves.items():
        if leaf not in known:
            _derive(leaf, added, subtracted, known, faults)
    _check_sums(rule, known, faults)
    classes = {
        name: pa.array(known[name].value, pa.int64(), mask=~known[name].known)
        for name in class_names()
        if name in known
    }
    return Leaves(classes, pa.array(faults.bad), faults.reasons())


class _Faults:
    """Which rows are bad, and the first reason found for each."""

    def __init__(self, rows: int) -> None:
        self.bad = np.zeros(rows, bool)
        self._first: list[tuple[NDArray[np.int64], str]] = []

    def add(self, mask: NDArray[np.bool_], reason: str) -> None:
        """Mark the rows of ``mask`` that had no fault yet."""
        places = np.flatnonzero(mask & ~self.bad)
        if places.size:
            self._first.append((places, reason))
            self.bad[places] = True

    def reasons(self) -> pa.StringArray:
        """One text per row, null where the row is good."""
        texts: NDArray[np.object_] = np.full(self.bad.size, None, object)
        for places, reason in self._first:
            texts[places] = reason
        return pa.array(texts, pa.string())


def _count(column: pa.Array | pa.ChunkedArray, path: str, faults: _Faults) -> _Count:
    """A reported count as int64. Text, negative, fractional or absurd values make the row bad."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    numbers, wrong = whole_numbers(column)
    faults.add(wrong, f"{path} is not a whole number")
    known = pc.is_valid(numbers).to_numpy(zero_copy_only=False)
    value = pc.fill_null(numbers, 0).to_numpy(zero_copy_only=False)
    faults.add(value < 0, f"{path} is negative")
    faults.add(value > COUNT_LIMIT, f"{path} is beyond {COUNT_LIMIT:,} tokens")
    return _Count(np.where((value < 0) | (value > COUNT_LIMIT), 0, value), known)


def _agreed(given: Mapping[str, _Count], faults: _Faults) -> _Count:
    """One quantity reported under several spellings: equal values count once, unequal ones make the row bad."""
    (name, first), *others = given.items()
    value, known = first
    for other, count in others:
        faults.add(known & count.known & (value != count.value), f"{name} and {other} disagree")
        value, known = np.where(known, value, count.value), known | count.known
    return _Count(value, known)


def _derive(
    leaf: str, added: Sequence[str], subtracted: Sequence[str], known: dict[str, _Count], faults: _Faults
) -> None:
    parents = [known[name] for name in added if name in known]
    if not parents:
        return
    value = np.sum([one.value * one.known for one in parents], axis=0)
    certain = np.logical_or.reduce([one.known for one in parents])
    parts = [name for name in subtracted if name in known]
    for name in parts:
        value = value - known[name].value * known[name].known
    negative = certain & (value < 0)
    if parts:
        faults.add(negative, f"{leaf} = {' + '.join(added)} - {' - '.join(parts)} is negative")
    known[leaf] = _Count(np.where(certain & ~negative, value, 0), certain & ~negative)


def _check_sums(rule: Dialect, known: Mapping[str, _Count], faults: _Faults) -> None:
    for whole, terms in rule.checks.items():
        names = [term.rstrip("?") for term in terms]
        needed = [whole, *(term for term in terms if not term.endswith("?"))]
        if all(name in known for name in needed):
            certain = np.logical_and.reduce([known[name].known for name in needed])
            faults.add(certain & (_sum(known, names) != known[whole].value), f"{whole} is not {' + '.join(names)}")
    if "total" not in known:
        return
    total = known["total"]
    found = _sum(known, class_names())
    nowhere = _Count(np.zeros(total.value.size, np.int64), np.zeros(total.value.size, bool))
    both = known.get("in_uncached", nowhere).known & known.get("out_text", nowhere).known
    wrong = np.where(both, found != total.value, found > total.value)
    faults.add(total.known & wrong, "the classes do not add up to the reported total")


def _sum(known: Mapping[str, _Count], names: Iterable[str]) -> NDArray[np.int64]:
    some = [known[name].value * known[name].known for name in names if name in known]
    result: NDArray[np.int64] = np.sum(some, axis=0, dtype=np.int64)
    return result


def gather(dialect: str, usages: Sequence[Mapping[str, Any] | None]) -> dict[str, pa.Array]:
    """The reported counts of JSON usage objects as columns by path, ready for ``leaves``; nothing else is read."""
    fields: dict[str, pa.Array] = {}
    for path in dialects()[dialect].paths:
        values = [None if usage is None else at(usage, path) for usage in usages]
        if any(value is not None for value in values):
            fields[path] = number_column(values)
    if not fields:  # so that the row count is not lost
        first = next(iter(dialects()[dialect].paths))
        fields[first] = pa.nulls(len(usages), pa.int64())
    return fields
