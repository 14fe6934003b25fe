"""How busy is a fleet in each hour of the week? The traffic's own hours on the GPUs that are paid for.

    utilisation of an hour = work of that hour, at the median size / GPUs paid for

Hours nobody recorded are not there: what they would be is unknown. Where arrivals have dates, hour 0 is Monday 00:00 UTC;
else it is the start of the recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.economics.placement.case import Case
from netyield.economics.placement.compare import Way
from netyield.economics.placement.demand import BIN_SECONDS, Demand
from netyield.economics.placement.fleet_size import load
from netyield.economics.placement.uncertain import Float64
from netyield.economics.placement.ways import Own, Rent

WEEK_HOURS, HOUR_SECONDS = 168, 3600.0
MONDAY_SECONDS = 4 * 86_400  # 1 January 1970 was a Thursday
MONDAY, RECORDING = "Monday 00:00 UTC", "the start of the recording"


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the week, from 0: demand over the mean of the traffic, and of each fleet the share of its GPUs at work."""

    hour_of_week: int
    demand: float
    utilisation: dict[str, float]


def counted_from(demand: Demand) -> str:
    """What hour 0 is."""
    return RECORDING if demand.start_us is None else MONDAY


def week(case: Case, ways: list[Way]) -> list[Hour]:
    """Every recorded hour of the week; nothing where less than two hours were recorded."""
    hours, demand = hourly(case.demand)
    if len(hours) < 2:
        return []
    busy = {way.name: _utilisation(case, way, demand) for way in ways if isinstance(way.option, Rent | Own) and way.cost.known}
    return [
        Hour(int(hour), float(demand[place]), {name: float(values[place]) for name, values in busy.items()})
        for place, hour in enumerate(hours)
    ]


def hourly(demand: Demand) -> tuple[Float64, Float64]:
    """Recorded hours of the week, and their mean demand as a multiple of the window's mean."""
    origin = 0.0 if demand.start_us is None else demand.start_us / 1e6 - MONDAY_SECONDS
    at = origin + (np.arange(len(demand.rate)) + 0.5) * BIN_SECONDS
    hour = (at // HOUR_SECONDS).astype(np.int64) % WEEK_HOURS
    sums, counts = (np.bincount(hour, weights, WEEK_HOURS) for weights in (demand.rate, np.ones(len(hour))))
    seen = np.flatnonzero(counts)
    return seen.astype(np.float64), sums[seen] / counts[seen]


def _utilisation(case: Case, way: Way, demand: Float64) -> Float64:
    """At the median of the draws; a fleet that follows the load pays in each hour for what that hour needs, and its spares."""
    option = way.option
    assert isinstance(option, Rent | Own)
    capacity = case.capacities[option.gpu.lower()]
    seen = float(np.median(load(case, option, capacity) / (case.weekly_peak() if case.demand.whole_week else 1.0)))
    work = capacity.busy(seen * demand) * capacity.gpus_per_replica
    paid = float(np.median(way.cost.gpus)) if way.cost.gpus is not None else 1.0
    if isinstance(option, Rent) and option.scaling == "hourly":
        replicas = capacity.following(seen * demand) + float(np.median(case.of(option, "spare_replicas")))
        return np.asarray(work / np.minimum(paid, replicas * capacity.gpus_per_replica), np.float64)
    return np.asarray(work / paid, np.float64)
