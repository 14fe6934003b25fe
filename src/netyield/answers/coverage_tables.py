"""The tables of ``coverage``: columns, commitments of other currencies, owners, days, and the ladder of ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import AnswerColumn
from netyield.core.money import MONEY, from_pico, quantise
from netyield.core.period import Period, from_micros
from netyield.economics.commitments.contract import Commitment

PLACES = 6
HOUR_US = 3_600_000_000
METRIC_COLUMNS = (
    AnswerColumn("utilisation", "share", "of what was paid", "Effective cost used / used + unused"),
    AnswerColumn("utilisation_hours", "share", "of the hours", "The same of unit-hours"),
    AnswerColumn("break_even_utilisation", "share", "of the hours", "Below it, on demand would have been cheaper"),
    AnswerColumn("effective_savings_rate", "share", "of on demand", "1 - actual cost, unused and fees included / on demand"),
)
COLUMNS = (
    AnswerColumn("commitment", "text", "", "Commitment or capacity reservation"),
    AnswerColumn("name", "text", "", "Its name"),
    AnswerColumn("owner", "text", "", "Who answers for it: declared, a tag, or the account"),
    AnswerColumn("used", "money", "currency", "Effective cost of what was used"),
    AnswerColumn("unused", "money", "currency", "Effective cost of what nobody used"),
    AnswerColumn("fees", "money", "currency", "Effective cost of its other rows"),
    *METRIC_COLUMNS,
    AnswerColumn("unused_hours", "hours", "unit-hours", "Hours nobody used"),
    AnswerColumn("ends", "text", "", "Day it ends; empty = not declared"),
    AnswerColumn("currency", "text", "", "Currency of its bill"),
)
OWNER_COLUMNS = (
    AnswerColumn("owner", "text", "", "Who answers for it"),
    AnswerColumn("unused", "money", "currency", "Effective cost of what nobody used"),
    AnswerColumn("unused_hours", "hours", "unit-hours", "Hours nobody used"),
    AnswerColumn("share", "share", "of all unused", "Share of the waste"),
)
OTHER_COLUMNS = (
    AnswerColumn("commitment", "text", "", "Commitment or capacity reservation"),
    AnswerColumn("owner", "text", "", "Who answers for it"),
    AnswerColumn("used", "text", "", "Effective cost of what was used"),
    AnswerColumn("unused", "text", "", "Effective cost of what nobody used"),
    AnswerColumn("fees", "text", "", "Effective cost of its other rows"),
    AnswerColumn("utilisation", "share", "of what was paid", "Effective cost used / used + unused"),
    AnswerColumn("unused_hours", "hours", "unit-hours", "Hours nobody used"),
)
LADDER_COLUMNS = (
    AnswerColumn("commitment", "text", "", "Commitment"),
    AnswerColumn("ends", "text", "", "Day it ends"),
    AnswerColumn("months_left", "number", "months", "From the end of the window"),
    AnswerColumn("units", "number", "units", "Units it binds"),
    AnswerColumn("owed", "text", "", "Still to be paid until then, in its own currency"),
)
DAY_COLUMNS = (
    AnswerColumn("day", "time", "UTC", "Day"),
    AnswerColumn("kind", "text", "", "covered, unused, or on demand"),
    AnswerColumn("hours", "hours", "unit-hours", "GPU-hours; empty = the bill does not say"),
    AnswerColumn("amount", "money", "currency", "Effective cost"),
)


def in_words(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of another currency, which no face can take for one of the report's."""
    words = {name: in_currency(row[name], row["currency"]) for name in ("used", "unused", "fees")}
    return {column.name: words.get(column.name, row[column.name]) for column in OTHER_COLUMNS}


def in_currency(value: Decimal, currency: str) -> str:
    """An amount with the name of its currency."""
    return f"{quantise(value, 2):,} {currency}"


def owners(mine: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Unused money and hours of each owner, the largest first; hours the bill leaves out are not known."""
    waste: dict[str, tuple[int, int | None]] = {}
    for one in mine:
        for owner, (pico, us) in one["owners"].items():
            before, hours = waste.get(owner, (0, 0))
            waste[owner] = before + pico, None if us is None or hours is None else hours + us
    whole = sum(pico for pico, _ in waste.values())
    ordered = sorted(waste.items(), key=lambda pair: (-pair[1][0], pair[0]))
    return [
        {
            "owner": owner,
            "unused": from_pico(pico),
            "unused_hours": as_hours(us),
            "share": as_float(Decimal(pico) / whole) if whole > 0 else None,
        }
        for owner, (pico, us) in ordered
        if pico or us != 0
    ]


def day_rows(days: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Three rows a day: covered, unused, and on demand though it could have been covered."""
    return [
        {
            "day": f"{from_micros(int(day['day_us'])):%Y-%m-%d}",
            "kind": kind,
            "hours": None if day["hours_missing"] else as_hours(int(day[f"{column}_us"])),
            "amount": from_pico(int(day[column])),
        }
        for day in days
        for kind, column in (("covered", "covered"), ("unused", "unused"), ("on demand", "on_demand"))
    ]


def ladder_rows(declared: Sequence[Commitment], window: Period) -> list[dict[str, Any]]:
    """Commitments in the order in which they end, with what is still to be paid after the window."""
    today = window.until.date()
    rows = [
        {
            "commitment": one.id,
            "ends": f"{one.end:%Y-%m-%d}",
            "months_left": _months(today, one.end),
            "units": float(one.quantity),
            "owed": one.owed_after(today),
            "currency": one.currency,
        }
        for one in declared
        if one.end > today
    ]
    return sorted(rows, key=lambda row: (str(row["ends"]), str(row["commitment"])))


def _months(since: date, until: date) -> float:
    return round((until - since).days * 12 / 365.25, 1)


def as_float(value: Decimal | None) -> float | None:
    """A share for a table, with six places."""
    return None if value is None else float(quantise(value, PLACES))


def as_hours(us: int | None) -> float | None:
    """Hours of microseconds."""
    return None if us is None else round(us / HOUR_US, 6)


def arrow(rows: Sequence[Mapping[str, Any]], columns: Sequence[AnswerColumn]) -> pa.Table:
    """Rows as a table with the columns of an answer."""
    types = {"money": MONEY, "text": pa.string(), "time": pa.string()}
    schema = pa.schema([(c.name, types.get(c.kind, pa.float64())) for c in columns])
    return pa.Table.from_pylist([{name: row[name] for name in schema.names} for row in rows], schema=schema)
