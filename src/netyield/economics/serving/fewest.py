"""The fewest replicas that keep an objective: searched one by one on simulations, never divided out.

The search starts at the load itself (mean work over what a full replica does) or at a guess, doubles its steps until the
objective is kept and then halves them down to one, because a step of a tenth misses by replicas (facts sheet 5.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from netyield.economics.serving.fleet import Fleet
from netyield.economics.serving.objective import Objectives
from netyield.economics.serving.simulator import Served, simulate
from netyield.economics.serving.traffic import Traffic

MOST_REPLICAS = 1024


@dataclass(frozen=True)
class Sized:
    """The fewest replicas that keep the objective, and what they then do. ``meets_slo`` False: no number does.

    ``paid``: mean number of replicas paid for, all of them unless autoscaled. ``load``: mean work in replicas that are always
    full, the fluid lower bound.
    """

    replicas: int
    meets_slo: bool
    reached: dict[str, float]
    good_share: float
    utilisation: float
    busy_share: float
    preempted: int
    cached_share: float
    paid: float
    load: float


def fewest(
    traffic: Traffic, fleet: Fleet, objectives: Objectives, near: int | None = None, *, alone_kept: bool = False
) -> Sized:
    """The fewest replicas that keep the objective; searched around ``near`` where a guess is known.

    An objective that requests served alone miss is kept by no number, and nothing is searched. ``alone_kept``: that this
    replica serves such requests alone within it is known already.
    """
    start = max(1, math.floor(mean_load(traffic, fleet, float(traffic.cached_tokens.mean()))))

    def at(replicas: int) -> Sized:
        return judged(traffic, fleet, simulate(traffic, replace(fleet, replicas=replicas)), objectives, replicas)

    if not alone_kept and not possible(traffic, fleet, objectives):
        return at(start)
    return smallest(start, at, MOST_REPLICAS, near)[0]


def smallest(start: int, at: Callable[[int], Sized], most: int, near: int | None = None) -> tuple[Sized, int]:
    """The smallest number from ``start`` that keeps the objective; ``most`` where none does.

    Steps away from ``near`` (from ``start`` upward without it) double until both sides are known, then halve down to one.
    """
    found: dict[int, Sized] = {}

    def judge(number: int) -> bool:
        if number not in found:
            found[number] = at(number)
        return found[number].meets_slo

    high, step = max(start, min(near or start, most)), 1
    while near and high > start and judge(high):
        below = max(start, high - step)
        if not judge(below):
            break
        high, step = below, step * 2
    step = 1 if near else high
    while not judge(high):
        if high >= most:
            return found[high], high
        high, step = min(most, high + step), step * 2
    low = max((each for each in found if not found[each].meets_slo and each < high), default=start - 1)
    while high - low > 1:
        middle = (low + high) // 2
        if judge(middle):
            high = middle
        else:
            low = middle
    return found[high], high


def possible(traffic: Traffic, fleet: Fleet, objectives: Objectives) -> bool:
    """Whether requests that have a replica each keep the objective: what no number of replicas can beat."""
    apart = traffic.replaced(arrival_s=np.arange(traffic.requests) * 1e6, window_s=traffic.requests * 1e6)
    served = simulate(apart, replace(fleet, replicas=1))
    return objectives.kept(objectives.reached(served, apart.arrival_s))


def judged(traffic: Traffic, fleet: Fleet, served: Served, objectives: Objectives, replicas: int) -> Sized:
    """What these replicas did. Utilisation is the load, without what was cached, over those paid for."""
    reached = objectives.reached(served, traffic.arrival_s)
    prompts = int(traffic.input_tokens.sum())
    paid = float(served.paid_s.sum()) / served.span_s
    load = mean_load(traffic, fleet, float(served.cached_tokens.mean()))
    return Sized(
        replicas, objectives.kept(reached), reached, objectives.good_share(served, traffic.arrival_s),
        load / paid, served.busy_share, int(served.preempted.sum()), int(served.cached_tokens.sum()) / max(prompts, 1), paid, load,
    )  # fmt: skip


def mean_load(traffic: Traffic, fleet: Fleet, cached_tokens: float) -> float:
    """Mean work in replicas that are always full: as many requests at once as batch and memory allow.

    ``cached_tokens``: the mean of a prompt that need not be computed.
    """
    inputs, outputs = float(traffic.input_tokens.mean()), float(traffic.output_tokens.mean())
    held = max(1, min(fleet.max_batch, int(fleet.kv_tokens / (inputs + outputs))))
    fresh = max(1.0, inputs - cached_tokens)
    return traffic.requests_per_second / fleet.step.requests_per_second(fresh, outputs, held)
