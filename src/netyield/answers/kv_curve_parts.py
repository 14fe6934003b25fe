"""The further cuts of a hit curve: a time to live, caches per tenant and per node, moved content, and a sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from netyield.answers.answer import AnswerColumn
from netyield.core.errors import WrongUse
from netyield.economics.kv.curve import Curve, lru_curve
from netyield.economics.kv.definition import Match, Weight
from netyield.economics.kv.parts import lane_curves, routed, tenant_curves, together
from netyield.economics.kv.position import by_content
from netyield.economics.kv.replay import Policy, replay
from netyield.economics.kv.runs import Runs
from netyield.economics.kv.sampling import sampled_curve
from netyield.economics.kv.ttl import unexpired
from netyield.sources.traces.trace import Trace

if TYPE_CHECKING:
    from netyield.answers.kv_curve import Question

LIVES_SECONDS = (10, 60, 300, 600, 1_800, 3_600, 21_600, 86_400)
SHARE = AnswerColumn("hit_ratio", "share", "of what is counted", "Hit ratio, as the definition says")
CAPACITY = AnswerColumn("capacity_blocks", "number", "blocks", "Room of the cache, of each where there are several")
VIEW_COLUMNS: dict[str, tuple[AnswerColumn, ...]] = {
    "expiry": (AnswerColumn("ttl_seconds", "number", "seconds", "A block unused for so long leaves"), SHARE),
    "tenants": (AnswerColumn("tenant", "text", "", "Whose cache"), CAPACITY, SHARE),
    "moved": (
        AnswerColumn("reuse", "text", "", "Where the same text may stand"),
        AnswerColumn("hit_tokens", "tokens", "tokens", "Tokens an infinite cache would hit"),
        SHARE,
    ),
    "nodes": (
        CAPACITY,
        SHARE,
        AnswerColumn("shared_hit_ratio", "share", "of what is counted", "One cache of all nodes' room together"),
    ),
}


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What an infinite cache hits; tokens None where only blocks were counted."""

    ratio: float
    hit_tokens: int | None


def cuts(trace: Trace, question: Question, runs: Runs, whole: Curve, capacities: Sequence[int]) -> dict[str, Any]:
    """What else the body holds, by name; only what was asked for or can be said."""
    found: dict[str, Any] = {"ttl": _lives(trace, question, runs)}
    if question.by_tenant:
        question.progress("a cache for each tenant")
        found["tenants"] = _tenants(trace, question, capacities)
    if question.nodes != 1:
        question.progress(f"{question.nodes} nodes")
        found["nodes"] = _nodes(trace, question, whole, capacities)
    moved = by_content(trace)
    if moved is not None:
        question.progress("content in any place")
        hits = replay(moved, Policy.LRU, moved.unique_blocks, replace(question.definition, match=Match.ANY))
        found["position_independent"] = {
            "ceiling_hit_tokens": hits.hit_tokens,
            "ceiling_hit_ratio": hits.ratio,
            "meaning": "the same text in another place, which a prefix cache cannot use; an infinite cache",
        }
    return found


def _lives(trace: Trace, question: Question, runs: Runs) -> list[dict[str, Any]]:
    """An infinite cache whose blocks leave when unused for a while; none for a trace without times."""
    if trace.span_seconds <= 0:
        return []
    lives = [s for s in LIVES_SECONDS if s < trace.span_seconds]
    curves = [(s, lru_curve(trace, question.definition, runs=unexpired(trace, runs, s))) for s in lives]
    return [
        {"ttl_seconds": s, "hit_tokens": curve.ceiling_hit_tokens, "hit_ratio": curve.ratio(trace.unique_blocks)}
        for s, curve in curves
    ]


def _tenants(trace: Trace, question: Question, capacities: Sequence[int]) -> list[dict[str, Any]]:
    requests = dict(zip(trace.tenants, np.bincount(trace.tenant, minlength=len(trace.tenants)), strict=True))
    return [
        {
            "tenant": tenant,
            "requests": int(requests[tenant]),
            "ceiling_hit_tokens": curve.ceiling_hit_tokens,
            "points": _points(curve, capacities),
        }
        for tenant, curve in tenant_curves(trace, question.definition).items()
    ]


