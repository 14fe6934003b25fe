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

    def with_depreciation(self, amount: Decimal) -> UnitCost:
        """The month as it would be with another depreciation and all else the same."""
        if amount == self.depreciation:
            return self
        in_scope = self.in_scope - self.depreciation + amount

        def scaled(cost: Decimal | None) -> Decimal | None:
            if cost is None or not self.in_scope:
                return None
            return quantise(CONTEXT.divide(CONTEXT.multiply(cost, in_scope), self.in_scope), PLACES)

        return UnitCost(self.period, in_scope, amount, scaled(self.low), scaled(self.high))

    def plain(self) -> dict[str, Any]:
        """The month as decimal text, with its depreciation and without."""
        bare = self.with_depreciation(Decimal(0))
        amounts = {
            "in_scope": self.in_scope, "depreciation": self.depreciation, "with_low": self.low, "with_high": self.high,
            "without_low": bare.low, "without_high": bare.high,
        }  # fmt: skip
        return {"period": self.period} | {key: None if value is None else text(value) for key, value in amounts.items()}
