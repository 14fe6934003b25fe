"""What is leaving worth, month by month? One line per way out above or below keeping, which is the zero line.

The band is the range of the best way out over the futures.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import formats, theme
from netyield.charts.drawing import AT_CURSOR, Drawing, amount_axis, cursor_param, finish, guard, instant, rows
from netyield.core.period import iso

VALUES = "exit_values"
HEIGHT = 300
KEY = "Above zero, leaving then is cheaper than keeping. Band: worst to best of the futures, for the best way out."


def charts(answer: Answer) -> list[Drawing]:
    """The exit values over time; none when there is no way out to draw."""
    if VALUES not in answer.views:
        return []
    exact, plain = answer.views[VALUES][0].to_pylist(), rows(answer.views[VALUES][0])
    points = [
        {
            "walk": number, "day": iso(instant(row["day"])), "option": row["option"],
            **{name: row[name] for name in ("value", "value_low", "value_high")},
            "sentence": f"{row['option']} on {row['day']}: {formats.money(said['value'], answer.currency)} better than keeping",
        }
        for number, (row, said) in enumerate(zip(plain, exact, strict=True))
    ]  # fmt: skip
    guard(answer.name, len(points))
    best = max(points, key=lambda point: point["value"])["option"]
    spec = finish(_layers(answer, points, best).add_params(cursor_param()), height=HEIGHT)
    return [Drawing("exit_values", answer.title, answer.description, spec, tuple(p["sentence"] for p in points), KEY)]


def _layers(answer: Answer, points: list[dict[str, Any]], best: str) -> Any:
    options = list(dict.fromkeys(point["option"] for point in points))
    time = alt.X("day:T", title="day of leaving, UTC", scale=alt.Scale(type="utc"), axis=alt.Axis(tickCount=6, format="%b %Y", grid=False))
    title = f"{answer.currency} better than keeping"
    value = alt.Y("value:Q", title=title, axis=amount_axis(grid=True))
    colours = alt.Scale(domain=options, range=[theme.SERIES[n % len(theme.SERIES)] for n in range(len(options))])
    colour = alt.Color("option:N", scale=colours, legend=alt.Legend(title=None))
    base = alt.Chart(alt.Data(values=points))
    fill = theme.SERIES[options.index(best) % len(theme.SERIES)]
    inside = alt.Data(values=[point for point in points if point["option"] == best])
    band = alt.Chart(inside).mark_area(color=fill, opacity=0.2, aria=False)
    zero = alt.Chart(alt.Data(values=[{"value": 0}])).mark_rule(color=theme.INK, aria=False).encode(y="value:Q")
    dots = base.mark_point(filled=True, opacity=1).encode(
        x=time, y=value, color=colour, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "),
        size=alt.condition(AT_CURSOR, alt.value(160), alt.value(30)),
    )  # fmt: skip
    return alt.layer(
        band.encode(x=time, y=alt.Y("value_low:Q", title=title), y2="value_high:Q"),
        zero,
        base.mark_line(aria=False).encode(x=time, y=value, color=colour),
        dots,
    )
