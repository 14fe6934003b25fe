"""How many GPUs are paid for, and how busy are they? A fleet is sized for the objective: utilisation comes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.economics.placement.capacity import Capacity
from netyield.economics.placement.case import Case
from netyield.economics.placement.uncertain import Float64
from netyield.economics.placement.ways import Fleet, Rent

LEAST = 0.01  # a what-if may ask for no availability at all


@dataclass(frozen=True)
class Size:
    """Replicas and GPUs paid for, the mean paid share of the month (1 unless it scales), and the work in replicas."""

    needed: Float64
    replicas: Float64
    gpus: Float64
    paid_share: Float64
    busy: Float64
    utilisation: Float64


def load(case: Case, option: Fleet, capacity: Capacity) -> Float64:
    """The window's demand this fleet sees, as a multiple of the measured one: growth, tokenizer, model error, tax."""
    tax = case.of(option, "virtualisation_tax") if option.virtualisation_tax.high else np.zeros(case.inputs.draws.count)
    return case.growth() * case.tokens_ratio(option) * case.service(capacity) / np.maximum(1.0 - tax, LEAST)


def up(case: Case, option: Fleet) -> Float64:
    """Share of the hours a GPU of this kind of provider serves."""
    return np.maximum(case.of(option, "availability", option.provider_class if isinstance(option, Rent) else "own"), LEAST)


def size(case: Case, option: Fleet, capacity: Capacity, fixed: int | None = None) -> Size:
    """How many replicas are paid for: those the objective needs, spares for failures, in whole minimum units.

    ``fixed`` replicas without spares are the trough of a hybrid.
    """
    demand = load(case, option, capacity)
    quantile = case.sized_for.get(option.name, option.size_for)
    if fixed is not None:
        needed = np.full(len(demand), float(fixed))
    elif case.peak is not None:
        needed = capacity.following(case.peak * demand / case.weekly_peak())
    elif quantile is not None:
        needed = capacity.following(float(np.quantile(case.demand.rate, quantile)) * demand)
    else:
        needed = capacity.replicas(demand)
    replicas = needed
    if fixed is None:
        replicas = np.maximum(np.ceil(needed / up(case, option) - 1e-9), needed + case.of(option, "spare_replicas"))
    unit = np.maximum(1.0, case.of(option, "minimum_gpus"))
    gpus = np.ceil(replicas * capacity.gpus_per_replica / unit - 1e-9) * unit
    share = np.ones(len(demand))
    if isinstance(option, Rent) and option.scaling == "hourly" and fixed is None:
        share = _followed(case, option, capacity, demand, needed)
    busy = capacity.busy(demand) / case.weekly_peak()
    return Size(needed, replicas, gpus, share, busy, busy * capacity.gpus_per_replica / (gpus * share))


def _followed(case: Case, option: Rent, capacity: Capacity, demand: Float64, needed: Float64) -> Float64:
    """Mean of the replicas a fleet that follows the load pays, of those at the peak; starts are paid and serve nothing."""
    per_moment = capacity.following(case.shape() * demand[:, None])
    mean = np.minimum(per_moment, needed[:, None]).mean(axis=1)
    hours = case.of(option, "start_seconds") / 3600.0 * case.of(option, "ramps_per_day") / 24.0
    spares = case.of(option, "spare_replicas")
    paid = (mean + hours * np.maximum(0.0, needed - mean) + spares) / (needed + spares)
    return np.asarray(np.minimum(1.0, paid), np.float64)
