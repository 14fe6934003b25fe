"""What is the cheapest KV cache that keeps the latency objective on this trace? Tiers, dollars, and what would flip it.

An estimate throughout: it never posts to the books. GPU time saved stands apart from dollars, because it is money only
if GPUs are given up or filled. Not offloading is one of the answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from netyield.answers import kv_plan_tables as tables
from netyield.answers.answer import Answer
from netyield.answers.kv_curve_words import trace_words, window
from netyield.answers.kv_plan_words import decision, definition_words, needed_words, reason, seconds_words
from netyield.answers.kv_present import Counted, Seen, beside_model, seen
from netyield.core.finding import Finding, Severity
from netyield.economics.kv.costs import Prices
from netyield.economics.kv.engine_settings import engine_settings
from netyield.economics.kv.needed import Needed, gpus_needed
from netyield.economics.kv.outcome import Rig, link_of
from netyield.economics.kv.plan import POLICIES, Option, Plan, search
from netyield.economics.kv.plan import Question as Search
from netyield.economics.kv.prepare import Machines, obstacles, rig_of
from netyield.economics.kv.replay import Policy
from netyield.economics.kv.runs import request_ranks
from netyield.economics.kv.sensitivity import Sway, sensitivity
from netyield.economics.kv.slo import Objective
from netyield.economics.kv.tiers import gpu_usd_per_hour, kwh_usd, prices_used
from netyield.sources.traces.trace import Trace

HOUR = 3600.0


@dataclass(frozen=True)
class Question:
    """What is asked: for which machines, to keep which objective. ``own_tiers``: the tiers are the user's file;
    ``counted``: what the engines that run today count."""

    machines: Machines
    objective: Objective
    reclaim: bool = False
    own_tiers: bool = False
    policies: tuple[Policy, ...] = POLICIES
    exclusive: tuple[bool, ...] = (False, True)
    counted: Counted | None = None
    progress: Callable[[str], None] = lambda _what: None


@dataclass(frozen=True)
class _Worked:
    """The pieces of a plan that was made."""

    trace: Trace
    question: Question
    rigs: list[Rig]
    plan: Plan
    needed: Needed | None
    sways: list[Sway]
    prices: Prices
    seen: Seen | None

    @property
    def best(self) -> Option:
        """What is spoken of: the chosen option, else the fastest."""
        return self.plan.chosen or self.plan.fastest

    @property
    def rig(self) -> Rig:
        """Its rig."""
        return next(rig for rig in self.rigs if rig.cluster.gpus == self.best.gpus)


def answer(trace: Trace, question: Question) -> Answer:
    """The plan; ``body`` is the JSON object. What makes one impossible is a finding."""
    stopped = obstacles(trace, question.machines)
    if stopped:
        return _nothing(trace, question, stopped)
    worked = _work(trace, question)
    plan, machines = worked.plan, question.machines
    observed, told, differing = _observed(worked)
    findings = (*trace.findings, *_findings(worked), *differing)
    words = decision(plan, worked.needed, machines)
    body: dict[str, Any] = {
        "answer": "kv_plan",
        "trace": trace_words(trace),
        "objective": str(plan.objective),
        "met": plan.chosen is not None,
        "decision": words,
        "reason": reason(plan, machines),
        "offload": plan.chosen.candidate.offloads if plan.chosen else None,
        "chosen": tables.plain(plan.chosen, worked.rig) if plan.chosen else None,
        "present": tables.plain(plan.present, worked.rigs[0]),
        "observed": observed,
        "hbm_only": tables.plain(plan.baseline, worked.rigs[0]),
        "knee": tables.plain(plan.knee, worked.rig),
        "frontier": [tables.plain(option, worked.rig) for option in plan.frontier],
        "needed": _needed(worked),
        "savings": savings(worked.rig, worked.best, plan, worked.prices),
        "sensitivity": [tables.sway(sway, worked.rig.tiers) for sway in worked.sways],
        "break_even": tables.break_evens(worked.rig, worked.prices),
        "tried": len(plan.options),
        "prices": [price.words for price in prices_used(machines.tiers, machines.gpu, question.own_tiers)],
        "apply": engine_settings(
            worked.best.candidate, worked.rig.cluster, worked.rig.tiers, machines.model.repository
        ),
        "definition": definition_words(trace, machines, worked.rig, question.reclaim),
        "currency": "USD",
        "findings": len(findings),
    }
    return Answer(
        name="kv_plan",
        title="The cheapest KV cache that keeps the objective",
        as_of="",
        window=window(trace),
        currency="USD",
        basis="",
        table=tables.options(worked.plan, worked.rig),
        columns=tables.COLUMNS,
        headline={key: body[key] for key in ("objective", "met", "offload", "savings")},
        description=words,
        caveats=_caveats(body, told),
        views=tables.views(plan, worked.rig, worked.best, worked.sways, body),
        findings=findings,
        body=body,
    )


def _work(trace: Trace, question: Question) -> _Worked:
    machines = question.machines
    question.progress("the stacks of every tier")
    runs = request_ranks(trace)
    rigs = [rig_of(trace, machines, gpus, runs) for gpus in machines.gpus]
    prices = Prices(gpu_usd_per_hour(machines.tiers, machines.gpu), kwh_usd(machines.tiers), machines.tiers.gpu.watts)
    asked = Search(question.objective, prices, question.reclaim, question.policies, question.exclusive)
    present = [machines.tiers.present.get(tier.name, 0.0) for tier in machines.tiers.tier]
    question.progress("every arrangement")
    plan = search(rigs, asked, present)
    needed = None
    if plan.chosen is None:
        question.progress("what it would take")
        needed = gpus_needed(lambda gpus: rig_of(trace, machines, gpus, runs), rigs[-1], asked)
    question.progress("what would flip it")
    return _Worked(trace, question, rigs, plan, needed, sensitivity(rigs, plan, asked), prices, seen(trace, question.counted, runs))


def _observed(worked: _Worked) -> tuple[dict[str, Any] | None, str, list[Finding]]:
    """The engines' counters beside the present configuration, both over the whole trace as counters are."""
    if worked.seen is None:
        return None, "", []
    first = worked.rigs[0]
    everything = replace(first, measured=np.ones_like(first.measured), stacks={})
    return beside_model(worked.seen, everything.outcome(worked.plan.present.candidate).hit_ratio)


