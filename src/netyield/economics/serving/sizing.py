"""How many replicas keep the objective on this traffic? Searched one by one on simulations, never divided out.

The search starts at the load itself (mean work over what a full replica does), doubles until the objective is kept and
then halves down to a step of one, because a step of a tenth misses by replicas (facts sheet 5.2). The same count is then asked of a replica as much
slower, and as much faster, as the service time may be wrong: the interval. What is deployed is one more where a replica
may fail (N+1).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.economics.serving.fleet import Fleet, Routing
from netyield.economics.serving.objective import Objectives
from netyield.economics.serving.scenarios import poisson, sped_up
from netyield.economics.serving.service_time import ServiceTime
from netyield.economics.serving.simulator import Served, simulate
from netyield.economics.serving.step_time import StepTime
from netyield.economics.serving.traffic import Traffic
from netyield.economics.serving.weekly import HourOfWeek, by_hour

MOST_REPLICAS = 1024
P90 = 1.2816


@dataclass(frozen=True, slots=True)
class Search:
    """How to size: bounds of a replica, spare replicas for failures, routing, and the demands to tell besides 1."""

    max_batch: int = 256
    budget_tokens: int = 2048
    spare: int = 1
    routing: Routing = Routing.SHORTEST_QUEUE
    demands: tuple[float, ...] = (0.5, 2.0)
    compare_poisson: bool = True


@dataclass(frozen=True)
class Sized:
    """The fewest replicas that keep the objective, and what they then do. ``meets_slo`` False: no number does."""

    replicas: int
    meets_slo: bool
    reached: dict[str, float]
    good_share: float
    utilisation: float
    busy_share: float
    preempted: int
    cached_share: float


@dataclass(frozen=True)
class Sizing:
    """``chosen`` at the measured demand, with bounds from the service time's error (P10, P90), other demands, and what
    Poisson arrivals would have said. ``load``: mean work in full replicas, the fluid lower bound. ``hours``: how busy the
    chosen replicas are in each recorded hour of the week."""

    service: ServiceTime
    load: float
    kv_tokens: int
    chosen: Sized
    low: int
    high: int | None
    deployed: int
    demands: tuple[tuple[float, Sized], ...]
    poisson: int | None
    findings: tuple[Finding, ...]
    hours: tuple[HourOfWeek, ...] = ()


def size(
    traffic: Traffic,
    service: ServiceTime,
    objectives: Objectives,
    search: Search | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Sizing:
    """Size a fleet for the traffic. Findings say what is uncertain or impossible."""
    how = search or Search()
    if not traffic.requests or traffic.window_s <= 0:
        message = "there is no traffic to size a fleet for;"
        raise WrongUse(message, "give a file with arrival times and lengths.")
    contexts = traffic.input_tokens + traffic.output_tokens
    memory = service.machine.kv_tokens(int(np.mean(contexts)))
    fleet = Fleet(service.step, 1, max(memory, 1), how.max_batch, max(how.budget_tokens, how.max_batch), how.routing)
    progress("replicas that keep the objective")
    chosen = fewest(traffic, fleet, objectives)
    findings = [*traffic.findings, *traffic.obstacles(), *_faults(traffic, fleet, objectives, chosen)]
    if not chosen.meets_slo:
        load = _load(traffic, service.step, how.max_batch, memory)
        return Sizing(service, load, memory, chosen, chosen.replicas, None, 0, (), None, tuple(findings))
    progress("the error of the service time")
    low = fewest(traffic, _slower(fleet, service.uncertainty.bound(-P90)), objectives)
    high = fewest(traffic, _slower(fleet, service.uncertainty.bound(P90)), objectives)
    demands = []
    for demand in how.demands:
        progress(f"{demand:g} times the demand")
        demands.append((demand, fewest(sped_up(traffic, demand), fleet, objectives)))
    smooth = None
    if how.compare_poisson:
        progress("Poisson arrivals, for comparison")
        smooth = fewest(poisson(traffic, 0), fleet, objectives).replicas
    if not high.meets_slo:
        findings.append(_open_above(service))
    load = _load(traffic, service.step, how.max_batch, memory)
    served = simulate(traffic, replace(fleet, replicas=chosen.replicas))
    return Sizing(
        service, load, memory, chosen, low.replicas,
        high.replicas if high.meets_slo else None, chosen.replicas + how.spare, tuple(demands), smooth, tuple(findings),
        by_hour(traffic, served, service.step, load, chosen.replicas),
    )  # fmt: skip


def fewest(traffic: Traffic, fleet: Fleet, objectives: Objectives) -> Sized:
    """The fewest replicas that keep the objective: doubled until it is kept, then halved down to one.

    An objective that requests served alone miss is kept by no number, and nothing is searched.
    """
    load = _load(traffic, fleet.step, fleet.max_batch, fleet.kv_tokens)
    start = max(1, math.floor(load))
    if not possible(traffic, fleet, objectives):
        return _sized(traffic, replace(fleet, replicas=start), objectives, load)
    found: dict[int, Sized] = {}

    def at(replicas: int) -> Sized:
        if replicas not in found:
            found[replicas] = _sized(traffic, replace(fleet, replicas=replicas), objectives, load)
        return found[replicas]

    high = start
    while not at(high).meets_slo:
        if high >= MOST_REPLICAS:
            return at(high)
        high = min(MOST_REPLICAS, max(high + 1, high * 2))
    low = max((each for each in found if not found[each].meets_slo), default=start - 1)
    while high - low > 1:
        middle = (low + high) // 2
        if at(middle).meets_slo:
            high = middle
        else:
            low = middle
    return at(high)


def possible(traffic: Traffic, fleet: Fleet, objectives: Objectives) -> bool:
    """Whether requests that have a replica each keep the objective: what no number of replicas can beat."""
    apart = traffic.replaced(arrival_s=np.arange(traffic.requests) * 1e6, window_s=traffic.requests * 1e6)
    served = simulate(apart, replace(fleet, replicas=1))
    return objectives.kept(objectives.reached(served, apart.arrival_s))


def _sized(traffic: Traffic, fleet: Fleet, objectives: Objectives, load: float) -> Sized:
    served = simulate(traffic, fleet)
    reached = objectives.reached(served, traffic.arrival_s)
    prompts = int(traffic.input_tokens.sum())
    return Sized(
        fleet.replicas, objectives.kept(reached), reached, objectives.good_share(served, traffic.arrival_s),
        load / fleet.replicas, served.busy_share, int(served.preempted.sum()), _cached(served) / max(prompts, 1),
    )  # fmt: skip


def _cached(served: Served) -> int:
    return int(served.cached_tokens.sum())


def _load(traffic: Traffic, step: StepTime, max_batch: int, kv_tokens: int) -> float:
    """Mean work in replicas that are always full: as many requests at once as batch and memory allow."""
    inputs, outputs = float(traffic.input_tokens.mean()), float(traffic.output_tokens.mean())
    held = max(1, min(max_batch, int(kv_tokens / (inputs + outputs))))
    fresh = max(1.0, inputs - float(traffic.cached_tokens.mean()))
    return traffic.requests_per_second / step.requests_per_second(fresh, outputs, held)


def _slower(fleet: Fleet, factor: float) -> Fleet:
    return replace(fleet, step=fleet.step.scaled(factor))


def _faults(traffic: Traffic, fleet: Fleet, objectives: Objectives, chosen: Sized) -> list[Finding]:
    found: list[Finding] = []
    large = int((traffic.input_tokens + traffic.output_tokens > fleet.kv_tokens).sum())
    if large:
        message = f"requests whose context does not fit into a replica ({fleet.kv_tokens:,} tokens) are not served."
        repair = "Give more GPUs a replica (--tp), a smaller precision, or leave these requests out."
        found.append(Finding("sizing.too_long", Severity.ERROR, message, repair, traffic.name, None, large))
    if not chosen.meets_slo:
        reached = "; ".join(f"{words} reaches {value:.3g} s" for words, value in chosen.reached.items())
        message = f"no number of replicas keeps {objectives} on this machine: {reached}."
        repair = "Relax the objective, give a replica more or faster GPUs (--tp, --gpu), or serve long prompts apart."
        found.append(Finding("sizing.impossible", Severity.ERROR, message, repair, traffic.name))
    return found


def _open_above(service: ServiceTime) -> Finding:
    message = (
        f"if replicas are {service.uncertainty.bound(P90):.2f} times as slow as said (P90 of the error), no number of them"
        " keeps the objective."
    )
    repair = "Measure three to five points: netyield placement calibrate."
    return Finding("sizing.open_above", Severity.WARNING, message, repair)
