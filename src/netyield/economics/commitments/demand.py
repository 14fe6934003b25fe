"""What is demanded, hour by hour? Three series that are always told together: allocated, active and needed.

allocated: units somebody holds. active: units' worth of work seen on them. needed: units the traffic needs at its objective; where
nobody says, active plus a declared headroom. Beside them what is paid for already, needed or not (committed, reserved, owned), and
what is rented by the hour. All in whole millionths of a unit per hour; an hour nobody recorded is no hour of the history, never a
zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.money import CONTEXT
from netyield.economics.commitments.plan_cost import MICRO, Micros

ALLOCATED, ACTIVE, NEEDED, PAID, RENTED = "allocated", "active", "needed", "paid", "rented"
SERIES = (ALLOCATED, ACTIVE, NEEDED)
NO_HEADROOM = "active, with no headroom declared"
HOURS_OF_WEEK = 168
HOUR_US = 3_600_000_000


@dataclass(frozen=True)
class Demand:
    """Known hours in order. ``hour_us``: their starts (hours since an unknown start, when no time was given).

    ``series``: millionths of a unit by name. ``how_needed``: in words. ``dated``: whether the hours have real times.
    """

    hour_us: Micros
    series: Mapping[str, Micros]
    how_needed: str = "given"
    dated: bool = True

    @property
    def hours(self) -> int:
        """Known hours."""
        return len(self.hour_us)

    @property
    def span_hours(self) -> int:
        """Hours from the first to the last, unknown ones included."""
        return int((self.hour_us[-1] - self.hour_us[0]) // HOUR_US) + 1 if self.hours else 0

    def part(self, first: int, last: int) -> Demand:
        """The hours at positions [first, last)."""
        return replace(
            self, hour_us=self.hour_us[first:last], series={name: v[first:last] for name, v in self.series.items()}
        )

    def position_after(self, hours: int) -> int:
        """The first position at or after so many hours of the span."""
        return int(np.searchsorted(self.hour_us, self.hour_us[0] + hours * HOUR_US)) if self.hours else 0


def with_needed(demand: Demand, headroom: Decimal | None) -> Demand:
    """``needed`` from ``active`` and a declared headroom, where the file or the serving room gives none.

    Where neither is known the demand stays as it is: allocated units alone are an upper bound.
    """
    if NEEDED in demand.series or ACTIVE not in demand.series:
        if headroom is not None and NEEDED in demand.series:
            message = "--headroom adds to active units, and needed units are given."
            raise WrongUse(message, "Leave --headroom out, or take the column `needed` out of the file.")
        return demand
    share = Decimal(0) if headroom is None else headroom
    if share < 0:
        message = f"--headroom {share} is negative."
        raise WrongUse(message, "Write 0.3 for 30 % above what is active.")
    numerator, denominator = share.as_integer_ratio()
    active = demand.series[ACTIVE]
    needed = active + -(-active * numerator // denominator)
    words = f"active plus {share:%} declared headroom" if headroom is not None else NO_HEADROOM
    return replace(demand, series={**demand.series, NEEDED: needed}, how_needed=words)


@dataclass(frozen=True, slots=True)
class Released:
    """What is paid for already and what of it nobody needs, when it is used before anything rented. Unit-hours are exact; units
    are whole."""

    paid_unit_hours: Decimal
    unused_unit_hours: Decimal | None  # paid, held by nobody
    idle_unit_hours: Decimal | None  # held, not active
    free_unit_hours: Decimal  # paid, not needed
    release_units: int  # no hour of the history needed them
    short_hours: int  # hours that needed more than is paid for
    stop_units: int | None  # rented by the hour, and no hour needed them; None where nothing says what is rented


def net_of_paid(planned: Micros, demand: Demand) -> tuple[Micros, Released | None]:
    """What is left to buy for once paid capacity is used first, and what could go. None when nothing paid is known."""
    paid = demand.series.get(PAID)
    if paid is None:
        return planned, None
    left = np.maximum(planned - paid, 0)
    free = paid - planned
    allocated, active, rented = (demand.series.get(name) for name in (ALLOCATED, ACTIVE, RENTED))
    released = Released(
        unit_hours(paid),
        None if allocated is None else unit_hours(np.maximum(paid - allocated, 0)),
        None if allocated is None or active is None else unit_hours(np.maximum(np.minimum(allocated, paid) - active, 0)),
        unit_hours(np.maximum(free, 0)),
        _always(free),
        int((free < 0).sum()),
        None if rented is None else _always(rented - left),
    )
    return left, released


def _always(spare: Micros) -> int:
    """Whole units spare in every hour."""
    return max(0, int(spare.min()) // MICRO) if len(spare) else 0


def unit_hours(values: Micros) -> Decimal:
    """The sum of a series as an exact decimal."""
    return CONTEXT.scaleb(Decimal(int(values.sum())), -6)
