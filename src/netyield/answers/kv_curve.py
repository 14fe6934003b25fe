"""What share of the prompts' tokens would a KV cache of each size have saved? The hit curve of one request trace.

Exact for LRU at every capacity; other policies at the capacities asked for. Each choice that moves the figure is named
in ``definition``. What a cache would hit is no saving yet: a hit still has to be loaded, and the time has to be used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from netyield.answers import kv_curve_parts as more
from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.kv_curve_words import definition_words, sentence, trace_words, window
from netyield.core.finding import Finding, Severity
from netyield.economics.kv.curve import Curve, lru_curve
from netyield.economics.kv.definition import Definition, Flags, Match, identified_tokens
from netyield.economics.kv.knee import METHOD, Knee, knee
from netyield.economics.kv.parts import Router
from netyield.economics.kv.replay import Policy, hits, replayer
from netyield.economics.kv.runs import Runs, request_ranks
from netyield.economics.kv.sampling import SampleBy
from netyield.economics.kv.ttl import unexpired
from netyield.sources.traces.trace import Trace

GIB = 2**30
STACK = (Policy.LRU, Policy.TTL)  # exact for every capacity from one pass
DRAWN_POINTS = 160  # of the exact curve on a chart
LEAST_LISTED = 64  # blocks: the smallest capacity listed when none are asked for
KNEE_LEAST_POINTS = 8
REACHED = (0.5, 0.8, 0.9, 0.95, 0.99)
COLUMNS = (
    AnswerColumn("policy", "text", "", "Which block leaves a full cache"),
    AnswerColumn("capacity_blocks", "number", "blocks", "Room of the cache"),
    AnswerColumn("capacity_gib", "number", "GiB", "The same room for the model asked about"),
    AnswerColumn("hit_tokens", "tokens", "tokens", "Tokens of the counted requests found in the cache"),
    AnswerColumn("hit_ratio", "share", "of what is counted", "Hit ratio, as the definition says"),
    AnswerColumn("of_ceiling", "share", "of the ceiling", "Part of what an infinite cache would hit"),
    AnswerColumn("standard_error", "share", "of what is counted", "One standard error of a sampled ratio"),
    AnswerColumn("note", "text", "", "The knee, or what limits the point"),
)
DRAWN_COLUMNS = COLUMNS[:2] + COLUMNS[4:5]
REACH_COLUMNS = (
    AnswerColumn("of_ceiling", "share", "of the ceiling", "Part of what an infinite cache would hit"),
    AnswerColumn("capacity_blocks", "number", "blocks", "The smallest cache that reaches it"),
    AnswerColumn("capacity_gib", "number", "GiB", "The same room for the model asked about"),
)

Views = dict[str, tuple[pa.Table, tuple[AnswerColumn, ...]]]


@dataclass(frozen=True)
class Question:
    """What is asked of a trace. ``capacities``: blocks; none means a grid of powers of two up to everything.

    ``bytes_per_token``: of ``model``, so that capacities have a size; ``ttl_seconds``: blocks unused that long leave
    (of the policy ``ttl``; of LRU where that is not listed). ``nodes``: also the same capacity on each of so many nodes
    behind ``router``. ``shards``: (looked at, of) to sample instead of replaying everything. ``progress`` is told what
    is being done.
    """

    policies: tuple[Policy, ...] = (Policy.LRU,)
    capacities: tuple[int, ...] = ()
    definition: Definition = field(default_factory=Definition)
    ttl_seconds: float | None = None
    nodes: int = 1
    router: Router = Router.HASH
    by_tenant: bool = False
    shards: tuple[int, int] | None = None
    sample_by: SampleBy = SampleBy.TREE
    model: str = ""
    bytes_per_token: float | None = None
    progress: Callable[[str], None] = lambda _what: None

    @property
    def stack(self) -> bool:
        """Whether LRU is answered by the exact curve of the prefix tree."""
        return self.definition.match is Match.PREFIX


def answer(trace: Trace, question: Question) -> Answer:
    """The curve, its ceiling and knee, and every further cut asked for. ``body`` is the JSON contract."""
    definition = question.definition
    capacities = sorted(set(question.capacities)) or default_capacities(trace.unique_blocks)
    cuts: dict[str, Any] = {}
    reach: list[dict[str, Any]] = []
    if question.shards:
        question.progress("the shards of the sample")
        rows, top, cuts["sample"] = more.sampled(trace, question, capacities)
        drawn = rows
    else:
        question.progress("the LRU curve")
        runs = request_ranks(trace)
        whole = lru_curve(trace, definition, runs=runs)
        top = more.Ceiling(whole.ratio(trace.unique_blocks), whole.ceiling_hit_tokens)
        rows = _rows(trace, question, runs, whole, capacities)
        drawn = _drawn(trace, question, runs, rows)
        reach = _reach(whole) if _reaches(question) else []
        cuts = more.cuts(trace, question, runs, whole, capacities)
    bend = _knee(drawn)
    counted = definition.measured(trace)
    measured = (identified_tokens(trace) if definition.denominator.value == "identified" else trace.input_tokens)[
        counted
    ]
    warm = _warm_blocks(trace, counted)
    for row in rows:
        row["full_before_counting"] = row["capacity_blocks"] <= warm if warm else None
        row["of_ceiling"] = row["hit_ratio"] / top.ratio if top.ratio else None
    listed = [{key: row[key] for key in POINT if row.get(key) is not None} for row in rows]
    findings = (*trace.findings, *_findings(trace, int(measured.sum()), top.ratio), *_no_times(trace, question))
    body: dict[str, Any] = {
        "answer": "kv_curve",
        "trace": trace_words(trace),
        "requests": trace.requests,
        "accesses": trace.accesses,
        "unique_blocks": trace.unique_blocks,
        "measured_requests": int(counted.sum()),
        "measured_tokens": int(measured.sum()),
        "measured_blocks": int(np.diff(trace.first)[counted].sum()),
        "ceiling_hit_tokens": top.hit_tokens,
        "ceiling_hit_ratio": top.ratio,
        "points": [point for point, row in zip(listed, rows, strict=True) if row["policy"] == question.policies[0]],
        "policies": {
            policy.value: [p for p, row in zip(listed, rows, strict=True) if row["policy"] == policy]
            for policy in question.policies
        },
        "knee": {**asdict(bend), "method": METHOD, "policy": question.policies[0].value} if bend else None,
        "reach": reach,
        "definition": definition_words(trace, question),
        **cuts,
        "findings": len(findings),
    }
    table = _table(rows, bend.capacity_blocks if bend else None, question, trace)
    return Answer(
        name="kv_curve",
        title="What a KV cache of each size would hit",
        as_of="",
        window=window(trace),
        currency="",
        basis="",
        table=table,
        columns=tuple(column for column in COLUMNS if column.name in table.column_names),
        headline={key: body[key] for key in ("requests", "measured_tokens", "ceiling_hit_ratio", "knee")},
        description=sentence(body),
        caveats=(*(f"{key}: {value}" for key, value in body["definition"].items()), *more.caveats(question)),
        views=_views(drawn, reach, body, question, trace),
        findings=findings,
        body=body,
    )


POINT = (
    "capacity_blocks", "capacity_gib", "hit_tokens", "hit_blocks", "hit_ratio", "standard_error", "full_before_counting",
)  # fmt: skip


def default_capacities(unique_blocks: int) -> list[int]:
    """Powers of two from LEAST_LISTED up to everything, and everything itself."""
    powers = []
    size = min(LEAST_LISTED, max(unique_blocks, 1))
    while size < unique_blocks:
        powers.append(size)
        size *= 2
    return [*powers, max(unique_blocks, 1)]


def block_gib(trace: Trace, question: Question) -> float | None:
    """The size of one block for the model asked about."""
    return question.bytes_per_token * trace.block_size / GIB if question.bytes_per_token else None


def _rows(
    trace: Trace, question: Question, runs: Runs, whole: Curve, capacities: Sequence[int]
) -> list[dict[str, Any]]:
    """One row per policy and capacity."""
    rows: list[dict[str, Any]] = []
    size = block_gib(trace, question)
    for policy in question.policies:
        if policy in STACK and question.stack:
            curve = _limited(trace, question, runs, whole, policy)
            found = [(c, curve.hit_tokens(c), curve.hit_blocks(c), curve.ratio(c)) for c in capacities]
        else:
            run, found = replayer(trace, policy, question.definition.match), []
            for c in capacities:
                question.progress(f"{policy.value} at {c:,} blocks")
                one = hits(trace, policy, c, run(c), question.definition)
                found.append((c, one.hit_tokens, one.hit_blocks, one.ratio))
        rows += [
            {
                "policy": policy.value,
                "capacity_blocks": c,
                "capacity_gib": c * size if size else None,
                "hit_tokens": tokens,
                "hit_blocks": blocks,
                "hit_ratio": ratio,
            }
            for c, tokens, blocks, ratio in found
        ]
    return rows


def _limited(trace: Trace, question: Question, runs: Runs, whole: Curve, policy: Policy) -> Curve:
    """The curve of LRU, or of LRU with the time to live: of the policy ``ttl``, or of all where that is not listed."""
    if question.ttl_seconds is None or (policy is Policy.LRU and Policy.TTL in question.policies):
        return whole
    return lru_curve(trace, question.definition, runs=unexpired(trace, runs, question.ttl_seconds))


def _drawn(trace: Trace, question: Question, runs: Runs, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first policy's curve, for the chart and the knee: exact at many capacities for LRU, else its points."""
    first = question.policies[0]
    listed = [row for row in rows if row["policy"] == first]
    if first not in STACK or not question.stack:
        return listed
    curve = _limited(trace, question, runs, lru_curve(trace, question.definition, runs=runs), first)
    places = np.unique(np.geomspace(1, max(trace.unique_blocks, 2), DRAWN_POINTS).round().astype(np.int64))
    return [
        {"policy": first.value, "capacity_blocks": int(c), "hit_ratio": float(ratio)}
        for c, ratio in zip(places, curve.ratios(places), strict=True)
    ]


