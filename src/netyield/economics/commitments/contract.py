"""A commitment: a contract with dates, money still to be paid, and terms on which it can be left. Not a discount."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from netyield.core.money import CONTEXT, PICO_DIGITS, quantise
from netyield.economics.commitments.hourly_use import HourlyUse

HOURS_OF_DAY = 24


@dataclass(frozen=True)
class Commitment:
    """One commitment. Rates per unit and hour, in ``currency``; days are UTC and ``end`` is not included.

    ``rate``: what is still to be paid for every unit and hour, used or not. ``upfront``: paid at the start, for all units and
    the whole term. ``on_demand_rate``: what the same unit costs on demand (None = not told). ``used_units``: units' worth of use
    on an average hour (None = not known); ``hourly_use``: the same hour by hour, where it is known. ``inputs``: what the exit terms
    need and only the contract or a quote can say.
    """

    id: str
    product: str
    quantity: int
    start: date
    end: date
    rate: Decimal
    upfront: Decimal = Decimal(0)
    on_demand_rate: Decimal | None = None
    used_units: Decimal | None = None
    currency: str = "USD"
    unit: str = "GPU"
    name: str = ""
    owner: str = ""
    file: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    hourly_use: HourlyUse | None = None

    @property
    def use(self) -> HourlyUse | None:
        """Its use hour by hour; the mean in every hour where no more is known, None where nothing is."""
        if self.hourly_use is not None or self.used_units is None:
            return self.hourly_use
        return HourlyUse.constant(self.used_units)

    def with_use(self, use: HourlyUse) -> Commitment:
        """The same contract with that use."""
        return replace(self, hourly_use=use, used_units=use.mean)

    @property
    def term_hours(self) -> int:
        """Hours from start to end."""
        return (self.end - self.start).days * HOURS_OF_DAY

    def hours_after(self, day: date) -> int:
        """Hours of the term left at the start of a day."""
        return max(0, (self.end - max(day, self.start)).days) * HOURS_OF_DAY

    def owed_after(self, day: date, units: int | None = None) -> Decimal:
        """What is still to be paid for so many units (all when None) from a day on."""
        return self.rate * (self.quantity if units is None else units) * self.hours_after(day)

    def prepaid_after(self, day: date, units: int | None = None) -> Decimal:
        """The part of the upfront payment that pays for the hours from a day on."""
        if not self.upfront:
            return Decimal(0)
        unit_hours = self.hours_after(day) * (self.quantity if units is None else units)
        return quantise(CONTEXT.divide(self.upfront * unit_hours, Decimal(self.quantity * self.term_hours)), PICO_DIGITS)

    @property
    def effective_rate(self) -> Decimal:
        """All it costs per unit and hour, upfront payment spread over the term."""
        return self.rate + CONTEXT.divide(self.upfront, Decimal(self.quantity * self.term_hours))


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """One month of a commitment: what falls due in it, what of the upfront payment it uses, and what is left after it."""

    since: date
    until: date
    due: Decimal
    prepaid_used: Decimal
    owed_after: Decimal
    prepaid_after: Decimal


def schedule(commitment: Commitment) -> list[ScheduleRow]:
    """Every calendar month of the term. The rows add up to what is owed and prepaid, exactly."""
    rows, since = [], commitment.start
    owed, prepaid = commitment.owed_after(since), commitment.upfront
    while since < commitment.end:
        until = min(next_month(since), commitment.end)
        left, kept = commitment.owed_after(until), commitment.prepaid_after(until)
        rows.append(ScheduleRow(since, until, owed - left, prepaid - kept, left, kept))
        since, owed, prepaid = until, left, kept
    return rows


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_from(day: date, end: date) -> list[date]:
    """A day, the same day of every following month, and the end."""
    found: list[date] = []
    number = 0
    while True:
        year, month = divmod(day.year * 12 + day.month - 1 + number, 12)
        first = date(year, month + 1, 1)
        last = (next_month(first) - timedelta(days=1)).day
        step = first.replace(day=min(day.day, last))
        if step >= end:
            return [*found, end]
        found.append(step)
        number += 1
