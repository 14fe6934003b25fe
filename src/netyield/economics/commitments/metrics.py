"""How well are commitments used? Utilisation, coverage, break-even and savings, from sums; hours and dollars apart.

    utilisation            effective cost Used / effective cost Used + Unused          (hours: the same of unit-hours)
    coverage               list cost of covered use / list cost of use that could be covered
    break-even utilisation committed rate / on-demand rate = effective per hour / list per hour
    effective savings rate 1 - actual cost, Unused rows and fees included / on-demand equivalent (list cost of covered use)

Never an average of rows: sums first, one division at the end. What is not known stays null. Source: facts sheet section 4.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from netyield.core.money import CONTEXT


@dataclass(frozen=True, slots=True)
class Sums:
    """What a commitment's rows add up to. Money in pico-units, time in unit-microseconds; None = the bill does not say.

    ``fees``: effective cost of its rows that are neither Used nor Unused (instalments not amortised, wind-down, set-up).
    ``list_used``: what the covered use would have cost at list prices. ``eligible``: use that could have been covered, covered
    or not, at list prices.
    """

    used: int = 0
    unused: int = 0
    fees: int = 0
    billed: int = 0
    list_used: int | None = 0
    eligible: int | None = 0
    used_us: int | None = 0
    unused_us: int | None = 0
    eligible_us: int | None = 0

    def __add__(self, other: Sums) -> Sums:
        return Sums(
            self.used + other.used, self.unused + other.unused, self.fees + other.fees, self.billed + other.billed,
            _plus(self.list_used, other.list_used), _plus(self.eligible, other.eligible), _plus(self.used_us, other.used_us),
            _plus(self.unused_us, other.unused_us), _plus(self.eligible_us, other.eligible_us),
        )  # fmt: skip


def _plus(left: int | None, right: int | None) -> int | None:
    return None if left is None or right is None else left + right


def total(parts: Iterable[Sums]) -> Sums:
    """The sum of sums; unknown in one part is unknown in the whole."""
    found = Sums()
    for part in parts:
        found = found + part
    return found


@dataclass(frozen=True, slots=True)
class Metrics:
    """Shares, each null where it cannot be known or has no positive whole."""

    utilisation: Decimal | None
    utilisation_hours: Decimal | None
    coverage: Decimal | None
    coverage_hours: Decimal | None
    break_even_utilisation: Decimal | None
    effective_savings_rate: Decimal | None


def metrics(sums: Sums) -> Metrics:
    """All metrics of one set of sums."""
    saved = share(sums.used + sums.unused + sums.fees, sums.list_used)
    return Metrics(
        utilisation=share(sums.used, sums.used + sums.unused),
        utilisation_hours=share(sums.used_us, _plus(sums.used_us, sums.unused_us)),
        coverage=share(sums.list_used, sums.eligible),
        coverage_hours=share(sums.used_us, sums.eligible_us),
        break_even_utilisation=share(sums.used, sums.list_used),
        effective_savings_rate=None if saved is None else 1 - saved,
    )


def share(part: int | None, whole: int | None) -> Decimal | None:
    """part/whole, null without both or without a positive whole."""
    if part is None or whole is None or whole <= 0:
        return None
    return CONTEXT.divide(Decimal(part), Decimal(whole))
