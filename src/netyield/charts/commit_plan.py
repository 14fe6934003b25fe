"""What is demanded, and what does the plan commit to? Daily means of the known series, the plan as a level line."""

from __future__ import annotations

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

DAYS = "demand_days"
HEIGHT = 300
SERIES = {"allocated": theme.SERIES[1], "active": theme.SERIES[3], "needed": theme.SERIES[0], "paid": theme.SERIES[4],
          "rented": theme.SERIES[2]}  # fmt: skip
KEY = "Dashed: units the plan commits to, above what is paid for already."


def charts(answer: Answer) -> list[Drawing]:
    """The demand with the plan; none when the hours have no dates."""
    if DAYS not in answer.views:
        return []
    points = [
        {
            "walk": number, "day": iso(instant(row["day"])), "series": row["series"], "units": row["units"],
            "sentence": f"{row['day']}: {formats.count(row['units'])} units {row['series']}",
        }
        for number, row in enumerate(rows(answer.views[DAYS][0]))
    ]  # fmt: skip
    guard(answer.name, len(points))
    units = sum(row["quantity"] for row in answer.body["plan"])
    names = [name for name in SERIES if any(point["series"] == name for point in points)]
    colour = alt.Color(
        "series:N", scale=alt.Scale(domain=names, range=[SERIES[name] for name in names]), legend=alt.Legend(title=None)
    )
    time = alt.X("day:T", title="UTC", scale=alt.Scale(type="utc"), axis=day_axis(sorted({instant(p["day"]) for p in points})))
    size = alt.Y("units:Q", title=f"{answer.body['unit']}s, mean of the day", axis=amount_axis(grid=True))
    base = alt.Chart(alt.Data(values=points))
    dots = base.mark_point(filled=True, opacity=1).encode(
        x=time, y=size, color=colour, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "),
        size=alt.condition(AT_CURSOR, alt.value(160), alt.value(30)),
    )  # fmt: skip
    plan = alt.Chart(alt.Data(values=[{"units": units}])).mark_rule(color=theme.INK, strokeDash=[6, 4], aria=False)
    layers = alt.layer(base.mark_line(aria=False).encode(x=time, y=size, color=colour), plan.encode(y="units:Q"), dots)
    spec = finish(layers.add_params(cursor_param()), height=HEIGHT)
    return [Drawing("demand_days", "Demand and the plan", answer.description, spec, tuple(p["sentence"] for p in points), KEY)]
