"""How many replicas at which demand, and how busy are they? A bar for each demand and for Poisson, and the week's hours."""

from __future__ import annotations

from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import bars, formats, theme
from netyield.charts.drawing import Drawing, rows
from netyield.charts.week import draw_week

WEEK_KEY = "Work of a minute over what the chosen replicas do when full: the median minute of each hour, and its 90th percentile."
KEY = "Bars: the fewest replicas that keep the objective, without spares."


def charts(answer: Answer) -> list[Drawing]:
    """Replicas by demand and the week; none where no number keeps the objective or too little was recorded to say."""
    if answer.body["replicas"] is None:
        return []
    drawn = [
        _bar(f"{row['demand']:g} times the demand", row["replicas"], row["utilisation"]) for row in rows(answer.table)
    ]
    smooth = answer.body["replicas_if_poisson"]
    if smooth is not None:
        words = f"{smooth} replicas"
        drawn.append(
            bars.Bar("With Poisson arrivals", words, 0.0, float(smooth), theme.MAYBE, f"With Poisson arrivals: {words}")
        )
    spec = bars.draw(answer.name, drawn, "Replicas", legend=False)
    replicas = Drawing(
        answer.name, "Replicas by demand", answer.description, spec, tuple(bar.sentence for bar in drawn), KEY
    )
    return [replicas, *draw_week("sizing_week", _hours(answer), answer.body["hours_from"], WEEK_KEY)]


def _hours(answer: Answer) -> list[dict[str, Any]]:
    listed = rows(answer.views["utilisation_by_hour"][0])
    return [
        {"series": series, "hour_of_week": row["hour_of_week"], "utilisation": row[name], "words": f"{formats.share(row[name])} utilised"}
        for series, name in (("median minute", "utilisation_p50"), ("90th percentile", "utilisation_p90"))
        for row in listed
    ]


def _bar(label: str, replicas: int, utilisation: float) -> bars.Bar:
    words = f"{replicas} replicas, {formats.share(utilisation)} utilised"
    return bars.Bar(label, words, 0.0, float(replicas), theme.USEFUL, f"{label}: {words}")
