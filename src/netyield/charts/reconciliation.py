"""Do the books agree with the invoice? The bridge of the ``reconciliation`` answer, and its daily differences."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import altair as alt

from netyield.answers.answer import Answer
from netyield.charts import bars, formats, theme
from netyield.charts.drawing import (
    Drawing,
    amount_axis,
    cursor_param,
    cursor_stroke,
    day_axis,
    finish,
    guard,
    instant,
    rows,
)
from netyield.core.period import iso

DAILY = "by_day"
DAILY_HEIGHT = 200


def chart(answer: Answer) -> Drawing:
    """The bridge: one bar from zero per line; lines below zero go left."""
    exact = answer.table.column("amount").to_pylist()
    drawn = [_bar(row, amount, answer.currency) for row, amount in zip(rows(answer.table), exact, strict=True)]
    spec = bars.draw(answer.name, drawn, answer.currency)
    return Drawing(answer.name, answer.title, answer.description, spec, tuple(bar.sentence for bar in drawn))


def _bar(row: dict[str, Any], amount: Decimal | None, currency: str) -> bars.Bar:
    label, words = str(row["line"]), formats.money(amount, currency)
    note = f", {row['note']}" if row.get("note") else ""
    return bars.Bar(label, words, *bars.from_zero(row["amount"]), theme.BOOKS, f"{label}: {words}{note}")


def daily(answer: Answer) -> Drawing | None:
    """Billed less priced, per day and provider; None when the answer compares no days."""
    if DAILY not in answer.views or not answer.views[DAILY][0].num_rows:
        return None
    table = answer.views[DAILY][0]
    guard(answer.name, table.num_rows)
    exact = table.column("difference").to_pylist()
    data = [
        _day(number, row, amount, answer.currency)
        for number, (row, amount) in enumerate(zip(rows(table), exact, strict=True))
    ]
    days = sorted({instant(row["day"]) for row in data})
    providers = sorted({row["provider"] for row in data})
    bar = (
        alt.Chart(alt.Data(values=data))
        .mark_bar()
        .encode(
            x=alt.X("utcyearmonthdate(day):T", title=None, scale=alt.Scale(type="utc"), axis=day_axis(days)),
            y=alt.Y("difference:Q", title=f"billed less priced, {answer.currency}", axis=amount_axis(grid=True)),
            color=alt.Color("provider:N", title=None, scale=alt.Scale(domain=providers, range=list(theme.SERIES))),
            description="sentence:N",
            tooltip=alt.Tooltip("sentence:N", title=" "),
            **cursor_stroke(),
        )
    )
    spec = finish(bar.add_params(cursor_param()), height=DAILY_HEIGHT)
    sentence = f"Bill less priced usage on each of {len(days)} days."
    return Drawing(
        "reconciliation_daily",
        "Bill against priced usage, by day",
        sentence,
        spec,
        tuple(row["sentence"] for row in data),
    )


def _day(number: int, row: dict[str, Any], amount: Decimal | None, currency: str) -> dict[str, Any]:
    who = " ".join(str(part) for part in (row["provider"], row["model"]) if part)
    words = formats.NOT_MEASURED if amount is None else f"{formats.money(amount, currency)} billed less priced"
    return {
        "walk": number,
        "day": iso(instant(row["day"])),
        "provider": str(row["provider"]),
        "difference": row["difference"],
        "sentence": f"{str(row['day'])[:10]}, {who}: {words}",
    }
