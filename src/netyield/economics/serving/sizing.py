"""How many replicas keep the objective on this traffic, and what else would? The measured demand, its error, other designs.

The number is asked again of a replica as much slower, and as much faster, as the service time may be wrong: the interval.
What is deployed is one more where a replica may fail (N+1), and more than that where its loss in the busiest minute,
simulated, breaks the promise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.economics.serving import designs
from netyield.economics.serving.designs import Apart, Autoscaled
from netyield.economics.serving.fewest import MOST_REPLICAS, Sized, fewest
from netyield.economics.serving.fleet import Autoscaling, Fleet, Routing
from netyield.economics.serving.objective import Objectives
from netyield.economics.serving.scenarios import poisson, resampled, sped_up
from netyield.economics.serving.service_time import ServiceTime
from netyield.economics.serving.simulator import simulate
from netyield.economics.serving.traffic import Traffic
from netyield.economics.serving.weekly import HourOfWeek, by_hour

P90 = 1.2816


@dataclass(frozen=True, slots=True)
class Search:
    """How to size: bounds of a replica, spare replicas for failures and how long one is down, routing, the demands to tell
    besides 1, an autoscaling rule, whether prompts are computed apart, and how many resampled windows are sized."""

    max_batch: int = 256
    budget_tokens: int = 2048
    spare: int = 1
    routing: Routing = Routing.SHORTEST_QUEUE
    demands: tuple[float, ...] = (0.5, 2.0)
    compare_poisson: bool = True
    down_s: float = 3600.0
    autoscaling: Autoscaling | None = None
    apart: bool = False
    windows: int = 0


@dataclass(frozen=True)
class Sizing:
    """``chosen`` at the measured demand, with bounds from the service time's error (P10, P90), other demands, and what
    Poisson arrivals would have said. ``deployed``: with spare ones; ``failure``: what those reach while the spare ones are
    lost. ``hours``: how busy the chosen replicas are in each recorded hour of the week. ``windows``: replicas of each
    resampled window. ``autoscaled`` and ``apart`` where asked for."""

    service: ServiceTime
    kv_tokens: int
    chosen: Sized
    low: int
    high: int | None
    deployed: int
    demands: tuple[tuple[float, Sized], ...]
    poisson: int | None
    findings: tuple[Finding, ...]
    hours: tuple[HourOfWeek, ...] = ()
    failure: Sized | None = None
    windows: tuple[int, ...] = ()
    autoscaled: Autoscaled | None = None
    apart: Apart | None = None


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
    silent = next((each for each in traffic.findings if each.code == "traffic.no_outputs"), None)
    if silent:
        raise WrongUse(silent.message, silent.repair)
    fleet = fleet_of(traffic, service, how)
    progress("replicas that keep the objective")
    chosen = fewest(traffic, fleet, objectives)
    findings = [*traffic.findings, *traffic.obstacles(), *_faults(traffic, fleet, objectives, chosen)]
    if not chosen.meets_slo:
        return Sizing(service, fleet.kv_tokens, chosen, chosen.replicas, None, 0, (), None, tuple(findings))
    near = chosen.replicas
    progress("the error of the service time")
    low = fewest(traffic, _slower(fleet, service.uncertainty.bound(-P90)), objectives, near)
    high = fewest(traffic, _slower(fleet, service.uncertainty.bound(P90)), objectives, near)
    demands = []
    for demand in how.demands:
        progress(f"{demand:g} times the demand")
        faster, guess = sped_up(traffic, demand), max(1, round(near * demand))
        demands.append((demand, fewest(faster, fleet, objectives, guess, alone_kept=True)))
    smooth = None
    if how.compare_poisson:
        progress("Poisson arrivals, for comparison")
        smooth = fewest(poisson(traffic, 0), fleet, objectives, alone_kept=True).replicas
    if not high.meets_slo:
        findings.append(_open_above(service))
    served = simulate(traffic, replace(fleet, replicas=chosen.replicas))
    found = Sizing(
        service, fleet.kv_tokens, chosen, low.replicas, high.replicas if high.meets_slo else None, chosen.replicas,
        tuple(demands), smooth, tuple(findings), by_hour(traffic, served, service.step, chosen.load, chosen.replicas),
    )  # fmt: skip
    return _designed(found, traffic, fleet, objectives, how, progress)


def fleet_of(traffic: Traffic, service: ServiceTime, how: Search) -> Fleet:
    """One replica of the machine, as the search bounds it."""
    memory = service.machine.kv_tokens(int((traffic.input_tokens + traffic.output_tokens).mean()))
    return Fleet(service.step, 1, max(memory, 1), how.max_batch, max(how.budget_tokens, how.max_batch), how.routing)


def _designed(
    found: Sizing, traffic: Traffic, fleet: Fleet, objectives: Objectives, how: Search, progress: Callable[[str], None]
) -> Sizing:
    """The sizing with the loss of spare replicas, resampled windows, autoscaling and disaggregation, as asked for."""
    replicas = found.chosen.replicas
    if how.spare:
        progress("a replica lost in the busiest minute")
        deployed, failure = designs.survives(traffic, fleet, objectives, replicas, how.spare, how.down_s)
        told = () if failure.meets_slo else (_breaks(traffic, objectives, how.spare, failure),)
        found = replace(found, deployed=deployed, failure=failure, findings=(*found.findings, *told))
    if how.windows:
        progress(f"{how.windows} resampled windows")
        each = (fewest(resampled(traffic, seed), fleet, objectives, replicas) for seed in range(how.windows))
        found = replace(found, windows=tuple(sorted(one.replicas for one in each)))
    if how.autoscaling:
        progress("autoscaling")
        found = replace(found, autoscaled=designs.autoscaled(traffic, fleet, objectives, replicas, how.autoscaling))
    if how.apart:
        progress("prompts and output apart")
        seconds = designs.transfer_seconds_per_token(found.service.machine)
        split = designs.apart(traffic, fleet, objectives, seconds, MOST_REPLICAS)
        found = replace(found, apart=split)
    return found


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
    if all(each.statistic in ("mean", "p50") for each in objectives.limits):
        message = f"{objectives} says nothing of the slow requests: bursts hide behind a mean and a median."
        found.append(Finding("sizing.average", Severity.WARNING, message, "Promise a p95 or p99.", traffic.name))
    return found


def _open_above(service: ServiceTime) -> Finding:
    message = (
        f"if replicas are {service.uncertainty.bound(P90):.2f} times as slow as said (P90 of the error), no number of them"
        " keeps the objective."
    )
    repair = "Measure three to five points: netyield placement calibrate."
    return Finding("sizing.open_above", Severity.WARNING, message, repair)


def _breaks(traffic: Traffic, objectives: Objectives, spare: int, failure: Sized) -> Finding:
    reached = "; ".join(f"{words} reaches {value:.3g} s" for words, value in failure.reached.items())
    message = (
        f"{objectives} is missed when {spare} of {failure.replicas} replicas fail in the busiest minute: {reached}."
    )
    repair = "Give more --spare replicas, accept it, or let the objective leave room (p95 instead of p99)."
    return Finding("sizing.failure", Severity.WARNING, message, repair, traffic.name)
