"""Which option is cheapest at which volume and peak? A surface of the cheapest, both axes logarithmic."""

from __future__ import annotations

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import formats, theme
from netyield.charts.drawing import Drawing, cursor_param, cursor_stroke, finish, guard, rows

HEIGHT = 340
KEY = "Each mark: the cheapest option at that volume and peak. Cross: this traffic."


def charts(answer: Answer) -> list[Drawing]:
    """The surface; none where there is no fleet and API to compare."""
    surface = rows(answer.views["surface"][0])
    if not surface:
        return []
    guard(answer.name, len(surface))
    data = [
        row | {
            "walk": number,
            "sentence": f"{formats.compact(row['mtok_per_month'])} million output tokens a month, peak {row['peak_to_mean']:g}"
            f" times the mean: {row['cheapest']}",
        }
        for number, row in enumerate(surface)
    ]  # fmt: skip
    volume = alt.X("mtok_per_month:Q", title="million output tokens a month", scale=alt.Scale(type="log"), axis=alt.Axis(format="~s"))
    peak = alt.Y("peak_to_mean:Q", title="peak over mean the fleet is sized for", scale=alt.Scale(type="log"))
    names = list(dict.fromkeys(row["cheapest"] for row in data))
    colour = alt.Color("cheapest:N", title="cheapest", scale=alt.Scale(domain=names, range=list(theme.SERIES[: len(names)])))
    marks = alt.Chart(alt.Data(values=data)).mark_point(filled=True, size=60, opacity=1).encode(
        x=volume, y=peak, color=colour, shape=alt.Shape("cheapest:N", title="cheapest", scale=alt.Scale(domain=names)),
        description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke(),
    )  # fmt: skip
    here = alt.Chart(alt.Data(values=[answer.body["here"]])).mark_point(shape="cross", size=260, color=theme.INK, filled=True, aria=False)
    layered = alt.layer(marks, here.encode(x=volume, y=peak)).add_params(cursor_param())
    sentences = tuple(row["sentence"] for row in data)
    return [Drawing(answer.name, "Break-even surface", answer.description, finish(layered, height=HEIGHT), sentences, KEY)]
