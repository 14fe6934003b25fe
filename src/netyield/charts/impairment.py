"""What was it worth, what is written down, and what is left, in each book? And how does what is left run out?

A figure that the case does not decide is an outline, never a zero.
"""

from __future__ import annotations

from typing import Any

from netyield.answers.answer import Answer
from netyield.answers.depreciation_tables import BOOK_WORDS as BOOKS
from netyield.charts import bars, formats, periods, theme
from netyield.charts.drawing import Drawing, rows

CARRYING = "carrying"
KEY = "Red: the loss, from what stood on the books down to what is left. Outlined: the case does not decide it."


def charts(answer: Answer) -> list[Drawing]:
    """The loss in each book; for assets of a register the carrying amount over time, with the loss and without."""
    drawn = [bar for book in BOOKS for bar in _bars(answer, book)]
    found = []
    if drawn:
        spec = bars.draw(answer.name, drawn, f"carrying amount, {answer.currency}", legend=False)
        sentences = tuple(bar.sentence for bar in drawn)
        found.append(Drawing(answer.name, "What is written down", answer.description, spec, sentences, KEY))
    if CARRYING in answer.views:
        found.append(_over_time(answer))
    return found


def _bars(answer: Answer, book: str) -> list[bars.Bar]:
    figures = answer.body[book]
    before = float(figures["carrying"])
    if not before:
        return []
    change = None if figures["impairment"] is None else float(figures["impairment"]) - float(figures["reversal"])
    left = None if change is None else before - change
    what = "comes back" if change is not None and change < 0 else "is written down"
    return [
        _bar(f"{BOOKS[book]}: on the books", before, bars.from_zero(before), theme.WORK, answer.currency),
        _bar(f"{BOOKS[book]}: {what}", None if change is None else abs(change), _between(before, left), theme.LOST, answer.currency),
        _bar(f"{BOOKS[book]}: is left", left, bars.from_zero(left), theme.WORK, answer.currency),
    ]


def _between(before: float, left: float | None) -> tuple[float | None, float | None]:
    return (None, None) if left is None else (min(before, left), max(before, left))


def _bar(label: str, amount: float | None, edges: tuple[float | None, float | None], kind: str, currency: str) -> bars.Bar:
    words = "not decided" if amount is None else formats.money(amount, currency)
    return bars.Bar(label, words, *edges, kind, f"{label}: {words}")


def _over_time(answer: Answer) -> Drawing:
    listed = rows(answer.views[CARRYING][0])
    series: dict[str, dict[str, Any]] = {}
    for row in listed:
        series.setdefault(f"{row['book']}: as it was", {})[row["period"]] = row["before"]
        series.setdefault(f"{row['book']}: with the write-down", {})[row["period"]] = row["after"]
    heading = ("Carrying amount, with the write-down and as it was", answer.description)
    return periods.lines("impairment_carrying", heading, series, answer.currency, (None, f"at the end of each period, {answer.currency}"))
