"""How much of an amount is used up at a moment of its life? Depreciation and prepaid money in exact integers.

Time runs on a month clock: every calendar month is 1 long, a day is a part of its month, so that a full month always
carries the same charge. The amount used up at ``elapsed`` of ``life`` months, for a base B = carrying - residual:

    straight line    B * elapsed / life
    sum of years     year j of n years weighs n - j + 1; inside an asset-year evenly
    declining        each asset-year takes factor / n of what it starts with, never below the residual; with a switch to
                     the straight line over the years that are left as soon as that takes more; inside a year evenly
    units            B * units so far / units in all

The used-up amount is rounded to the smallest coin once, at each month end; a month's charge is the difference of two. So
charges add up to the last cent, none is a cent off, and no month's charge depends on a later one.
Sources: IAS 16.50-62, ASC 360-10-35-4; IAS 8.36 for prospective changes (the caller starts a new phase).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from math import lcm
from typing import NamedTuple

YEAR = 12


class Method(StrEnum):
    """How the charge follows time or use."""

    STRAIGHT_LINE = "straight_line"
    DECLINING = "declining"
    SUM_OF_YEARS = "sum_of_years"
    UNITS = "units"


def clock(day: date) -> Fraction:
    """The start of a day on the month clock: whole months since year 0, and the part of the month before the day."""
    return Fraction((day.year * YEAR + day.month - 1) * monthrange(day.year, day.month)[1] + day.day - 1,
                    monthrange(day.year, day.month)[1])  # fmt: skip


def month_number(text: str) -> int:
    """``2026-11`` on the month clock."""
    year, _, month = text.partition("-")
    return int(year) * YEAR + int(month) - 1


def month_name(number: int) -> str:
    """``2026-11`` for a month of the clock."""
    return f"{number // YEAR:04d}-{number % YEAR + 1:02d}"


def first_day(number: int) -> date:
    """The first day of a month of the clock."""
    return date(number // YEAR, number % YEAR + 1, 1)


class Line(NamedTuple):
    """From ``start`` ticks on, (value + slope * ticks since then) / under coins are used up."""

    start: int
    value: int
    slope: int
    under: int


@dataclass(frozen=True, slots=True)
class WriteOff:
    """How ``base`` coins are used up between two moments of the month clock. ``residual``: coins that stay for good.

    A month has ``ticks`` ticks, so that both moments are whole.
    """

    method: Method
    base: int
    residual: int
    start: Fraction
    end: Fraction
    factor: Fraction = Fraction(2)
    switch: bool = True

    def at_months(self, months: range) -> list[int]:
        """Whole coins used up at the starts of ``months``, none of them before ``start``."""
        ticks, lines = self._ticks(), self._lines()
        since = int(self.start * ticks)
        used: list[int] = []
        month = months.start
        for line, after in zip(lines, [*lines[1:], None], strict=True):
            stop = months.stop if after is None else min(months.stop, -((-after.start - since) // ticks))
            if stop > month:
                used += _rounded(line, ticks, since, range(month, stop))
                month = stop
        return used

    def at(self, moment: Fraction) -> int:
        """Whole coins used up at a moment."""
        ticks = self._ticks()
        elapsed = (moment - self.start) * ticks
        line = next(line for line in reversed(self._lines()) if line.start <= elapsed)
        exact = (line.value + line.slope * (elapsed - line.start)) / line.under
        return _half_up(exact.numerator, exact.denominator)

    def _ticks(self) -> int:
        return lcm(self.start.denominator, self.end.denominator)

    def _lines(self) -> list[Line]:
        """Stretches with an even charge, then a flat one for good."""
        life = int((self.end - self.start) * self._ticks())
        if life <= 0 or self.base <= 0:
            return [Line(0, max(0, self.base), 0, 1)]
        if self.method is Method.STRAIGHT_LINE:
            return [Line(0, 0, self.base, life), Line(life, self.base, 0, 1)]
        year = YEAR * self._ticks()
        stretches = [(start, min(year, life - start)) for start in range(0, life, year)]
        if self.method is Method.SUM_OF_YEARS:
            return self._sum_of_years(life, stretches)
        return self._declining(life, stretches)

    def _sum_of_years(self, life: int, stretches: Sequence[tuple[int, int]]) -> list[Line]:
        whole = sum((life - start) * length for start, length in stretches)
        found, used = [], 0
        for start, length in stretches:
            found.append(Line(start, self.base * used, self.base * (life - start), whole))
            used += (life - start) * length
        return [*found, Line(life, self.base, 0, 1)]

    def _declining(self, life: int, stretches: Sequence[tuple[int, int]]) -> list[Line]:
        """Each asset-year's charge is rounded to coins, for it is taken from the booked carrying amount."""
        found, left = [], self.base
        for start, length in stretches:
            part = self.factor * length
            charge = _half_up((left + self.residual) * part.numerator, part.denominator * life)
            if self.switch:
                charge = max(charge, _half_up(left * length, life - start))
            charge = min(left, charge)
            found.append(Line(start, (self.base - left) * length, charge, length))
            left -= charge
        return [*found, Line(life, self.base - left, 0, 1)]


def _rounded(line: Line, ticks: int, since: int, months: range) -> list[int]:
    """The line at the starts of months, each rounded half up."""
    under = 2 * line.under
    start = 2 * (line.value - line.slope * (since + line.start)) + line.under
    step = 2 * line.slope * ticks
    return [(start + step * month) // under for month in months]


def used_by_units(base: int, units: Fraction, total: Fraction) -> int:
    """Whole coins used up after ``units`` of ``total`` units; never more than the base."""
    exact = min(Fraction(1), units / total) * base
    return _half_up(exact.numerator, exact.denominator)


def _half_up(numerator: int, denominator: int) -> int:
    """Non-negative numbers only: the nearest whole one, ties upwards."""
    return (2 * numerator + denominator) // (2 * denominator)
