"""What does a useful token cost with and without depreciation? One month of the ledger, or one slice of it.

With: money in scope over useful output, as the report has it. Without: the same leaves with their part of depreciation taken
out (or replaced), so that the two differ by depreciation alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from netyield.core.money import text


@dataclass(frozen=True, slots=True)
class Cost:
    """Money in scope, and per useful million tokens (None: unbounded, or nothing useful)."""

    in_scope: Decimal
    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class UnitCost:
    """A month, or a model's or team's part of it: with depreciation, without, and (in a what-if) with another one.

    ``span``: the time of the month that the ledger's window covers. ``by``: dimension of ``slice``, both empty for all together.
    """

    period: str
    span: tuple[str, str]
    currency: str
    full: Cost
    bare: Cost
    by: str = ""
    slice: str = ""
    other: Cost | None = None

    @property
    def depreciation(self) -> Decimal:
        """Depreciation in scope."""
        return self.full.in_scope - self.bare.in_scope

    def plain(self) -> dict[str, Any]:
        """The month as decimal text, with its depreciation and without."""
        amounts = {
            "in_scope": self.full.in_scope, "depreciation": self.depreciation, "with_low": self.full.low, "with_high": self.full.high,
            "without_low": self.bare.low, "without_high": self.bare.high,
        }  # fmt: skip
        named = {"slice": self.slice} if self.by else {}
        when = {"period": self.period, "since": self.span[0], "until": self.span[1], "currency": self.currency}
        return when | named | {key: None if value is None else text(value) for key, value in amounts.items()}
