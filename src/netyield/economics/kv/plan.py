"""Which arrangement is the cheapest that keeps the promise? All of them tried, priced, and set side by side.

Tried: every size of every tier, inclusive and exclusive copies, one pool or a cache a node, admission at once and on the
second touch, every number of GPUs asked for; then other policies for the last tier of those that stand on the frontier.
What no known engine can be configured to do is left out. Not offloading is one of
them. The frontier holds those for which nothing is both cheaper and faster; its knee is where the next dollar begins
to buy little (the point farthest below the line from its cheap to its fast end, both axes scaled to one).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from netyield.economics.kv.costs import Cost, Prices, cost_of
from netyield.economics.kv.engine_settings import engines_for
from netyield.economics.kv.outcome import Candidate, Changes, Outcome, Rig
from netyield.economics.kv.replay import Policy
from netyield.economics.kv.slo import Objective

POLICIES = (Policy.FIFO, Policy.LFU, Policy.ARC)  # beside LRU, those some engine offers
POLICY_CANDIDATES = 3  # frontier points other policies are tried on


@dataclass(frozen=True, slots=True)
class Option:
    """One arrangement on one number of GPUs. ``net_usd_per_hour`` counts reclaimed GPU time where that was asked."""

    gpus: int
    outcome: Outcome
    cost: Cost
    net_usd_per_hour: float

    @property
    def candidate(self) -> Candidate:
        """Sizes and modes."""
        return self.outcome.candidate

    @property
    def key(self) -> tuple[int, Candidate]:
        """What tells options apart."""
        return self.gpus, self.candidate

    @property
    def decision(self) -> tuple[int, tuple[bool, ...]]:
        """What a person decides: how many GPUs, and which tiers at all."""
        return self.gpus, tuple(size > 0 for size in self.candidate.sizes_gb)


@dataclass(frozen=True, slots=True)
class Plan:
    """All options tried; ``chosen`` is the cheapest that meets the objective, None when none does.

    ``baseline`` keeps nothing below HBM, ``present`` is what runs today; both on the fewest GPUs asked for.
    """

    objective: Objective
    options: tuple[Option, ...]
    chosen: Option | None
    baseline: Option
    present: Option
    frontier: tuple[Option, ...]
    knee: Option

    def value(self, option: Option) -> float:
        """The statistic the objective speaks of."""
        return option.outcome.ttft[self.objective.statistic]

    @property
    def fastest(self) -> Option:
        """The option with the smallest time to first token."""
        return min(self.options, key=lambda option: (self.value(option), option.net_usd_per_hour))


@dataclass(frozen=True, slots=True)
class Question:
    """What a search is for. ``reclaim``: count GPU time saved against HBM alone as money."""

    objective: Objective
    prices: Prices
    reclaim: bool = False
    policies: tuple[Policy, ...] = POLICIES
    exclusive: tuple[bool, ...] = (False, True)


def candidates(rig: Rig, exclusive: Iterable[bool] = (False, True)) -> list[Candidate]:
    """Every arrangement of a rig's tiers, those that cannot differ left out."""
    exclusive = tuple(exclusive)
    sizes = product(*(sorted({0.0, *tier.sizes_gb}) for tier in rig.tiers))
    found = []
    for size in sizes:
        wears = any(held and tier.wears for held, tier in zip(size, rig.tiers, strict=True))
        for apart in exclusive if any(size) else (False,):
            for late in (False, True) if wears else (False,):
                found += [Candidate(size, apart, late, pooled=pooled) for pooled in _sharing(rig, size)]
    return [each for each in found if engines_for(each)]


def _sharing(rig: Rig, size: Sequence[float]) -> tuple[bool, ...]:
    """Whether a pool of all nodes is another arrangement."""
    poolable = any(held and tier.pool_gb_per_gpu_second for held, tier in zip(size, rig.tiers, strict=True))
    return (False, True) if poolable and rig.cluster.nodes > 1 else (False,)


