"""The offline optimum over single blocks: on a miss the cached block whose next access is furthest away leaves.

Belady (1966), without bypass: every missed block is inserted. Blocks never read again are all equally far.
"""

from __future__ import annotations

import numpy as np

from netyield.core.compiled import compiled
from netyield.economics.kv.definition import Flags
from netyield.economics.kv.policies.found import leading_run
from netyield.economics.kv.policies.heap import push, raised, remove
from netyield.sources.traces.trace import Int32, Int64


@compiled
def next_accesses(nodes: Int32, node_count: int) -> Int64:
    """Per access the index of the next one to the same block; the number of accesses for never."""
    upcoming = np.full(node_count, len(nodes), np.int64)
    found = np.empty(len(nodes), np.int64)
    for at in range(len(nodes) - 1, -1, -1):
        found[at] = upcoming[nodes[at]]
        upcoming[nodes[at]] = at
    return found


@compiled
def belady(first: Int64, nodes: Int32, node_count: int, capacity: int, upcoming: Int64) -> tuple[Int32, Int32, Flags]:
    """``upcoming``: ``next_accesses`` of the same nodes."""
    requests = len(first) - 1
    leading, anywhere, last = np.zeros(requests, np.int32), np.zeros(requests, np.int32), np.zeros(requests, np.bool_)
    cached = np.zeros(node_count, np.uint8)
    heap, place = np.empty(node_count, np.int32), np.full(node_count, -1, np.int32)
    key = np.zeros(node_count, np.int64)
    size = 0
    for r in range(requests):
        start, stop = first[r], first[r + 1]
        leading[r] = leading_run(cached, nodes, start, stop)
        for at in range(start, stop):
            node = nodes[at]
            key[node] = upcoming[at]
            if cached[node]:
                anywhere[r] += 1
                last[r] = at == stop - 1
                raised(heap, place, key, node)
                continue
            if size == capacity:
                victim = heap[0]
                size = remove(heap, place, key, size, victim)
                cached[victim] = 0
            cached[node] = 1
            size = push(heap, place, key, size, node)
    return leading, anywhere, last
