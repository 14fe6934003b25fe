"""Was the same day of a bill delivered twice in different files? Then its dollars would count twice.

Files of an ``immutable`` source have nothing that identifies a row across files, so identical days are recognised by
their control totals: issuer, account, billing period, day, currency, number of rows, billed and effective sum. A match
is a warning, never a silent removal: two halves of an export may look alike by chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.finding import Finding
from netyield.core.money import CONTEXT, text
from netyield.sources.bills.snapshot import KEY_COLUMNS, snapshot_key
from netyield.sources.files import Place

KEPT_DAYS = 20_000  # days x accounts remembered in the cursor, newest last
ALIKE_ROWS = 2  # one row alike proves nothing
SUMS = ("billed_cost", "effective_cost")


@dataclass(slots=True)
class _Day:
    rows: int = 0
    sums: list[Decimal] = field(default_factory=lambda: [Decimal(0), Decimal(0)])

    @property
    def totals(self) -> str:
        return f"{self.rows} {text(self.sums[0])} {text(self.sums[1])}"


@dataclass(slots=True)
class DayTotals:
    """Control totals of one file, per bill and day."""

    days: dict[str, _Day] = field(default_factory=dict)

    def add(self, charges: pa.Table) -> None:
        """Count the rows of a chunk."""
        table = charges.select([*KEY_COLUMNS, "currency", *SUMS]).append_column(
            "day", pc.strftime(charges["charge_start"], "%Y-%m-%d")
        )
        keys = [*KEY_COLUMNS, "day", "currency"]
        grouped = table.group_by(keys).aggregate([("currency", "count"), *((name, "sum") for name in SUMS)])
        for row in grouped.to_pylist():
            bill = snapshot_key(*(row[column] for column in KEY_COLUMNS))
            day = self.days.setdefault(f"{bill}|{row['day']}|{row['currency']}", _Day())
            day.rows += row["currency_count"]
            for index, name in enumerate(SUMS):
                day.sums[index] = CONTEXT.add(day.sums[index], row[f"{name}_sum"] or Decimal(0))


@dataclass(slots=True)
class Seen:
    """The control totals of the files read so far: day -> (totals, file). Lives in the source's cursor."""

    days: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def from_cursor(cls, cursor: Mapping[str, Any]) -> Seen:
        """What earlier runs saw."""
        return cls({day: list(entry) for day, entry in cursor.get("days", {}).items()})

    def cursor(self) -> dict[str, Any]:
        """What the next run has to know."""
        return {"days": dict(list(self.days.items())[-KEPT_DAYS:])}

    def compare(self, file: DayTotals, place: Place) -> Finding | None:
        """A warning when another file had the same days with the same totals; then remember this file."""
        alike = [
            (day, self.days[day][1])
            for day, totals in sorted(file.days.items())
            if day in self.days and self.days[day][0] == totals.totals and self.days[day][1] != place.file
            and totals.rows >= ALIKE_ROWS and any(totals.sums)
        ]
        for day, totals in file.days.items():
            self.days[day] = [totals.totals, place.file]
        if not alike:
            return None
        first, other = alike[0]
        day = first.split("|")[3]
        message = f"{len(alike)} days (first {day}) have the same rows and totals as in {other} and may count twice"
        repair = 'Remove one of the files, or set delivery = "snapshot" if newer files replace older ones.'
        return place.warning("overlap", message, repair, count=len(alike))
