"""What would a cache of each size hit? The hit curve of one trace: policies, the ceiling above them, the knee.

Capacity runs on a logarithmic axis. The first policy is a line through its exact curve, the others join the capacities
that were replayed. The ceiling is what an infinite cache would hit.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import formats, theme
from netyield.charts.drawing import AT_CURSOR, Drawing, amount_axis, cursor_param, finish, guard, rows

HEIGHT = 320
CAPACITY = "capacity_blocks"
RATIO = "hit_ratio"
KEY = "Dashed: the ceiling, an infinite cache. Thin upright line: the knee of the first policy."


def charts(answer: Answer) -> list[Drawing]:
    """The curve; none when nothing was counted."""
    points = [_point(row) for row in rows(answer.table)]
    if not points or not answer.body["measured_tokens"]:
        return []
    points = [point | {"walk": number} for number, point in enumerate(points)]
    line = [row for row in rows(answer.views["drawn"][0]) if row[CAPACITY] >= min(p[CAPACITY] for p in points)]
    guard(answer.name, len(points) + len(line))
    others = [p for p in points if p["policy"] != points[0]["policy"]]
    spec = finish(_layers(answer, points, line + others).add_params(cursor_param()), height=HEIGHT)
    sentences = tuple(point["sentence"] for point in points)
    return [Drawing(answer.name, answer.title, answer.description, spec, sentences, KEY)]


def _point(row: dict[str, Any]) -> dict[str, Any]:
    words = f"{row['policy'].upper()} with {formats.count(row[CAPACITY])} blocks hits {formats.share(row[RATIO])}"
    return {key: row[key] for key in ("policy", CAPACITY, RATIO)} | {"sentence": words}


def _layers(answer: Answer, points: list[dict[str, Any]], line: list[dict[str, Any]]) -> Any:
    axis = amount_axis()
    axis.values = ticks(min(p[CAPACITY] for p in points), max(p[CAPACITY] for p in points))
    size = alt.X(
        f"{CAPACITY}:Q", title="capacity in blocks (logarithmic)", scale=alt.Scale(type="log", nice=False), axis=axis
    )
    ratio = alt.Y(f"{RATIO}:Q", title="hit ratio", axis=alt.Axis(format=".0%", grid=True), scale=alt.Scale(zero=True))
    policies = list(dict.fromkeys(point["policy"] for point in points))
    colours = alt.Scale(domain=policies, range=[theme.SERIES[n % len(theme.SERIES)] for n in range(len(policies))])
    legend = alt.Legend(title=None) if len(policies) > 1 else None
    colour = alt.Color("policy:N", scale=colours, legend=legend)
    drawn = alt.Chart(alt.Data(values=line)).mark_line(aria=False).encode(x=size, y=ratio, color=colour)
    dots = alt.Chart(alt.Data(values=points)).mark_point(filled=True, opacity=1).encode(
        x=size, y=ratio, color=colour, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "),
        size=alt.condition(AT_CURSOR, alt.value(160), alt.value(36)),
    )  # fmt: skip
    layers = [_ceiling(answer, ratio), drawn, dots]
    knee = answer.body["knee"]
    if knee and line[0][CAPACITY] <= knee[CAPACITY]:
        mark = alt.Chart(alt.Data(values=[{CAPACITY: knee[CAPACITY]}]))
        layers.insert(0, mark.mark_rule(color=theme.MUTED, strokeWidth=1, aria=False).encode(x=size))
    return alt.layer(*layers)


def ticks(least: int, most: int) -> list[int]:
    """1, 2 and 5 times the powers of ten between the two."""
    powers = range(len(str(most)))
    return [n * 10**power for power in powers for n in (1, 2, 5) if least <= n * 10**power <= most]


def _ceiling(answer: Answer, ratio: Any) -> Any:
    value = [{RATIO: answer.body["ceiling_hit_ratio"]}]
    return alt.Chart(alt.Data(values=value)).mark_rule(color=theme.INK, strokeDash=[6, 4], aria=False).encode(y=ratio)
