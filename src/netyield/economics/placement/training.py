"""What does training that may share the fleet cost? A load of its own, on the GPU-hours that serving leaves over.

What finds no room there rents GPUs elsewhere, and so does all of it where requests go to an API: every way pays for both
loads, so that ways are compared for the same work. Costs per token leave the training's own price out again.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netyield.economics.placement.capacity import Capacity
from netyield.economics.placement.case import Case
from netyield.economics.placement.costs import Cost
from netyield.economics.placement.demand import SHAPE_POINTS
from netyield.economics.placement.fleet_size import Size, load
from netyield.economics.placement.uncertain import Float64
from netyield.economics.placement.ways import Fleet, Rent

DAY_HOURS, HOUR_US, DAY_SECONDS = 24, 3_600_000_000, 86_400.0
PART = "training elsewhere"


def room(case: Case, option: Fleet, capacity: Capacity, sized: Size) -> Float64:
    """GPU-hours a month on which no request needs a replica, in the hours training may run; a fleet that scales has none."""
    if case.options.training is None or (isinstance(option, Rent) and option.scaling == "hourly"):
        return np.zeros(len(sized.gpus))
    moments, share = _moments(case)
    needed = capacity.following(moments * load(case, option, capacity)[:, None]) * capacity.gpus_per_replica
    free = np.maximum(0.0, sized.gpus[:, None] - needed).mean(axis=1)
    return np.asarray(free * case.hours * share, np.float64)


def with_training(case: Case, cost: Cost) -> Cost:
    """The cost with the training that the fleet has no room for."""
    training = case.options.training
    if training is None or not cost.known:
        return cost
    dated = training.dated.isoformat()
    wanted = case.inputs.given("training: GPU-hours", training.gpu_hours_per_month, "per month", training.source, dated)
    price = case.inputs.given("training: GPU price", training.usd_per_gpu_hour, "USD per GPU-hour", training.source, dated)
    there = np.zeros(len(wanted)) if cost.training_room is None else np.minimum(cost.training_room, wanted)
    parts = cost.parts | {PART: (wanted - there) * price}
    return replace(cost, parts=parts, training_hours=there, training_wanted=wanted, training_usd=wanted * price)


def _moments(case: Case) -> tuple[Float64, float]:
    """(draws, points) of the demand in the hours training may run, and their share of the day. Where the traffic does not
    show a day, those hours are like all others."""
    training, demand = case.options.training, case.demand
    if training is None or training.from_hour is None or training.to_hour is None:
        return case.shape(), 1.0
    hours = (training.to_hour - training.from_hour) % DAY_HOURS or DAY_HOURS
    if demand.start_us is None or demand.span_seconds < DAY_SECONDS:
        return case.shape(), hours / DAY_HOURS
    bin_us = demand.span_seconds * 1e6 / max(1, len(demand.rate))
    hour = ((demand.start_us + (np.arange(len(demand.rate)) + 0.5) * bin_us) // HOUR_US).astype(np.int64) % DAY_HOURS
    inside = demand.rate[(hour - training.from_hour) % DAY_HOURS < hours]
    points = np.quantile(inside, (np.arange(SHAPE_POINTS) + 0.5) / SHAPE_POINTS)
    return np.asarray(points[None, :] / case.weekly_peak()[:, None], np.float64), hours / DAY_HOURS
