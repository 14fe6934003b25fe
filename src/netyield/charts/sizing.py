"""How many replicas at which demand, and how busy are they? One bar for each demand, and what Poisson would have said."""

from __future__ import annotations

from netyield.answers.answer import Answer
from netyield.charts import bars, formats, theme
from netyield.charts.drawing import Drawing, rows

KEY = "Bars: the fewest replicas that keep the objective, without spares."


def charts(answer: Answer) -> list[Drawing]:
    """Replicas by demand; none where no number of replicas keeps the objective."""
    if not answer.body["meets_slo"]:
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
    return [
        Drawing(answer.name, "Replicas by demand", answer.description, spec, tuple(bar.sentence for bar in drawn), KEY)
    ]


def _bar(label: str, replicas: int, utilisation: float) -> bars.Bar:
    words = f"{replicas} replicas, {formats.share(utilisation)} utilised"
    return bars.Bar(label, words, 0.0, float(replicas), theme.USEFUL, f"{label}: {words}")
