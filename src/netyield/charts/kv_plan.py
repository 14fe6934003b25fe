"""Which plans are worth having, and what sways the decision? Cost against time to first token, and a tornado.

Every plan tried is a dot; the line joins those for which nothing is both cheaper and faster. Chosen, present, HBM only
and the knee are named. The dashed line is the objective. Both axes are logarithmic where times span more than tenfold.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import formats, theme
from netyield.charts.drawing import AT_CURSOR, Drawing, cursor_param, cursor_stroke, finish, guard, rows

HEIGHT = 340
PIXELS_PER_INPUT = 34
KEY = "Line: nothing is both cheaper and faster. Dashed: the objective."
DRAWN_OTHERS = 600
TORNADO_KEY = "Bars: cost of the best plan from half to double. A bar that ends open (arrow) finds no plan there."


def charts(answer: Answer) -> list[Drawing]:
    """Frontier and tornado; none when no plan could be made."""
    if "tried" not in answer.views:
        return []
    return [_frontier(answer), *_tornado(answer)]


def _frontier(answer: Answer) -> Drawing:
    tried = rows(answer.views["tried"][0])
    named = [row for row in tried if row["mark"] or row["frontier"]]
    others = [row for row in tried if not (row["mark"] or row["frontier"])][:DRAWN_OTHERS]
    points = [
        row | {"walk": number, "sentence": _sentence(row), "dot": 110 if row["mark"] else 40}
        for number, row in enumerate(_by_cost(named))
    ]
    guard(answer.name, len(points) + len(others))
    spec = finish(_layers(answer, points, others).add_params(cursor_param()), height=HEIGHT)
    sentences = tuple(point["sentence"] for point in points)
    return Drawing(answer.name, "Cost against time to first token", answer.description, spec, sentences, KEY)


def _by_cost(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(listed, key=lambda row: (row["usd_per_hour"], row["ttft_seconds"]))


def _sentence(row: dict[str, Any]) -> str:
    name = f"{row['mark']}: " if row["mark"] else ""
    time = f"{row['ttft_seconds']:,.3g} s"
    met = "keeps the objective" if row["met"] else "misses the objective"
    return f"{name}{row['gpus']:g} GPUs, {row['sizes']}: {formats.money(row['usd_per_hour'], 'USD')} an hour, {time}, {met}"


def _layers(answer: Answer, points: list[dict[str, Any]], others: list[dict[str, Any]]) -> Any:
    times = [row["ttft_seconds"] for row in (*points, *others)]
    steep = "log" if min(times) > 0 and max(times) > 10 * min(times) else "linear"
    cost = alt.X("usd_per_hour:Q", title="US dollars an hour", scale=alt.Scale(zero=False), axis=alt.Axis(grid=False))
    time = alt.Y(
        "ttft_seconds:Q",
        title=f"{answer.body['objective'].split(' <')[0]}, seconds",
        scale=alt.Scale(type=steep, zero=False),
    )
    edge = [point for point in points if point["frontier"]]
    line = alt.Chart(alt.Data(values=edge)).mark_line(interpolate="step-after", aria=False, color=theme.SERIES[0])
    faint = alt.Chart(alt.Data(values=others)).mark_point(
        filled=True, size=14, opacity=0.45, color=theme.MUTED, aria=False
    )
    dots = alt.Chart(alt.Data(values=points)).mark_point(filled=True, opacity=1).encode(
        x=cost, y=time,
        color=alt.condition("datum.mark !== ''", alt.value(theme.FILLS[theme.USEFUL]), alt.value(theme.SERIES[0])),
        size=alt.condition(AT_CURSOR, alt.value(180), alt.Size("dot:Q", scale=None, legend=None)),
        description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "),
    )  # fmt: skip
    labels = alt.Chart(alt.Data(values=[point for point in points if point["mark"]])).mark_text(
        align="left", dx=8, dy=-7, aria=False, color=theme.INK
    )
    limit = float(answer.body["objective"].split("<")[1].strip().removesuffix("s"))
    rule = alt.Chart(alt.Data(values=[{"ttft_seconds": limit}])).mark_rule(
        strokeDash=[5, 4], color=theme.MUTED, aria=False
    )
    layers = [
        faint.encode(x=cost, y=time),
        line.encode(x=cost, y=time),
        dots,
        labels.encode(x=cost, y=time, text="mark:N"),
    ]
    return alt.layer(rule.encode(y=time), *layers)


def _tornado(answer: Answer) -> list[Drawing]:
    chosen = answer.body["chosen"]
    listed = rows(answer.views["sensitivity"][0])
    if chosen is None or not listed:
        return []
    now = chosen["usd_per_hour"]
    data = [_bar(number, row, now) for number, row in enumerate(listed)]
    guard(answer.name, len(data))
    names = [row["input"] for row in data]
    where = alt.Y("input:N", title=None, sort=names, axis=alt.Axis(labelLimit=160))
    bars = alt.Chart(alt.Data(values=data)).mark_bar(size=14).encode(
        x=alt.X("lo:Q", title="US dollars an hour of the best plan", scale=alt.Scale(zero=False)), x2="hi:Q", y=where,
        color=alt.Color("flips:N", title="decision between half and double", scale=alt.Scale(
            domain=["stays", "flips"], range=[theme.SERIES[0], theme.SERIES[1]])),
        description="sentence:N", tooltip=alt.Tooltip("sentence:N", title=" "), **cursor_stroke(),
    )  # fmt: skip
    here = alt.Chart(alt.Data(values=[{"lo": now}])).mark_rule(color=theme.INK, aria=False).encode(x="lo:Q")
    ends = [{"input": row["input"], "lo": row["lo"] if side == "lo" else row["hi"], "arrow": "◀" if side == "lo" else "▶"}
            for row in data for side in ("lo", "hi") if row[f"open_{side}"]]  # fmt: skip
    arrows = alt.Chart(alt.Data(values=ends)).mark_text(aria=False, color=theme.FILLS[theme.LOST], fontSize=14)
    layered = alt.layer(bars, here, arrows.encode(x="lo:Q", y=where, text="arrow:N")).add_params(cursor_param())
    spec = finish(layered, height=len(data) * PIXELS_PER_INPUT)
    sentence = f"What sways the decision: each input halved and doubled, around {formats.money(now, 'USD')} an hour."
    return [
        Drawing(
            "kv_plan_sensitivity", "What sways it", sentence, spec, tuple(row["sentence"] for row in data), TORNADO_KEY
        )
    ]


def _bar(number: int, row: dict[str, Any], now: float) -> dict[str, Any]:
    halved, doubled = row["usd_per_hour_halved"], row["usd_per_hour_doubled"]
    known = [value for value in (halved, doubled, now) if value is not None]
    flips = any(value is not None and 0.5 <= value <= 2 for value in (row["flips_below"], row["flips_above"]))
    return {
        "walk": number, "input": row["input"], "lo": min(known), "hi": max(known), "flips": "flips" if flips else "stays",
        "open_lo": halved is None, "open_hi": doubled is None, "sentence": _sway_sentence(row),
    }  # fmt: skip


def _sway_sentence(row: dict[str, Any]) -> str:
    parts = []
    for times, column in (("halved", "usd_per_hour_halved"), ("doubled", "usd_per_hour_doubled")):
        value = row[column]
        parts.append(f"{times} {formats.money(value, 'USD')} an hour" if value is not None else f"{times}: no plan")
    parts += [
        f"at {row[f'flips_{side}']:.2g} times: {row[f'becomes_{side}']}"
        for side in ("below", "above")
        if row[f"flips_{side}"] is not None
    ]
    return f"{row['input']}: {'; '.join(parts)}"
