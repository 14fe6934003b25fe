"""How is a unit's loss shared? Goodwill first, then by carrying amount, no asset below its own floor.

What an asset at its floor cannot take is spread again over the others; a reversal likewise, each up to its cap. In whole units
of the statement, largest remainder. Sources: IAS 36.104-105, .122-123, ASC 360-10-35-28.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from netyield.core.money import largest_remainder


@dataclass(frozen=True, slots=True)
class Share:
    """One asset's part of a loss, in whole units."""

    id: str
    before: int
    loss: int

    @property
    def after(self) -> int:
        """What is left on the books."""
        return self.before - self.loss


@dataclass(frozen=True, slots=True)
class Bearer:
    """An asset that can bear a loss down to ``floor``, in whole units."""

    id: str
    carrying: int
    floor: int


def shared(loss: int, goodwill: int, bearers: Sequence[Bearer]) -> tuple[int, list[Share], int]:
    """(goodwill's part, each asset's part, what nobody could take)."""
    of_goodwill = min(loss, goodwill)
    parts = _spread(loss - of_goodwill, bearers, [max(0, each.carrying - max(0, each.floor)) for each in bearers])
    shares = [Share(each.id, each.carrying, part) for each, part in zip(bearers, parts, strict=True)]
    return of_goodwill, shares, loss - of_goodwill - sum(parts)


def given_back(reversal: int, bearers: Sequence[Bearer], caps: Sequence[int]) -> tuple[list[Share], int]:
    """Each asset's part of a reversal as a loss below zero, none above its cap (IAS 36.122-123), and what nobody could take."""
    parts = _spread(reversal, bearers, [max(0, cap - each.carrying) for each, cap in zip(bearers, caps, strict=True)])
    return [Share(each.id, each.carrying, -part) for each, part in zip(bearers, parts, strict=True)], reversal - sum(parts)


def _spread(amount: int, bearers: Sequence[Bearer], room: Sequence[int]) -> list[int]:
    """Parts by carrying amount, each at most its room; those that are full are fixed and the rest spread again."""
    fixed: dict[int, int] = {}
    while True:
        free = [n for n in range(len(bearers)) if n not in fixed]
        left = amount - sum(fixed.values())
        weight = sum(bearers[n].carrying for n in free)
        if not free or left <= 0 or weight <= 0:
            break
        full = [n for n in free if Fraction(left * bearers[n].carrying, weight) >= room[n]]
        if not full:
            parts = largest_remainder(left, [bearers[n].carrying for n in free], [bearers[n].id for n in free])
            over = [n for n, part in zip(free, parts, strict=True) if part > room[n]]
            if not over:
                fixed |= dict(zip(free, parts, strict=True))
                break
            full = over
        fixed |= {n: room[n] for n in full}
    return [fixed.get(n, 0) for n in range(len(bearers))]
