"""Own, rent or API: which is cheapest for these requests, how sure is that, and what should be measured first?

Every draw prices every option with the same inputs. An option wins when it is cheapest in 80 % of the draws; else the
verdict is undecided, and names the input whose knowledge is worth most: how much cheaper one would choose, on average, if
it were known (expected value of partial perfect information, by ten equal groups of its draws, less what the same groups of
shuffled draws would promise; nothing where one of twenty shuffles promises more). Only inputs of options that are ever the
two cheapest are asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding, Severity
from netyield.economics.placement.api_cost import api_cost
from netyield.economics.placement.case import Case, same_model
from netyield.economics.placement.costs import Cost, finding
from netyield.economics.placement.demand import LEAST_REQUESTS, LEAST_SECONDS
from netyield.economics.placement.fleet_cost import fleet_cost
from netyield.economics.placement.gates import stopped
from netyield.economics.placement.hybrid_cost import hybrid_cost
from netyield.economics.placement.slo import objective_findings
from netyield.economics.placement.training import with_training
from netyield.economics.placement.uncertain import Float64
from netyield.economics.placement.ways import AnyOption, Api, Hybrid, Own

DECIDED = 0.80
GROUPS, SHUFFLES = 10, 20


@dataclass
class Way:
    """One option priced. ``out``: why it is not in the comparison; ``of_useful`` its useful answers against today's."""

    option: AnyOption
    cost: Cost
    out: list[Finding]
    of_useful: Float64
    uses: frozenset[str] = frozenset()
    p_cheapest: float | None = None

    @property
    def name(self) -> str:
        """The option's name."""
        return self.option.name

    @property
    def ranked(self) -> bool:
        """Whether it is compared."""
        return self.cost.known and not self.out

    @property
    def compared(self) -> Float64:
        """Dollars a month for today's useful answers: what options are ranked by."""
        return self.cost.for_useful(self.of_useful)


@dataclass
class Comparison:
    """All ways of a case, the winner, and what to measure where there is none."""

    case: Case
    ways: list[Way]
    winner: str | None
    leader: str | None
    measure: str | None = None
    worth_usd_per_month: dict[str, float] = field(default_factory=dict)
    contended: frozenset[str] = frozenset()  # inputs of the options among the two cheapest in any draw
    findings: list[Finding] = field(default_factory=list)

    @property
    def ranked(self) -> list[Way]:
        """Those compared."""
        return [way for way in self.ways if way.ranked]


def cost_of(case: Case, option: AnyOption) -> Cost:
    """What an option costs a month, with what bridges its lead time and the training that shares the bill."""
    return with_training(case, _alone(case, option))


def _alone(case: Case, option: AnyOption) -> Cost:
    if isinstance(option, Api):
        return api_cost(case, option)
    if isinstance(option, Hybrid):
        return hybrid_cost(case, option)
    cost = fleet_cost(case, option)
    if isinstance(option, Own) and option.lead_months and cost.known:
        return _bridged(case, option, cost)
    return cost


def _bridged(case: Case, option: Own, cost: Cost) -> Cost:
    """Until the GPUs stand, somebody else serves: their part of the horizon at the bridge's cost."""
    waits = min(1.0, option.lead_months / case.horizon)
    if option.bridge is None:
        message = f"{option.name}: {option.lead_months:g} months pass before it serves, and nothing says who serves until then."
        cost.notes.append(finding("no_bridge", Severity.WARNING, message, "Write bridge = the name of an API or rented option."))
        return cost
    bridge = _alone(case, case.options.named(option.bridge))
    cost.missing += bridge.missing
    parts = {name: amount * (1.0 - waits) for name, amount in cost.parts.items()}
    room = None if cost.training_room is None else cost.training_room * (1.0 - waits)
    return replace(cost, parts=parts | ({} if bridge.missing else {"bridge": bridge.usd_per_month * waits}), training_room=room)


def ways_of(case: Case) -> list[Way]:
    """Every option priced and gated."""
    found = []
    for option in case.options.option:
        own = replace(case, inputs=replace(case.inputs, used={}))
        cost = cost_of(own, option)
        out = stopped(own, option, cost) if cost.known else []
        way = Way(option, cost, out, _of_useful(own, option), frozenset(own.inputs.used))
        case.inputs.used.update({key: used for key, used in own.inputs.used.items() if key not in case.inputs.used})
        found.append(way)
    return found


def _of_useful(case: Case, option: AnyOption) -> Float64:
    """Useful answers for each of today's; a hybrid that does not say has those of the worse of its parts."""
    if isinstance(option, Hybrid) and option.useful_ratio is None:
        return np.minimum(*(_of_useful(case, case.options.named(name)) for name in (option.base, option.spill)))
    other = isinstance(option, Hybrid) or not same_model(option.model, case.demand.model)
    if option.useful_ratio is None or not other:
        return np.ones(case.inputs.draws.count)
    day = option.dated.isoformat() if option.dated else ""
    unit = "useful answers for each of today's"
    return case.inputs.given(f"{option.name}: useful ratio", option.useful_ratio, unit, option.source, day)


