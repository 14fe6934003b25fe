"""When no plan keeps the promise: what would? More GPUs, or a promise that can be kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from netyield.economics.kv.outcome import Candidate, Rig
from netyield.economics.kv.plan import Option, Question, candidates, cheapest, options_of

MOST_TIMES = 16


@dataclass(frozen=True, slots=True)
class Needed:
    """``gpus``: the fewest that keep the promise with the tiers at hand, and what the cheapest such plan is.

    None when even ``tried`` GPUs do not. ``alone_seconds``: the statistic of prefills that never wait, nothing cached:
    a promise below what this can be cut to needs faster GPUs, not more.
    """

    gpus: int | None
    option: Option | None
    tried: int
    alone_seconds: float


def gpus_needed(rig_of: Callable[[int], Rig], start: Rig, question: Question) -> Needed:
    """Search upwards in whole replicas from the rig that failed: doubling, then halving the gap."""
    step = start.cluster.tensor_parallel
    low, high = start.cluster.gpus, start.cluster.gpus
    alone = question.objective.of(start.from_nothing[start.measured])
    while high < MOST_TIMES * start.cluster.gpus:
        low, high = high, high * 2
        if _reached(rig_of(high), question):
            break
    else:
        return Needed(None, None, high, alone)
    while high - low > step:
        middle = (low + high) // 2 // step * step
        if middle in (low, high):
            break
        low, high = (low, middle) if _reached(rig_of(middle), question) else (middle, high)
    rig = rig_of(high)
    best = cheapest(options_of(rig, candidates(rig, question.exclusive[:1]), question), question.objective)
    return Needed(high, best, high, alone)


def _reached(rig: Rig, question: Question) -> bool:
    """Whether the promise is kept with nothing or with everything below HBM."""
    full = tuple(max(tier.sizes_gb) for tier in rig.tiers)
    tried = [Candidate(full, apart) for apart in question.exclusive] + [Candidate(tuple(0.0 for _ in full))]
    return cheapest(options_of(rig, tried, question), question.objective) is not None
