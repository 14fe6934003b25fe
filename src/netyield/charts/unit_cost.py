"""What does a useful million tokens cost, day by day? Small multiples of the ``unit_cost`` answer's trend.

One drawing per slice, each on its own scale: the band is the interval between the two bounds, the line below it the lower
bound. A day without useful tokens is a gap; a day whose upper bound is unbounded keeps its lower bound, without a band.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import formats, theme
from netyield.charts.drawing import (
    AT_CURSOR,
    Drawing,
    amount_axis,
    cursor_param,
    day_axis,
    finish,
    guard,
    instant,
    rows,
)
from netyield.core.period import iso

TREND = "trend"
LOW, HIGH, SERVED = "usd_per_useful_mtok_low", "usd_per_useful_mtok_high", "usd_per_served_mtok"
PANELS_LIMIT = 6
PANEL_HEIGHT = 170
KEY = "Solid: lower bound. Band: up to the upper bound. Dashed: per served million. Each panel has its own scale."


def charts(answer: Answer) -> list[Drawing]:
    """One panel per slice, in the answer's order, at most PANELS_LIMIT; the note says how many of how many."""
    if TREND not in answer.views or not answer.views[TREND][0].num_rows:
        return []
    table = answer.views[TREND][0]
    guard(answer.name, table.num_rows)
    panels = _panels(table.to_pylist(), rows(table), answer.currency)
    order = dict.fromkeys([str(name) for name in answer.table.column("slice").to_pylist()] + list(panels))
    shown = [name for name in order if name in panels][:PANELS_LIMIT]
    note = f"{len(shown)} of {len(panels)} drawn; the table has them all." if len(shown) < len(panels) else ""
    return [_panel(answer, formats.label(name), panels[name], note) for name in shown]


def _panels(exact: list[dict[str, Any]], plain: list[dict[str, Any]], currency: str) -> dict[str, list[dict[str, Any]]]:
    """Per slice one JSON row for each day of the trend; a day the slice has no row for is a gap, not a bridge."""
    days = sorted({instant(row["day"]) for row in exact})
    found: dict[str, dict[datetime, dict[str, Any]]] = {}
    for row, geometry in zip(exact, plain, strict=True):
        points = {key: geometry[key] for key in (LOW, HIGH, SERVED)}
        day = instant(row["day"])
        found.setdefault(str(row["slice"]), {})[day] = {**points, "sentence": _sentence(row, day, currency)}
    return {name: [_point(n, day, known.get(day)) for n, day in enumerate(days)] for name, known in found.items()}


def _point(number: int, day: datetime, known: dict[str, Any] | None) -> dict[str, Any]:
    gap = {LOW: None, HIGH: None, SERVED: None, "sentence": f"{formats.moment(day)}: no tokens"}
    return {"walk": number, "day": iso(day), **(known or gap)}


def _sentence(row: dict[str, Any], day: datetime, currency: str) -> str:
    def write(value: Decimal) -> str:
        return formats.rate(value, currency)

    useful = formats.interval({"low": row[LOW], "high": row[HIGH]}, write)
    return f"{formats.moment(day)}: {useful} per million useful tokens, {write(row[SERVED])} per million served"


def _panel(answer: Answer, name: str, points: list[dict[str, Any]], note: str) -> Drawing:
    base = alt.Chart(alt.Data(values=points))
    axis = day_axis([instant(point["day"]) for point in points])
    day = alt.X("day:T", title=None, scale=alt.Scale(type="utc"), axis=axis)
    title = f"{answer.currency} per million tokens"
    cost = alt.Y(f"{LOW}:Q", title=title, scale=alt.Scale(zero=True, nice=True), axis=amount_axis(grid=True))
    banded = f"isValid(datum.{LOW}) && isValid(datum.{HIGH})"
    band = base.transform_calculate(
        band_low=f"{banded} ? datum.{LOW} : null", band_high=f"{banded} ? datum.{HIGH} : null"
    )
    area = band.mark_area(color=theme.FILLS[theme.USEFUL], opacity=0.28, aria=False).encode(
        x=day, y=alt.Y("band_low:Q", title=title), y2="band_high:Q"
    )
    low = base.mark_line(color=theme.FILLS[theme.USEFUL], strokeWidth=2, aria=False).encode(x=day, y=cost)
    served = base.mark_line(color=theme.FILLS[theme.WORK], strokeDash=[5, 3], aria=False).encode(x=day, y=f"{SERVED}:Q")
    dots = base.mark_point(filled=True, color=theme.FILLS[theme.USEFUL]).encode(
        x=day, y=cost, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "),
        size=alt.condition(AT_CURSOR, alt.value(140), alt.value(22)),
    )  # fmt: skip
    spec = finish(alt.layer(area, low, served, dots).add_params(cursor_param()), height=PANEL_HEIGHT)
    sentences = tuple(point["sentence"] for point in points)
    description = f"Cost of a million useful tokens on each of {len(points)} days."
    return Drawing(f"{answer.name}_trend", name, description, spec, sentences, note)
