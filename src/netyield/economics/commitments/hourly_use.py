"""How many units are in use, hour by hour? The history's hours stand for those to come, month by month of the calendar.

A commitment that is full at noon and idle at night is worth something else than its mean says: of a demand *U* a unit beyond *x*
is only needed in the hours in which *U > x*. What *x* units serve of it is the mean of min(U, x) over the hours. Where
the history spans a year, the months ahead use the hours of their own calendar month; else all hours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from netyield.core.money import CONTEXT
from netyield.core.period import from_micros

MICRO = 1_000_000
HOUR_US = 3_600_000_000
YEAR_HOURS = 365 * 24
ALL_MONTHS = 0


@dataclass(frozen=True, slots=True)
class Levels:
    """Hours by how many millionths of a unit they use, rising; ``hours`` and ``sums`` add up what is at or below each."""

    values: tuple[int, ...]
    hours: tuple[int, ...]
    sums: tuple[int, ...]

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Levels:
        """From hours per level."""
        values, hours, sums = sorted(counts), [], []
        known = total = 0
        for value in values:
            known += counts[value]
            total += counts[value] * value
            hours.append(known)
            sums.append(total)
        return cls(tuple(values), tuple(hours), tuple(sums))

    def served(self, units: Decimal, factor: Decimal) -> Decimal:
        """Mean units of use that so many units serve, when every hour uses ``factor`` times what it did."""
        if units <= 0 or factor <= 0:
            return Decimal(0)
        wanted, known = units * MICRO, self.hours[-1]
        at = bisect_right(self.values, int(wanted / factor))  # levels are whole: the part below one does not matter
        if at == len(self.values):
            return CONTEXT.divide(factor * self.sums[-1], Decimal(known * MICRO))
        below, hours = (self.sums[at - 1], self.hours[at - 1]) if at else (0, 0)
        return CONTEXT.divide(factor * below + wanted * (known - hours), Decimal(known * MICRO))


@dataclass(frozen=True)
class HourlyUse:
    """Levels of use: of all hours (key 0), and by calendar month where the history spans a year. ``factor`` scales every hour."""

    levels: Mapping[int, Levels]
    hours: int
    factor: Decimal = Decimal(1)

    @classmethod
    def constant(cls, units: Decimal) -> HourlyUse:
        """The same use in every hour."""
        return cls({ALL_MONTHS: Levels.of({MICRO: 1})}, 0, units)

    @classmethod
    def of(cls, hour_us: Sequence[int], micros_of_a_unit: Sequence[int], *, dated: bool = True) -> HourlyUse:
        """From known hours. ``dated``: whether the times are real; without them no month has hours of its own."""
        counts: dict[int, dict[int, int]] = {ALL_MONTHS: {}}
        seasonal = dated and len(hour_us) > 0 and hour_us[-1] - hour_us[0] >= (YEAR_HOURS - 1) * HOUR_US
        month, until = ALL_MONTHS, 0
        for moment, value in zip(hour_us, micros_of_a_unit, strict=True):
            if seasonal and moment >= until:
                month, until = _month(moment)
            for key in {ALL_MONTHS, month}:
                of_month = counts.setdefault(key, {})
                of_month[value] = of_month.get(value, 0) + 1
        return cls({key: Levels.of(each) for key, each in counts.items()}, len(hour_us))

    @property
    def seasonal(self) -> bool:
        """Whether months have hours of their own."""
        return len(self.levels) > 1

    @property
    def mean(self) -> Decimal:
        """Units in use on an average hour."""
        whole = self.levels[ALL_MONTHS]
        return CONTEXT.divide(self.factor * whole.sums[-1], Decimal(whole.hours[-1] * MICRO))

    @property
    def peak(self) -> Decimal:
        """Units in use in the busiest hour."""
        return self.factor * max(each.values[-1] for each in self.levels.values()) / MICRO

    def key(self, month: int) -> int:
        """Under which key the hours of a calendar month (1 to 12) stand."""
        return month if month in self.levels else ALL_MONTHS

    def served(self, key: int, units: Decimal, growth: Decimal) -> Decimal:
        """Mean units of use in those hours that so many units serve, use being ``growth`` times that of the history."""
        return self.levels[key].served(units, growth * self.factor)

    def wanted(self, key: int, growth: Decimal) -> Decimal:
        """Mean units of use in those hours, whoever serves them."""
        each = self.levels[key]
        return CONTEXT.divide(growth * self.factor * each.sums[-1], Decimal(each.hours[-1] * MICRO))

    def scaled(self, factor: Decimal) -> HourlyUse:
        """Every hour that many times as large."""
        return replace(self, factor=self.factor * factor)


def _month(moment: int) -> tuple[int, int]:
    """The calendar month of a time, and when it ends."""
    day = from_micros(moment)
    later = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
    return day.month, round(later.timestamp()) * MICRO
