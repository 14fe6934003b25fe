"""What does a fleet for the trough cost, with the rest of the load spilled to an API?

Replicas are fixed: as many as are busy at the lowest load of the month (``hold`` = 0), or at another quantile of it. Every
moment the fleet serves what it holds; the API is paid for the rest, and takes over when a replica fails.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netyield.economics.placement.api_cost import api_cost
from netyield.economics.placement.case import Case
from netyield.economics.placement.costs import Cost
from netyield.economics.placement.fleet_cost import fleet_cost
from netyield.economics.placement.fleet_size import load, up
from netyield.economics.placement.ways import Api, Hybrid, Own, Rent


def hybrid_cost(case: Case, option: Hybrid) -> Cost:
    """Fleet and spill together; its latency is that of the worse of the two."""
    base, spill = case.options.named(option.base), case.options.named(option.spill)
    if not isinstance(base, Rent | Own) or not isinstance(spill, Api):  # the file's reader has checked it
        message = f"{option.name}: {option.base} is no fleet or {option.spill} no API"
        raise TypeError(message)
    if option.name in case.sized_for:  # what if it were a fleet for this part of the load, without a spill?
        sized = replace(case, sized_for={base.name: case.sized_for[option.name]})
        return fleet_cost(sized, base)
    capacity = case.capacities.get(base.gpu.lower())
    if capacity is None:
        return fleet_cost(case, base)
    demand = load(case, base, capacity)
    moments = case.shape()
    count = option.replicas or trough(case, option, base)
    cost = fleet_cost(case, base, fixed=count)
    if cost.missing:
        return cost
    work = moments * demand[:, None]
    held = np.minimum(work, (count * capacity.held_per_replica * up(case, base))[:, None])
    served = held.sum(axis=1) / np.maximum(work.sum(axis=1), 1e-12)
    away = api_cost(case, spill, 1.0 - served)
    cost.missing += away.missing
    if not away.missing:
        cost.parts |= {f"spilled: {name}": amount for name, amount in away.parts.items()}
    busy = held.mean(axis=1) / capacity.held_per_replica * capacity.busy(np.ones(1))[0] * capacity.held_per_replica
    if cost.gpus is not None:
        cost.utilisation = busy * capacity.gpus_per_replica / cost.gpus
    cost.notes += away.notes
    # Both parts have to keep the objective; whether the API does is for somebody to measure.
    both = (cost.meets_slo, spill.meets_slo)
    cost.meets_slo = False if False in both else None if None in both else True
    return cost


def trough(case: Case, option: Hybrid, base: Rent | Own) -> int:
    """Replicas the load keeps busy at the quantile to hold, at the likely inputs: a decision, so no random number."""
    capacity = case.capacities[base.gpu.lower()]
    middle = case.likely_shape() * float(np.median(load(case, base, capacity)))
    return max(1, int(np.quantile(middle, option.hold) / capacity.held_per_replica + 1e-9))
