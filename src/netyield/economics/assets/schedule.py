"""What do the owned assets cost each month or year, and what are they worth at its end? A roll-forward in whole coins.

    opening + additions - charge - written down - disposed = closing (the carrying amount), in every row
    carrying = cost of assets held - accumulated depreciation on them - write-downs on them

Rows are per currency; nothing is converted here. Sources: IAS 16.73(d)-(e), ASC 360-10-50-1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from netyield.core.depreciation import YEAR, month_name
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.history import History, history
from netyield.sources.bills.assets.terms import BookName

Grain = Literal["month", "year"]


@dataclass(frozen=True, slots=True)
class Row:
    """One period of one currency (all assets together) or of one asset, in coins."""

    period: str
    currency: str
    opening: int
    additions: int
    charge: int
    written: int
    disposed: int
    accumulated: int
    carrying: int


@dataclass(slots=True)
class Flows:
    """What comes and goes each month of a span, in coins; added up over assets."""

    first: int
    additions: list[int]
    charge: list[int]
    written: list[int]
    disposed: list[int]
    accumulated_gone: list[int]

    @classmethod
    def empty(cls, first: int, months: int) -> Flows:
        """Nothing in any month."""
        return cls(first, *([0] * months for _ in range(5)))

    def add(self, found: History) -> None:
        """Add one asset's months."""
        at = found.first - self.first
        self.additions[at] += found.asset.cost
        before, charge = 0, self.charge
        for place, now in enumerate(found.accumulated, at):
            charge[place] += now - before
            before = now
        for each in found.written:
            self.written[each.month - self.first] += each.coins
        if found.disposed is not None:
            self.disposed[found.disposed - self.first] += found.derecognised()
            self.accumulated_gone[found.disposed - self.first] += before

    def rows(self, currency: str, grain: Grain) -> list[Row]:
        """The months, or calendar years, as a roll-forward."""
        found = []
        opening = accumulated = 0
        for since, until in _spans(self.first, len(self.charge), grain):
            place = slice(since - self.first, until - self.first)
            came, used = sum(self.additions[place]), sum(self.charge[place])
            written, gone = sum(self.written[place]), sum(self.disposed[place])
            accumulated += used - sum(self.accumulated_gone[place])
            carrying = opening + came - used - written - gone
            name = _name(since, grain)
            found.append(Row(name, currency, opening, came, used, written, gone, accumulated, carrying))
            opening = carrying
        return found


@dataclass
class Schedule:
    """The rows of all assets in one book, and each asset's own months."""

    book: BookName
    grain: Grain
    histories: list[History]
    rows: list[Row] = field(default_factory=list)

    def by_asset(self) -> list[tuple[Asset, list[Row]]]:
        """Each asset's own rows."""
        return [(found.asset, flows([found]).rows(found.asset.currency, self.grain)) for found in self.histories]


def schedule(
    assets: Sequence[Asset], book: BookName, grain: Grain = "month", as_of: date | None = None
) -> Schedule:
    """Every asset's history in a book as known on ``as_of``, and the rows of all together, currency by currency."""
    known = [asset for asset in assets if as_of is None or asset.terms.recorded is None or asset.terms.recorded <= as_of]
    found = Schedule(book, grain, [history(asset, book, as_of) for asset in known])
    for currency in sorted({asset.currency for asset in known}):
        own = [each for each in found.histories if each.asset.currency == currency and each.accumulated]
        found.rows += flows(own).rows(currency, grain) if own else []
    return found


def flows(found: Iterable[History]) -> Flows:
    """The months of some histories of one currency, added up."""
    listed = list(found)
    first = min(each.first for each in listed)
    total = Flows.empty(first, max(each.months.stop for each in listed) - first)
    for each in listed:
        total.add(each)
    return total


def _spans(first: int, months: int, grain: Grain) -> list[tuple[int, int]]:
    until = first + months
    if grain == "month":
        return [(month, month + 1) for month in range(first, until)]
    years = range(first // YEAR, (until - 1) // YEAR + 1) if months else range(0)
    return [(max(first, year * YEAR), min(until, (year + 1) * YEAR)) for year in years]


def _name(month: int, grain: Grain) -> str:
    return month_name(month) if grain == "month" else f"{month // YEAR:04d}"
