"""Who paid for what? Loaded cost per slice of the ``allocation`` answer, as bars from zero."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import bars, formats, theme
from netyield.charts.drawing import Drawing, rows

BARS_LIMIT = 40  # an answer may have a slice per customer


def chart(answer: Answer) -> Drawing:
    """The drawing of an ``allocation`` answer: its first slices, and how many of how many they are."""
    exact = answer.table.column("loaded_amount").to_pylist()
    every = [_bar(row, amount, answer.currency) for row, amount in zip(rows(answer.table), exact, strict=True)]
    drawn = every[:BARS_LIMIT]
    note = f"{len(drawn)} of {len(every)} drawn; the table has them all." if len(drawn) < len(every) else ""
    spec = bars.draw(answer.name, drawn, f"{answer.currency}, with the slice's share of idle and platform cost")
    return Drawing(answer.name, answer.title, answer.description, spec, tuple(bar.sentence for bar in drawn), note)


def _bar(row: dict[str, Any], amount: Decimal | None, currency: str) -> bars.Bar:
    label, value = formats.label(row["slice"]), row["loaded_amount"]
    words = formats.money(amount, currency)
    if amount is not None and row.get("share") is not None:
        words += f" · {formats.share(row['share'])}"
    sentence = f"{label}: {words.replace(' · ', ', ')}"
    return bars.Bar(label, words, *bars.from_zero(value), theme.BOOKS, sentence)
