"""Other ways to run the same fleet, simulated on the same traffic: one replica lost, autoscaled, prompts and output apart.

failure     the replicas of N+1 when the spare ones fail at the start of the busiest minute, with what they hold
autoscaled  the fewest replicas that must stay on so that the rule keeps the objective through its cold starts
apart       the fewest replicas for prompts that keep the time to first token, then the fewest for output that keep the rest
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from netyield.economics.serving.fewest import Sized, judged, smallest
from netyield.economics.serving.fleet import Autoscaling, Failure, Fleet
from netyield.economics.serving.objective import Objectives
from netyield.economics.serving.roofline import Machine
from netyield.economics.serving.simulator import Served, simulate, simulate_apart
from netyield.economics.serving.traffic import Traffic

MINUTE_S = 60.0
KV_LENGTH = 8192  # context at which the cache of a token is counted


@dataclass(frozen=True)
class Autoscaled:
    """A rule that keeps the objective with ``least`` replicas always on, of ``most``; ``sized.paid`` is their mean number."""

    rule: Autoscaling
    least: int
    most: int
    sized: Sized


@dataclass(frozen=True)
class Apart:
    """Replicas for prompts and for output. ``sized`` is of both together."""

    prefill: int
    decode: int
    transfer_s_per_token: float
    sized: Sized


def survives(
    traffic: Traffic, fleet: Fleet, objectives: Objectives, replicas: int, spare: int, down_s: float
) -> tuple[int, Sized]:
    """Replicas to deploy so that the loss of the spare ones in the busiest minute keeps the objective, and what is reached.

    At least ``replicas + spare``. ``meets_slo`` of the second is False where not even twice as many do: then no number is
    looked for, since it is the lost work and not the missing replica that breaks the promise.
    """
    moment = busiest_minute(traffic)
    tried: dict[int, Sized] = {}
    for deployed in range(replicas + spare, 2 * (replicas + spare) + 1):
        lost = tuple(Failure(moment, each, down_s) for each in range(spare))
        served = simulate(traffic, replace(fleet, replicas=deployed, failures=lost))
        tried[deployed] = judged(traffic, fleet, served, objectives, deployed)
        if tried[deployed].meets_slo:
            return deployed, tried[deployed]
    return replicas + spare, tried[replicas + spare]


def busiest_minute(traffic: Traffic) -> float:
    """The start of the minute with most tokens, in seconds from the start."""
    minute = (traffic.arrival_s // MINUTE_S).astype(np.int64)
    work = np.bincount(minute, traffic.input_tokens + traffic.output_tokens)
    return float(work.argmax() * MINUTE_S)


def autoscaled(traffic: Traffic, fleet: Fleet, objectives: Objectives, replicas: int, rule: Autoscaling) -> Autoscaled:
    """The rule with as few replicas always on as keep the objective; with all of them on it is the fleet that is kept."""

    def at(least: int) -> Sized:
        ruled = replace(rule, least=min(least, replicas))
        served = simulate(traffic, replace(fleet, replicas=replicas, autoscaling=ruled))
        return judged(traffic, fleet, served, objectives, replicas)

    found, least = smallest(min(rule.least, replicas), at, replicas)
    return Autoscaled(rule, least, replicas, found)


def apart(traffic: Traffic, fleet: Fleet, objectives: Objectives, transfer_s_per_token: float, most: int) -> Apart:
    """The two fleets. ``sized.meets_slo`` is False where no numbers up to ``most`` keep the objective."""
    prompts = Objectives(tuple(each for each in objectives.limits if each.latency == "ttft"))
    only = traffic.replaced(output_tokens=np.ones(traffic.requests, np.int64))

    def prefill(replicas: int) -> Sized:
        served = simulate(only, replace(fleet, replicas=replicas))
        return judged(only, fleet, served, prompts, replicas)

    _, first = smallest(1, prefill, most)

    def decode(replicas: int) -> Sized:
        served: Served = simulate_apart(
            traffic, replace(fleet, replicas=first), replace(fleet, replicas=replicas), transfer_s_per_token
        )
        return judged(traffic, fleet, served, objectives, first + replicas)

    found, later = smallest(1, decode, most)
    return Apart(first, later, transfer_s_per_token, found)


def transfer_seconds_per_token(machine: Machine) -> float:
    """How long the cache of a token takes from one replica to another: each GPU sends its part over its own network port."""
    part = machine.model.layout.bytes_per_gpu(KV_LENGTH, machine.cache, machine.gpus) / KV_LENGTH
    return part / (machine.gpu.network_gb_per_second * 1e9)
