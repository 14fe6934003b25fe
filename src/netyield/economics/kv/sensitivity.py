"""What would change the decision? Each input multiplied until another number of GPUs or another set of tiers wins.

For every input: the cost of the best plan when it is halved and doubled, and the multipliers nearest to 1, downwards
and upwards, at which the decision flips (to two digits, between a tenth and ten times; the way there is taken to be
monotone). Prices are asked of every option; rates and reuse, which move every time, of the options that stand on the
frontier and the cheapest of every decision. Where no plan keeps the promise, what each input does to the best time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import log10

from netyield.core.inference.prefill import DENSE_MFU
from netyield.economics.kv.outcome import Changes, Rig
from netyield.economics.kv.plan import Option, Plan, Question, cheapest, options_of, priced
from netyield.economics.kv.slo import Objective

FARTHEST = 10.0
HALF, DOUBLE = 0.5, 2.0
STEPS = 5  # of bisection: a flip is known to 10 ** (1 / 2**5), 7 per cent
KEPT = 10  # options asked again when a rate changes
Best = Callable[[float], Option | None]
Options = Callable[[float], list[Option]]


@dataclass(frozen=True, slots=True)
class Sway:
    """One input. Costs in dollars per hour of the best plan, None when none keeps the promise; ``becomes`` in words.

    ``seconds_*``: the objective's statistic of the fastest option, where no plan keeps the promise.
    """

    name: str
    usd_per_hour_halved: float | None
    usd_per_hour_doubled: float | None
    flips_below: float | None
    flips_above: float | None
    becomes_below: Option | None
    becomes_above: Option | None
    seconds_halved: float | None = None
    seconds_doubled: float | None = None


def sensitivity(rigs: Sequence[Rig], plan: Plan, question: Question) -> list[Sway]:
    """Every input of a plan, those that flip it soonest first."""
    asked = {name: _Remembered(listed) for name, listed in _inputs(rigs, plan, question).items()}
    found = [_sway(name, options, plan, question.objective) for name, options in asked.items()]
    return sorted(found, key=lambda sway: (_distance(sway), _fastest(sway), -_reach(sway)))


class _Remembered:
    """The options at a multiplier, worked out once."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._seen: dict[float, list[Option]] = {}

    def __call__(self, factor: float) -> list[Option]:
        if factor not in self._seen:
            self._seen[factor] = self._options(factor)
        return self._seen[factor]


def _inputs(rigs: Sequence[Rig], plan: Plan, question: Question) -> dict[str, Options]:
    tiers = rigs[0].tiers
    by_gpus = {rig.cluster.gpus: rig for rig in rigs}
    without = {gpus: rig.outcome(plan.baseline.candidate).gpu_seconds for gpus, rig in by_gpus.items()}
    kept = _kept(plan)

    def at_prices(asked: Question) -> list[Option]:
        return [priced(by_gpus[each.gpus], each.outcome, asked, without[each.gpus]) for each in plan.options]

    def at_rates(changes: Changes) -> list[Option]:
        return [
            option
            for gpus, rig in by_gpus.items()
            for option in options_of(rig, [each.candidate for each in kept if each.gpus == gpus], question, changes)
        ]

    def tier_price(place: int) -> Options:
        ones = [1.0] * len(tiers)

        def at(factor: float) -> list[Option]:
            factors = (*ones[:place], factor, *ones[place + 1 :])
            return at_prices(replace(question, prices=replace(question.prices, tier_factors=factors)))

        return at

    def bandwidth(place: int) -> Options:
        ones = [1.0] * len(tiers)
        return lambda factor: at_rates(Changes(bandwidth=(*ones[:place], factor, *ones[place + 1 :])))

    def gpu_price(factor: float) -> list[Option]:
        hourly = question.prices.usd_per_gpu_hour * factor
        return at_prices(replace(question, prices=replace(question.prices, usd_per_gpu_hour=hourly)))

    most = 1.0 / max(rig.prefill.mfu for rig in rigs) if rigs else 1.0 / DENSE_MFU
    inputs: dict[str, Options] = {
        "GPU price": gpu_price,
        "MFU": lambda factor: at_rates(Changes(mfu=min(factor, most))),
        "reuse": lambda factor: at_rates(Changes(reuse=factor)),
    }
    for place, tier in enumerate(tiers):
        inputs[f"{tier.name} price"] = tier_price(place)
        inputs[f"{tier.name} bandwidth"] = bandwidth(place)
    return inputs


def _kept(plan: Plan) -> list[Option]:
    """The frontier, and the cheapest and the fastest of every decision."""
    found: dict[int, Option] = {id(option): option for option in plan.frontier}
    groups: dict[object, list[Option]] = {}
    for option in plan.options:
        groups.setdefault(option.decision, []).append(option)
    for group in groups.values():
        for best in (cheapest(group, plan.objective), min(group, key=plan.value)):
            if best is not None:
                found[id(best)] = best
    # Whatever else is left out, the chosen one and not offloading stay.
    first = [option for option in (plan.chosen, plan.baseline) if option is not None]
    rest = [option for option in found.values() if all(option is not each for each in first)]
    rest.sort(key=lambda option: abs(log10(max(plan.value(option), 1e-9) / plan.objective.seconds)))
    return [*first, *rest][:KEPT]


def _sway(name: str, options: Options, plan: Plan, objective: Objective) -> Sway:
    def best(factor: float) -> Option | None:
        return cheapest(options(factor), objective)

    def quickest(factor: float) -> float | None:
        return min(map(plan.value, options(factor)), default=None) if chosen is None else None

    chosen = plan.chosen
    halved, doubled = best(HALF), best(DOUBLE)
    below, becomes_below = _flip(best, chosen, 1 / FARTHEST, HALF, halved)
    above, becomes_above = _flip(best, chosen, FARTHEST, DOUBLE, doubled)
    return Sway(
        name,
        None if halved is None else halved.net_usd_per_hour,
        None if doubled is None else doubled.net_usd_per_hour,
        below,
        above,
        becomes_below,
        becomes_above,
        quickest(HALF),
        quickest(DOUBLE),
    )


def _flip(
    best: Best, chosen: Option | None, far: float, near: float, at_near: Option | None
) -> tuple[float | None, Option | None]:
    """The multiplier nearest to 1 on this side that changes the decision, and what it becomes."""
    if _differs(at_near, chosen):
        same, other, becomes = 1.0, near, at_near
    else:
        at_far = best(far)
        if not _differs(at_far, chosen):
            return None, None
        same, other, becomes = near, far, at_far
    for _ in range(STEPS):
        middle = (same * other) ** 0.5
        found = best(middle)
        if _differs(found, chosen):
            other, becomes = middle, found
        else:
            same = middle
    return other, becomes


def _differs(option: Option | None, chosen: Option | None) -> bool:
    return (None if option is None else option.decision) != (None if chosen is None else chosen.decision)


def _distance(sway: Sway) -> float:
    found = [abs(log10(each)) for each in (sway.flips_below, sway.flips_above) if each]
    return min(found, default=99.0)


def _fastest(sway: Sway) -> float:
    return min(each or 0.0 for each in (sway.seconds_halved, sway.seconds_doubled))


def _reach(sway: Sway) -> float:
    low, high = sway.usd_per_hour_halved, sway.usd_per_hour_doubled
    return abs(high - low) if low is not None and high is not None else 0.0
