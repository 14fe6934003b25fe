"""A prefix tree that loses leaves: the least recently used one, or (OPT) the one needed furthest in the future.

Shared by both: a request touches its cached prefix, then inserts what is missing from root to leaf. When the cache is
full a leaf (a node without a cached child) outside the request's own path leaves; if there is none, the rest of the
path is not kept. A block is cached only if its parent is. OPT refuses a block that is needed no earlier than every
leaf that could leave for it; of leaves needed equally late, the one seen last in the trace leaves.
"""

from __future__ import annotations

import numpy as np

from netyield.core.compiled import compiled
from netyield.economics.kv.policies.heap import push, remove
from netyield.sources.traces.trace import Int32, Int64


@compiled
def next_requests(first: Int64, nodes: Int32, node_count: int) -> Int32:
    """Per access the next request that reads the same block; requests + 1 for never."""
    requests = len(first) - 1
    upcoming = np.full(node_count, requests + 1, np.int32)
    found = np.empty(len(nodes), np.int32)
    for r in range(requests - 1, -1, -1):
        for at in range(first[r], first[r + 1]):
            found[at] = upcoming[nodes[at]]
        for at in range(first[r], first[r + 1]):
            upcoming[nodes[at]] = r
    return found


@compiled
def leaf_replay(first: Int64, nodes: Int32, parent: Int32, capacity: int, upcoming: Int32, optimal: bool) -> Int32:
    """Per request its leading run of cached blocks. ``upcoming``: ``next_requests`` for OPT, else unused."""
    requests, node_count = len(first) - 1, len(parent)
    leading = np.zeros(requests, np.int32)
    cached, children = np.zeros(node_count, np.uint8), np.zeros(node_count, np.int32)
    heap, place = np.empty(node_count, np.int32), np.full(node_count, -1, np.int32)
    key = np.zeros(node_count, np.int64)  # the leaf with the largest leaves: minus the last use, or the next one
    held = size = 0
    for r in range(requests):
        start, stop = first[r], first[r + 1]
        at, tail = start, -1
        while at < stop and cached[nodes[at]]:
            tail = nodes[at]
            key[tail] = upcoming[at] if optimal else -at
            at += 1
        leading[r] = at - start
        if tail >= 0 and place[tail] >= 0:  # only the end of the cached path can be a leaf: it may not leave now
            size = remove(heap, place, key, size, tail)
        while at < stop:
            node = nodes[at]
            if held == capacity:
                if size == 0 or (optimal and key[heap[0]] <= upcoming[at]):
                    break
                victim = heap[0]
                size = remove(heap, place, key, size, victim)
                cached[victim] = 0
                held -= 1
                above = parent[victim]
                if above >= 0:
                    children[above] -= 1
                    if children[above] == 0 and above != tail:
                        size = push(heap, place, key, size, above)
            cached[node] = 1
            held += 1
            if tail >= 0:
                children[tail] += 1
            key[node] = upcoming[at] if optimal else -at
            tail = node
            at += 1
        if tail >= 0 and children[tail] == 0:
            size = push(heap, place, key, size, tail)
    return leading
