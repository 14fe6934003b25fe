"""What is locked in, day by day, and when does it end? Stacked areas of hours, and a ladder of ends.

Covered, unused and on demand lie on one another: GPU-hours where the bill says them, else money. The ladder draws one bar per
commitment from the end of the window to its own end.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import formats, theme
from netyield.charts.drawing import (
    AT_CURSOR,
    Drawing,
    amount_axis,
    cursor_param,
    cursor_stroke,
    day_axis,
    finish,
    guard,
    instant,
    rows,
)
from netyield.core.period import iso

DAYS, LADDER = "coverage_days", "expiry_ladder"
KINDS = {"covered": theme.WORK, "unused": theme.LOST, "on demand": theme.OUTSIDE}
HEIGHT, PIXELS_PER_RUNG = 260, 26


def charts(answer: Answer) -> list[Drawing]:
    """The coverage area chart and the expiry ladder, each where there is something to draw."""
    return [*([_area(answer)] if DAYS in answer.views else []), *([_ladder(answer)] if LADDER in answer.views else [])]


def _area(answer: Answer) -> Drawing:
    listed = rows(answer.views[DAYS][0])
    exact = answer.views[DAYS][0].to_pylist()
    by_hours = all(row["hours"] is not None for row in listed)
    key = "hours" if by_hours else "amount"
    data = []
    for number, (row, said) in enumerate(zip(listed, exact, strict=True)):
        size = formats.hours(row["hours"]) + " GPU-hours, " if by_hours else ""
        words = f"{row['day']}, {row['kind']}: {size}{formats.money(said['amount'], answer.currency)}"
        data.append({"walk": number, "day": iso(instant(row["day"])), "kind": row["kind"], "size": row[key], "sentence": words,
                     "rank": list(KINDS).index(row["kind"])})  # fmt: skip
    guard(answer.name, 2 * len(data))
    title = "GPU-hours a day" if by_hours else f"{answer.currency} a day, effective cost"
    days = sorted({instant(row["day"]) for row in data})
    size = alt.Y("size:Q", stack="zero", title=title, axis=amount_axis(grid=True))
    time = alt.X("day:T", title="UTC", scale=alt.Scale(type="utc"), axis=day_axis(days))
    scale = alt.Scale(domain=list(KINDS), range=[theme.FILLS[kind] for kind in KINDS.values()])
    colour = alt.Color("kind:N", scale=scale, legend=alt.Legend(title=None))
    base = alt.Chart(alt.Data(values=data))
    area = base.mark_area(opacity=0.85, aria=False).encode(x=time, y=size, color=colour, order="rank:O")
    dots = base.mark_point(filled=True).encode(
        x=time, y=size, color=colour, order="rank:O", description="sentence:N",
        tooltip=alt.Tooltip("sentence:N", title=" "), size=alt.condition(AT_CURSOR, alt.value(160), alt.value(20)),
    )  # fmt: skip
    spec = finish(alt.layer(area, dots).add_params(cursor_param()), height=HEIGHT)
    sentence = f"What commitments covered, what of them nobody used, and what was on demand, {formats.window(answer.window)}."
    return Drawing("coverage_area", "Covered, unused and on demand", sentence, spec, tuple(row["sentence"] for row in data))


def _ladder(answer: Answer) -> Drawing:
    table = answer.views[LADDER][0]
    since = iso(answer.window.until)
    data: list[dict[str, Any]] = []
    for number, row in enumerate(table.to_pylist()):
        words = f"{row['commitment']} ends {row['ends']}, {formats.count(row['units'])} units, {row['owed']} still to be paid"
        data.append({"walk": number, "commitment": row["commitment"], "since": since, "ends": iso(instant(row["ends"])),
                     "sentence": words})  # fmt: skip
    guard("expiry ladder", len(data))
    order = [row["commitment"] for row in data]
    bars = alt.Chart(alt.Data(values=data)).mark_bar(color=theme.FILLS[theme.WORK], height={"band": 0.6}).encode(
        x=alt.X("since:T", title="UTC", scale=alt.Scale(type="utc"), axis=alt.Axis(tickCount=6, grid=True, format="%b %Y")),
        x2="ends:T", y=alt.Y("commitment:N", title=None, sort=order, axis=alt.Axis(labelLimit=220)),
        description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke(),
    )  # fmt: skip
    spec = finish(bars.add_params(cursor_param()), height=max(1, len(data)) * PIXELS_PER_RUNG)
    sentence = f"When each commitment ends ({len(data)} of them, the next on {table.column('ends')[0].as_py()})."
    return Drawing("expiry_ladder", "When each ends", sentence, spec, tuple(row["sentence"] for row in data))