def search(rigs: Sequence[Rig], question: Question, present: Sequence[float]) -> Plan:
    """The plan over rigs that differ in their number of GPUs, the smallest first."""
    options = [each for rig in rigs for each in options_of(rig, candidates(rig, question.exclusive), question)]
    edge = _frontier(options, question.objective)
    if question.policies:
        options += _other_policies(rigs, edge, question)
    first = rigs[0]
    nothing = Candidate(tuple(0.0 for _ in first.tiers))
    today = Candidate(tuple(float(size) for size in present)) if any(present) else nothing
    baseline, now = options_of(first, [nothing, today], question)
    return assemble(options, baseline, now, question.objective)


def assemble(options: Sequence[Option], baseline: Option, present: Option, objective: Objective) -> Plan:
    """The plan these options make."""
    edge = _frontier(list({option.key: option for option in (*options, present)}.values()), objective)
    chosen = cheapest(options, objective)
    return Plan(objective, tuple(options), chosen, baseline, present, tuple(edge), _knee(edge, objective))


def cheapest(options: Iterable[Option], objective: Objective) -> Option | None:
    """The cheapest option that keeps the promise; of equals the one with fewer bytes kept, then the faster."""
    meeting = [option for option in options if objective.met_by(option.outcome.ttft[objective.statistic])]
    return min(
        meeting,
        key=lambda option: (
            round(option.net_usd_per_hour, 9),
            sum(option.candidate.sizes_gb),
            option.candidate.policy is not Policy.LRU,
            option.candidate.second_touch,
            option.candidate.exclusive,
            option.candidate.pooled,
            option.outcome.ttft[objective.statistic],
        ),
        default=None,
    )


def options_of(
    rig: Rig, tried: Iterable[Candidate], question: Question, changes: Changes | None = None
) -> list[Option]:
    """Outcomes of these arrangements, priced."""
    nothing = Candidate(tuple(0.0 for _ in rig.tiers))
    without = rig.outcome(nothing, changes).gpu_seconds
    return [priced(rig, rig.outcome(each, changes), question, without) for each in tried]


def priced(rig: Rig, outcome: Outcome, question: Question, gpu_seconds_without: float) -> Option:
    """An outcome with its dollars."""
    seconds = trace_seconds(rig)
    cost = cost_of(outcome, rig.cluster, rig.tiers, question.prices, seconds, int(rig.trace.input_tokens.sum()))
    saved = max(0.0, gpu_seconds_without - outcome.gpu_seconds) / seconds * question.prices.usd_per_gpu_hour
    return Option(rig.cluster.gpus, outcome, cost, cost.usd_per_hour - (saved if question.reclaim else 0.0))


def trace_seconds(rig: Rig) -> float:
    """Seconds the trace takes at the rate it is replayed at."""
    return float(rig.arrival.max() - rig.arrival.min())


def _other_policies(rigs: Sequence[Rig], edge: Sequence[Option], question: Question) -> list[Option]:
    chosen = cheapest(edge, question.objective)
    offloading = [option for option in edge if option.candidate.offloads]
    offloading.sort(key=lambda option: (option is not chosen, option.net_usd_per_hour))
    found = []
    for option in offloading[:POLICY_CANDIDATES]:
        rig = next(rig for rig in rigs if rig.cluster.gpus == option.gpus)
        base = option.candidate
        tried = [each for policy in question.policies if engines_for(each := replace(base, policy=policy))]
        found += options_of(rig, tried, question)
    return found


def _frontier(options: Sequence[Option], objective: Objective) -> list[Option]:
    """From cheap to fast, each faster than all cheaper ones."""
    best = float("inf")
    found = []
    for option in sorted(options, key=lambda each: (each.net_usd_per_hour, each.outcome.ttft[objective.statistic])):
        value = option.outcome.ttft[objective.statistic]
        if value < best:
            best = value
            found.append(option)
    return found


def _knee(edge: Sequence[Option], objective: Objective) -> Option:
    if len(edge) < 3:
        return edge[0]
    costs = [option.net_usd_per_hour for option in edge]
    times = [option.outcome.ttft[objective.statistic] for option in edge]
    wide, high = costs[-1] - costs[0] or 1.0, times[0] - times[-1] or 1.0
    below = [
        (1 - (cost - costs[0]) / wide) - (time - times[-1]) / high for cost, time in zip(costs, times, strict=True)
    ]
    return edge[max(range(len(edge)), key=below.__getitem__)]
