"""Which share is ``0.3`` or ``30%``? The words of --headroom, the same in ``buy`` and ``exit``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from netyield.core.errors import WrongUse


def share_of(words: str | None) -> Decimal | None:
    """``0.3`` or ``30%`` as a share. Raises WrongUse."""
    if words is None:
        return None
    try:
        found = Decimal(words.strip().removesuffix("%"))
    except InvalidOperation:
        found = Decimal(-1)
    found = found / 100 if words.strip().endswith("%") else found
    if not 0 <= found < 100:
        message = f"--headroom {words!r} is no share."
        raise WrongUse(message, "Write 0.3 or 30%.")
    return found
