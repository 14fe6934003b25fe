"""What is an asset worth at every month's end in one book, and what did each month cost? Whole coins, row by row.

A change of estimate or a write-down starts a new phase from the booked carrying amount: months before it stay as they
were. carrying = cost - accumulated depreciation - written down - derecognised, in every row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from math import ceil, floor
from typing import NamedTuple

from netyield.core.depreciation import Method, WriteOff, clock, used_by_units
from netyield.sources.bills.assets.asset import Asset, Estimate, Event, Kind, merged, resolved
from netyield.sources.bills.assets.terms import BookName, Estimates

LONGEST_MONTHS = 1200


class Written(NamedTuple):
    """Coins written down in a month of the clock, on a day of it; a reversal is negative."""

    month: int
    coins: int
    day: date


@dataclass(slots=True)
class History:
    """Month ends of one asset in one book. Row k is month ``first + k`` of the month clock.

    ``accumulated``: depreciation so far. ``missing``: the first month whose units nobody gave; the rows end before it.
    """

    asset: Asset
    book: BookName
    first: int
    accumulated: list[int]
    written: list[Written] = field(default_factory=list)
    disposed: int | None = None
    missing: int | None = None
    phases: list[tuple[Fraction, Estimate, str]] = field(default_factory=list)

    @property
    def months(self) -> range:
        """The months that have a row."""
        return range(self.first, self.first + len(self.accumulated))

    def charges(self) -> list[int]:
        """Depreciation of each month."""
        return [now - before for before, now in zip([0, *self.accumulated], self.accumulated, strict=False)]

    def written_by(self, month: int) -> int:
        """Net write-downs booked up to the end of a month."""
        return sum(each.coins for each in self.written if each.month <= month)

    def at_end(self, month: int) -> tuple[int, int, int]:
        """(accumulated, written down, carrying) at the end of a month, whether it has a row or not."""
        if month < self.first:
            return 0, 0, self.asset.cost
        accumulated = self.accumulated[min(month - self.first, len(self.accumulated) - 1)] if self.accumulated else 0
        written = self.written_by(month)
        gone = self.disposed is not None and month >= self.disposed
        return accumulated, written, 0 if gone else self.asset.cost - accumulated - written

    def derecognised(self) -> int:
        """The carrying amount that left the books on disposal; 0 without one."""
        if self.disposed is None:
            return 0
        return self.asset.cost - self.accumulated[-1] - self.written_by(self.disposed)


def history(
    asset: Asset, book: BookName, as_of: date | None = None, *, unimpaired: bool = False
) -> History:
    """The asset's rows in a book as known on ``as_of``; ``unimpaired``: as if nothing had ever been written down."""
    start = asset.start
    found = History(asset, book, floor(start), [])
    estimate = asset.estimate(book)
    used, written, at = 0, 0, start
    found.phases.append((at, estimate, "in service"))
    for event in asset.events(book, as_of):
        if unimpaired and event.kind in (Kind.WRITE_DOWN, Kind.REVERSAL):
            continue
        used = _phase(found, asset, estimate, (used, written, at), event.at)
        if found.missing is not None:
            return found
        at = event.at
        if event.kind is Kind.DISPOSAL:
            _dispose(found, used, event)
            return found
        if event.kind is Kind.ESTIMATE and event.change is not None:
            estimate = resolved(asset, estimate, merged(Estimates(), event.change), at)
        else:
            amount = event.amount if event.kind is Kind.WRITE_DOWN else -event.amount
            written += amount
            found.written.append(Written(max(found.first, floor(clock(event.day))), amount, event.day))
        found.phases.append((at, estimate, event.reason or event.kind.name.lower().replace("_", " ")))
    _phase(found, asset, estimate, (used, written, at), None)
    return found


def _phase(
    found: History, asset: Asset, estimate: Estimate, state: tuple[int, int, Fraction], until: Fraction | None
) -> int:
    """Add the month ends in (at, until] and return what is used up at ``until``; without one, to the end of life."""
    used, written, at = state
    base = max(0, asset.cost - used - written - estimate.residual)
    if estimate.method is Method.UNITS and estimate.units_total:
        return _by_units(found, asset, estimate, (used, base, at), until)
    end = max(at, estimate.end if estimate.end is not None else at)
    shape = WriteOff(estimate.method, base, estimate.residual, at, end, estimate.factor, estimate.switch)
    month = found.first + len(found.accumulated) + 1
    last = floor(until) if until is not None else max(ceil(end), floor(at) + 1)
    ends = shape.at_months(range(month, min(last, found.first + LONGEST_MONTHS) + 1))
    found.accumulated += [used + more for more in ends] if used else ends
    return used + shape.at(until) if until is not None else used


def _by_units(
    found: History, asset: Asset, estimate: Estimate, state: tuple[int, int, Fraction], until: Fraction | None
) -> int:
    """The same by units. ``units_total`` counts from the start of the asset's life; a month without units ends the rows."""
    used, base, at = state
    before = _units_until(asset, at)
    left = (estimate.units_total or Fraction(0)) - before
    month = found.first + len(found.accumulated)
    stop = floor(until) if until is not None else max((*asset.units, month - 1)) + 1
    while month < stop:
        if month not in asset.units:
            found.missing = month
            return used
        done = _units_until(asset, Fraction(month + 1)) - before
        found.accumulated.append(used + (used_by_units(base, done, left) if left > 0 else base))
        month += 1
    if until is None:
        found.missing = month if _units_until(asset, Fraction(month)) - before < left else None
        return used
    return used + (used_by_units(base, _units_until(asset, until) - before, left) if left > 0 else base)


def _units_until(asset: Asset, at: Fraction) -> Fraction:
    """Units used before a moment; within a month evenly."""
    whole = sum((units for month, units in asset.units.items() if month + 1 <= at), Fraction(0))
    part = asset.units.get(floor(at), Fraction(0)) * (at - floor(at))
    return whole + part


def _dispose(found: History, used: int, event: Event) -> None:
    """The row of the month of disposal: what was used up until then, and nothing after."""
    month = floor(event.at)
    if found.first + len(found.accumulated) <= month:
        found.accumulated.append(used)
    found.disposed = max(found.first, found.first + len(found.accumulated) - 1)


