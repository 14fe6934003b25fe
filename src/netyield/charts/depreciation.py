"""What do owned assets cost each period, and what are they still worth? The carrying amount, and under it the charges.

Two drawings per currency with the same periods: the carrying amount at each period's end as an area, the depreciation of
each period as bars with write-downs on top of them.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import formats, periods, theme
from netyield.charts.drawing import AT_CURSOR, Drawing, amount_axis, cursor_param, cursor_stroke, finish, guard, rows

HEIGHT = 170
WORTH_KEY = "At the end of each period, after depreciation, write-downs and disposals."
CHARGE_KEY = "Red on top: written down in the period."


def charts(answer: Answer) -> list[Drawing]:
    """Carrying amount and charges of each currency; none for a schedule without rows."""
    listed = rows(answer.table)
    guard(answer.name, 3 * len(listed))
    currencies = list(dict.fromkeys(row["currency"] for row in listed))
    found = []
    for currency in currencies:
        own = [row for row in listed if row["currency"] == currency]
        points = [_point(number, row, currency) for number, row in enumerate(own)]
        suffix = f"_{currency.lower()}" if len(currencies) > 1 else ""
        found += [_worth(f"{answer.name}_carrying{suffix}", points, currency), _charges(f"{answer.name}_charge{suffix}", points, currency)]
    return found


def _point(number: int, row: dict[str, Any], currency: str) -> dict[str, Any]:
    written = row["written_down"]
    sentence = f"{row['period']}: {formats.money(row['charge'], currency)} of depreciation"
    sentence += f", {formats.money(written, currency)} written down" if written else ""
    sentence += f", {formats.money(row['carrying'], currency)} left"
    return {
        "walk": number, "period": row["period"], "charge": row["charge"], "top": row["charge"] + written,
        "carrying": row["carrying"], "sentence": sentence,
    }  # fmt: skip


def _worth(name: str, points: list[dict[str, Any]], currency: str) -> Drawing:
    base = alt.Chart(alt.Data(values=points))
    where = periods.axis([point["period"] for point in points])
    amount = alt.Y("carrying:Q", title=f"carrying amount, {currency}", axis=amount_axis(grid=True))
    area = base.mark_area(color=theme.FILLS[theme.WORK], opacity=0.3, line={"color": theme.FILLS[theme.WORK]}, aria=False)
    dots = base.mark_point(filled=True, color=theme.FILLS[theme.WORK], opacity=1).encode(
        x=where, y=amount, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "),
        size=alt.condition(AT_CURSOR, alt.value(140), alt.value(8)),
    )  # fmt: skip
    spec = finish(alt.layer(area.encode(x=where, y=amount), dots).add_params(cursor_param()), height=HEIGHT)
    most = max(point["carrying"] for point in points)
    words = f"Carrying amount of owned assets: {formats.money(most, currency)} at most, {formats.money(points[-1]['carrying'], currency)} at the end."
    return Drawing(name, f"Carrying amount, {currency}", words, spec, _sentences(points), WORTH_KEY)


def _charges(name: str, points: list[dict[str, Any]], currency: str) -> Drawing:
    base = alt.Chart(alt.Data(values=points))
    where = periods.axis([point["period"] for point in points])
    amount = alt.Y("charge:Q", title=f"depreciation, {currency}", axis=amount_axis(grid=True))
    bars = base.mark_bar(color=theme.FILLS[theme.BOOKS]).encode(
        x=where, y=amount, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke()
    )
    lost = [point for point in points if point["top"] > point["charge"]]
    losses = alt.Chart(alt.Data(values=lost)).mark_bar(color=theme.FILLS[theme.LOST], aria=False)
    layered = alt.layer(bars, *([losses.encode(x=where, y=amount, y2="top:Q")] if lost else [])).add_params(cursor_param())
    most = max(point["charge"] for point in points)
    words = f"Depreciation of owned assets from {points[0]['period']} to {points[-1]['period']}: {formats.money(most, currency)} at most."
    return Drawing(name, f"Depreciation, {currency}", words, finish(layered, height=HEIGHT), _sentences(points), CHARGE_KEY)


def _sentences(points: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(point["sentence"] for point in points)
