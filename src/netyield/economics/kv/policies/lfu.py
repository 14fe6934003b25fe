"""Least frequently used: the cached block read least often since it came in leaves; of equals, the one that reached
that count first. A block that leaves loses its count (no history)."""

from __future__ import annotations

import numpy as np

from netyield.core.compiled import compiled
from netyield.economics.kv.definition import Flags
from netyield.economics.kv.policies.found import leading_run
from netyield.economics.kv.policies.linked import append, empty_lists, unlink
from netyield.sources.traces.trace import Int32, Int64


@compiled
def lfu(first: Int64, nodes: Int32, node_count: int, capacity: int) -> tuple[Int32, Int32, Flags]:
    """One list of blocks per count; ``least`` is the smallest count with a member once the cache is full."""
    requests = len(first) - 1
    leading, anywhere, last = np.zeros(requests, np.int32), np.zeros(requests, np.int32), np.zeros(requests, np.bool_)
    count = np.zeros(node_count, np.int32)  # 0: not cached
    most = 0
    for node in nodes:
        count[node] += 1
        most = max(most, count[node])
    count[:] = 0
    newer, older = empty_lists(node_count, most + 1)
    held, least = 0, 1
    for r in range(requests):
        start, stop = first[r], first[r + 1]
        leading[r] = leading_run(count, nodes, start, stop)
        for at in range(start, stop):
            node = nodes[at]
            if count[node]:
                anywhere[r] += 1
                last[r] = at == stop - 1
                unlink(newer, older, node)
                emptied = node_count + count[node]
                if count[node] == least and newer[emptied] == emptied:
                    least += 1
                count[node] += 1
            else:
                if held == capacity:
                    victim = newer[node_count + least]
                    unlink(newer, older, victim)
                    count[victim] = 0
                else:
                    held += 1
                count[node] = least = 1
            append(newer, older, node_count + count[node], node)
    return leading, anywhere, last
