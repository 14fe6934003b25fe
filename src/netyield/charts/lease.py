"""What does a lease stand at, and what does it cost, period by period, in both books?"""

from __future__ import annotations

from typing import Any

from netyield.answers.answer import Answer
from netyield.charts import periods
from netyield.charts.drawing import Drawing, rows

BALANCES = {"liability": "liability", "right_of_use": "right of use"}


def charts(answer: Answer) -> list[Drawing]:
    """Balances at each period's end, and each period's cost."""
    listed = rows(answer.table)
    books = list(dict.fromkeys(row["book"] for row in listed))
    balances = {f"{book}: {words}": _amounts(listed, book, name) for name, words in BALANCES.items() for book in books}
    costs = {book: _amounts(listed, book, "cost") for book in books}
    money, when = answer.currency, "period of the lease"
    return [
        periods.lines("lease_balances", ("Liability and right of use", answer.description), balances, money, (when, f"at its end, {money}")),
        periods.lines("lease_cost", ("Cost of each period", answer.description), costs, money, (when, f"cost, {money}")),
    ]


def _amounts(listed: list[dict[str, Any]], book: str, name: str) -> dict[str, float | None]:
    return {row["period"]: row[name] for row in listed if row["book"] == book}
