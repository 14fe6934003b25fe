"""What does a change of estimate do? Carrying amount and charge of each period, with the change and as the register has it."""

from __future__ import annotations

from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import periods
from netyield.charts.drawing import Drawing, rows

SHOWN = {"carrying": "Carrying amount", "charge": "Depreciation"}


def charts(answer: Answer) -> list[Drawing]:
    """Both drawings of each currency; none for a schedule without rows."""
    listed = rows(answer.table)
    found = []
    for currency in dict.fromkeys(row["currency"] for row in listed):
        own = [row for row in listed if row["currency"] == currency]
        for name, words in SHOWN.items():
            series = {"with the change": _amounts(own, name), "as the register has it": _amounts(own, f"{name}_before")}
            heading = (f"{words}, {currency}", answer.description)
            found.append(periods.lines(f"{answer.name}_{name}_{currency.lower()}", heading, series, currency, (None, f"{words.lower()}, {currency}")))
    return found


def _amounts(own: list[dict[str, Any]], name: str) -> dict[str, float | None]:
    return {row["period"]: row[name] for row in own}
