"""What does it cost to run the owned assets in a month? Power, colocation, staff and maintenance, in whole coins.

    power         kilowatts * PUE * powered hours * price per kWh
    colocation    kilowatts * price per kW-month * the part of the month in service
    staff         persons * pay per month, persons = GPUs in service / GPUs per person rounded up (a step function);
                  shared over the assets by their GPUs, the cents by largest remainder
    maintenance   an amount per month, or a share of cost per year / 12, times the part of the month in service
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction

from netyield.core.currencies import minor_digits
from netyield.core.depreciation import YEAR, clock, first_day
from netyield.core.money import largest_remainder, round_half_up
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.running_terms import Running

DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class RunningCost:
    """Running cost of one kind for one asset in [start, end), in coins."""

    asset: Asset
    running: Running
    currency: str
    start: date
    end: date
    coins: int


def running_costs(assets: Sequence[Asset], running: Sequence[Running], months: range) -> Iterator[RunningCost]:
    """Every running cost of the months, in the order of the register."""
    for line in running:
        named = [asset for asset in assets if fnmatchcase(asset.id, line.assets)]
        for month in months:
            present = [(asset, *span) for asset in named if (span := served(asset, line, month)) is not None]
            if present:
                yield from _month(line, month, present)


def served(asset: Asset, line: Running | None, month: int) -> tuple[date, date] | None:
    """The days of a month in which an asset serves (and a running cost holds), or None."""
    start, end = max(first_day(month), asset.terms.in_service), first_day(month + 1)
    if asset.terms.disposed is not None:
        end = min(end, asset.terms.disposed)
    if line is not None:
        start = max(start, line.since or start)
        end = min(end, line.until or end)
    return (start, end) if start < end else None


def _month(line: Running, month: int, present: Sequence[tuple[Asset, date, date]]) -> Iterator[RunningCost]:
    shares: Sequence[int]
    if line.kind == "staff":
        shares = _staff(line, month, present)
    else:
        shares = [_coins(_exact(line, asset, start, end), _currency(line, asset)) for asset, start, end in present]
    for (asset, start, end), amount in zip(present, shares, strict=True):
        yield RunningCost(asset, line, _currency(line, asset), start, end, amount)


def _currency(line: Running, asset: Asset) -> str:
    return line.currency or asset.currency


def _exact(line: Running, asset: Asset, start: date, end: date) -> Fraction:
    """The cost of [start, end) of a month, unrounded, in units of currency."""
    part = _part(start, end)
    if line.kind == "power":
        hours = Fraction((end - start) // timedelta(days=1) * DAY_HOURS) * _number(line.powered_share, 1)
        return _number(line.kilowatts) * _number(line.pue) * hours * _number(line.per_kwh)
    if line.kind == "colocation":
        return _number(line.kilowatts) * _number(line.per_kw_month) * part
    if line.per_month is not None:
        return Fraction(line.per_month) * part
    cost = Fraction(asset.cost, 10 ** minor_digits(asset.currency))
    return cost * _number(line.share_of_cost_per_year) / YEAR * part


def _staff(line: Running, month: int, present: Sequence[tuple[Asset, date, date]]) -> list[int]:
    """Persons for the GPUs of the month, shared by GPUs times the part of the month they serve."""
    gpus = sum(asset.terms.gpus for asset, _, _ in present)
    weights = [asset.terms.gpus * (end - start).days for asset, start, end in present]
    if not any(weights):
        return [0] * len(present)
    persons = -(-gpus // (line.gpus_per_person or 1))
    until = first_day(month + 1)
    part = _part(max(first_day(month), line.since or first_day(month)), min(until, line.until or until))
    currency = _currency(line, present[0][0])
    total = _coins(persons * _number(line.per_person_month) * part, currency)
    return largest_remainder(total, weights, [asset.id for asset, _, _ in present])


def _part(start: date, end: date) -> Fraction:
    """The part of a month that [start, end) is."""
    return clock(end) - clock(start)


def _number(value: Decimal | int | None, default: int = 0) -> Fraction:
    return Fraction(default if value is None else value)


def _coins(amount: Fraction, currency: str) -> int:
    scaled = amount * 10 ** minor_digits(currency)
    return round_half_up(scaled.numerator, scaled.denominator)