def compare(case: Case) -> Comparison:
    """The verdict of a case. An error in the traffic leaves it undecided whatever the draws say."""
    ways = ways_of(case)
    ranked = [way for way in ways if way.ranked]
    findings = [*_traffic(case), *(each for way in ways for each in (*way.cost.missing, *way.cost.notes, *way.out))]
    found = Comparison(case, ways, None, None, findings=list(dict.fromkeys(findings)))
    if not ranked:
        message = "no option can be compared: each lacks a price or a capacity, or breaks a constraint."
        found.findings.append(finding("nothing_to_compare", Severity.ERROR, message, "Repair what the findings above name."))
        return found
    table = np.stack([way.compared for way in ranked])
    cheapest = table.argmin(axis=0)
    for place, way in enumerate(ranked):
        way.p_cheapest = float((cheapest == place).mean())
    found.leader = max(ranked, key=lambda way: (way.p_cheapest or 0.0, -float(np.median(way.compared)))).name
    best = max(way.p_cheapest or 0.0 for way in ranked)
    near = np.argsort(table, axis=0, kind="stable")[:2]
    found.contended = frozenset(key for place in np.unique(near) for key in ranked[place].uses)
    found.worth_usd_per_month = _worth(case, table, found.contended)
    if case.demand.too_short:
        found.measure = "a longer window of traffic (a week)"
    elif best < DECIDED:
        telling = _most_telling(case, table, ranked.index(next(way for way in ranked if way.name == found.leader)), found.contended)
        found.measure = next(iter(found.worth_usd_per_month), telling or "the cheapest options' prices")
    elif len(ranked) > 1 or len(ways) == 1:
        found.winner = found.leader
    else:
        found.measure = "the other options' prices and limits"
    return found


def _worth(case: Case, table: Float64, contended: frozenset[str]) -> dict[str, float]:
    """Per uncertain input, dollars a month one would save by knowing it before choosing; most first."""
    draws = case.inputs.draws
    if draws.count < GROUPS * 5:
        return {}
    without = float(table.mean(axis=1).min())
    rng = np.random.default_rng(draws.seed)
    shuffled = [without - _informed(table, rng.permutation(draws.count)) for _ in range(SHUFFLES)]
    noise, most_noise = float(np.mean(shuffled)), max(shuffled)
    found = {}
    for key, used in case.inputs.used.items():
        if used.value.exact or key in draws.fixed or key not in contended:
            continue
        order = np.argsort(draws.value(key, used.value), kind="stable")
        gain = without - _informed(table, order)
        found[key] = gain - noise if gain > most_noise else 0.0
    return dict(sorted(((key, worth) for key, worth in found.items() if worth > 1e-9 * abs(without)), key=lambda each: (-each[1], each[0])))


def _most_telling(case: Case, table: Float64, leader: int, contended: frozenset[str]) -> str | None:
    """The input whose order in the draws goes most with whether the leader is cheapest: what to ask where no single one would
    save anything on average."""
    saving = np.delete(table, leader, axis=0).min(axis=0) - table[leader]
    wins = (saving > 0).astype(np.float64)

    def alike(key: str) -> float:
        ranks = np.argsort(np.argsort(case.inputs.draws.value(key, case.inputs.used[key].value)))
        return abs(float(np.corrcoef(ranks, wins)[0, 1]))

    asked = [key for key, used in case.inputs.used.items() if key in contended and not used.value.exact and key not in case.inputs.draws.fixed]
    return max(asked, key=alike, default=None)


def _informed(table: Float64, order: NDArray[np.intp]) -> float:
    """Mean cost when each group of the draws, in this order, gets its own cheapest option."""
    groups = np.array_split(table[:, order], GROUPS, axis=1)
    return float(sum(group.mean(axis=1).min() * group.shape[1] for group in groups) / table.shape[1])


def _traffic(case: Case) -> list[Finding]:
    demand, found = case.demand, objective_findings(case.options.decision.slo)
    hours = demand.span_seconds / 3600.0
    if demand.too_short:
        message = f"{demand.requests:,} requests in {hours:.2g} hours are too few to judge."
        repair = f"Give {LEAST_REQUESTS:,} requests and {LEAST_SECONDS / 60:.0f} minutes at least; a week is best."
        found.append(finding("short_traffic", Severity.ERROR, message, repair))
    elif not demand.whole_week and case.options.traffic.weekly_peak_to_mean is None:
        message = f"{hours:.3g} hours of traffic do not show a week: how much quieter the rest is, is assumed."
        repair = "Give a week of requests, or weekly_peak_to_mean under [traffic]."
        found.append(finding("no_week", Severity.WARNING, message, repair))
    if demand.cache_read_tokens is None and demand.reusable_share is None and case.options.traffic.cache_read_share is None:
        message = "the traffic does not say how many input tokens a cache would serve; the share is assumed."
        repair = "Give a column of cached tokens, or cache_read_share under [traffic]."
        found.append(finding("no_cache_column", Severity.WARNING, message, repair))
    share = case.options.traffic.useful_share or demand.useful_share
    if share is not None and share.high <= 0:
        message = "no token of this traffic is known to be useful: no cost per useful token can be given."
        found.append(finding("no_useful", Severity.WARNING, message, "Connect outcomes; the cost per served token decides."))
    return found
