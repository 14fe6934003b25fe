"""How do the rooms meet for a placement? Traffic becomes a demand, a sizing becomes a capacity; rooms share no types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding
from netyield.core.inference.hardware import find_gpu
from netyield.core.period import from_micros
from netyield.economics.placement.api_prices import tier_edges
from netyield.economics.placement.assumed import Inputs, default_of
from netyield.economics.placement.capacity import Capacity, Level, rated
from netyield.economics.placement.case import Case
from netyield.economics.placement.demand import Demand, binned
from netyield.economics.placement.file_tables import CapacityTerms
from netyield.economics.placement.options import Options
from netyield.economics.placement.uncertain import DRAWS, SEED, Draws, Uncertain
from netyield.economics.serving.traffic import Traffic
from netyield.project.ledger_traffic import LedgerTraffic

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]
DEMANDS = (0.25, 0.5, 2.0, 4.0)  # besides the measured one: what growth and the model's error are read from

SIZING_STEPS = 3 + len(DEMANDS)  # what sizing tells of its progress


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
        useful_share, source, above=_by_length(input_tokens, outputs),
    )  # fmt: skip


def _by_length(inputs: Int64, outputs: Int64) -> dict[int, tuple[float, float]]:
    """Shares of the tokens in requests that reach a length at which some price list changes."""
    whole = max(1, int(inputs.sum())), max(1, int(outputs.sum()))
    found = {}
    for edge in tier_edges():
        long = inputs >= edge
        found[edge] = (float(inputs[long].sum() / whole[0]), float(outputs[long].sum() / whole[1]))
    return found


def case_of(
    demand: Demand,
    options: Options,
    simulated: Mapping[str, Capacity],
    on: date,
    draws: int = DRAWS,
    seed: int = SEED,
) -> Case:
    """Everything a comparison needs. What a load test of the options file says goes before a simulation."""
    tested = {each.gpu.lower(): tested_capacity(each, demand) for each in options.capacity}
    as_of = options.decision.as_of or on
    return Case(demand, options, {**simulated, **tested}, Inputs(Draws(draws, seed), on=as_of.isoformat()), as_of)


def tested_capacity(test: CapacityTerms, demand: Demand) -> Capacity:
    """Replicas by the rates of a load test; where it does not say how far it may be off, that is assumed."""
    spread = default_of("service_time_sd")
    assert spread is not None
    log_sd = spread.value.mid if test.log_sd is None else test.log_sd
    found = rated(test.gpu, test.gpus_per_replica, test.rates, demand, log_sd, test.source, test.dated.isoformat())
    memory = test.gpu_memory_gib or _memory_gib(test.gpu)
    known = test.log_sd is not None
    return replace(found, gpu_memory_gib=memory, error_source="" if known else spread.source, error_assumed=not known)


def _memory_gib(gpu: str) -> float | None:
    """Of the GPU catalogue; None where it does not know the name, which a person may have made up."""
    try:
        return find_gpu(gpu).hbm_gib
    except WrongUse:
        return None


def demand_of_traffic(traffic: Traffic, model: str, ledger: LedgerTraffic | None = None) -> Demand:
    """The window of the serving room's traffic. No cached token in the whole file means nobody recorded them; of the
    ledger it is known whether anybody did, what was written to a cache, and what was useful."""
    known = ledger.cache_known if ledger is not None else int(traffic.cached_tokens.sum()) > 0
    cached = traffic.cached_tokens if known else None
    found = demand_of(model, traffic.arrival_s, traffic.input_tokens, traffic.output_tokens, cached, traffic.name)
    start = None if traffic.start_us is None else from_micros(traffic.start_us).date().isoformat()
    tokens = (traffic.input_tokens + np.maximum(traffic.output_tokens, 0)).astype(np.float64)
    found = replace(
        found, span_seconds=max(traffic.window_s, 1e-9), start_us=traffic.start_us, measured_on=start or "",
        rate=binned(traffic.arrival_s, tokens, window_seconds=traffic.window_s), reusable_share=_reusable(traffic),
    )  # fmt: skip
    if ledger is None:
        return found
    return replace(
        found, cache_write_tokens=ledger.written_tokens, cache_write_long_tokens=ledger.written_long_tokens,
        useful_share=ledger.useful_share, useful_source=ledger.useful_words,
    )  # fmt: skip


def _reusable(traffic: Traffic) -> float | None:
    """Share of the input in blocks that an earlier request had; None where prompts have no blocks."""
    tree = traffic.tree
    if not tree.count:
        return None
    _, first = np.unique(tree.nodes, return_index=True)
    seen = np.ones(len(tree.nodes), np.bool_)
    seen[first] = False
    return float(tree.tokens[seen].sum() / max(1, int(traffic.input_tokens.sum())))


def simulated_capacity(
    traffic: Traffic, model: str, gpu: str, slo: str, demands: tuple[float, ...] = DEMANDS, step: Callable[[str], None] = lambda _: None
) -> tuple[Capacity, tuple[Finding, ...]]:
    """Replicas a GPU needs on this traffic for the objective, simulated at several demands. Raises WrongUse."""
    from netyield.economics.serving.objective import parse_objectives
    from netyield.economics.serving.points import shipped_until
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
        gpu.lower(), machine.gpus, levels, service.uncertainty.log_sd, service.words, measured_on=shipped_until(),
        gpu_memory_gib=machine.gpu.hbm_gib, error_source=f"{service.words}; {service.uncertainty.basis}", error_assumed=True,
        model=model,
    )  # fmt: skip
    return found, sizing.findings
