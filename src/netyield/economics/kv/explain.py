"""Why is the hit rate what it is? Every input token of the counted requests under exactly one reason.

    shared prefix hit   served, and the block was last used by another session or an unrelated prompt
    own history hit     served, and the block was last used by a request of the same conversation
    evicted             seen before, but pushed out by then: more room would serve it (capacity miss)
    out of the prefix   seen before and kept, but behind a block that was not: only where a policy keeps such blocks
    first seen, reused  never seen before, asked for again later (compulsory miss)
    one-shot            never seen before and never again: no cache of any size or policy can serve it
    block floor         in no whole block: tokens after the last full block, or of prompts shorter than one

The shares add up to the input tokens to the token. A conversation is a session where the trace names one; elsewhere two
requests belong together when the earlier one's whole prompt but its last block is a prefix of the later one's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.economics.kv.definition import Definition, Flags, block_counts, identified_tokens, leading_tokens
from netyield.economics.kv.runs import Runs, leading_blocks, request_ranks
from netyield.sources.traces.trace import Int64, Trace

REASONS = ("own_history_hit", "shared_prefix_hit", "evicted", "first_seen_reused", "one_shot", "block_floor")
FAMILIES = 10


@dataclass(frozen=True, slots=True)
class Family:
    """Requests that go through the same block: how many, their input tokens, what reuse serves of them, and the median
    of their leading blocks that were held."""

    block: int
    requests: int
    input_tokens: int
    hit_tokens: int
    held_blocks: int


@dataclass(frozen=True, slots=True)
class Explained:
    """Tokens by reason (in the order of REASONS) and the most reused families, for one LRU cache of a capacity."""

    capacity_blocks: int
    input_tokens: int
    tokens: dict[str, int]
    families: tuple[Family, ...]
    family_count: int
    floor_requests: int  # counted requests without a whole block
    reused_blocks: int
    distinct_blocks: int
    longest_blocks: int

    @property
    def hit_tokens(self) -> int:
        """Tokens served."""
        return self.tokens["own_history_hit"] + self.tokens["shared_prefix_hit"]


def explain(trace: Trace, capacity_blocks: int, definition: Definition, runs: Runs | None = None) -> Explained:
    """Every counted token under its reason."""
    runs = request_ranks(trace) if runs is None else runs
    counted = definition.measured(trace)
    held = leading_blocks(runs, trace.requests, capacity_blocks)
    seen = leading_blocks(runs, trace.requests, trace.accesses + 1)
    own = _own_history(trace, runs, held)
    reused = _reused_later(trace, seen)
    at_own, at_held, at_seen, at_reused = (leading_tokens(trace, depth) for depth in (own, held, seen, reused))
    inside = identified_tokens(trace)
    tokens = {
        "own_history_hit": at_held - at_own,
        "shared_prefix_hit": at_own,
        "evicted": at_seen - at_held,
        "first_seen_reused": at_reused - at_seen,
        "one_shot": inside - at_reused,
        "block_floor": trace.input_tokens - inside,
    }
    lengths = block_counts(trace)
    touches = np.bincount(trace.nodes, minlength=trace.unique_blocks)
    families, count = _families(trace, counted, at_held, held)
    return Explained(
        capacity_blocks,
        int(trace.input_tokens[counted].sum()),
        {name: int(found[counted].sum()) for name, found in tokens.items()},
        families,
        count,
        int((counted & (lengths == 0)).sum()),
        int((touches > 1).sum()),
        trace.unique_blocks,
        int(lengths.max()) if trace.requests else 0,
    )


def _own_history(trace: Trace, runs: Runs, held: Int64) -> Int64:
    """Per request how many of its leading held blocks are *not* its conversation's: shared with others.

    Blocks are shared from the root down, so that those of the own conversation are the tail of the hit.
    """
    lengths = block_counts(trace)
    end = runs.depth.astype(np.int64) + runs.length
    # Without sessions: the earlier prompt ends here, give or take its partial last block, so the later one continues it.
    continues = end >= np.maximum(lengths[runs.owner] - 1, 1)
    same = trace.session[runs.owner] == trace.session[runs.request] if len(trace.sessions) > 1 else continues
    hit = runs.depth < held[runs.request]
    own = np.bincount(
        runs.request[same & hit],
        weights=np.minimum(runs.length, held[runs.request] - runs.depth)[same & hit],
        minlength=trace.requests,
    ).astype(np.int64)
    return held - own


def _reused_later(trace: Trace, seen: Int64) -> Int64:
    """Per request its depth up to which blocks are seen before or asked for again; deeper ones are one-shot.

    A block asked for again makes all before it asked for again, so this too is a prefix.
    """
    touches = np.bincount(trace.nodes, minlength=trace.unique_blocks)
    lengths = block_counts(trace)
    again = touches[trace.nodes] > 1
    whose = np.repeat(np.arange(trace.requests), lengths)
    kept = np.bincount(whose[again], minlength=trace.requests).astype(np.int64)
    return np.maximum(seen, kept)


def _families(trace: Trace, counted: Flags, hit: Int64, held: Int64) -> tuple[tuple[Family, ...], int]:
    """The requests by the first block that not most of the trace begins with, the most hit tokens first.

    A system prompt that more than half of all requests begin with tells no family from another, so it is passed over.
    """
    lengths = block_counts(trace)
    touches = np.bincount(trace.nodes, minlength=trace.unique_blocks)
    common = 2 * touches[trace.nodes] > trace.requests
    whose = np.repeat(np.arange(trace.requests), lengths)
    depth = np.bincount(whose[common], minlength=trace.requests).astype(np.int64)  # common blocks come first
    chosen = np.flatnonzero(counted & (lengths > 0))
    heads = trace.nodes[trace.first[:-1][chosen] + np.minimum(depth, lengths - 1)[chosen]]
    names, which = np.unique(heads, return_inverse=True)
    requests = np.bincount(which, minlength=len(names))
    tokens = np.bincount(which, weights=trace.input_tokens[chosen], minlength=len(names))
    hits = np.bincount(which, weights=hit[chosen], minlength=len(names))
    order = np.argsort(-hits, kind="stable")[:FAMILIES]
    return tuple(
        Family(
            int(names[place]), int(requests[place]), int(tokens[place]), int(hits[place]),
            int(np.median(held[chosen][which == place])),
        )
        for place in order
    ), len(names)  # fmt: skip
