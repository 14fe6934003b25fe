"""Where should the breakpoints of a prefix family stand, and how long should entries live?

A plan is a set of fixed depths (blocks from the root, the same for every request of the family), perhaps a moving mark
at the end of each prompt, and a lifetime for each; longer lifetimes stand first, as providers require. Every plan is
replayed exactly. All plans are tried where that is affordable (``exhaustive``); in larger families depths are added one
by one, best first, and then exchanged (``greedy``). Not caching is always one of the plans, so no family gets dearer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled
from netyield.economics.kv.prompt_caching.replay import (
    LAST_BLOCK,
    LAST_FULL_BLOCK,
    NO_MARK,
    Flags,
    replay_marks,
)
from netyield.economics.kv.prompt_caching.rules import Mode, Scheme
from netyield.sources.traces.trace import Int32, Int64, Trace

Float64 = NDArray[np.float64]
EXHAUSTIVE_PLACES = 6  # up to 6 candidate depths all plans are tried; above, the greedy search
GREEDY_PLACES = 24  # the depths with most to read again that a greedy search looks at
EXHAUSTIVE, GREEDY = "exhaustive", "greedy"


@dataclass(frozen=True, slots=True)
class Plan:
    """Marks after ``depths`` blocks, each with a lifetime (place in the scheme's list), and a moving one."""

    depths: tuple[int, ...] = ()
    lives: tuple[int, ...] = ()
    moving: int = NO_MARK
    moving_life: int = 0

    @property
    def caches(self) -> bool:
        """Whether anything is marked."""
        return bool(self.depths) or self.moving != NO_MARK

    @property
    def marks(self) -> int:
        """How many breakpoints a request carries at most."""
        return len(self.depths) + (self.moving != NO_MARK)


NOTHING = Plan()


@dataclass
class Field:
    """A trace under a scheme and its prices, with the room every replay needs. ``rates`` (tiers, classes) per token."""

    trace: Trace
    scheme: Scheme
    tier: Int32
    rates: Float64
    arrival_us: Int64
    full: Flags = field(init=False)
    lifetimes_us: Int64 = field(init=False)
    storage_rate: float = field(init=False)
    room: tuple[Int64, Int64, Int32, Flags] = field(init=False)

    def __post_init__(self) -> None:
        trace, nodes = self.trace, self.trace.unique_blocks
        blocks = np.diff(trace.first)
        self.full = trace.last_tokens >= np.where(blocks > 1, trace.block_tokens, trace.block_size)
        self.lifetimes_us = np.array([one.seconds * 1_000_000 for one in self.scheme.lifetimes], np.int64)
        per_mtok_hour = self.scheme.storage_usd_per_mtok_hour
        rented = self.scheme.mode is Mode.STORED and per_mtok_hour
        self.storage_rate = float(per_mtok_hour) / 1e6 / 3.6e6 if rented else 0.0
        self.room = (
            np.zeros(nodes, np.int64), np.zeros(nodes, np.int64), np.zeros(nodes, np.int32), np.zeros(nodes, np.bool_)
        )  # fmt: skip

    def counts(self, requests: Int64, plan: Plan) -> tuple[Int64, int]:
        """Tokens per tier and class of a plan, and token-milliseconds held."""
        trace, scheme = self.trace, self.scheme
        counts = np.zeros_like(self.rates, np.int64)
        held = replay_marks(
            requests, trace.first, trace.nodes, self.arrival_us, trace.input_tokens, trace.block_tokens,
            trace.last_tokens, self.full, self.tier, np.array(plan.depths, np.int32), np.array(plan.lives, np.int32),
            plan.moving, plan.moving_life, self.lifetimes_us, scheme.minimum_tokens, scheme.lookback_blocks,
            self.after_us, *self.room, counts,
        )  # fmt: skip
        return counts, int(held)

    @property
    def after_us(self) -> int:
        """Microseconds from an arrival to its entries being readable."""
        return round(self.scheme.available_after_seconds * 1e6)

    def cost(self, counts: Int64, held: int) -> float:
        """What tokens and storage cost, for comparing plans."""
        return float((counts * self.rates).sum() + held * self.storage_rate)

    def price(self, requests: Int64, plan: Plan) -> float:
        """What a plan costs a family, for comparing plans."""
        return self.cost(*self.counts(requests, plan))


@dataclass(frozen=True, slots=True)
class Chosen:
    """The best plan found for some requests."""

    plan: Plan
    cost: float
    method: str


def best_plan(field: Field, requests: Int64, places: Int32, gains: Float64) -> Chosen:
    """The cheapest plan whose fixed depths are among ``places`` (ascending; ``gains``: tokens each could read again)."""
    if len(places) <= EXHAUSTIVE_PLACES:
        return _all_plans(field, requests, places)
    kept = np.sort(np.argsort(-gains, kind="stable")[:GREEDY_PLACES])
    return search_greedily(field, requests, [int(depth) for depth in places[kept]])


@cache
def templates(places: int, breakpoints: int, lifetimes: int, stored: bool) -> tuple[Plan, ...]:
    """Every plan over candidates 0..places-1 (depths are their numbers); not caching first."""
    found = [NOTHING]
    for count in range(min(places, breakpoints) + 1):
        for depths in combinations(range(places), count):
            movings = (NO_MARK,) if count == breakpoints or stored else (NO_MARK, LAST_FULL_BLOCK, LAST_BLOCK)
            for moving in movings:
                marks = count + (moving != NO_MARK)
                found += [_with_lives(depths, moving, lives) for lives in _life_orders(marks, lifetimes) if marks]
    return tuple(found)


def _with_lives(depths: tuple[int, ...], moving: int, lives: tuple[int, ...]) -> Plan:
    return Plan(depths, lives[: len(depths)], moving, lives[-1] if moving != NO_MARK else 0)


def _life_orders(marks: int, lifetimes: int) -> Iterator[tuple[int, ...]]:
    """Lifetimes for marks from the root on, longer ones first (lifetimes are listed shortest first)."""
    if not marks:
        yield ()
        return
    for last in range(lifetimes):
        for before in _life_orders(marks - 1, lifetimes):
            if not before or before[-1] >= last:
                yield (*before, last)


def _all_plans(field: Field, requests: Int64, places: Int32) -> Chosen:
    scheme = field.scheme
    stored = scheme.mode is Mode.STORED
    known = templates(len(places), scheme.breakpoints, len(scheme.lifetimes), stored)
    width = max(1, scheme.breakpoints)
    marks, lives, counts, moving, moving_lives = _packed(known, width)
    trace = field.trace
    costs = np.empty(len(known), np.float64)
    _price_all(
        requests, trace.first, trace.nodes, field.arrival_us, trace.input_tokens, trace.block_tokens,
        trace.last_tokens, field.full, field.tier, places, marks, lives, counts, moving, moving_lives,
        field.lifetimes_us, scheme.minimum_tokens, scheme.lookback_blocks, field.after_us, *field.room, field.rates,
        field.storage_rate, costs,
    )  # fmt: skip
    best = int(np.argmin(costs))
    plan = known[best]
    real = Plan(tuple(int(places[i]) for i in plan.depths), plan.lives, plan.moving, plan.moving_life)
    return Chosen(real, float(costs[best]), EXHAUSTIVE)


@cache
def _packed(plans: tuple[Plan, ...], width: int) -> tuple[Int32, Int32, Int32, Int32, Int32]:
    """The plans as arrays: depths and lives (P, width), how many of them, moving marks and their lives (P)."""
    marks, lives = np.zeros((len(plans), width), np.int32), np.zeros((len(plans), width), np.int32)
    for i, plan in enumerate(plans):
        marks[i, : len(plan.depths)] = plan.depths
        lives[i, : len(plan.lives)] = plan.lives
    columns = [[len(plan.depths), plan.moving, plan.moving_life] for plan in plans]
    counts, moving, moving_lives = np.array(columns, np.int32).T
    return marks, lives, np.ascontiguousarray(counts), np.ascontiguousarray(moving), np.ascontiguousarray(moving_lives)


@compiled
def _price_all(
    requests: Int64, first: Int64, nodes: Int32, arrival_us: Int64, input_tokens: Int64, block_tokens: Int32,
    last_tokens: Int32, full: Flags, tier: Int32, places: Int32, marks: Int32, lives: Int32, mark_counts: Int32,
    moving: Int32, moving_lives: Int32, lifetimes_us: Int64, minimum_tokens: int, lookback: int, after_us: int,
    ready: Int64, used: Int64, life: Int32, exists: Flags, rates: Float64, storage_rate: float, costs: Float64,
) -> None:  # fmt: skip
    """The cost of every plan of a table of plans."""
    counts = np.zeros(rates.shape, np.int64)
    for i in range(len(mark_counts)):
        counts[:] = 0
        depths = places[marks[i, : mark_counts[i]]]
        held = replay_marks(
            requests, first, nodes, arrival_us, input_tokens, block_tokens, last_tokens, full, tier, depths,
            lives[i, : mark_counts[i]], moving[i], moving_lives[i], lifetimes_us, minimum_tokens, lookback, after_us,
            ready, used, life, exists, counts,
        )  # fmt: skip
        costs[i] = (counts * rates).sum() + held * storage_rate


def search_greedily(field: Field, requests: Int64, places: list[int]) -> Chosen:
    """Start from the best plan of at most one mark, add the depth that saves most while one saves, then exchange."""
    scheme = field.scheme
    stored = scheme.mode is Mode.STORED
    starts = templates(0, scheme.breakpoints, len(scheme.lifetimes), stored)
    held = min((Chosen(plan, field.price(requests, plan), GREEDY) for plan in starts), key=lambda one: one.cost)
    improved = True
    while improved:
        improved = False
        for plan in _neighbours(held.plan, places, scheme.breakpoints, len(scheme.lifetimes), stored):
            cost = field.price(requests, plan)
            if cost < held.cost * (1 - 1e-12):
                held, improved = Chosen(plan, cost, GREEDY), True
    return held


def _neighbours(plan: Plan, places: list[int], breakpoints: int, lifetimes: int, stored: bool) -> Iterator[Plan]:
    """Plans one step away: a depth more, one less, one exchanged, the moving mark changed; every order of lifetimes."""
    sets = {plan.depths}
    for place in places:
        if place not in plan.depths:
            sets.add(tuple(sorted((*plan.depths, place))))
            for gone in plan.depths:
                sets.add(tuple(sorted(({*plan.depths} - {gone}) | {place})))
    for gone in plan.depths:
        sets.add(tuple(sorted({*plan.depths} - {gone})))
    movings = (NO_MARK,) if stored else (NO_MARK, LAST_FULL_BLOCK, LAST_BLOCK)
    for depths in sorted(sets, key=lambda one: (len(one), one)):
        for moving in movings:
            marks = len(depths) + (moving != NO_MARK)
            if 0 < marks <= breakpoints:
                yield from (_with_lives(depths, moving, lives) for lives in _life_orders(marks, lifetimes))
