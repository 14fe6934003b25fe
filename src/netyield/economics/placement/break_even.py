"""From which volume on does a fleet pay, and how does that move with how peaky the load is?

For each peak over mean a fleet is sized for that peak, spares and whole units included, at volumes from a hundredth to a
thousand times the measured one; the API is paid by the token. The break-even is the volume from which the fleet stays
cheaper (median of the draws). Peaks are over the mean of the month; a fleet that follows the load has no curve. Steps (a
server, a person) can make a fleet cheaper earlier for a while: that does not count.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from netyield.economics.placement.case import Case
from netyield.economics.placement.compare import Comparison, cost_of
from netyield.economics.placement.ways import AnyOption, Api, Own, Rent

PEAKS = (1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0, 100.0)
VOLUMES = tuple(float(volume) for volume in 10.0 ** np.linspace(-2, 3, 41))
MOST_DRAWS = 100


@dataclass(frozen=True, slots=True)
class Point:
    """One option at one peak over mean: served output Mtok a month from which it stays cheaper; None: not in range."""

    option: str
    peak_to_mean: float
    mtok_per_month: float | None
    times_measured: float | None


@dataclass(frozen=True)
class BreakEven:
    """The curve of every fleet against the cheapest API, where this traffic stands, and which option the surface names."""

    against: str
    points: list[Point]
    here: tuple[float, float]  # (served output Mtok a month, peak over mean)
    effective_peak: dict[str, float]
    surface: list[tuple[float, float, str]]  # (volume as a multiple, peak, cheapest)
    volumes: tuple[float, ...] = VOLUMES


def break_even(
    found: Comparison, step: Callable[[str], None] = lambda _: None, expect: Callable[[int], None] = lambda _: None
) -> BreakEven | None:
    """None where there is no API or no fleet to compare. ``expect`` hears how many peaks are tried."""
    apis = [way.option for way in found.ranked if isinstance(way.option, Api)]
    fleets = [way.option for way in found.ranked if isinstance(way.option, Rent | Own) and not _follows(way.option)]
    if not apis or not fleets:
        return None
    whole = found.case.inputs
    draws = replace(whole.draws, count=min(MOST_DRAWS, whole.draws.count), asked={}, _noise={}, _values={})
    case = replace(found.case, inputs=replace(whole, draws=draws, used={}))
    api, per_volume = _cheapest_api(case, apis)
    served = float(np.median(case.month())) * case.demand.output_tokens / 1e6
    points, surface = [], []
    expect(len(PEAKS))
    for peak in PEAKS:
        step(f"peak over mean {peak:g}")
        costs = {option.name: _costs(case, option, peak) for option in fleets}
        points += [_point(name, peak, amounts, per_volume, served) for name, amounts in costs.items()]
        for place, volume in enumerate(VOLUMES):
            best = min(costs, key=lambda name: costs[name][place])
            surface.append((volume, peak, best if costs[best][place] < per_volume[place] else api.name))
    effective = {option.name: _effective(case, option) for option in fleets}
    here = (served, case.demand.peak_to_mean * float(np.median(case.weekly_peak())))
    return BreakEven(api.name, points, here, effective, surface)


def _follows(option: Rent | Own) -> bool:
    """Whether it is paid for by the load itself: no peak is reserved, so none can be varied."""
    return isinstance(option, Rent) and option.scaling == "hourly"


def _cheapest_api(case: Case, apis: list[Api]) -> tuple[Api, list[float]]:
    rows = {api.name: [_median(replace(case, volume=volume), api) for volume in VOLUMES] for api in apis}
    middle = len(VOLUMES) // 2
    best = min(apis, key=lambda api: rows[api.name][middle])
    return best, [min(row[place] for row in rows.values()) for place in range(len(VOLUMES))]


def _costs(case: Case, option: AnyOption, peak: float) -> list[float]:
    return [_median(replace(case, volume=volume, peak=peak), option) for volume in VOLUMES]


def _median(case: Case, option: AnyOption) -> float:
    return float(np.median(cost_of(case, option).usd_per_month))


def _point(name: str, peak: float, amounts: list[float], api: list[float], served: float) -> Point:
    dearer = [place for place, amount in enumerate(amounts) if amount >= api[place]]
    first = max(dearer, default=-1) + 1
    if first >= len(VOLUMES):
        return Point(name, peak, None, None)
    times = VOLUMES[first]
    if first > 0:  # between two volumes, where the lines cross on logarithmic axes
        before = np.log(amounts[first - 1] / api[first - 1])
        after = np.log(amounts[first] / api[first])
        share = before / (before - after)
        times = float(np.exp(np.log(VOLUMES[first - 1]) * (1 - share) + np.log(VOLUMES[first]) * share))
    return Point(name, peak, served * times, times)


def _effective(case: Case, option: Rent | Own) -> float:
    """The peak over mean this traffic acts like: replicas the objective needs over those its mean keeps busy."""
    capacity = case.capacities[option.gpu.lower()]
    one = np.ones(1)
    return float(capacity.replicas(one)[0] * capacity.held_per_replica * np.median(case.weekly_peak()))
