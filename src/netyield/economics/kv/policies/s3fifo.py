"""S3-FIFO: a small queue that filters one-shot blocks, a main queue, and a ghost queue of what the filter let go.

Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023. Parameters: the small
queue is ``small_share`` of the capacity (0.10), the main queue and the ghost queue each the rest; a block moves from
the small to the main queue when it was read at least ``moves_at`` times there (2) after it came in; counts stop at 3.
"""

from __future__ import annotations

import numpy as np

from netyield.core.compiled import compiled
from netyield.economics.kv.definition import Flags
from netyield.economics.kv.policies.found import Bytes, leading_run
from netyield.economics.kv.policies.linked import append, empty_lists, unlink
from netyield.sources.traces.trace import Int32, Int64

MOST_READS = 3
GONE, SMALL, MAIN, GHOST = 0, 1, 2, 3


@compiled
def s3fifo(
    first: Int64, nodes: Int32, node_count: int, capacity: int, small_room: int, moves_at: int
) -> tuple[Int32, Int32, Flags]:
    """``small_room`` blocks of the capacity are the small queue."""
    requests = len(first) - 1
    leading, anywhere, last = np.zeros(requests, np.int32), np.zeros(requests, np.int32), np.zeros(requests, np.bool_)
    main_room = capacity - small_room
    cached, where, reads = (
        np.zeros(node_count, np.uint8),
        np.zeros(node_count, np.uint8),
        np.zeros(node_count, np.uint8),
    )
    newer, older = empty_lists(node_count, 4)
    sizes = np.zeros(4, np.int64)
    evicted = False
    for r in range(requests):
        start, stop = first[r], first[r + 1]
        leading[r] = leading_run(cached, nodes, start, stop)
        for at in range(start, stop):
            node = nodes[at]
            if cached[node]:
                anywhere[r] += 1
                last[r] = at == stop - 1
                reads[node] = min(reads[node] + 1, MOST_READS)
                continue
            remembered = where[node] == GHOST
            if remembered:
                unlink(newer, older, node)
                sizes[GHOST] -= 1
            where[node] = GONE
            while sizes[SMALL] + sizes[MAIN] >= capacity:
                evicted = True
                if sizes[MAIN] > main_room or sizes[SMALL] == 0:
                    _from_main(newer, older, node_count, where, reads, cached, sizes)
                else:
                    _from_small(newer, older, node_count, where, reads, cached, sizes, moves_at, main_room)
            early = not evicted and sizes[SMALL] >= small_room
            _enter(newer, older, node_count, where, sizes, MAIN if remembered or early else SMALL, node)
            cached[node], reads[node] = 1, 0
    return leading, anywhere, last


@compiled
def _enter(newer: Int32, older: Int32, node_count: int, where: Bytes, sizes: Int64, queue: int, node: int) -> None:
    append(newer, older, node_count + queue, node)
    where[node] = queue
    sizes[queue] += 1


@compiled
def _from_small(
    newer: Int32, older: Int32, node_count: int, where: Bytes, reads: Bytes, cached: Bytes, sizes: Int64,
    moves_at: int, ghost_room: int,
) -> None:  # fmt: skip
    """Move the oldest blocks of the small queue on until one leaves the cache."""
    while sizes[SMALL] > 0:
        node = newer[node_count + SMALL]
        unlink(newer, older, node)
        sizes[SMALL] -= 1
        if reads[node] >= moves_at:
            reads[node] = 0
            _enter(newer, older, node_count, where, sizes, MAIN, node)
            continue
        cached[node] = 0
        where[node] = GONE
        if ghost_room > 0:
            if sizes[GHOST] == ghost_room:
                forgotten = newer[node_count + GHOST]
                unlink(newer, older, forgotten)
                where[forgotten] = GONE
                sizes[GHOST] -= 1
            _enter(newer, older, node_count, where, sizes, GHOST, node)
        return


@compiled
def _from_main(
    newer: Int32, older: Int32, node_count: int, where: Bytes, reads: Bytes, cached: Bytes, sizes: Int64
) -> None:
    """Give read blocks of the main queue another round until one leaves the cache."""
    while True:
        node = newer[node_count + MAIN]
        unlink(newer, older, node)
        if reads[node] > 0:
            reads[node] -= 1
            append(newer, older, node_count + MAIN, node)
            continue
        sizes[MAIN] -= 1
        cached[node] = 0
        where[node] = GONE
        return
