"""One asset, checked: its cost in coins, its place on the month clock, and its estimates and events in each book."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum
from fractions import Fraction
from math import ceil, floor

from netyield.core.currencies import coins
from netyield.core.depreciation import Method, clock
from netyield.sources.bills.assets.terms import AssetTerms, BookName, Change, Convention, Estimates, WriteDown


class Kind(IntEnum):
    """What happens to an asset, in the order in which events of one moment are booked."""

    ESTIMATE = 0
    WRITE_DOWN = 1
    REVERSAL = 2
    DISPOSAL = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """How an asset is written off from a moment on. ``end``: where its life ends on the month clock (None: by units)."""

    method: Method
    end: Fraction | None
    residual: int
    factor: Fraction
    switch: bool
    units_total: Fraction | None


@dataclass(frozen=True, slots=True)
class Event:
    """Something dated: a change of estimate, a write-down or its reversal, a disposal."""

    at: Fraction
    kind: Kind
    day: date
    amount: int = 0
    change: Change | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset of the register. ``cost`` is in smallest coins of ``currency``; ``row`` is where the register names it."""

    id: str
    currency: str
    cost: int
    terms: AssetTerms
    row: int | None = None
    changes: tuple[Change, ...] = ()
    units: Mapping[int, Fraction] = field(default_factory=dict)

    @property
    def start(self) -> Fraction:
        """Where depreciation starts on the month clock."""
        return placed(self.terms.in_service, self.terms.convention)

    def estimate(self, book: BookName) -> Estimate:
        """How it is written off at first in a book."""
        own = self.terms.ifrs if book == "ifrs" else self.terms.us_gaap
        return resolved(self, None, merged(self.terms, own) if own else self.terms, self.start)

    def events(self, book: BookName, as_of: date | None = None) -> list[Event]:
        """What happens to it in a book, in order; only what was recorded by the day ``as_of``."""
        terms, found = self.terms, []
        for change in self.changes:
            if change.book in (None, book) and known(change.recorded or change.effective, as_of):
                at = max(self.start, changed(change.effective, terms.convention))
                found.append(Event(at, Kind.ESTIMATE, change.effective, change=change, reason=change.reason))
        for kind, listed in ((Kind.WRITE_DOWN, terms.write_down), (Kind.REVERSAL, terms.reversal)):
            found += [self._impaired(kind, each) for each in listed
                      if each.book in (None, book) and known(each.recorded or each.at, as_of)]  # fmt: skip
        if terms.disposed is not None and known(terms.disposed, as_of):
            found.append(Event(left(terms.disposed, terms.convention), Kind.DISPOSAL, terms.disposed))
        return sorted(found, key=lambda event: (event.at, event.day, event.kind))

    def _impaired(self, kind: Kind, each: WriteDown) -> Event:
        """By whole months, the month of the day still has its depreciation as before: the loss changes later ones (IAS 36.63)."""
        at = clock(each.at)
        if self.terms.convention != "day":
            gone = self.terms.disposed
            at = Fraction(ceil(at)) if gone is None else min(Fraction(ceil(at)), left(gone, self.terms.convention))
        at = max(self.start, at)
        return Event(at, kind, each.at, coins(each.amount, self.currency), reason=each.reason)


def known(recorded: date, as_of: date | None) -> bool:
    """Whether something recorded on a day was known on ``as_of`` (None: everything is)."""
    return as_of is None or recorded <= as_of


def placed(day: date, convention: Convention) -> Fraction:
    """Where a day of placing in service falls on the month clock."""
    if convention == "day":
        return clock(day)
    return Fraction(floor(clock(day)) + (convention == "next_month"))


def changed(day: date, convention: Convention) -> Fraction:
    """Where a change of a day takes effect: the day itself, or the start of its month."""
    return clock(day) if convention == "day" else Fraction(floor(clock(day)))


def left(day: date, convention: Convention) -> Fraction:
    """Where depreciation ends for an asset disposed of on a day: the counterpart of ``placed``."""
    if convention == "day":
        return clock(day)
    return Fraction(ceil(clock(day)) if convention == "next_month" else floor(clock(day)))


def merged(first: Estimates, later: Estimates) -> Estimates:
    """``first`` with what ``later`` says instead."""
    said = {name: value for name in Estimates.model_fields if (value := getattr(later, name)) is not None}
    base = {name: getattr(first, name) for name in Estimates.model_fields}
    if "remaining_life" in said:
        base["useful_life"] = None
    if "useful_life" in said:
        base["remaining_life"] = None
    return Estimates.model_construct(**{**base, **said})


def resolved(asset: Asset, before: Estimate | None, words: Estimates, at: Fraction) -> Estimate:
    """An estimate from its words; what they leave open is as ``before``. Lives count from the start, or from ``at``."""
    method = words.method or (before.method if before else Method.STRAIGHT_LINE)
    end = before.end if before else None
    if words.useful_life is not None:
        end = asset.start + words.useful_life
    elif words.remaining_life is not None:
        end = at + words.remaining_life
    residual = before.residual if before else 0
    if words.residual is not None:
        residual = coins(words.residual, asset.currency)
    total = before.units_total if before else None
    factor = Fraction(words.factor) if words.factor is not None else before.factor if before else Fraction(2)
    switch = words.switch if words.switch is not None else before.switch if before else True
    return Estimate(
        method, end, residual, factor, switch,
        Fraction(words.units_total) if words.units_total is not None else total,
    )  # fmt: skip