def savings(rig: Rig, option: Option, plan: Plan, prices: Prices) -> dict[str, float]:
    """GPU time an arrangement saves per hour of traffic, and what it is worth if those GPUs are given up or filled."""
    seconds = float(rig.arrival.max() - rig.arrival.min())
    alone = next(each for each in plan.options if each.gpus == option.gpus and not each.candidate.offloads)
    nothing = float(rig.from_nothing.sum()) * rig.cluster.tensor_parallel
    by_hbm = (nothing - alone.outcome.gpu_seconds) / seconds * HOUR
    by_tiers = (alone.outcome.gpu_seconds - option.outcome.gpu_seconds) / seconds * HOUR
    return {
        "prefill_gpu_seconds_per_hour_without_cache": nothing / seconds * HOUR,
        "saved_by_hbm_gpu_seconds_per_hour": by_hbm,
        "saved_by_tiers_gpu_seconds_per_hour": by_tiers,
        "saved_by_tiers_usd_per_hour_if_reclaimed": by_tiers / HOUR * prices.usd_per_gpu_hour,
        "tiers_usd_per_hour": option.cost.usd_per_hour - option.cost.gpu_usd_per_hour,
    }


def _needed(worked: _Worked) -> dict[str, Any] | None:
    needed = worked.needed
    if needed is None:
        return None
    return {
        "gpus": needed.gpus,
        "plan": tables.plain(needed.option, worked.rig) if needed.option else None,
        "tried_up_to_gpus": needed.tried,
        "prefill_alone_seconds": needed.alone_seconds,
        "words": needed_words(worked.plan, needed, worked.question.machines),
    }


