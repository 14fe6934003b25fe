"""One scheme with breakpoints on one trace: its prefix families, the plan chosen for each, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

import numpy as np

from netyield.economics.kv.prompt_caching.families import (
    Family,
    children,
    families,
    head_depth,
    mark_places,
    members,
)
from netyield.economics.kv.prompt_caching.plans import NOTHING, Chosen, Field, Float64, Plan, best_plan
from netyield.economics.kv.prompt_caching.prices import Rates, classes_of
from netyield.economics.kv.prompt_caching.replay import LAST_FULL_BLOCK, floor_of_blocks
from netyield.economics.kv.prompt_caching.rules import Mode, Scheme
from netyield.economics.kv.prompt_caching.usage import Usage, usage_of
from netyield.sources.traces.trace import Int32, Int64, Trace

SPLITS = 3  # how often a family may be divided below its shared head, where that is cheaper
FLOOR_STEP = Decimal("1e-9")  # a bound computed in floats is told a little lower


@dataclass(frozen=True, slots=True)
class Scenario:
    """One way to use (or not use) prompt caching on the whole trace. ``kind``: none, usual, best or floor.

    ``low`` and ``high`` scenarios of one scheme bound what the provider does not promise.
    """

    name: str
    kind: str
    scheme: str
    usage: Usage | None
    total: Decimal
    note: str = ""


@dataclass(frozen=True, slots=True)
class FamilyPlan:
    """What to do with one prefix family. ``marks_tokens``: where fixed breakpoints stand, in tokens from the start."""

    scheme: str
    requests: int
    first_request: int
    head_tokens: int
    input_tokens: int
    plan: Plan
    marks_tokens: tuple[int, ...]
    lifetimes: tuple[str, ...]
    moving: bool
    uncached: Decimal
    total: Decimal
    method: str

    @property
    def saved(self) -> Decimal:
        """Dollars saved against not caching the family; never negative."""
        return self.uncached - self.total


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Plans chosen on the first half of a trace, measured on the second: what choosing in advance is worth."""

    requests: int
    uncached: Decimal
    total: Decimal


