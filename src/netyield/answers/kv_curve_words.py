"""In which words is a hit curve told? The sentence over it, the trace it came from, and every choice behind it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from netyield.core.period import EPOCH, Period
from netyield.economics.kv.definition import Match, Mean, Weight
from netyield.economics.kv.replay import PARAMETERS, Policy
from netyield.sources.traces.trace import Trace

if TYPE_CHECKING:
    from netyield.answers.kv_curve import Question

TREE = {
    Policy.LRU: "a prefix tree: of the blocks without a cached child the least recently used leaves",
    Policy.OPT: "a prefix tree: of the blocks without a cached child the one needed last leaves, and a block needed no"
    " sooner is not taken in",
}
FLAT = "single blocks: a block may stay when the one before it has left"


def window(trace: Trace) -> Period:
    """The span of the trace from an arbitrary start (a trace's clock names no day)."""
    return Period(EPOCH, EPOCH + timedelta(seconds=int(trace.span_seconds)))


def trace_words(trace: Trace) -> dict[str, Any]:
    """Which trace, and how its ids were read."""
    return {
        "name": trace.name,
        "format": trace.format,
        "identity": str(trace.identity),
        "block_size": trace.block_size,
        "span_seconds": trace.span_seconds,
        "input_tokens": int(trace.input_tokens.sum()),
        "notes": list(trace.notes),
    }


def definition_words(trace: Trace, question: Question) -> dict[str, str]:
    """Every choice that moves the figure, in words, by the name of its option."""
    asked = question.definition
    warm = trace.requests - int(asked.measured(trace).sum())
    places = TREE if asked.match is Match.PREFIX else {}
    if question.ttl_seconds:
        places = places | {Policy.TTL: f"lru, and a block unused for {question.ttl_seconds:g} s leaves"}
    words = {
        "policy": "; ".join(f"{p.value} over {places.get(p, FLAT)}" for p in question.policies),
        "match": {
            Match.PREFIX: "prefix: the leading run of cached blocks, looked up before the request inserts any",
            Match.ANY: "any: every cached block, each access looked up and inserted by itself, first block first",
        }[asked.match],
        "weight": {
            Weight.TOKENS: "tokens: the last block of a prompt counts for the tokens in it",
            Weight.BLOCKS: "blocks: every block counts one",
        }[asked.weight],
        "warmup": f"{asked.warmup:g}: the first {warm:,} of {trace.requests:,} requests fill the cache uncounted",
        "mean": {
            Mean.SUM: "sum: hits of all counted requests over everything they read",
            Mean.REQUESTS: "requests: the mean of each counted request's own ratio",
        }[asked.mean],
        "denominator": f"{asked.denominator}: "
        + ("every input token" if asked.denominator.value == "input" else "tokens of blocks that have an id"),
        "order": "requests one after another as in the trace; times are "
        + ("used for the time to live only" if question.ttl_seconds else "not used"),
        "tier": "one cache that every request shares",
    }
    if asked.weight is Weight.BLOCKS:
        words["denominator"] = "blocks that have an id"
    parameters = [f"{p.value}: {PARAMETERS[p]}" for p in question.policies if p in PARAMETERS]
    if parameters:
        words["parameters"] = "; ".join(parameters)
    if question.ttl_seconds:
        words["ttl"] = f"a block unused for {question.ttl_seconds:g} s leaves; every use renews it"
    if question.bytes_per_token:
        words["size"] = (
            f"{question.bytes_per_token:,.1f} bytes per token ({question.model}), blocks of {trace.block_size}"
        )
    return words


def sentence(body: dict[str, Any]) -> str:
    """The one sentence a reader takes away."""
    if not body["requests"] or not body["measured_tokens"]:
        return "The trace has no request to count."
    bend, unit = body["knee"], "of the tokens" if body["definition"]["weight"].startswith("tokens") else "of the blocks"
    start = f"An infinite cache would hit {body['ceiling_hit_ratio']:.1%} {unit} counted"
    if "sample" in body:
        start += f" (± {body['sample']['ceiling_standard_error']:.1%}, from {body['sample']['accesses_share']:.0%} of the trace)"
    if not body["ceiling_hit_ratio"]:
        return f"{start}: nothing is read twice."
    if bend is None:
        return f"{start}."
    return (
        f"{start}; the curve bends at {bend['capacity_blocks']:,} of {body['unique_blocks']:,} blocks,"
        f" where {bend['policy'].upper()} hits {bend['ratio']:.1%}."
    )