def _findings(worked: _Worked) -> list[Finding]:
    plan, rig, machines = worked.plan, worked.rig, worked.question.machines
    found = []
    if plan.chosen is None:
        message = (
            f"no plan keeps {plan.objective} on {max(machines.gpus)} {machines.gpu.name}: {plan.objective.statistic}"
        )
        message += f" is {seconds_words(plan.value(plan.fastest))} at best."
        repair = needed_words(plan, worked.needed, machines) or "Loosen --slo or add GPUs."
        found.append(_finding("objective_unmet", Severity.ERROR, message, repair))
    used = plan.baseline.outcome.gpu_seconds / (
        float(rig.arrival.max() - rig.arrival.min()) * worked.rigs[0].cluster.gpus
    )
    if used >= 1:
        message = f"with HBM alone, prefill takes {used:.0%} of the {worked.rigs[0].cluster.gpus} GPUs' time: queues grow without end."
        found.append(
            _finding("overload", Severity.WARNING, message, "Add GPUs, or say how fast requests come (--rate).")
        )
    if not rig.hbm_blocks:
        message = "running requests leave no HBM for cached prefixes."
        repair = "Add GPUs or --tp, use --cache-dtype fp8, or say what is free with --hbm-cache-gib."
        found.append(_finding("no_hbm_cache", Severity.WARNING, message, repair))
    longest = int((rig.trace.first[1:] - rig.trace.first[:-1]).max())
    if 0 < rig.hbm_blocks < longest:
        message = f"HBM caches {rig.hbm_blocks:,} blocks, the longest prompt has {longest:,}."
        found.append(
            _finding("small_hbm_cache", Severity.WARNING, message, "Figures are exact from that size on; add HBM.")
        )
    return found + _slow_tiers(worked)


def _slow_tiers(worked: _Worked) -> list[Finding]:
    """Tiers that load slower than the GPUs compute, at the size of their mean load."""
    rig, found = worked.rig, []
    for tier, size in zip(rig.tiers, worked.best.candidate.sizes_gb, strict=True):
        tried = size or max(tier.sizes_gb)
        tokens = max(1.0, float(rig.trace.input_tokens.mean()) / 2)
        load = link_of(tier, tried, rig.cluster.tensor_parallel).seconds(
            rig.cluster.model.layout.bytes(tokens, rig.cluster.cache)
        )
        compute = float(rig.prefill.seconds(tokens))
        if float(load) > compute:
            message = (
                f"{tier.name} loads {tokens:,.0f} tokens in {seconds_words(float(load))}, and computing them takes"
                f" {seconds_words(compute)}."
            )
            repair = f"Leave {tier.name} out, or give the bandwidth you measured (measured = [[bytes, GB/s], ...])."
            found.append(_finding(f"slow_tier.{tier.name}", Severity.WARNING, message, repair))
    return found


def _finding(code: str, severity: Severity, message: str, repair: str) -> Finding:
    return Finding(f"kv_plan.{code}", severity, message, repair)


def _caveats(body: dict[str, Any], observed: str) -> tuple[str, ...]:
    saved = body["savings"]
    money = (
        f"The tiers save {saved['saved_by_tiers_gpu_seconds_per_hour']:,.0f} GPU-seconds an hour on top of"
        f" {saved['saved_by_hbm_gpu_seconds_per_hour']:,.0f} by HBM; worth"
        f" ${saved['saved_by_tiers_usd_per_hour_if_reclaimed']:,.2f} an hour if those GPUs are given up or filled, else nothing."
    )
    words = [f"{key}: {value}" for key, value in body["definition"].items()]
    return (body["reason"], money, *((observed,) if observed else ()), *(f"price: {price}" for price in body["prices"]), *words)


def _nothing(trace: Trace, question: Question, stopped: list[Finding]) -> Answer:
    """No plan: only why."""
    findings = (*trace.findings, *stopped)
    words = f"No plan can be made: {stopped[0].message} {stopped[0].repair}"
    body = {
        "answer": "kv_plan", "trace": trace_words(trace), "objective": str(question.objective), "met": False,
        "decision": words, "reason": stopped[0].message, "offload": None, "chosen": None, "frontier": [],
        "currency": "USD", "definition": {}, "findings": len(findings),
    }  # fmt: skip
    return Answer(
        "kv_plan", "The cheapest KV cache that keeps the objective", "", window(trace), "USD", "", tables.nothing(),
        tables.COLUMNS, {"objective": body["objective"], "met": False}, words, findings=findings, body=body,
    )  # fmt: skip
