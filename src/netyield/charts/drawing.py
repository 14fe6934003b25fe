"""What does a chart hand to a face? A specification, the sentences a keyboard walk reads, and what is left out.

Geometry takes floats; every printed label and sentence takes the words of ``formats``. A null stays null: it is a
gap or an outline, never a zero. Nothing is summed, ranked or cut here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import altair as alt
import pyarrow as pa

from netyield.charts import theme
from netyield.core.errors import NetyieldError
from netyield.core.period import parse_time

MARKS_LIMIT = 5_000  # more SVG marks make a page heavy; the answer aggregates before that
CURSOR = "cursor"  # the parameter a keyboard walk sets to the row's number
FIRST_ROW = -1
AT_CURSOR = f"datum.walk === {CURSOR}"
LABELLED_DAYS = 6


class TooManyMarks(NetyieldError):
    """The answer has more rows than a chart can show; its table still has them all."""


@dataclass(frozen=True)
class Drawing:
    """One chart: ``spec`` for Vega-Lite, ``sentences`` one per row in walking order, ``note`` what is not drawn."""

    name: str
    title: str
    description: str
    spec: Mapping[str, Any]
    sentences: tuple[str, ...]
    note: str = ""


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """The table as JSON-safe rows: Decimal to float for geometry, times to ISO UTC, NaN and infinity to null."""
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value
        return utc.replace(tzinfo=None).isoformat() + "Z"
    return value.isoformat() + "T00:00:00Z" if isinstance(value, date) else value


def instant(value: Any) -> datetime:
    """The UTC time an answer wrote: a timestamp, or ISO text of a time or a day."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return parse_time(str(value))


def guard(name: str, marks: int) -> None:
    """Raise TooManyMarks above the limit."""
    if marks > MARKS_LIMIT:
        message = f"{name}: {marks:,} marks are more than the {MARKS_LIMIT:,} a chart can show."
        raise TooManyMarks(message, "Narrow it with --since/--until or --where; the table has every row.")


def cursor_param() -> Any:
    """The parameter that outlines one mark while a reader walks the chart with the arrow keys."""
    return alt.param(name=CURSOR, value=FIRST_ROW)


def cursor_stroke() -> dict[str, Any]:
    """Encodings that outline the row under the cursor."""
    return {
        "stroke": alt.condition(AT_CURSOR, alt.value(theme.INK), alt.value(None)),
        "strokeWidth": alt.condition(AT_CURSOR, alt.value(2.5), alt.value(0)),
    }


def amount_axis(*, grid: bool = False) -> Any:
    """An axis of amounts or counts: 0, 20k, 1.5M, 2B."""
    large = "replace(format(datum.value, '~s'), 'G', 'B')"
    words = f"abs(datum.value) < 1 ? format(datum.value, '~g') : {large}"
    return alt.Axis(labelExpr=words, tickCount=5, grid=grid)


def utc_day(day: datetime) -> Any:
    """A day as axes and scales name it: the same one in every reader's zone."""
    utc = day.astimezone(UTC)
    return alt.DateTime(year=utc.year, month=utc.month, date=utc.day, utc=True)


def day_axis(days: Sequence[datetime]) -> Any:
    """A UTC axis that names whole days, each at most once."""
    every = max(1, -(-len(days) // LABELLED_DAYS))
    values = [utc_day(day) for day in days[::every]]
    return alt.Axis(values=values, labelExpr="utcFormat(datum.value, '%-d %b')", grid=False, labelOverlap="greedy")


def finish(chart: Any, *, width: int | str = "container", height: Any) -> dict[str, Any]:
    """The chart as a plain dictionary with the house theme; ``width`` follows the page unless told."""
    sized = chart.properties(width=width, height=height)
    sized.config = theme.config()
    sized.autosize = alt.AutoSizeParams(type="fit-x", contains="padding")
    spec: dict[str, Any] = sized.to_dict()
    return spec
