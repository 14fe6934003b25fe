"""First in, first out, and least recently used, over single blocks without regard to the prefix tree."""

from __future__ import annotations

import numpy as np

from netyield.core.compiled import compiled
from netyield.economics.kv.definition import Flags
from netyield.economics.kv.policies.found import leading_run
from netyield.economics.kv.policies.linked import append, empty_lists, unlink
from netyield.sources.traces.trace import Int32, Int64


@compiled
def fifo(first: Int64, nodes: Int32, node_count: int, capacity: int) -> tuple[Int32, Int32, Flags]:
    """One queue by time of insertion: a hit changes nothing, and a block may stay when its parent is gone."""
    requests = len(first) - 1
    leading, anywhere, last = np.zeros(requests, np.int32), np.zeros(requests, np.int32), np.zeros(requests, np.bool_)
    cached, queue = np.zeros(node_count, np.uint8), np.empty(capacity, np.int32)
    held = oldest = 0
    for r in range(requests):
        start, stop = first[r], first[r + 1]
        leading[r] = leading_run(cached, nodes, start, stop)
        for at in range(start, stop):
            node = nodes[at]
            if cached[node]:
                anywhere[r] += 1
                last[r] = at == stop - 1
                continue
            if held < capacity:
                queue[held] = node
                held += 1
            else:
                cached[queue[oldest]] = 0
                queue[oldest] = node
                oldest = (oldest + 1) % capacity
            cached[node] = 1
    return leading, anywhere, last


@compiled
def flat_lru(first: Int64, nodes: Int32, node_count: int, capacity: int) -> tuple[Int32, Int32, Flags]:
    """The least recently used block leaves, touched root first: of an old chain the root goes before its leaves."""
    requests = len(first) - 1
    leading, anywhere, last = np.zeros(requests, np.int32), np.zeros(requests, np.int32), np.zeros(requests, np.bool_)
    cached = np.zeros(node_count, np.uint8)
    newer, older = empty_lists(node_count, 1)
    held = 0
    for r in range(requests):
        start, stop = first[r], first[r + 1]
        leading[r] = leading_run(cached, nodes, start, stop)
        for at in range(start, stop):
            node = nodes[at]
            if cached[node]:
                anywhere[r] += 1
                last[r] = at == stop - 1
                unlink(newer, older, node)
            else:
                if held == capacity:
                    victim = newer[node_count]
                    unlink(newer, older, victim)
                    cached[victim] = 0
                else:
                    held += 1
                cached[node] = 1
            append(newer, older, node_count, node)
    return leading, anywhere, last
