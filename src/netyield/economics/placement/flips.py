"""What would change the verdict? For each input the nearest value at which another option is cheapest.

One input at a time is set to a value in all draws, and the option with the lowest median cost is asked for again. Values are
searched outwards from today's median, to a tenth and to ten times of it (the volume to a thousand, a share within 0 and 1),
then halved down to 1 %. Sizing rules are tried as well: a fleet for P90 or P99 of the load instead of what was chosen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from netyield.economics.placement.case import CACHE_READ, GROWTH, USEFUL, WEEKLY, Case
from netyield.economics.placement.compare import Comparison, Way, cost_of
from netyield.economics.placement.ways import AnyOption, Hybrid, Own, Rent

FACTORS = (1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
WHOLE = ("GPUs", "replicas", "months")
FAR = (30.0, 100.0, 300.0, 1000.0)  # volume has no natural bound
STEPS = 6
RULES = (0.9, 0.99)
MOST_DRAWS = 250  # a median of so many moves less than the step of the search


@dataclass(frozen=True, slots=True)
class Flip:
    """An input, today's value, the value at which the verdict changes, and to what. ``distance`` ranks (log ratio)."""

    input: str
    start: Any
    to: Any
    then: str
    unit: str
    distance: float
    usd_per_month: tuple[float, float]

    def plain(self) -> dict[str, Any]:
        """As in the JSON contract."""
        return {"input": self.input, "from": self.start, "to": self.to, "then": self.then, "unit": self.unit}


@dataclass
class Asking:
    """Who is cheapest by the median with some inputs fixed; options an input does not touch are priced once."""

    case: Case
    ways: list[Way]
    touched: dict[str, set[str]]
    base: dict[str, float]

    def medians(self, key: str, value: float) -> dict[str, float]:
        """Median cost per option with one input at a value in all draws."""
        found = dict(self.base)
        draws = self.case.inputs.draws.with_fixed(key, value)
        case = replace(self.case, inputs=replace(self.case.inputs, draws=draws, used={}))
        for way in self.ways:
            if key in self.touched[way.name]:
                found[way.name] = self._median(case, way, value if key.endswith("useful ratio") else None)
        return found

    def _median(self, case: Case, way: Way, ratio: float | None) -> float:
        cost = cost_of(case, way.option)
        return float(np.median(cost.for_useful(way.of_useful[: case.inputs.draws.count] if ratio is None else ratio)))


def asking(found: Comparison) -> Asking:
    """Prices each compared option once on a part of the draws, and notes which inputs it uses."""
    whole = found.case.inputs
    draws = replace(whole.draws, count=min(MOST_DRAWS, whole.draws.count), asked={}, _noise={}, _values={})
    touched, base = {}, {}
    for way in found.ranked:
        inputs = replace(whole, draws=draws, used={})
        cost = cost_of(replace(found.case, inputs=inputs), way.option)
        touched[way.name] = set(inputs.used) | ({f"{way.name}: useful ratio"} if way.option.useful_ratio else set())
        base[way.name] = float(np.median(cost.for_useful(way.of_useful[: draws.count])))
    case = replace(found.case, inputs=replace(whole, draws=draws, used={}))
    return Asking(case, found.ranked, touched, base)


def flips(
    found: Comparison, step: Callable[[str], None] = lambda _: None, expect: Callable[[int], None] = lambda _: None
) -> list[Flip]:
    """Every input that changes which option is cheapest, the nearest change first. ``expect`` hears how many are tried."""
    if len(found.ranked) < 2:
        return []
    asked = asking(found)
    listed = []
    tried = {
        key: used for key, used in found.case.inputs.used.items()
        if key != USEFUL and not (key == WEEKLY and found.case.demand.whole_week) and any(key in keys for keys in asked.touched.values())
    }  # fmt: skip
    expect(len(tried))
    for key, used in tried.items():
        step(key)
        start = float(np.median(found.case.inputs.draws.value(key, used.value)))
        listed += _nearest(asked, key, start, used.unit)
    return sorted([*listed, *_rules(asked)], key=lambda flip: (flip.distance, flip.input))


def _nearest(asked: Asking, key: str, start: float, unit: str) -> list[Flip]:
    """The nearest value on either side; both are listed when both flip."""
    chosen = _cheapest(asked.medians(key, start))
    now = asked.medians(key, start)[chosen]
    is_share = unit.startswith(("of ", "share")) or key == CACHE_READ
    found = []
    factors = FACTORS + FAR if key.rpartition(": ")[2] == GROWTH else FACTORS
    for values in _walks(start, is_share, factors):
        inside = start
        for value in _whole(values, start) if unit in WHOLE else values:
            other = _cheapest(asked.medians(key, value))
            if other != chosen:
                to, then = (value, other) if unit in WHOLE else _halved(asked, key, chosen, inside, value)
                distance = abs(float(np.log(to / start))) if start > 0 and to > 0 else abs(to - start)
                found.append(Flip(key, _round(start), _round(to), then, unit, distance, (now, asked.medians(key, to)[then])))
                break
            inside = value
    return found


def _walks(start: float, is_share: bool, factors: tuple[float, ...]) -> list[list[float]]:
    if start == 0:
        return [[0.05, 0.1, 0.25, 0.5, 0.75, 1.0]] if is_share else []
    if start < 0:
        return [[start * factor for factor in factors], [start / factor for factor in factors] + [-start * f for f in (1, 2, 5)]]
    up = [start * factor for factor in factors]
    if is_share:
        up = [value for value in up if value < 1.0] + ([1.0] if start < 1.0 else [])
    return [up, [start / factor for factor in factors] + ([0.0] if is_share else [])]


def _whole(values: list[float], start: float) -> list[float]:
    """The same walk in whole steps: there is no half server."""
    return [value for value in dict.fromkeys(float(round(each)) for each in values) if value != start]


def _halved(asked: Asking, key: str, chosen: str, inside: float, outside: float) -> tuple[float, str]:
    then = _cheapest(asked.medians(key, outside))
    for _ in range(STEPS):
        middle = (inside + outside) / 2
        other = _cheapest(asked.medians(key, middle))
        if other == chosen:
            inside = middle
        else:
            outside, then = middle, other
    return outside, then


def _rules(asked: Asking) -> list[Flip]:
    """Sizing rules of the fleets: what a fleet for another part of the load would do to the verdict."""
    chosen = _cheapest(asked.base)
    listed = []
    for way in asked.ways:
        if not isinstance(way.option, Rent | Own | Hybrid):
            continue
        for rule in RULES:
            cost = cost_of(replace(asked.case, sized_for={way.name: rule}), way.option)
            medians = {**asked.base, way.name: float(np.median(cost.for_useful(way.of_useful[: asked.case.inputs.draws.count])))}
            then = _cheapest(medians)
            if then != chosen:
                start, unit = _rule_words(way.option), "part of the load the fleet is sized for"
                listed.append(Flip(f"{way.name}: sized for", start, f"P{rule * 100:g}", then, unit, 0.5, (asked.base[chosen], medians[then])))
    return listed


def _rule_words(option: AnyOption) -> str:
    if isinstance(option, Hybrid):
        return f"{option.replicas} replicas" if option.replicas else "the trough"
    return f"P{option.size_for * 100:g}" if isinstance(option, Rent | Own) and option.size_for else "the objective"


def _cheapest(medians: dict[str, float]) -> str:
    return min(medians, key=lambda name: (medians[name], name))


def _round(value: float) -> float:
    return float(f"{value:.4g}")
