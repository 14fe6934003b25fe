"""Which entries does the general ledger need? Balanced double entries of purchase, depreciation, write-down, disposal.

Each entry's lines add up to zero in its currency. As CSV (one line a row, debit and credit apart) and as Beancount text.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from netyield.core.currencies import coins, from_coins
from netyield.core.depreciation import first_day, month_name
from netyield.sources.bills.assets.history import History

ACCOUNTS: Mapping[str, str] = {
    "cost": "Assets:Equipment:Cost",
    "accumulated": "Assets:Equipment:AccumulatedDepreciation",
    "impaired": "Assets:Equipment:AccumulatedImpairment",
    "cash": "Assets:Clearing:Equipment",
    "depreciation": "Expenses:Depreciation",
    "impairment": "Expenses:Impairment",
    "reversal": "Income:ImpairmentReversal",
    "gain": "Income:GainOnDisposal",
    "loss": "Expenses:LossOnDisposal",
}
ROOTS = ("Assets", "Liabilities", "Equity", "Income", "Expenses")
ACCOUNT = re.compile(r"^(?:Assets|Liabilities|Equity|Income|Expenses)(?::[A-Z0-9][A-Za-z0-9-]*)+$")
CSV_COLUMNS = ("date", "entry", "asset", "account", "debit", "credit", "currency", "description")


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One side of an entry: coins, debit above zero."""

    account: str
    coins: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One balanced entry."""

    day: date
    asset: str
    currency: str
    text: str
    lines: tuple[JournalLine, ...]


def entries(histories: Iterable[History], accounts: Mapping[str, str] = ACCOUNTS, until: int | None = None) -> list[Entry]:
    """The journal of some assets' histories, oldest first. ``until``: the first month of the month clock not booked."""
    found = [entry for each in histories for entry in _entries(each, accounts, until)]
    return sorted(found, key=lambda entry: (entry.day, entry.asset, entry.text))


def _entries(found: History, accounts: Mapping[str, str], until: int | None) -> Iterator[Entry]:
    asset = found.asset

    def entry(day: date, words: str, **lines: int) -> Entry:
        listed = tuple(JournalLine(accounts[name], amount) for name, amount in lines.items() if amount)
        return Entry(day, asset.id, asset.currency, words, listed)

    stop = until if until is not None else found.months.stop
    if found.first < stop:
        yield entry(min(asset.terms.in_service, _last(found.first)), "purchase", cost=asset.cost, cash=-asset.cost)
    for month, charge in zip(found.months, found.charges(), strict=True):
        if charge and month < stop:
            yield entry(_day(found, month), f"depreciation {month_name(month)}", depreciation=charge, accumulated=-charge)
    for month, amount, day in found.written:
        if month < stop and amount >= 0:
            yield entry(day, "impairment loss", impairment=amount, impaired=-amount)
        elif month < stop:
            yield entry(day, "reversal of impairment", impaired=-amount, reversal=amount)
    if found.disposed is not None and found.disposed < stop and asset.terms.disposed is not None:
        money = coins(asset.terms.proceeds, asset.currency) if asset.terms.proceeds is not None else 0
        result = money - found.derecognised()
        yield entry(
            _day(found, found.disposed), "disposal", cash=money, accumulated=found.accumulated[-1],
            impaired=found.written_by(found.disposed), cost=-asset.cost, gain=-max(0, result), loss=max(0, -result),
        )  # fmt: skip


def _day(found: History, month: int) -> date:
    """The last day of a month, or the day of disposal in its month."""
    gone = found.asset.terms.disposed
    return min(gone, _last(month)) if gone is not None and month == found.disposed else _last(month)


def _last(month: int) -> date:
    return first_day(month + 1) - timedelta(days=1)


def as_csv(journal: Sequence[Entry]) -> str:
    """One row per line of an entry; lines of an entry share its number."""
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for number, entry in enumerate(journal, 1):
        for line in entry.lines:
            amount = f"{from_coins(abs(line.coins), entry.currency):f}"
            sides = (amount, "") if line.coins > 0 else ("", amount)
            name = f"'{entry.asset}" if entry.asset.startswith(("=", "+", "-", "@", "\t", "\r")) else entry.asset
            writer.writerow([entry.day.isoformat(), number, name, line.account, *sides, entry.currency, entry.text])
    return stream.getvalue()


def as_beancount(journal: Sequence[Entry]) -> str:
    """The journal as Beancount text, its accounts opened on the first day."""
    if not journal:
        return ""
    names = sorted({line.account for entry in journal for line in entry.lines})
    parts = [f"{journal[0].day.isoformat()} open {name}\n" for name in names]
    for entry in journal:
        parts.append(f'\n{entry.day.isoformat()} * "{_quoted(entry.asset)}" "{_quoted(entry.text)}"\n')
        parts += [f"  {line.account}  {from_coins(line.coins, entry.currency):f} {entry.currency}\n" for line in entry.lines]
    return "".join(parts)


def _quoted(text: str) -> str:
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return plain.replace("\\", "\\\\").replace('"', '\\"')
