"""How do amounts run over periods? One line per series over named months, years or lease periods, in their order.

A series is told by colour and by dashes, and in every sentence. A period a series has no amount for is a gap, not a zero.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from netyield.charts import formats, theme
from netyield.charts.drawing import AT_CURSOR, Drawing, amount_axis, cursor_param, finish, guard

HEIGHT = 220
NAMED_PERIODS = 12
DASHES = ([1, 0], [6, 4], [2, 2], [10, 3])


def axis(names: Sequence[str], title: str | None = None) -> Any:
    """Periods in their order; a long run of months names years, at their first month."""
    firsts = [name for name in names if "-" in name and name.endswith("-01")]
    shown = firsts if len(names) > NAMED_PERIODS and firsts else list(names)
    shown = shown[:: -(-len(shown) // NAMED_PERIODS)]
    label = "slice(datum.label, 0, 4)" if shown == firsts else "datum.label"
    return alt.X("period:O", sort=list(names), title=title, axis=alt.Axis(values=shown, labelExpr=label, labelAngle=0, grid=False))


def lines(
    name: str, heading: tuple[str, str], series: Mapping[str, Mapping[str, float | None]], currency: str, titles: tuple[str | None, str],
    note: str = "",
) -> Drawing:  # fmt: skip
    """One drawing. ``heading``: its title and description. ``series``: amounts by period; ``titles``: of both axes."""
    names = list(dict.fromkeys(period for amounts in series.values() for period in amounts))
    points: list[dict[str, Any]] = [
        {"period": period, "series": word, "amount": amount}
        for word, amounts in series.items() for period, amount in amounts.items() if amount is not None
    ]  # fmt: skip
    sentences = tuple(f"{point['period']}, {point['series']}: {formats.money(point['amount'], currency)}" for point in points)
    guard(name, 2 * len(points))
    words = list(series)
    data = [{"walk": number, "sentence": said, **point} for number, (point, said) in enumerate(zip(points, sentences, strict=True))]
    legend = alt.Legend(title=None, symbolType="stroke", symbolSize=300, columns=1 if len(words) > 2 else 2, labelLimit=0)
    count = range(len(words))
    colour = alt.Color("series:N", scale=alt.Scale(domain=words, range=[theme.SERIES[n % len(theme.SERIES)] for n in count]), legend=legend)
    dash = alt.StrokeDash("series:N", scale=alt.Scale(domain=words, range=[DASHES[n % len(DASHES)] for n in count]), legend=legend)
    base = alt.Chart(alt.Data(values=data))
    where, height = axis(names, titles[0]), alt.Y("amount:Q", title=titles[1], axis=amount_axis(grid=True))
    dots = base.mark_point(filled=True, opacity=1).encode(
        x=where, y=height, color=colour, description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "),
        size=alt.condition(AT_CURSOR, alt.value(140), alt.value(8)),
    )  # fmt: skip
    drawn = alt.layer(base.mark_line(aria=False).encode(x=where, y=height, color=colour, strokeDash=dash), dots)
    spec: dict[str, Any] = finish(drawn.add_params(cursor_param()), height=HEIGHT)
    return Drawing(name, heading[0], heading[1], spec, sentences, note)