def _knee(drawn: list[dict[str, Any]]) -> Knee | None:
    """The knee of the first policy's curve; none when too few points are known to see a bend."""
    if len(drawn) < KNEE_LEAST_POINTS:
        return None
    return knee(np.array([r["capacity_blocks"] for r in drawn]), np.array([r["hit_ratio"] for r in drawn]))


def _warm_blocks(trace: Trace, counted: Flags) -> int:
    """Distinct blocks of the requests that only fill the cache: a larger cache is not full when counting begins."""
    before = int(np.argmax(counted)) if counted.any() else trace.requests
    return int(trace.nodes[: trace.first[before]].max(initial=-1)) + 1 if before else 0


def _reach(curve: Curve) -> list[dict[str, Any]]:
    """The smallest capacity that reaches each part of the ceiling."""
    if not curve.ceiling_hit_tokens:
        return []
    return [
        {"of_ceiling": part, "capacity_blocks": int(np.searchsorted(curve.tokens, part * curve.ceiling_hit_tokens))}
        for part in REACHED
    ]


def _reaches(question: Question) -> bool:
    """Whether the first policy is plain LRU, whose every capacity is known."""
    expires = question.ttl_seconds is not None and Policy.TTL not in question.policies
    return question.stack and question.policies[0] is Policy.LRU and not expires


