"""How do the rooms meet for a placement? Traffic becomes a demand, a sizing becomes a capacity; rooms share no types."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
from numpy.typing import NDArray

from netyield.economics.placement.assumed import Inputs
from netyield.economics.placement.capacity import Capacity, rated
from netyield.economics.placement.case import Case
from netyield.economics.placement.demand import Demand, binned
from netyield.economics.placement.options import Options
from netyield.economics.placement.uncertain import DRAWS, SEED, Draws, Uncertain
from netyield.sources.traces.trace import Trace

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]


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


def demand_of_trace(trace: Trace, model: str) -> Demand:
    """The window of a request trace. Block ids bound what a cache could serve, and no more: the share stays open."""
    arrival = np.asarray(trace.arrival_us, np.float64) / 1e6
    return demand_of(model, arrival, trace.input_tokens, trace.output_tokens, None, trace.name)


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
