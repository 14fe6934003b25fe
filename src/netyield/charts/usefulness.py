"""Was it worth it? Output tokens per verdict and reason of the ``usefulness`` answer, as bars from zero."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import bars, formats, theme
from netyield.charts.drawing import Drawing, rows


def chart(answer: Answer) -> Drawing:
    """The drawing of a ``usefulness`` answer."""
    exact = answer.table.column("amount").to_pylist()
    drawn = [_bar(row, amount, answer.currency) for row, amount in zip(rows(answer.table), exact, strict=True)]
    spec = bars.draw(answer.name, drawn, "output tokens")
    return Drawing(answer.name, answer.title, answer.description, spec, tuple(bar.sentence for bar in drawn))


def _bar(row: dict[str, Any], amount: Decimal | None, currency: str) -> bars.Bar:
    label = ": ".join(formats.spaced(part) for part in (row["verdict"], row["reason"]) if part)
    kind = theme.kind_of_step(str(row["verdict"]))
    tokens = row["output_tokens"]
    if tokens is None:
        words, low, high = formats.NOT_MEASURED, None, None
    else:
        words, low, high = f"{formats.compact(tokens)} tokens", 0.0, float(tokens)
    money = f", {formats.money(amount, currency)}" if amount is not None else ""
    return bars.Bar(label, words, low, high, kind, f"{label}: {words}{money}")
