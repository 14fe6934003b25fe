"""What does a useful token cost with and without depreciation? A month's unit cost, scaled by what is not depreciation.

without = with * (in scope - depreciation) / in scope. All depreciation of owned assets is counted as in scope.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from netyield.core.money import CONTEXT, quantise, text

PLACES = 6


@dataclass(frozen=True, slots=True)
class UnitCost:
    """One month of a report: money in scope, depreciation in it, cost per useful million tokens (None: unbounded)."""

    period: str
    in_scope: Decimal
    depreciation: Decimal
    low: Decimal | None
    high: Decimal | None

    def without(self, cost: Decimal | None) -> Decimal | None:
        """A cost per useful million tokens as it would be without depreciation."""
        if cost is None or not self.in_scope:
            return None
        left = CONTEXT.divide(self.in_scope - self.depreciation, self.in_scope)
        return quantise(CONTEXT.multiply(cost, left), PLACES)

    def plain(self) -> dict[str, Any]:
        """The month as decimal text."""
        amounts = {
            "in_scope": self.in_scope, "depreciation": self.depreciation, "with_low": self.low, "with_high": self.high,
            "without_low": self.without(self.low), "without_high": self.without(self.high),
        }  # fmt: skip
        return {"period": self.period} | {key: None if value is None else text(value) for key, value in amounts.items()}
