"""What would another estimate do? The same assets with a change of estimate laid over them, prospectively, side by side.

Nothing is booked. Months before the change are the same by construction; after it each month's difference is shown.
Sources: IAS 8.36-38, ASC 250-10-45-17.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from netyield.core.finding import Finding
from netyield.economics.assets.schedule import Grain, Row, Schedule, schedule
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.checks import faults
from netyield.sources.bills.assets.terms import BookName, Change
from netyield.sources.opened import Place


@dataclass(frozen=True, slots=True)
class Compared:
    """A period before and after the change, in coins; None where one of them has no such row any more."""

    period: str
    currency: str
    before: Row | None
    after: Row | None
    last: Row | None = None  # the changed schedule's last row of the currency, where it has ended

    @property
    def accumulated_after(self) -> int:
        """Accumulated depreciation with the change, also after its last row."""
        row = self.after or self.last
        return row.accumulated if row else 0

    @property
    def carrying_after(self) -> int:
        """Carrying amount with the change, also after its last row."""
        row = self.after or self.last
        return row.carrying if row else 0

    @property
    def change(self) -> int:
        """How much more (or less) the period's charge is."""
        return (self.after.charge if self.after else 0) - (self.before.charge if self.before else 0)


def changed(assets: Sequence[Asset], change: Change, place: Place) -> tuple[list[Asset], list[Finding]]:
    """The assets with the change; one that it contradicts keeps its terms, with a finding.

    The change stands after what the register says of the same day. Assets whose life is over, or that are gone by then,
    are left as they are.
    """
    found, findings = [], []
    for asset in assets:
        if asset.terms.disposed is not None and asset.terms.disposed <= change.effective:
            found.append(asset)
            continue
        start = max(change.effective, asset.terms.in_service)
        other = replace(asset, changes=(*asset.changes, change.model_copy(update={"effective": start})))
        wrong = faults(other)
        found.append(asset if wrong else other)
        findings += [
            place.warning(code, f"asset {asset.id!r}: {message}; it keeps its terms", repair, asset.row) for code, message, repair in wrong
        ]
    return found, findings


def compared(before: Schedule, after: Schedule) -> list[Compared]:
    """Both schedules period by period."""
    old = {(row.currency, row.period): row for row in before.rows}
    new = {(row.currency, row.period): row for row in after.rows}
    found = []
    for currency, period in sorted({*old, *new}):
        row = new.get((currency, period))
        last = next((each for each in reversed(after.rows) if each.currency == currency and each.period < period), None)
        found.append(Compared(period, currency, old.get((currency, period)), row, None if row else last))
    return found


def what_if(
    assets: Sequence[Asset], change: Change, book: BookName, place: Place, grain: Grain = "month", as_of: date | None = None
) -> tuple[list[Compared], Schedule, list[Finding]]:
    """The comparison, the changed schedule, and the assets the change does not fit."""
    other, findings = changed(assets, change, place)
    after = schedule(other, book, grain, as_of)
    return compared(schedule(assets, book, grain, as_of), after), after, findings