def _no_times(trace: Trace, question: Question) -> list[Finding]:
    if question.ttl_seconds is None or not trace.requests or trace.span_seconds > 0:
        return []
    message = "all requests come at the same time, so nothing ever expires."
    return [
        Finding("kv.no_times", Severity.WARNING, message, "Give a trace with arrival times, or no --ttl.", trace.name)
    ]


def _findings(trace: Trace, measured_tokens: int, ceiling: float) -> list[Finding]:
    if not trace.requests or not trace.accesses:
        return []  # the reader has said so
    if not measured_tokens:
        message, repair = "no request is counted.", "Give a smaller --warmup."
        return [Finding("kv.nothing_counted", Severity.ERROR, message, repair, trace.name)]
    if not ceiling:
        message = "no block is ever read twice: no cache of any size would hit."
        repair = "Check that the ids are the same for the same prompt, and that the trace is long enough."
        return [Finding("kv.no_reuse", Severity.WARNING, message, repair, trace.name)]
    return []


def _table(rows: list[dict[str, Any]], bend: int | None, question: Question, trace: Trace) -> pa.Table:
    listed = [row["capacity_blocks"] for row in rows if row["policy"] == question.policies[0]]
    nearest = min(listed, key=lambda c: abs(c - bend)) if bend is not None and listed else None
    for row in rows:
        at_knee = row["capacity_blocks"] == nearest and row["policy"] == question.policies[0]
        row["note"] = ("at the knee" if nearest == bend else "nearest to the knee") if at_knee else _room(row, trace)
    types = {"text": pa.string(), "share": pa.float64(), "tokens": pa.int64()}
    floats = {"capacity_gib"}
    kept = [c for c in COLUMNS if c.name not in {"capacity_gib", "standard_error"} or any(r.get(c.name) for r in rows)]
    schema = pa.schema([(c.name, pa.float64() if c.name in floats else types.get(c.kind, pa.int64())) for c in kept])
    return pa.Table.from_pylist([{c.name: row.get(c.name) for c in kept} for row in rows], schema=schema)


def _room(row: dict[str, Any], trace: Trace) -> str:
    if row["capacity_blocks"] >= trace.unique_blocks:
        return "holds every block"
    return "not full when counting begins" if row["full_before_counting"] is False else ""


def _views(
    drawn: list[dict[str, Any]], reach: list[dict[str, Any]], body: dict[str, Any], question: Question, trace: Trace
) -> Views:
    size = block_gib(trace, question)
    fields = [("policy", pa.string()), ("capacity_blocks", pa.int64()), ("hit_ratio", pa.float64())]
    plain = [{name: row[name] for name, _ in fields} for row in drawn]
    views: Views = {"drawn": (pa.Table.from_pylist(plain, schema=pa.schema(fields)), DRAWN_COLUMNS)}
    if reach:
        columns = REACH_COLUMNS if size else REACH_COLUMNS[:2]
        rows = [row | ({"capacity_gib": row["capacity_blocks"] * size} if size else {}) for row in reach]
        views["reach"] = (pa.Table.from_pylist(rows), columns)
    return views | more.views(body)
