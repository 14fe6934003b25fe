"""How does the carrying amount run on after a write-down, and how would it have without? Assets of a register, in one book.

The loss (or, below zero, what comes back of one) is laid over each asset on its day as if the register had it: depreciation
of later months follows from what is left (IAS 36.63, ASC 360-10-35-20).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal

from netyield.core.currencies import from_coins
from netyield.core.depreciation import clock, month_name
from netyield.economics.assets.schedule import Grain, schedule
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.terms import BookName, WriteDown

LONG_MONTHS = 24  # a longer run is told by years


@dataclass(frozen=True, slots=True)
class Carried:
    """The unit's carrying amount at a period's end."""

    period: str
    before: Decimal
    after: Decimal


def carried(assets: Sequence[Asset], losses: Mapping[str, Decimal], day: date, book: BookName) -> list[Carried]:
    """From the period of the day on; one currency. ``losses`` by asset."""
    written = [_with_loss(asset, losses.get(asset.id, Decimal(0)), day, book) for asset in assets]
    months = max((each.months.stop for each in schedule(assets, book, as_of=day).histories), default=0) - int(clock(day))
    grain: Grain = "year" if months > LONG_MONTHS else "month"
    first = month_name(int(clock(day)))[: len("2027") if grain == "year" else None]
    rows = [{row.period: row.carrying for row in schedule(listed, book, grain, day).rows} for listed in (assets, written)]
    currency = assets[0].currency if assets else ""
    return [
        Carried(period, *(from_coins(each.get(period, 0), currency) for each in rows))
        for period in sorted({*rows[0], *rows[1]}) if period >= first
    ]  # fmt: skip


def _with_loss(asset: Asset, loss: Decimal, day: date, book: BookName) -> Asset:
    if not loss:
        return asset
    told = WriteDown(at=day, amount=abs(loss), book=book)
    key = "write_down" if loss > 0 else "reversal"
    return replace(asset, terms=asset.terms.model_copy(update={key: (*getattr(asset.terms, key), told)}))

