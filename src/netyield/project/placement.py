"""How do the rooms meet for a placement? Traffic becomes a demand, a sizing becomes a capacity; rooms share no types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding
from netyield.economics.placement.assumed import Inputs
from netyield.economics.placement.capacity import Capacity, Level, rated
from netyield.economics.placement.case import Case
from netyield.economics.placement.demand import Demand, binned
from netyield.economics.placement.options import Options
from netyield.economics.placement.uncertain import DRAWS, SEED, Draws, Uncertain
from netyield.economics.serving.traffic import Traffic

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
DEMANDS = (0.25, 0.5, 2.0, 4.0)  # besides the measured one: what growth and the model's error are read from


def demand_of(
    model: str,
    arrival_seconds: Float64,
    input_tokens: Int64,
    output_tokens: Int64,
    cached_tokens: Int64 | None,
    source: str,
    useful_share: Uncertain | None = None,
) -> Demand:
    """The window of some requests. The window is one mean gap longer than from the first arrival to the last."""
    count = len(arrival_seconds)
    span = float(arrival_seconds.max() - arrival_seconds.min()) if count else 0.0
    window = span * count / (count - 1) if count > 1 else 0.0
    outputs = np.maximum(output_tokens, 0)
    return Demand(
        model, count, int(input_tokens.sum()), None if cached_tokens is None else int(cached_tokens.sum()), 0,
        int(outputs.sum()), max(window, 1e-9), binned(arrival_seconds, (input_tokens + outputs).astype(np.float64)),
        useful_share, source,
    )  # fmt: skip


def case_of(
    demand: Demand,
    options: Options,
    simulated: Mapping[str, Capacity],
    on: date,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Case:
    """Everything a comparison needs. What a load test of the options file says goes before a simulation."""
    tested = {
        each.gpu.lower(): rated(
            each.gpu, each.gpus_per_replica, each.rates, demand, each.log_sd, each.source, each.dated.isoformat()
        )
        for each in options.capacity
    }
    return Case(demand, options, {**simulated, **tested}, Inputs(Draws(draws, seed)), options.decision.as_of or on)


def demand_of_traffic(traffic: Traffic, model: str) -> Demand:
    """The window of the serving room's traffic. No cached token in the whole file means nobody recorded them."""
    cached = traffic.cached_tokens if int(traffic.cached_tokens.sum()) else None
    return replace(
        demand_of(model, traffic.arrival_s, traffic.input_tokens, traffic.output_tokens, cached, traffic.name),
        span_seconds=max(traffic.window_s, 1e-9),
    )


def simulated_capacity(
    traffic: Traffic, model: str, gpu: str, slo: str, demands: tuple[float, ...] = DEMANDS, step: Callable[[str], None] = lambda _: None
) -> tuple[Capacity, tuple[Finding, ...]]:
    """Replicas a GPU needs on this traffic for the objective, simulated at several demands. Raises WrongUse."""
    from netyield.economics.serving.objective import parse_objectives
    from netyield.economics.serving.service_time import Wanted, service_time
    from netyield.economics.serving.sizing import Search, size

    longest = int((traffic.input_tokens + traffic.output_tokens).max())
    service = service_time(Wanted(model, gpu), longest)
    search = Search(demands=demands, compare_poisson=False)
    sizing = size(traffic, service, parse_objectives(slo), search, lambda what: step(f"{gpu.upper()}: {what}"))
    sized = sorted([(1.0, sizing.chosen), *sizing.demands], key=lambda each: each[0])
    levels = tuple(Level(demand, each.replicas, each.utilisation, each.meets_slo) for demand, each in sized)
    machine = service.machine
    found = Capacity(
        gpu.lower(), machine.gpus, levels, service.uncertainty.log_sd, service.words, gpu_memory_gib=machine.gpu.hbm_gib
    )
    return found, sizing.findings
