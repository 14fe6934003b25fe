"""Where did every dollar go? One horizontal ranged bar per step of the ``waterfall`` answer.

``lo`` and ``hi`` come from the answer: cumulative, in units of its currency.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import bars, formats, theme
from netyield.charts.drawing import Drawing, rows

GROUPS = "groups"


def chart(answer: Answer) -> Drawing:
    """The drawing of a ``waterfall`` answer."""
    exact = answer.table.column("amount").to_pylist()
    drawn = [_bar(row, amount, answer.currency) for row, amount in zip(rows(answer.table), exact, strict=True)]
    spec = bars.draw(answer.name, drawn, f"{answer.currency}, cumulative")
    return Drawing(answer.name, answer.title, answer.description, spec, tuple(bar.sentence for bar in drawn))


def groups(answer: Answer) -> list[Drawing]:
    """The same money in a few bars, for the first look; nothing when the answer has no groups."""
    if GROUPS not in answer.views or not answer.views[GROUPS][0].num_rows:
        return []
    table = answer.views[GROUPS][0]
    exact = table.column("amount").to_pylist()
    drawn = [_group(row, amount, answer.currency) for row, amount in zip(rows(table), exact, strict=True)]
    spec = bars.draw("waterfall groups", drawn, f"{answer.currency}, cumulative")
    sentence = f"The steps of the waterfall in {len(drawn)} groups, {formats.window(answer.window)}."
    return [Drawing("waterfall_groups", "At a glance", sentence, spec, tuple(bar.sentence for bar in drawn))]


def _group(row: dict[str, Any], amount: Decimal, currency: str) -> bars.Bar:
    words = formats.money(amount, currency)
    if row["share"] is not None:
        words += f" · {formats.share(row['share'])}"
    steps = str(row["steps"]).replace("_", " ")
    sentence = f"{row['label']}: {words.replace(' · ', ', ')} ({steps})"
    return bars.Bar(str(row["label"]), words, row["lo"], row["hi"], theme.kind_in_words(str(row["kind"])), sentence)


def _bar(row: dict[str, Any], amount: Decimal | None, currency: str) -> bars.Bar:
    label, kind = str(row["label"]), theme.kind_of_step(str(row["step"]))
    known = f" ({row['evidence']})" if row["evidence"] else ""
    if not row["measured"] or row["lo"] is None or row["hi"] is None:
        return bars.Bar(label, formats.NOT_MEASURED, None, None, kind, f"{label}: {formats.NOT_MEASURED}")
    words = formats.money(amount, currency)
    if row["share"] is not None:
        words += f" · {formats.share(row['share'])}"
    return bars.Bar(label, words, row["lo"], row["hi"], kind, f"{label}: {words.replace(' · ', ', ')}{known}")
