"""What does one eviction policy find at one capacity? A replay of the whole trace, one per (policy, capacity).

LRU and OPT of contiguous prefixes run on the prefix tree and lose leaves; counted block by block (``Match.ANY``) they
run over single blocks, as every other policy always does. A policy over single blocks may keep a block whose parent
is gone; only the leading run of cached blocks is a prefix hit. LRU is here to check ``curve`` independently. A time to
live needs no replay: with LRU it is exact for every capacity (``ttl``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

import numpy as np

from netyield.core.errors import WrongUse
from netyield.economics.kv.definition import (
    Definition,
    Flags,
    Match,
    Mean,
    Weight,
    block_counts,
    leading_tokens,
)
from netyield.economics.kv.policies.arc import arc
from netyield.economics.kv.policies.belady import belady, next_accesses
from netyield.economics.kv.policies.found import Found
from netyield.economics.kv.policies.leaves import leaf_replay, next_requests
from netyield.economics.kv.policies.lfu import lfu
from netyield.economics.kv.policies.queues import fifo, flat_lru
from netyield.economics.kv.policies.s3fifo import s3fifo
from netyield.sources.traces.trace import Int64, Trace

S3FIFO_SMALL_SHARE = 0.10
S3FIFO_MOVES_AT = 2


class Policy(StrEnum):
    """Which block leaves a full cache."""

    LRU = "lru"
    FIFO = "fifo"
    OPT = "opt"
    LFU = "lfu"
    S3FIFO = "s3fifo"
    ARC = "arc"
    TTL = "ttl"


REPLAYED = tuple(policy for policy in Policy if policy is not Policy.TTL)
PARAMETERS = {
    Policy.S3FIFO: f"small queue {S3FIFO_SMALL_SHARE:.0%}, ghost {1 - S3FIFO_SMALL_SHARE:.0%} of the capacity, "
    f"to main after {S3FIFO_MOVES_AT} reads, counts to 3",
    Policy.LFU: "counts since insertion, of equals the one that reached the count first leaves",
    Policy.ARC: "target a real number, ghosts of the cache's own size",
}


@dataclass(frozen=True, slots=True)
class Hits:
    """What one policy found at one capacity, over the counted requests."""

    policy: Policy
    capacity_blocks: int
    hit_tokens: int
    hit_blocks: int
    ratio: float


Run = Callable[[int], Found]


def replayer(trace: Trace, policy: Policy, match: Match) -> Run:
    """A function from capacity to what each request found; what it needs of the trace is worked out once."""
    if policy is Policy.TTL:
        message = "A time to live is not replayed."
        raise WrongUse(message, "Take the curve of its runs (economics.kv.ttl): exact for every capacity.")
    if not trace.unique_blocks:
        nothing = np.zeros(trace.requests, np.int32)
        return lambda _capacity: Found(nothing, nothing, nothing.astype(np.bool_))
    one = _leaves(trace, policy) if match is Match.PREFIX and policy in (Policy.LRU, Policy.OPT) else None
    return partial(_held, trace, one or _flat(trace, policy))


def replay(
    trace: Trace, policy: Policy, capacity_blocks: int, definition: Definition, *, measured: Flags | None = None
) -> Hits:
    """Hits of one policy at one capacity, as the definition counts them."""
    found = replayer(trace, policy, definition.match)(capacity_blocks)
    return hits(trace, policy, capacity_blocks, found, definition, measured=measured)


def hits(
    trace: Trace,
    policy: Policy,
    capacity_blocks: int,
    found: Found,
    definition: Definition,
    *,
    measured: Flags | None = None,
) -> Hits:
    """What was found, counted."""
    counted = definition.measured(trace) if measured is None else measured
    blocks, tokens = _found(trace, found, definition.match)
    weighed = definition.weighed(trace)[counted]
    chosen = (tokens if definition.weight is Weight.TOKENS else blocks)[counted]
    if definition.mean is Mean.SUM:
        ratio = float(chosen.sum() / weighed.sum()) if weighed.sum() else 0.0
    else:
        ratio = float(np.mean(chosen[weighed > 0] / weighed[weighed > 0])) if (weighed > 0).any() else 0.0
    return Hits(policy, capacity_blocks, int(tokens[counted].sum()), int(blocks[counted].sum()), ratio)


def _found(trace: Trace, found: Found, match: Match) -> tuple[Int64, Int64]:
    """Per request the hit blocks and their tokens."""
    if match is Match.PREFIX:
        return found.leading.astype(np.int64), leading_tokens(trace, found.leading)
    blocks = found.anywhere.astype(np.int64)
    partial_block = trace.last_tokens.astype(np.int64) - trace.block_tokens
    return blocks, blocks * trace.block_tokens + np.where(found.last, partial_block, 0)


def _held(trace: Trace, run: Run, capacity_blocks: int) -> Found:
    """No cache finds nothing, and more room than there are blocks changes nothing."""
    if capacity_blocks < 1:
        nothing = np.zeros(trace.requests, np.int32)
        return Found(nothing, nothing, nothing.astype(np.bool_))
    return run(min(capacity_blocks, trace.unique_blocks))


def _leaves(trace: Trace, policy: Policy) -> Run:
    optimal = policy is Policy.OPT
    upcoming = next_requests(trace.first, trace.nodes, trace.unique_blocks) if optimal else np.empty(0, np.int32)

    def run(capacity: int) -> Found:
        leading = leaf_replay(trace.first, trace.nodes, trace.parent, capacity, upcoming, optimal)
        return Found(leading, leading, leading == block_counts(trace))

    return run


def _flat(trace: Trace, policy: Policy) -> Run:
    columns = trace.first, trace.nodes, trace.unique_blocks
    if policy is Policy.OPT:
        upcoming = next_accesses(trace.nodes, trace.unique_blocks)
        return lambda capacity: Found(*belady(*columns, capacity, upcoming))
    if policy is Policy.S3FIFO:
        return lambda capacity: Found(*s3fifo(*columns, capacity, _small_room(capacity), S3FIFO_MOVES_AT))
    plain = {Policy.LRU: flat_lru, Policy.FIFO: fifo, Policy.LFU: lfu, Policy.ARC: arc}[policy]
    return lambda capacity: Found(*plain(*columns, capacity))


def _small_room(capacity: int) -> int:
    return max(1, int(capacity * S3FIFO_SMALL_SHARE))
