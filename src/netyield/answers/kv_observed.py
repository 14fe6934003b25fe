"""What did the running engines' own prefix caches hit, and how large a cache of the trace does that correspond to?

Counters of the engines on one side, the exact curve of the same traffic on the other. The effective capacity is the
present configuration in the curve's own unit: what a plan has to beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.kv_curve_words import trace_words, window
from netyield.core.finding import Finding, Severity
from netyield.core.period import EPOCH, Period, from_micros
from netyield.economics.kv.curve import lru_curve
from netyield.economics.kv.observed_hits import (
    AS_COUNTED,
    Effective,
    ObservedHits,
    effective_capacity,
    together,
)
from netyield.sources.traces.trace import Trace

COLUMNS = (
    AnswerColumn("process", "text", "", "Serving process"),
    AnswerColumn("model", "text", "", "Model it serves"),
    AnswerColumn("queried_tokens", "number", "tokens", "Prompt tokens asked of its cache"),
    AnswerColumn("hit_tokens", "number", "tokens", "Found in its own memory"),
    AnswerColumn("outside_hit_tokens", "number", "tokens", "Found through a connector: host memory, disk, a shared store"),
    AnswerColumn("own_hit_ratio", "share", "of queried tokens", "Found in its own memory"),
    AnswerColumn("hit_ratio", "share", "of queried tokens", "Found in any tier"),
    AnswerColumn("restarts", "number", "restarts", "Drops of its counters; each counts from zero"),
)


def answer(processes: Sequence[ObservedHits], trace: Trace | None, source: str) -> Answer:
    """The observed hit ratios, and the effective capacities where a ``trace`` of the traffic is given."""
    whole = together(processes)
    found = list(trace.findings) if trace is not None else []
    if whole is None:
        message = "no engine counted a lookup in its prefix cache."
        repair = "Ingest the engines' metrics (docs/sources/prometheus.md), give --counters FILE, or choose another window."
        found.append(Finding("kv.no_counters", Severity.ERROR, message, repair))
    own, every = _effective(whole, trace)
    found += [
        Finding("kv.trace_of_other_traffic", Severity.WARNING, f"{one.note}.", "Give the trace of the same traffic.")
        for one in (every,)
        if one is not None and one.capacity_blocks is None
    ]
    rows = [_row(one) for one in processes]
    if whole is not None and len(rows) > 1:
        rows.append(_row(whole) | {"process": "all"})
    body: dict[str, Any] = {
        "answer": "kv_observed",
        "source": source,
        "trace": trace_words(trace) if trace is not None else None,
        "requests": trace.requests if trace is not None else None,
        "own_hit_ratio": whole.local_ratio if whole else None,
        "hit_ratio": whole.ratio if whole else None,
        "queried_tokens": whole.queried if whole else 0,
        "processes": rows,
        "effective": {"own": _plain(own), "all_tiers": _plain(every)},
        "definition": {
            "hit_ratio": "hit tokens over tokens looked up, growth of the counters between readings, restarts from zero",
            "effective": "the smallest exact LRU prefix cache that hits as much of the trace's input tokens: whole trace,"
            " no warm-up, one cache for all requests",
        },
        "findings": len(found),
    }
    types = {"text": pa.string(), "number": pa.int64(), "share": pa.float64()}
    return Answer(
        name="kv_observed",
        title="What the engines' own caches hit",
        as_of="",
        window=window(trace) if trace is not None else _window(whole),
        currency="",
        basis="",
        table=pa.Table.from_pylist(rows, schema=pa.schema([(c.name, types[c.kind]) for c in COLUMNS])),
        columns=COLUMNS,
        headline={key: body[key] for key in ("own_hit_ratio", "hit_ratio", "effective")},
        description=sentence(whole, own, every),
        caveats=tuple(f"{key}: {value}" for key, value in body["definition"].items()),
        findings=tuple(found),
        body=body,
    )


def _effective(whole: ObservedHits | None, trace: Trace | None) -> tuple[Effective | None, Effective | None]:
    if whole is None or trace is None or not trace.requests or whole.local_ratio is None or whole.ratio is None:
        return None, None
    curve = lru_curve(trace, AS_COUNTED)
    return effective_capacity(curve, whole.local_ratio), effective_capacity(curve, whole.ratio)


def sentence(whole: ObservedHits | None, own: Effective | None, every: Effective | None) -> str:
    """The one sentence a reader takes away."""
    if whole is None or whole.ratio is None or whole.local_ratio is None:
        return "No engine counted a lookup in its prefix cache."
    start = f"The engines hit {whole.ratio:.1%} of the prompt tokens, {whole.local_ratio:.1%} in their own memory"
    if every is None or own is None:
        return f"{start}."
    if every.capacity_blocks is None:
        return f"{start}; no cache of the trace hits that much."
    inside = "" if own.capacity_blocks == every.capacity_blocks else f", the own memory alone {own.capacity_blocks:,}"
    return f"{start}; that is an LRU cache of {every.capacity_blocks:,} blocks{inside}."


def _row(one: ObservedHits) -> dict[str, Any]:
    return {
        "process": "/".join(part for part in (one.namespace, one.replica) if part) or "engine",
        "model": one.model,
        "queried_tokens": one.queried,
        "hit_tokens": one.hit,
        "outside_hit_tokens": one.hit_outside,
        "own_hit_ratio": one.local_ratio,
        "hit_ratio": one.ratio,
        "restarts": one.restarts,
    }


def _plain(one: Effective | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "hit_ratio": one.ratio,
        "capacity_blocks": one.capacity_blocks,
        "capacity_hit_ratio": one.capacity_ratio,
        "note": one.note,
    }


def _window(whole: ObservedHits | None) -> Period:
    if whole is None or whole.last_us <= whole.first_us:
        return Period(EPOCH, EPOCH)
    return Period(from_micros(whole.first_us), from_micros(whole.last_us))