class Study:
    """One scheme with breakpoints on one trace: its families, and the plan chosen for each."""

    def __init__(self, trace: Trace, order: Int64, tier: Int32, scheme: Scheme, rates: Rates) -> None:
        self.trace, self.order, self.scheme, self.rates = trace, order, scheme, rates
        names = classes_of(scheme)
        table = [[rates.rate(i, name) / 1e24 for name in names] for i in range(len(rates.tiers))]
        self.weights: Float64 = np.array(table, np.float64)
        self.field = Field(trace, scheme, tier, self.weights, trace.arrival_us)
        self.scratch = np.zeros(trace.unique_blocks, np.int64)
        found, short = families(trace, order, scheme.minimum_tokens)
        self.families, self.too_short = found, len(short)
        self.alone = trace.requests - self.too_short - sum(len(one.requests) for one in found)
        self.chosen = [part for family in found for part in self._decided(family, SPLITS)[1]]
        self.plans = [self._told(family, chosen) for family, chosen in self.chosen if chosen.plan.caches]

    def _decided(self, family: Family, splits: int) -> tuple[float, list[tuple[Family, Chosen]]]:
        """The cheapest way found for a family: one plan for all, or one per part below the shared head."""
        places, gains = mark_places(self.trace, family, self.scratch)
        whole = best_plan(self.field, family.requests, places, gains)
        parts = children(self.trace, family) if splits and len(family.requests) > 2 else []
        if not parts:
            return whole.cost, [(family, whole)]
        decided = [self._decided(part, splits - 1) for part in parts]
        inside = {int(r) for part in parts for r in part.requests}
        rest = np.array([r for r in family.requests if int(r) not in inside], np.int64)
        apart = sum(cost for cost, _ in decided) + self.field.price(rest, NOTHING)
        if apart < whole.cost * (1 - 1e-12):
            return apart, [one for _, chosen in decided for one in chosen]
        return whole.cost, [(family, whole)]

    def _told(self, family: Family, chosen: Chosen) -> FamilyPlan:
        trace, plan = self.trace, chosen.plan
        usage = self._usage(family.requests, plan)
        uncached = self._usage(family.requests, NOTHING)
        longest = int(family.requests[np.argmax(np.diff(trace.first)[family.requests])])
        lives = [*plan.lives, *((plan.moving_life,) if plan.moving else ())]
        return FamilyPlan(
            scheme=self.scheme.name,
            requests=len(family.requests),
            first_request=int(family.requests.min()) + 1,
            head_tokens=self._tokens(int(family.requests[0]), head_depth(trace, family)),
            input_tokens=int(trace.input_tokens[family.requests].sum()),
            plan=plan,
            marks_tokens=tuple(self._tokens(longest, depth) for depth in plan.depths),
            lifetimes=tuple(self.scheme.lifetimes[i].words for i in lives),
            moving=bool(plan.moving),
            uncached=uncached.total,
            total=usage.total,
            method=chosen.method,
        )

    def _usage(self, requests: Int64, plan: Plan) -> Usage:
        counts, held = self.field.counts(requests, plan)
        return usage_of(counts, self.scheme, self.rates, held)

    def _tokens(self, request: int, depth: int) -> int:
        length = int(self.trace.first[request + 1] - self.trace.first[request])
        if depth < length or not length:
            return depth * int(self.trace.block_tokens[request])
        return (length - 1) * int(self.trace.block_tokens[request]) + int(self.trace.last_tokens[request])

    def scenarios(self, plain: Usage) -> list[Scenario]:
        """The usual way per lifetime (a mark that moves with the prompt), the best plans, and the floor."""
        found = []
        scheme = self.scheme
        if scheme.mode is Mode.EXPLICIT and scheme.breakpoints:
            for place, lifetime in enumerate(scheme.lifetimes):
                plan = Plan((), (), LAST_FULL_BLOCK, place)
                usage = self._usage(self.order, plan)
                name = f"end of every prompt, {lifetime.words}"
                found.append(Scenario(name, "usual", scheme.name, usage, usage.total, "a breakpoint at the end of each prompt"))
        best = self._best(plain)
        marked = scheme.mode is Mode.EXPLICIT
        name = "best plan per family" if marked else f"{scheme.name}, best plan per family"
        found.append(Scenario(name, "best", scheme.name, best, best.total, scheme.note))
        if marked:
            least = Decimal(repr(self._floor())).quantize(FLOOR_STEP, rounding=ROUND_FLOOR)
            note = "no choice of breakpoints can cost less: every block cached by itself, the future known"
            found.append(Scenario("floor", "floor", scheme.name, None, least, note))
        return found

    def _best(self, plain: Usage) -> Usage:
        """Tokens of all families under their plans, and of all other requests without caching."""
        counts = np.zeros_like(self.weights, np.int64)
        held = 0
        planned = [(family, chosen) for family, chosen in self.chosen if chosen.plan.caches]
        for family, chosen in planned:
            one, kept = self.field.counts(family.requests, chosen.plan)
            counts += one
            held += kept
        rest = np.ones(self.trace.requests, np.bool_)
        for family, _ in planned:
            rest[family.requests] = False
        counts[:, -1] += np.bincount(self.field.tier[rest], self.trace.input_tokens[rest], len(counts)).astype(np.int64)
        usage = usage_of(counts, self.scheme, self.rates, held)
        return usage if usage.total <= plain.total else plain

    def _floor(self) -> float:
        rates = self.weights.copy()
        rates[:, 0] = np.minimum(rates[:, 0], rates[:, -1])
        trace = self.trace
        return float(
            floor_of_blocks(
                trace.first, trace.nodes, self.order, trace.arrival_us, trace.input_tokens, trace.block_tokens,
                trace.last_tokens, self.field.tier, rates, self.field.lifetimes_us, trace.unique_blocks,
            )
        )  # fmt: skip

    def held_out(self) -> HeldOut:
        """Choose every plan from the first half of the requests (by arrival) alone; what do they save on the second?

        Replays look back only, so the second half's tokens are those of all requests less those of the first half. A
        family first seen in the second half is not cached. Rent of what is held over the middle counts for the first.
        """
        half = len(self.order) // 2
        early = np.zeros(self.trace.requests, np.bool_)
        early[self.order[:half]] = True
        counts, held = np.zeros_like(self.weights, np.int64), 0
        planned = np.zeros(self.trace.requests, np.bool_)
        for family in self.families:
            known = Family(family.requests[early[family.requests]], family.depth)
            if len(known.requests) < 2:
                continue
            for part, chosen in self._decided(known, SPLITS)[1]:
                if not chosen.plan.caches:
                    continue
                everybody = members(self.trace, part, family.requests)
                after, kept_after = self.field.counts(everybody, chosen.plan)
                before, kept_before = self.field.counts(part.requests, chosen.plan)
                counts += after - before
                held += kept_after - kept_before
                planned[everybody] = True
        rest = ~early & ~planned
        width = len(counts)
        counts[:, -1] += np.bincount(self.field.tier[rest], self.trace.input_tokens[rest], width).astype(np.int64)
        plain = np.zeros_like(counts)
        plain[:, -1] = np.bincount(self.field.tier[~early], self.trace.input_tokens[~early], width)
        return HeldOut(
            len(self.order) - half,
            usage_of(plain, self.scheme, self.rates).total,
            usage_of(counts, self.scheme, self.rates, held).total,
        )

