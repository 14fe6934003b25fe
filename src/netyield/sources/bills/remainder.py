"""The digits a bill has and the books have not. What do they add up to, and where are they recorded?

Charges carry 12 decimal places. What was cut off is added up exactly per currency and cost column of a file. The sums
are told in one finding; the whole pico-units among them become one extra Adjustment row per currency, so that the
books and the file differ by less than one pico-unit per total, and by a stated amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from netyield.core import money
from netyield.core.contract import conform, contract
from netyield.core.finding import Finding
from netyield.core.money import CONTEXT, PICO_DIGITS
from netyield.sources.amounts import Amounts
from netyield.sources.files import Place

SERVICE = "__remainder__"
DESCRIPTION = "Netyield remainder of digits beyond 1e-12"
# The extra row belongs to the bill of the file's first row in its currency.
BILL = ("provider", "issuer", "billing_account_id", "billing_period_start", "billing_period_end")


@dataclass(slots=True)
class Remainders:
    """What was cut off the amounts of one file: ``sums`` per (currency, cost column), ``bills`` per currency."""

    sums: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    bills: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, column: str, amounts: Amounts, currencies: pa.Array, good: pa.Array) -> None:
        """Add the digits cut off the ``good`` rows (a mask)."""
        if amounts.fine is not None:
            table = pa.table({"currency": currencies, "fine": amounts.fine}).filter(good)
            sums = table.group_by("currency").aggregate([("fine", "sum")])
            for currency, rest in zip(sums["currency"].to_pylist(), sums["fine_sum"].to_pylist(), strict=True):
                self._add(currency, column, rest)
        for index, rest in amounts.finest.items():
            if good[index].as_py():
                self._add(currencies[index].as_py(), column, rest)

    def _add(self, currency: str, column: str, rest: Decimal | None) -> None:
        if rest:
            key = (currency, column)
            self.sums[key] = CONTEXT.add(self.sums.get(key, Decimal(0)), rest)

    def remember(self, charges: pa.Table) -> None:
        """Note the span and the first bill of each currency, for the extra row."""
        for currency in charges["currency"].unique().to_pylist():
            rows = charges.filter(pc.equal(charges["currency"], currency))
            start, end = pc.min(rows["charge_start"]).as_py(), pc.max(rows["charge_end"]).as_py()
            bill = self.bills.get(currency)
            if bill is None:
                bill = {name: rows[name][0].as_py() for name in BILL} | {"charge_start": start, "charge_end": end}
                self.bills[currency] = bill
            bill["charge_start"] = min(bill["charge_start"], start)
            bill["charge_end"] = max(bill["charge_end"], end)

    def whole(self, currency: str, column: str) -> Decimal:
        """The whole pico-units of a sum, cut toward zero."""
        rest = self.sums.get((currency, column), Decimal(0))
        return rest.quantize(Decimal(1).scaleb(-PICO_DIGITS), ROUND_DOWN, CONTEXT)

    def finding(self, place: Place) -> Finding | None:
        """One remark naming file, currency, column and the exact sum; None when nothing was cut off."""
        if not any(self.sums.values()):
            return None
        parts = [
            f"{currency} {column} {money.text(rest)} (booked {money.text(self.whole(currency, column))})"
            for (currency, column), rest in sorted(self.sums.items())
        ]
        message = f"digits of {place.file} beyond 1e-12 add up to {'; '.join(parts)}"
        return place.info("remainder", message, "Nothing to do: whole pico-units of it are booked as one extra row.")

    def charges(self, identity: str, columns: Sequence[str], version: str | None) -> pa.Table | None:
        """The extra rows; ``columns`` are the cost columns the file has (0 there, null in the others)."""
        rows = []
        for currency, bill in sorted(self.bills.items()):
            costs = {column: self.whole(currency, column) for column in columns}
            if any(costs.values()):
                rows.append({**bill, **costs, **_labels(identity, currency), "focus_version": version,
                             "event_time": bill["charge_start"]})
        if not rows:
            return None
        return conform("charges", pa.Table.from_pylist(rows, schema=contract("charges").source_schema))


def _labels(identity: str, currency: str) -> dict[str, Any]:
    return {
        "row_number": 0,
        "event_key": f"{identity}:remainder:{currency}",
        "currency": currency,
        "charge_category": "Adjustment",
        "charge_description": DESCRIPTION,
        "service_name": SERVICE,
    }
