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
    utc_day,
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
    panels = _panels(table.to_pylist(), rows(table), answer.currency)
    order = dict.fromkeys([str(name) for name in answer.table.column("slice").to_pylist()] + list(panels))
    shown = [name for name in order if any(_has(panels.get(name, []), key) for key in (LOW, SERVED))][:PANELS_LIMIT]
    guard(answer.name, sum(len(panels[name]) for name in shown))
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


def _has(points: list[dict[str, Any]], *keys: str) -> bool:
    """Whether on some day all of these are known (a layer without any mark would have no scale)."""
    return any(all(point[key] is not None for key in keys) for point in points)


def _panel(answer: Answer, name: str, points: list[dict[str, Any]], note: str) -> Drawing:
    base = alt.Chart(alt.Data(values=points))
    day = _days([instant(point["day"]) for point in points])
    layers = []
    if _has(points, LOW, HIGH):
        layers.append(_band(base, day))
    if _has(points, LOW):
        layers.append(base.mark_line(color=theme.FILLS[theme.USEFUL], aria=False).encode(x=day, y=f"{LOW}:Q"))
    if _has(points, SERVED):
        dashed = base.mark_line(color=theme.FILLS[theme.WORK], strokeDash=[5, 3], strokeWidth=1.5, aria=False)
        layers.append(dashed.encode(x=day, y=f"{SERVED}:Q"))
    layers.append(_dots(base, day, LOW if _has(points, LOW) else SERVED, f"{answer.currency} per million tokens"))
    spec = finish(alt.layer(*layers).add_params(cursor_param()), height=PANEL_HEIGHT)
    sentences = tuple(point["sentence"] for point in points)
    description = f"Cost of a million useful tokens on each of {len(points)} days."
    return Drawing(f"{answer.name}_trend", name, description, spec, sentences, note)


def _days(days: list[datetime]) -> Any:
    """All days of the trend, whichever of them a slice has."""
    scale = (
        alt.Scale(type="utc", domain=[utc_day(days[0]), utc_day(days[-1])]) if len(days) > 1 else alt.Scale(type="utc")
    )
    return alt.X("day:T", title=None, scale=scale, axis=day_axis(days))


def _band(base: Any, day: Any) -> Any:
    """From the lower to the upper bound, on the days that have both."""
    banded = f"isValid(datum.{LOW}) && isValid(datum.{HIGH})"
    bounds = {"band_low": f"{banded} ? datum.{LOW} : null", "band_high": f"{banded} ? datum.{HIGH} : null"}
    area = base.transform_calculate(**bounds).mark_area(color=theme.FILLS[theme.USEFUL], opacity=0.28, aria=False)
    return area.encode(x=day, y="band_low:Q", y2="band_high:Q")


def _dots(base: Any, day: Any, value: str, title: str) -> Any:
    """A point per day, with its words."""
    cost = alt.Y(f"{value}:Q", title=title, scale=alt.Scale(zero=True, nice=True), axis=amount_axis(grid=True))
    colour = theme.FILLS[theme.USEFUL if value == LOW else theme.WORK]
    return base.mark_point(filled=True, color=colour, opacity=1).encode(
        x=day, y=cost, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "),
        size=alt.condition(AT_CURSOR, alt.value(140), alt.value(22)),
    )  # fmt: skip
