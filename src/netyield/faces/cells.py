"""How is one cell of an answer written? For the eye (rounded words) and for a machine (exact text).

A null is never a number: for the eye it is "not measured", or "unbounded" for an upper bound whose lower bound is
known; for a machine it is empty.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import AnswerColumn
from netyield.charts import formats
from netyield.core import money
from netyield.core.period import iso

TEXT_KINDS = frozenset({"text", "time", "flag"})
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
SPACED = frozenset({"verdict", "reason", "state"})  # columns of our own words
GRADES = "E"  # grades of evidence, E0 to E4
HIGH, LOW = "_high", "_low"
EMPTY = "; blank = "  # how a column's description ends that has its own word for null


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed cell: ``text`` for the eye, ``exact`` for copying, ``missing`` when nothing measured it."""

    text: str
    exact: str = ""
    numeric: bool = False
    missing: bool = False


def is_rate(column: AnswerColumn) -> bool:
    """Whether a money column is a price per something, which keeps its small digits."""
    return " per " in f" {column.unit} " or "/" in column.unit


def cell(value: Any, column: AnswerColumn, currency: str, row: Mapping[str, Any] | None = None) -> Cell:
    """The cell of ``value`` in ``column``; ``row`` tells an unbounded upper bound from an unmeasured one."""
    numeric = column.kind not in TEXT_KINDS
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return missing(column, row)
    return Cell(_words(value, column, currency), exact(value), numeric)


def missing(column: AnswerColumn, row: Mapping[str, Any] | None = None) -> Cell:
    """What an empty cell says."""
    if column.kind == "text":
        return Cell("")
    sibling = column.name.removesuffix(HIGH) + LOW
    unbounded = column.name.endswith(HIGH) and row is not None and row.get(sibling) is not None
    own = column.description.partition(EMPTY)[2] or formats.NOT_MEASURED
    return Cell(formats.UNBOUNDED if unbounded else own, "", column.kind != "time", not unbounded)


def _words(value: Any, column: AnswerColumn, currency: str) -> str:
    if column.kind == "money":
        return formats.rate(value, currency) if is_rate(column) else formats.money(value, currency)
    if column.kind == "share":
        return formats.share(value)
    if column.kind == "hours":
        return formats.hours(value)
    if column.kind == "time":
        return formats.moment(value)
    if column.kind == "flag":
        return "yes" if value else "no"
    if column.kind == "text":
        return formats.spaced(value) if column.name in SPACED else formats.label(value) if value else ""
    return f"E{value}" if column.unit == GRADES else formats.count(value)


def exact(value: Any) -> str:
    """All digits: money without exponent or trailing zeros, floats as they round-trip, times in ISO UTC."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return money.text(value)
    return iso(value) if isinstance(value, datetime) else str(value)


def guarded(value: Any) -> str:
    """The exact text of a CSV cell; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    written = exact(value)
    return f"'{written}" if isinstance(value, str) and written.startswith(FORMULA_STARTS) else written


def table_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of an answer's table as Python values."""
    found: list[dict[str, Any]] = table.to_pylist()
    return found
