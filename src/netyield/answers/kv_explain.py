"""Why is the hit rate what it is? Every counted input token under one reason, and the prompts that are reused most.

The tokens of all reasons add up to the input tokens exactly. Only what was evicted is the cache's size; first-seen and
one-shot tokens no size can serve, and tokens in no whole block none can at this block size.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.kv_curve_words import trace_words, window
from netyield.answers.kv_present import Counted, seen
from netyield.core.finding import Finding, Severity
from netyield.economics.kv.definition import Definition
from netyield.economics.kv.explain import Explained, explain
from netyield.economics.kv.runs import request_ranks
from netyield.sources.traces.trace import Trace

COLUMNS = (
    AnswerColumn("reason", "text", "", "Where the tokens went"),
    AnswerColumn("tokens", "tokens", "tokens", "Input tokens of the counted requests"),
    AnswerColumn("share", "share", "of input tokens", "Of all input tokens of the counted requests"),
    AnswerColumn("meaning", "text", "", "What that says, and what would change it"),
)
FAMILY_COLUMNS = (
    AnswerColumn("family", "text", "", "The first block that not most of the trace begins with"),
    AnswerColumn("requests", "number", "requests", "Counted requests through that block"),
    AnswerColumn("input_tokens", "tokens", "tokens", "Their input tokens"),
    AnswerColumn("hit_tokens", "tokens", "tokens", "Of which served"),
    AnswerColumn("hit_share", "share", "of all hits", "Of all served tokens"),
    AnswerColumn("held_blocks", "number", "blocks", "Median of their leading blocks that were held"),
)
MEANINGS = {
    "own_history_hit": "served: earlier turns of the same conversation",
    "shared_prefix_hit": "served: a prefix that other prompts begin with as well, such as a system prompt",
    "evicted": "seen before, but pushed out by then: a larger cache, or a better policy, serves it",
    "first_seen_reused": "seen for the first time, asked for again later: no cache can serve a first time",
    "one_shot": "asked for once in the whole trace: keeping it is waste, a second-touch filter leaves it out",
    "block_floor": "in no whole block (the end of a prompt, or prompts shorter than a block): smaller blocks serve it",
}


def answer(
    trace: Trace, definition: Definition, capacity_blocks: int | None = None, counted: Counted | None = None
) -> Answer:
    """The reasons, for an LRU cache of ``capacity_blocks``; None: of the one ``counted`` engines have, else infinite."""
    runs = request_ranks(trace)
    running = seen(trace, counted, runs)
    of_engines = capacity_blocks is None and running is not None and bool(running.every.capacity_blocks)
    if of_engines and running is not None:
        capacity_blocks = running.every.capacity_blocks
    capacity = trace.unique_blocks if capacity_blocks is None else capacity_blocks
    found = explain(trace, capacity, definition, runs)
    findings = (*trace.findings, *_findings(trace, found), *(running.findings() if running else ()))
    total = found.input_tokens
    reasons = [
        {"reason": name, "tokens": tokens, "share": tokens / total if total else 0.0, "meaning": MEANINGS[name]}
        for name, tokens in found.tokens.items()
    ]
    families = [
        {
            "family": f"block {family.block}", "requests": family.requests, "input_tokens": family.input_tokens,
            "hit_tokens": family.hit_tokens, "hit_share": family.hit_tokens / found.hit_tokens if found.hit_tokens else 0.0,
            "held_blocks": family.held_blocks,
        }
        for family in found.families
    ]  # fmt: skip
    words = _sentence(found, capacity_blocks)
    body: dict[str, Any] = {
        "answer": "kv_explain",
        "trace": trace_words(trace),
        "requests": trace.requests,
        "measured_tokens": total,
        "hit_tokens": found.hit_tokens,
        "hit_ratio": found.hit_tokens / total if total else 0.0,
        "capacity_blocks": capacity_blocks,
        "observed": running.body() if running else None,
        "reasons": reasons,
        "families": families,
        "family_count": found.family_count,
        "reused_blocks": found.reused_blocks,
        "unique_blocks": found.distinct_blocks,
        "requests_without_a_block": found.floor_requests,
        "definition": {
            "policy": "lru, leaf by leaf on the prefix tree",
            "capacity": ("infinite" if capacity_blocks is None else f"{capacity_blocks:,} blocks")
            + (
                f", the LRU cache that hits as much as the engines ({running.source})" if of_engines and running else ""
            ),
            "warmup": f"{definition.warmup:g} of the requests fill the cache uncounted",
            "weight": "tokens; the last block of a prompt counts for the tokens in it",
            "conversation": "sessions as the trace names them"
            if len(trace.sessions) > 1
            else "a prompt continues another when that one's whole prompt but its last block is its prefix",
            "block_size": f"{trace.block_size:,} tokens",
        },
        "description": words,
        "findings": len(findings),
    }
    return Answer(
        name="kv_explain",
        title="Why the hit rate is what it is",
        as_of="",
        window=window(trace),
        currency="",
        basis="",
        table=_table(reasons, COLUMNS),
        columns=COLUMNS,
        headline={key: body[key] for key in ("measured_tokens", "hit_tokens", "hit_ratio")},
        description=words,
        caveats=(
            *((f"{running.words}.",) if running else ()),
            *(f"{key}: {value}" for key, value in body["definition"].items()),
        ),
        views={"reused": (_table(families, FAMILY_COLUMNS), FAMILY_COLUMNS)} if families else {},
        findings=findings,
        body=body,
    )


def _sentence(found: Explained, capacity_blocks: int | None) -> str:
    total = found.input_tokens
    if not total:
        return "The trace has no input tokens to explain."
    room = "An infinite cache" if capacity_blocks is None else f"A cache of {capacity_blocks:,} blocks"
    misses = {name: tokens for name, tokens in found.tokens.items() if not name.endswith("_hit")}
    most = max(misses, key=lambda name: misses[name])
    least = {
        "evicted": "most of the rest was evicted before it came back, so room would help",
        "first_seen_reused": "most of the rest was seen for the first time, which no cache can serve",
        "one_shot": "most of the rest is asked for only once, which no cache can serve",
        "block_floor": "most of the rest is in no whole block, which only smaller blocks can serve",
    }
    return f"{room} serves {found.hit_tokens / total:.1%} of {total:,} input tokens; {least[most]} ({misses[most] / total:.1%})."


def _findings(trace: Trace, found: Explained) -> list[Finding]:
    listed = []
    if found.input_tokens and not found.hit_tokens and found.tokens["block_floor"]:
        message = (
            f"no hit is possible for {found.tokens['block_floor']:,} of {found.input_tokens:,} tokens: they fill no whole"
            f" block of {trace.block_size:,} tokens."
        )
        listed.append(
            Finding(
                "kv_explain.block_floor", Severity.WARNING, message, "Use smaller blocks in the engine.", trace.name
            )
        )
    if 0 < found.capacity_blocks < found.longest_blocks:
        message = f"the cache has {found.capacity_blocks:,} blocks, the longest prompt {found.longest_blocks:,}."
        repair = "Below that size engines differ in what they evict of the prompt they are serving."
        listed.append(Finding("kv_explain.small_cache", Severity.INFO, message, repair, trace.name))
    return listed


def _table(listed: list[dict[str, Any]], columns: tuple[AnswerColumn, ...]) -> pa.Table:
    kinds = {"text": pa.string(), "tokens": pa.int64()}
    schema = pa.schema([(column.name, kinds.get(column.kind, pa.float64())) for column in columns])
    return pa.Table.from_pylist(listed, schema=schema)
