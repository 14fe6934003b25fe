"""Which replica serves a request? Round robin, or the one that holds most of its prefix.

Affinity: a request follows the replica that last used the deepest block it shares, when that prefix is at least half
of its blocks and the replica is not overloaded; else it goes to the replica with the fewest tokens so far. This is what
cache-aware routers do (SGLang's router, Dynamo's, llm-d's), in its plainest form.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from netyield.core.compiled import compiled
from netyield.economics.kv.runs import Runs
from netyield.sources.traces.trace import Int32, Int64, Trace

OVERLOAD = 1.2  # a replica with more than this share of the mean load takes no further requests for their prefix


class Routing(StrEnum):
    """How requests are spread over replicas."""

    AFFINITY = "affinity"
    ROUND_ROBIN = "round_robin"


def route(trace: Trace, runs: Runs, replicas: int, routing: Routing) -> Int32:
    """The replica of every request."""
    if replicas == 1 or not trace.requests:
        return np.zeros(trace.requests, np.int32)
    if routing is Routing.ROUND_ROBIN:
        return (np.arange(trace.requests) % replicas).astype(np.int32)
    blocks = np.diff(trace.first)
    matched, last_user = np.zeros(trace.requests, np.int64), np.full(trace.requests, -1, np.int32)
    matched[runs.request] = runs.depth.astype(np.int64) + runs.length  # the deepest run of a request is its last
    last_user[runs.request] = runs.owner
    return _follow(matched, blocks, last_user, trace.input_tokens, replicas, OVERLOAD)


@compiled
def _follow(matched: Int64, blocks: Int64, last_user: Int32, tokens: Int64, replicas: int, overload: float) -> Int32:
    chosen = np.zeros(len(tokens), np.int32)
    load = np.zeros(replicas, np.int64)
    total = 0
    for r in range(len(tokens)):
        where = -1
        if last_user[r] >= 0 and 2 * matched[r] >= blocks[r]:
            where = chosen[last_user[r]]
            if load[where] * replicas > overload * total:
                where = -1
        if where < 0:
            where = int(np.argmin(load))
        chosen[r] = where
        load[where] += tokens[r]
        total += tokens[r]
    return chosen
