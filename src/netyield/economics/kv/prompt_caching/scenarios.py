"""What would a provider's prompt caching have cost and saved on this trace, and how is it best used?

The same requests are replayed under every scheme the provider offers for the model: not caching, the provider's usual
way, and the best plan per prefix family. Input tokens only; output costs the same either way.

    cost = sum over requests of  read tokens * read rate + written tokens * write rate of their lifetime
                               + all other input tokens * plain rate            (rates of the request's own price tier)

A trace knows identity per block, so a breakpoint stands at the end of a block, and what a prompt has beyond its last
full block is charged as plain input. Sources of the rules: ``rules.csv``; of prices: the dated list.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from netyield.core.finding import Finding, Severity
from netyield.economics.kv.prompt_caching.prices import PLAIN, READ, Rates
from netyield.economics.kv.prompt_caching.replay import replay_automatic
from netyield.economics.kv.prompt_caching.rules import Mode, Scheme
from netyield.economics.kv.prompt_caching.study import FamilyPlan, HeldOut, Scenario, Study
from netyield.economics.kv.prompt_caching.usage import Usage, plain_usage
from netyield.sources.traces.trace import Identity, Int32, Int64, Trace

NO_CACHING = "no caching"


@dataclass(frozen=True, slots=True)
class PromptCaching:
    """All scenarios, cheapest way first asked for by name; the families of the best one, largest saving first."""

    scenarios: tuple[Scenario, ...]
    families: tuple[FamilyPlan, ...]
    requests: int
    input_tokens: int
    too_short: int
    alone: int
    held_out: HeldOut | None
    findings: tuple[Finding, ...]

    @property
    def uncached(self) -> Decimal:
        """What the trace's input costs without any caching."""
        return self.scenarios[0].total

    @property
    def best(self) -> Scenario:
        """The cheapest scenario that can be had (a floor cannot)."""
        return min((one for one in self.scenarios if one.kind != "floor"), key=lambda one: one.total)


def refused(trace: Trace) -> list[Finding]:
    """Why no figure follows from a trace, if none does."""
    if not trace.requests:
        message = "the trace has no requests, so there is nothing to cache."
        return [Finding("prompt_cache.empty", Severity.ERROR, message, "Give a trace with requests.", trace.name)]
    if trace.identity is Identity.NONE:
        message = "the trace has lengths only; no prompt is known to share a prefix with another."
        repair = "Give a trace with block ids, or declare a reuse model when reading it."
        return [Finding("prompt_cache.no_identity", Severity.ERROR, message, repair, trace.name)]
    early = np.flatnonzero(trace.arrival_us < 0)
    if len(early):
        message = f"the arrival time of request {int(early[0]) + 1} is negative, so that lifetimes cannot be followed."
        repair = "Shift all times so that the first is 0, or remove the requests."
        return [Finding("prompt_cache.negative_time", Severity.ERROR, message, repair, trace.name, count=len(early))]
    return []


def doubts(trace: Trace, offered: Sequence[Scheme], rates: Rates) -> list[Finding]:
    """What a reader must know before believing the figures."""
    found = []
    least = min(scheme.minimum_tokens for scheme in offered)
    longest = int(trace.input_tokens.max())
    if longest < least:
        message = f"no prompt reaches the {least:,} tokens from which {rates.model} caches; the longest has {longest:,}."
        repair = "Do not cache, join prompts into longer ones, or choose a model with a shorter minimum."
        found.append(Finding("prompt_cache.all_too_short", Severity.WARNING, message, repair, trace.name))
    if trace.requests > 1 and not np.any(np.diff(trace.arrival_us)):
        message = "all requests arrive at the same time, so no entry ever runs out; the figures are an upper bound."
        found.append(
            Finding("prompt_cache.no_times", Severity.WARNING, message, "Give a trace with arrival times.", trace.name)
        )
    if np.any(np.diff(trace.arrival_us) < 0):
        message = "requests are not in order of arrival; they were sorted for this question."
        found.append(Finding("prompt_cache.sorted", Severity.INFO, message, "Nothing to do.", trace.name))
    if all(rates.rate(i, READ) >= rates.rate(i, PLAIN) for i in range(len(rates.tiers))):
        message = f"{rates.model} has no cheaper rate for cached input, so caching cannot save anything."
        repair = "Give the rate you pay with --price cache_read=USD_PER_MTOK."
        found.append(Finding("prompt_cache.no_discount", Severity.WARNING, message, repair))
    for scheme in offered:
        if not scheme.verified:
            message = f"the rules of scheme {scheme.name!r} could not be checked against the provider's own page."
            repair = f"Compare them with {scheme.source}, and correct them with --rule."
            found.append(Finding("prompt_cache.unverified_rules", Severity.INFO, message, repair))
    return found


def prompt_caching(trace: Trace, offered: Sequence[Scheme], rates: Rates) -> PromptCaching:
    """Every scenario of the schemes on the trace; with findings and no scenario where none can be told."""
    wrong = refused(trace)
    if wrong:
        return PromptCaching((), (), trace.requests, 0, 0, 0, None, tuple(wrong))
    order = np.argsort(trace.arrival_us, kind="stable").astype(np.int64)
    tier = rates.tier_of(trace.input_tokens)
    plain = plain_usage(trace, tier, rates)
    scenarios = [Scenario(NO_CACHING, "none", "", plain, plain.total)]
    plans: list[FamilyPlan] = []
    short = alone = 0
    held_out = None
    for scheme in offered:
        if scheme.mode is Mode.AUTOMATIC:
            scenarios += _automatic(trace, order, tier, scheme, rates)
            continue
        study = Study(trace, order, tier, scheme, rates)
        scenarios += study.scenarios(plain)
        plans += study.plans
        short, alone, held_out = study.too_short, study.alone, study.held_out()
    plans.sort(key=lambda one: (-one.saved, one.first_request))
    return PromptCaching(
        tuple(scenarios), tuple(plans), trace.requests, int(trace.input_tokens.sum()), short, alone, held_out,
        tuple(doubts(trace, offered, rates)),
    )  # fmt: skip


def _automatic(trace: Trace, order: Int64, tier: Int32, scheme: Scheme, rates: Rates) -> list[Scenario]:
    """One scenario per lifetime: where a provider promises none, the shortest and the longest are bounds."""
    found = []
    for lifetime in scheme.lifetimes:
        counts = np.zeros((len(rates.tiers), 2), np.int64)
        replay_automatic(
            trace.first, trace.nodes, order, trace.arrival_us, trace.input_tokens, trace.block_tokens,
            trace.last_tokens, tier, lifetime.seconds * 1_000_000, scheme.minimum_tokens, scheme.increment_tokens,
            round(scheme.available_after_seconds * 1e6), trace.unique_blocks, counts,
        )  # fmt: skip
        sums = counts.sum(axis=0)
        amount = rates.amount(
            (i, name, int(counts[i, c])) for i in range(len(counts)) for c, name in enumerate((READ, PLAIN))
        )
        usage = Usage(int(sums[0]), (), int(sums[1]), amount)
        name = f"{scheme.name.replace('_', ' ')}, kept {lifetime.words}"
        found.append(Scenario(name, "usual", scheme.name, usage, usage.total, scheme.note))
    return found
