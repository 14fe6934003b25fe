"""Does the money that went into a pass come out of it? Checked in production, not only in tests."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from netyield.core.errors import ConservationError
from netyield.core.money import CONTEXT


def check(name: str, given: Mapping[str, Decimal], returned: Mapping[str, Decimal]) -> None:
    """Compare exact sums per currency (missing = 0). Raises ConservationError naming both numbers."""
    for currency in sorted({*given, *returned}):
        before = given.get(currency, Decimal(0))
        after = returned.get(currency, Decimal(0))
        if before != after:
            difference = CONTEXT.subtract(after, before)
            message = f"{name}: {before} {currency} went in and {after} came out (difference {difference});"
            raise ConservationError(message, "this is a fault in Netyield: please report it with `netyield doctor`.")
