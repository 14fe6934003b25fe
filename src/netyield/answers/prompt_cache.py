"""What does a provider's prompt caching cost and save on these prompts, and how should it be used?

Scenarios of one trace side by side: no caching, the provider's usual way, the best breakpoints and lifetime per prefix
family, and what no choice of breakpoints could undercut. Modelled from the trace, the provider's published rules and
dated prices: an estimate beside the books, never in them. What was billed stands beside it where it is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.kv_curve_words import trace_words, window
from netyield.core.finding import Finding, Severity, aggregate
from netyield.core.money import CONTEXT, MONEY, quantise, text
from netyield.economics.kv.prompt_caching.billed import Billed
from netyield.economics.kv.prompt_caching.prices import NAMES, Rates
from netyield.economics.kv.prompt_caching.rules import Scheme
from netyield.economics.kv.prompt_caching.scenarios import PromptCaching, prompt_caching
from netyield.economics.kv.prompt_caching.study import FamilyPlan, Scenario
from netyield.economics.kv.prompt_caching.usage import Usage
from netyield.sources.traces.trace import Trace

LISTED_FAMILIES = 20
COLUMNS = (
    AnswerColumn("scenario", "text", "", "How prompt caching is used"),
    AnswerColumn("kind", "text", "", "none, usual, best (chosen in hindsight), floor (cannot be had), or billed"),
    AnswerColumn("amount", "money", "currency", "Price of the input tokens, storage included"),
    AnswerColumn("saved", "money", "currency", "Less than without caching; negative = dearer"),
    AnswerColumn("saved_share", "share", "of no caching", "The same as a share"),
    AnswerColumn("per_mtok", "money", "currency per Mtok", "Price of a million input tokens"),
    AnswerColumn("read_tokens", "number", "tokens", "Read from the provider's cache"),
    AnswerColumn("written_tokens", "number", "tokens", "Written to it, for any lifetime"),
    AnswerColumn("computed_tokens", "number", "tokens", "Charged as plain input"),
    AnswerColumn("note", "text", "", "What the scenario rests on"),
)
FAMILY_COLUMNS = (
    AnswerColumn("family", "text", "", "The family, named by its first request"),
    AnswerColumn("requests", "number", "requests", "Prompts that share its head"),
    AnswerColumn("head_tokens", "number", "tokens", "What all of them share"),
    AnswerColumn("input_tokens", "number", "tokens", "All their input"),
    AnswerColumn("breakpoints", "text", "", "Where to mark: tokens from the start, or the end of each prompt"),
    AnswerColumn("lifetimes", "text", "", "The lifetime of each mark, in the same order"),
    AnswerColumn("uncached", "money", "currency", "Their price without caching"),
    AnswerColumn("amount", "money", "currency", "Their price under the plan"),
    AnswerColumn("saved", "money", "currency", "The difference"),
    AnswerColumn("method", "text", "", "exhaustive: every plan was tried; greedy: the best found step by step"),
)


@dataclass(frozen=True)
class Question:
    """What is asked: a provider's schemes for a model, its rates, and perhaps what was billed. ``at``: ISO time.

    ``listed``: how many families are told one by one, those that save most first; the others are one line.
    """

    provider: str
    model: str
    at: str
    schemes: Sequence[Scheme]
    rates: Rates
    billed: Billed | None = None
    listed: int = LISTED_FAMILIES


def answer(trace: Trace, question: Question) -> Answer:
    """All scenarios, the plan per family, and the billed amount beside them. ``body`` is the JSON contract."""
    result = prompt_caching(trace, question.schemes, question.rates)
    findings = tuple(aggregate([*trace.findings, *result.findings, *_billing(result, question.billed)]))
    currency = question.rates.currency
    body = _body(trace, question, result, findings)
    return Answer(
        name="prompt_cache",
        title="What prompt caching costs and saves",
        as_of="",
        window=window(trace),
        currency=currency,
        basis="",
        table=_table(result, question.billed),
        columns=COLUMNS,
        headline={key: body[key] for key in ("requests", "input_tokens", "best", "billed")},
        description=sentence(result, question, currency),
        caveats=(*(f"{key}: {value}" for key, value in body["definition"].items()),),
        views={"prefix_families": (_families(result.families, question.listed), FAMILY_COLUMNS)} if result.families else {},
        findings=findings,
        body=body,
    )


def sentence(result: PromptCaching, question: Question, currency: str) -> str:
    """The one sentence a reader takes away."""
    if not result.scenarios:
        return "No figure follows from this trace; the findings say why."
    best, name = result.best, question.rates.model
    if best.kind == "none":
        return f"Do not cache: no way of prompt caching makes these prompts cheaper on {name} than {_words(result.uncached, currency)}."
    start = f"Without caching the input costs {_words(result.uncached, currency)} on {name}; "
    bounds = sorted(one.total for one in result.scenarios if best.kind == "usual" and one.scheme == best.scheme)
    if len(bounds) > 1 and best.usage is not None and not best.usage.written:
        return (
            f"{start}the provider's own caching ({best.scheme.replace('_', ' ')}) makes that {_words(bounds[0], currency)} to"
            f" {_words(bounds[-1], currency)}, depending on how long it keeps a prefix."
        )
    share = (result.uncached - best.total) / result.uncached
    start += f"{best.name} costs {_words(best.total, currency)}, {share:.1%} less"
    worst = max((one for one in result.scenarios if one.kind == "usual"), key=lambda one: one.total, default=None)
    if worst is None or worst.total <= result.uncached:
        return f"{start}."
    return f"{start}; {worst.name} would cost {_words(worst.total - result.uncached, currency)} more than not caching."


def _words(amount: Decimal, currency: str) -> str:
    return f"{quantise(amount, 2):,f} {currency}"


def _body(trace: Trace, question: Question, result: PromptCaching, findings: tuple[Finding, ...]) -> dict[str, Any]:
    scenarios = [_scenario(one, result) for one in result.scenarios]
    best = _scenario(result.best, result) if result.scenarios else None
    held = result.held_out
    return {
        "answer": "prompt_cache",
        "provider": question.provider,
        "model": question.model,
        "trace": trace_words(trace),
        "requests": result.requests,
        "input_tokens": result.input_tokens,
        "currency": question.rates.currency,
        "prices": _prices(question),
        "rules": [scheme.plain() for scheme in question.schemes],
        "scenarios": scenarios,
        "best": {key: best[key] for key in ("scenario", "amount", "saved", "saved_share")} if best else None,
        "families": {
            "planned": len(result.families),
            "requests_planned": sum(one.requests for one in result.families),
            "requests_too_short": result.too_short,
            "requests_alone": result.alone,
            "listed": [_family(one) for one in result.families[: question.listed]],
        },
        "held_out": None
        if held is None
        else {
            "requests": held.requests,
            "uncached": text(held.uncached),
            "amount": text(held.total),
            "saved": text(held.uncached - held.total),
            "saved_share": _share(held.uncached - held.total, held.uncached),
        },
        "billed": _billed(question.billed, result),
        "definition": definition(trace, question, result),
        "findings": len(findings),
    }


def _scenario(one: Scenario, result: PromptCaching) -> dict[str, Any]:
    usage = one.usage
    saved = result.uncached - one.total
    return {
        "scenario": one.name,
        "kind": one.kind,
        "scheme": one.scheme or None,
        "amount": text(one.total),
        "saved": text(saved),
        "saved_share": _share(saved, result.uncached),
        "per_mtok": text(_per_mtok(one.total, result.input_tokens)),
        "read_tokens": usage.read if usage else None,
        "written_tokens": dict(usage.written) if usage else None,
        "computed_tokens": usage.plain if usage else None,
        "storage_amount": text(usage.storage_amount) if usage and usage.storage_token_ms else None,
        "note": one.note,
    }


def _share(part: Decimal, whole: Decimal) -> float:
    return float(part / whole) if whole else 0.0


def _per_mtok(amount: Decimal, tokens: int) -> Decimal:
    return quantise(CONTEXT.divide(amount * 10**6, Decimal(tokens)), 6) if tokens else Decimal(0)


def _prices(question: Question) -> dict[str, Any]:
    rates = question.rates
    used = ["input", "cache_read", *(n for n, cls in NAMES.items() if cls in _write_classes(question.schemes))]
    return {
        "model": rates.model,
        "source": rates.source,
        "at": question.at,
        "valid_from": rates.valid_from or None,
        "tiers": [
            {
                "above_input_tokens": start,
                **{f"{name}_per_mtok": text(rates.per_mtok(i, NAMES[name])) for name in used},
            }
            for i, (start, _) in enumerate(rates.tiers)
        ],
    }


def _write_classes(offered: Sequence[Scheme]) -> set[str]:
    return {life.write_class for scheme in offered for life in scheme.lifetimes}


def _family(one: FamilyPlan) -> dict[str, Any]:
    return {
        "family": f"request {one.first_request}",
        "scheme": one.scheme,
        "requests": one.requests,
        "head_tokens": one.head_tokens,
        "input_tokens": one.input_tokens,
        "breakpoints_tokens": list(one.marks_tokens),
        "end_of_prompt": one.moving,
        "lifetimes": list(one.lifetimes),
        "uncached": text(one.uncached),
        "amount": text(one.total),
        "saved": text(one.saved),
        "method": one.method,
    }


def _billed(billed: Billed | None, result: PromptCaching) -> dict[str, Any] | None:
    if billed is None:
        return None
    same = bool(result.scenarios) and billed.total_tokens == result.input_tokens
    per_mtok = _per_mtok(billed.amount, billed.total_tokens - billed.unpriced_tokens)
    best = _per_mtok(result.best.total, result.input_tokens) if result.scenarios else None
    return {
        "amount": text(billed.amount),
        "tokens": dict(billed.tokens),
        "source": billed.source,
        "attempts": billed.attempts,
        "unpriced_tokens": billed.unpriced_tokens,
        "read_share": billed.read / billed.total_tokens if billed.total_tokens else 0.0,
        "per_mtok": text(per_mtok),
        "same_tokens_as_trace": same,
        "best_saves": text(billed.amount - result.best.total) if same else None,
        "best_saves_per_mtok": text(per_mtok - best) if best is not None else None,
    }


def _billing(result: PromptCaching, billed: Billed | None) -> list[Finding]:
    """What stands between the bill and the trace."""
    if billed is None or not result.scenarios:
        return []
    found = []
    if billed.total_tokens != result.input_tokens:
        message = (
            f"{billed.total_tokens:,} input tokens were billed and the trace has {result.input_tokens:,}; amounts are"
            " compared per million tokens only."
        )
        repair = "Compare the same window and model, with every prompt in the trace."
        found.append(Finding("prompt_cache.other_tokens", Severity.WARNING, message, repair))
    if billed.unpriced_tokens:
        message = f"{billed.unpriced_tokens:,} billed input tokens have no price and are left out of the billed amount."
        found.append(Finding("prompt_cache.unpriced", Severity.WARNING, message, "Add a contract price for them."))
    return found


def definition(trace: Trace, question: Question, result: PromptCaching) -> dict[str, str]:
    """Every choice and assumption that moves the figures, in words."""
    words = {
        "what": "input tokens only; output costs the same with and without caching",
        "breakpoints": f"at ends of the trace's blocks of {trace.block_size} tokens; what a prompt has beyond its last"
        " full block is plain input",
        "lifetime": "counted from the arrival of the last request that used the entry; a read renews the entry it finds"
        " and every shorter one before it",
        "eviction": "none: entries only run out, as providers promise no size",
        "order": "requests one after another by arrival; "
        + "; ".join(
            f"{scheme.name}: an entry can be read {scheme.available_after_seconds:g} s after its request arrived"
            for scheme in question.schemes
        ),
    }
    if any(scheme.lookback_blocks > 0 for scheme in question.schemes):
        words["lookback"] = (
            "an entry is found at a breakpoint or up to that many places before it; a place is taken to be one block of"
            " the trace, for a trace does not know content blocks"
        )
    if result.families or any(one.kind == "best" for one in result.scenarios):
        words["family"] = (
            "requests that share the shortest cacheable prefix; divided below their shared head where that is cheaper"
        )
        words["best plan"] = "chosen and measured on the same requests, so what can be had at most in hindsight"
    if result.held_out is not None:
        held = result.held_out
        share = _share(held.uncached - held.total, held.uncached)
        words["held out"] = (
            f"plans chosen from the first half of the requests alone save {share:.1%} on the second half, where new"
            " families are not cached"
        )
    return words


def _table(result: PromptCaching, billed: Billed | None) -> pa.Table:
    rows = [_row(one.name, one.kind, one.total, result, one.usage, one.note) for one in result.scenarios]
    if billed is not None and result.scenarios:
        usage = Usage(billed.read, (("", billed.written),), billed.total_tokens - billed.read - billed.written, billed.amount)
        row = _row("billed", "billed", billed.amount, result, usage, billed.source)
        if billed.total_tokens != result.input_tokens:
            row |= {"saved": None, "saved_share": None}
        rows.append(row | {"per_mtok": _per_mtok(billed.amount, billed.total_tokens - billed.unpriced_tokens)})
    types = {"text": pa.string(), "money": MONEY, "share": pa.float64(), "number": pa.int64()}
    return pa.Table.from_pylist(rows, schema=pa.schema([(c.name, types[c.kind]) for c in COLUMNS]))


def _row(
    name: str, kind: str, total: Decimal, result: PromptCaching, usage: Usage | None, note: str
) -> dict[str, Any]:
    saved = result.uncached - total
    return {
        "scenario": name,
        "kind": kind,
        "amount": quantise(total, 12),
        "saved": quantise(saved, 12),
        "saved_share": _share(saved, result.uncached),
        "per_mtok": _per_mtok(total, result.input_tokens),
        "read_tokens": usage.read if usage else None,
        "written_tokens": sum(count for _, count in usage.written) if usage else None,
        "computed_tokens": usage.plain if usage else None,
        "note": note,
    }


def _families(plans: Sequence[FamilyPlan], listed: int) -> pa.Table:
    """The families that save most, and all others in one row."""
    rows: list[Mapping[str, Any]] = [
        {
            "family": f"request {one.first_request}",
            "requests": one.requests,
            "head_tokens": one.head_tokens,
            "input_tokens": one.input_tokens,
            "breakpoints": ", ".join([*(f"{t:,}" for t in one.marks_tokens), *(["end of prompt"] if one.moving else [])]),
            "lifetimes": ", ".join(one.lifetimes),
            "uncached": quantise(one.uncached, 12),
            "amount": quantise(one.total, 12),
            "saved": quantise(one.saved, 12),
            "method": one.method,
        }
        for one in plans[:listed]
    ]
    if others := plans[listed:]:
        rows.append(_together(others))
    types = {"text": pa.string(), "money": MONEY, "number": pa.int64()}
    return pa.Table.from_pylist(rows, schema=pa.schema([(c.name, types[c.kind]) for c in FAMILY_COLUMNS]))


def _together(others: Sequence[FamilyPlan]) -> dict[str, Any]:
    """Every family that is not listed, as one row."""
    amounts = {
        "uncached": sum((one.uncached for one in others), Decimal(0)),
        "amount": sum((one.total for one in others), Decimal(0)),
        "saved": sum((one.saved for one in others), Decimal(0)),
    }
    return {
        "family": f"{len(others):,} others",
        "requests": sum(one.requests for one in others),
        "head_tokens": None,
        "input_tokens": sum(one.input_tokens for one in others),
        "breakpoints": "",
        "lifetimes": "",
        **{name: quantise(amount, 12) for name, amount in amounts.items()},
        "method": "",
    }