def _nodes(trace: Trace, question: Question, whole: Curve, capacities: Sequence[int]) -> dict[str, Any]:
    lanes = routed(trace, question.nodes, question.router)
    each = together(list(lane_curves(trace, lanes, question.definition).values()))
    points = [
        point | {"shared_hit_ratio": whole.ratio(point["capacity_blocks"] * question.nodes)}
        for point in _points(each, capacities)
    ]
    return {"nodes": question.nodes, "router": question.router.value, "capacity": "of each node", "points": points}


def _points(curve: Curve, capacities: Sequence[int]) -> list[dict[str, Any]]:
    return [{"capacity_blocks": c, "hit_tokens": curve.hit_tokens(c), "hit_ratio": curve.ratio(c)} for c in capacities]


def sampled(
    trace: Trace, question: Question, capacities: Sequence[int]
) -> tuple[list[dict[str, Any]], Ceiling, dict[str, Any]]:
    """Rows of an estimate from some of the shards, its ceiling, and what was looked at; nothing else is replayed."""
    if question.policies != (Policy.LRU,) or question.definition.match is Match.ANY or question.shards is None:
        message = "A sample estimates the LRU curve of prefixes only."
        raise WrongUse(message, "Leave --sample out, or ask for --policy lru --match prefix.")
    if question.nodes != 1 or question.by_tenant or question.ttl_seconds is not None:
        message = "A sample estimates one cache without a time to live."
        raise WrongUse(message, "Leave out --sample, or --nodes, --by-tenant and --ttl.")
    looked, of = question.shards
    found = sampled_curve(trace, question.definition, capacities, shards=looked, shards_of=of, by=question.sample_by)
    weighed = int(question.definition.weighed(trace)[question.definition.measured(trace)].sum())
    by_token = question.definition.weight is Weight.TOKENS
    unit = "hit_tokens" if by_token else "hit_blocks"
    rows = [
        {"policy": "lru", "capacity_blocks": int(c), unit: round(ratio * weighed), "hit_ratio": float(ratio),
         "standard_error": float(error)}
        for c, ratio, error in zip(found.capacities, found.ratios, found.standard_errors, strict=True)
    ]  # fmt: skip
    about = {
        "shards": found.shards,
        "of": found.shards_of,
        "by": question.sample_by.value,
        "accesses_share": found.accesses_share,
        "ceiling_standard_error": found.ceiling_error,
        "left_out": sorted(set(capacities) - {int(c) for c in found.capacities}),
    }
    return rows, Ceiling(found.ceiling, round(found.ceiling * weighed) if by_token else None), about


def caveats(question: Question) -> list[str]:
    """What a reader must know beside the figures."""
    found = ["A hit is no saving yet: it has to be loaded, and the time it frees has to be used."]
    if question.nodes != 1:
        found.append(
            f"nodes: the capacity is that of each of {question.nodes} nodes, requests sent by {question.router}"
        )
    if question.shards:
        found.append("sample: points whose shards could not hold two of the longest request are left out")
    return found


def views(body: dict[str, Any]) -> dict[str, tuple[pa.Table, tuple[AnswerColumn, ...]]]:
    """The cuts as tables."""
    rows: dict[str, list[dict[str, Any]]] = {
        "expiry": body.get("ttl", []),
        "tenants": [point | {"tenant": t["tenant"]} for t in body.get("tenants", []) for point in t["points"]],
        "nodes": body["nodes"]["points"] if "nodes" in body else [],
        "moved": _moved(body),
    }
    return {
        name: (
            pa.Table.from_pylist([{c.name: row[c.name] for c in VIEW_COLUMNS[name]} for row in found]),
            VIEW_COLUMNS[name],
        )
        for name, found in rows.items()
        if found
    }


def _moved(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Reuse behind the same beginning beside reuse in any place, which no prefix cache has."""
    anywhere = body.get("position_independent")
    if anywhere is None:
        return []
    return [
        {
            "reuse": "behind the same beginning (a prefix cache)",
            "hit_tokens": body["ceiling_hit_tokens"],
            "hit_ratio": body["ceiling_hit_ratio"],
        },
        {
            "reuse": "in any place (CacheBlend and the like)",
            "hit_tokens": anywhere["ceiling_hit_tokens"],
            "hit_ratio": anywhere["ceiling_hit_ratio"],
        },
    ]
