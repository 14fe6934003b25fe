"""How sure is each option's cost, what sways the choice, and how busy are fleets? Cost bands, a tornado, and the week."""

from __future__ import annotations

from typing import Any

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import formats, theme
from netyield.charts.drawing import Drawing, cursor_param, cursor_stroke, finish, guard, rows
from netyield.charts.week import draw_week

PIXELS_PER_ROW = 38
WEEK_KEY = "GPUs at work over GPUs paid for. Hours nobody recorded are left empty."
BAND_KEY = "Bar: P10 to P90 of the draws. Tick: the median. Amber: not compared."
TORNADO_KEY = "Bar: from the input's P10 to its P90, everything else as drawn. Left of zero another option is cheaper."


def charts(answer: Answer) -> list[Drawing]:
    """Cost bands, tornado and the week; none when nothing has a price."""
    priced = [row for row in rows(answer.table) if row["usd_per_month_p50"] is not None]
    return [_bands(answer, priced), *_tornado(answer), *_week(answer)] if priced else []


def _bands(answer: Answer, priced: list[dict[str, Any]]) -> Drawing:
    data = [
        {
            "walk": number, "name": row["name"], "lo": row["usd_per_month_p10"], "middle": row["usd_per_month_p50"],
            "hi": row["usd_per_month_p90"], "compared": "compared" if row["p_cheapest"] is not None else "not compared",
            "sentence": _band_sentence(row),
        }
        for number, row in enumerate(priced)
    ]  # fmt: skip
    guard(answer.name, len(data))
    where = alt.Y("name:N", title=None, sort=[row["name"] for row in data], axis=alt.Axis(labelLimit=220))
    cost = alt.X("lo:Q", title="US dollars a month", scale=alt.Scale(zero=True), axis=alt.Axis(format="~s"))
    bars = alt.Chart(alt.Data(values=data)).mark_bar(size=16).encode(
        x=cost, x2="hi:Q", y=where,
        color=alt.Color("compared:N", title=None, scale=alt.Scale(
            domain=["compared", "not compared"], range=[theme.SERIES[0], theme.SERIES[1]])),
        description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke(),
    )  # fmt: skip
    ticks = alt.Chart(alt.Data(values=data)).mark_tick(thickness=3, size=24, color=theme.INK, aria=False)
    layered = alt.layer(bars, ticks.encode(x="middle:Q", y=where)).add_params(cursor_param())
    spec = finish(layered, height=len(data) * PIXELS_PER_ROW)
    return Drawing(answer.name, "Cost of the same requests", answer.description, spec, tuple(row["sentence"] for row in data), BAND_KEY)


def _band_sentence(row: dict[str, Any]) -> str:
    low, middle, high = (formats.money(row[f"usd_per_month_{band}"], "USD") for band in ("p10", "p50", "p90"))
    chance = "not compared" if row["p_cheapest"] is None else f"cheapest in {formats.share(row['p_cheapest'])} of the draws"
    return f"{row['name']}: {middle} a month ({low} to {high}), {chance}"


def _tornado(answer: Answer) -> list[Drawing]:
    listed = rows(answer.views["sways"][0])
    if not listed:
        return []
    data = [
        {"walk": number, "input": row["input"], "lo": min(row["lo"], row["hi"]), "hi": max(row["lo"], row["hi"]),
         "flips": "flips" if min(row["lo"], row["hi"]) < 0 else "stays", "sentence": _sway_sentence(row)}
        for number, row in enumerate(listed)
    ]  # fmt: skip
    guard(answer.name, len(data))
    where = alt.Y("input:N", title=None, sort=[row["input"] for row in data], axis=alt.Axis(labelLimit=220))
    bars = alt.Chart(alt.Data(values=data)).mark_bar(size=14).encode(
        x=alt.X("lo:Q", title="US dollars a month saved by the leader over the next", axis=alt.Axis(format="~s")), x2="hi:Q", y=where,
        color=alt.Color("flips:N", title="the choice", scale=alt.Scale(domain=["stays", "flips"], range=[theme.SERIES[0], theme.SERIES[1]])),
        description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke(),
    )  # fmt: skip
    zero = alt.Chart(alt.Data(values=[{"lo": 0}])).mark_rule(color=theme.INK, aria=False).encode(x="lo:Q")
    spec = finish(alt.layer(bars, zero).add_params(cursor_param()), height=len(data) * PIXELS_PER_ROW)
    words = f"What sways it: the leader's saving as each input goes from its P10 to its P90, {len(data)} inputs."
    return [Drawing("placement_sways", "What sways it", words, spec, tuple(row["sentence"] for row in data), TORNADO_KEY)]


def _sway_sentence(row: dict[str, Any]) -> str:
    low, high = (formats.money(row[end], "USD") for end in ("lo", "hi"))
    return f"{row['input']}: the leader saves {low} a month where it is low, {high} where it is high"


def _week(answer: Answer) -> list[Drawing]:
    """Utilisation of every fleet in each recorded hour."""
    listed = [
        row | {"series": row["option"], "words": f"{formats.share(row['utilisation'])} utilised, demand {row['demand']:.3g} times the mean"}
        for row in rows(answer.views["utilisation_by_hour"][0])
    ]
    return draw_week("placement_week", listed, answer.body["hours_from"], WEEK_KEY)
