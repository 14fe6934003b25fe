"""What does each way of prompt caching cost? One bar from zero per scenario of the ``prompt_cache`` answer."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import bars, formats, theme
from netyield.charts.drawing import Drawing, rows

BEST, FLOOR, NONE = "best", "floor", "none"
KEY = "Green: the best plan, chosen in hindsight. Red: dearer than not caching. Grey: the floor, which cannot be had."


def charts(answer: Answer) -> list[Drawing]:
    """One drawing, or none when no figure followed from the trace."""
    if not answer.table.num_rows:
        return []
    amounts, saved = (answer.table.column(name).to_pylist() for name in ("amount", "saved"))
    drawn = [
        _bar(row, amount, less, answer.currency)
        for row, amount, less in zip(rows(answer.table), amounts, saved, strict=True)
    ]
    spec = bars.draw(answer.name, drawn, f"{answer.currency} for the input tokens of the trace", legend=False)
    sentences = tuple(bar.sentence for bar in drawn)
    return [Drawing(answer.name, answer.title, answer.description, spec, sentences, KEY)]


def _bar(row: dict[str, Any], amount: Decimal, saved: Decimal | None, currency: str) -> bars.Bar:
    words = formats.money(amount, currency)
    if row["kind"] != NONE and saved is not None:
        change = "saved" if saved >= 0 else "more"
        words += f" · {formats.money(abs(saved), currency)} {change}"
    sentence = f"{row['scenario']}: {words.replace(' · ', ', ')}"
    return bars.Bar(row["scenario"], words, *bars.from_zero(row["amount"]), _kind(row["kind"], saved), sentence)


def _kind(kind: str, saved: Decimal | None) -> str:
    if saved is not None and saved < 0:
        return theme.LOST
    return {BEST: theme.USEFUL, FLOOR: theme.OUTSIDE}.get(kind, theme.WORK)
