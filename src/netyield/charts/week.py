"""How busy is each hour of the week? One line of utilisation for each series, broken where hours are missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt

from netyield.charts import theme
from netyield.charts.drawing import Drawing, cursor_param, cursor_stroke, finish, guard

HEIGHT = 240
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_HOURS, WEEK_HOURS = 24, 168


def draw_week(name: str, listed: Sequence[dict[str, Any]], hours_from: str, key: str) -> list[Drawing]:
    """Rows of ``series``, ``hour_of_week``, ``utilisation`` and ``words`` (of the value), series by series; none for no row."""
    if not listed:
        return []
    dated = hours_from.startswith("Monday")
    data: list[dict[str, Any]] = []
    for number, row in enumerate(listed):
        before = listed[number - 1]["hour_of_week"] if number else None
        stretch = row["hour_of_week"] if before is None or row["hour_of_week"] - before > 1 else data[-1]["stretch"]
        data.append(row | {"walk": number, "stretch": stretch, "sentence": _sentence(row, dated)})
    guard(name, len(data))
    names = list(dict.fromkeys(row["series"] for row in data))
    last = WEEK_HOURS if dated else max(DAY_HOURS, data[-1]["hour_of_week"] + 1)
    ticks = list(range(0, int(last) + 1, DAY_HOURS))
    words = f"{list(DAYS)}[datum.value / {DAY_HOURS}] || ''" if dated else "'hour ' + datum.value"
    hour = alt.X("hour_of_week:Q", title=f"from {hours_from}", scale=alt.Scale(domain=[0, last]),
                 axis=alt.Axis(values=ticks, labelExpr=words))  # fmt: skip
    share = alt.Y("utilisation:Q", title="utilisation", scale=alt.Scale(zero=True), axis=alt.Axis(format="%"))
    colour = alt.Color("series:N", title=None, scale=alt.Scale(domain=names, range=list(theme.SERIES[: len(names)])))
    base = alt.Chart(alt.Data(values=data))
    lines = base.mark_line(aria=False).encode(x=hour, y=share, color=colour, detail="stretch:N")
    points = base.mark_point(filled=True, size=22).encode(
        x=hour, y=share, color=colour, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke()
    )
    spec = finish(alt.layer(lines, points).add_params(cursor_param()), height=HEIGHT)
    told = f"Utilisation over the week: {len({row['hour_of_week'] for row in data})} of {WEEK_HOURS} hours were recorded."
    return [Drawing(name, "Utilisation over the week", told, spec, tuple(row["sentence"] for row in data), key)]


def _sentence(row: dict[str, Any], dated: bool) -> str:
    hour = int(row["hour_of_week"])
    when = f"{DAYS[hour // DAY_HOURS]} {hour % DAY_HOURS:02d}:00" if dated else f"hour {hour}"
    return f"{row['series']}, {when}: {row['words']}"
