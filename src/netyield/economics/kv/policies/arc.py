"""ARC: a list of blocks read once, a list of blocks read more often, a ghost of each, and a target that follows them.

Megiddo and Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003, figure 4. The target is a real
number; the ghosts hold as many names as the cache holds blocks.
"""

from __future__ import annotations

import numpy as np

from netyield.core.compiled import compiled
from netyield.economics.kv.definition import Flags
from netyield.economics.kv.policies.found import Bytes, leading_run
from netyield.economics.kv.policies.linked import append, empty_lists, unlink
from netyield.sources.traces.trace import Int32, Int64

GONE, ONCE, OFTEN, ONCE_GHOST, OFTEN_GHOST = 0, 1, 2, 3, 4


@compiled
def arc(first: Int64, nodes: Int32, node_count: int, capacity: int) -> tuple[Int32, Int32, Flags]:
    """Replay over single blocks, root first."""
    requests = len(first) - 1
    leading, anywhere, last = np.zeros(requests, np.int32), np.zeros(requests, np.int32), np.zeros(requests, np.bool_)
    cached, where = np.zeros(node_count, np.uint8), np.zeros(node_count, np.uint8)
    newer, older = empty_lists(node_count, 5)
    sizes = np.zeros(5, np.int64)
    target = 0.0
    for r in range(requests):
        start, stop = first[r], first[r + 1]
        leading[r] = leading_run(cached, nodes, start, stop)
        for at in range(start, stop):
            node = nodes[at]
            place = where[node]
            if cached[node]:
                anywhere[r] += 1
                last[r] = at == stop - 1
            elif place == ONCE_GHOST:
                target = min(capacity, target + max(sizes[OFTEN_GHOST] / sizes[ONCE_GHOST], 1.0))
                _replace(newer, older, node_count, cached, where, sizes, target, False)
            elif place == OFTEN_GHOST:
                target = max(0.0, target - max(sizes[ONCE_GHOST] / sizes[OFTEN_GHOST], 1.0))
                _replace(newer, older, node_count, cached, where, sizes, target, True)
            else:
                _make_room(newer, older, node_count, cached, where, sizes, target, capacity)
            if place != GONE:
                unlink(newer, older, node)
                sizes[place] -= 1
            to = ONCE if place == GONE else OFTEN
            append(newer, older, node_count + to, node)
            where[node] = to
            sizes[to] += 1
            cached[node] = 1
    return leading, anywhere, last


@compiled
def _make_room(
    newer: Int32, older: Int32, node_count: int, cached: Bytes, where: Bytes, sizes: Int64, target: float, capacity: int
) -> None:
    """Before a block that neither the cache nor a ghost knows comes in."""
    if sizes[ONCE] + sizes[ONCE_GHOST] == capacity:
        if sizes[ONCE] == capacity:
            _forget(newer, older, node_count, cached, where, sizes, ONCE)
            return
        _forget(newer, older, node_count, cached, where, sizes, ONCE_GHOST)
        _replace(newer, older, node_count, cached, where, sizes, target, False)
        return
    known = sizes[ONCE] + sizes[OFTEN] + sizes[ONCE_GHOST] + sizes[OFTEN_GHOST]
    if known >= capacity:
        if known == 2 * capacity:
            _forget(newer, older, node_count, cached, where, sizes, OFTEN_GHOST)
        _replace(newer, older, node_count, cached, where, sizes, target, False)


@compiled
def _forget(newer: Int32, older: Int32, node_count: int, cached: Bytes, where: Bytes, sizes: Int64, queue: int) -> None:
    """Drop the oldest of a list without a trace."""
    node = newer[node_count + queue]
    unlink(newer, older, node)
    sizes[queue] -= 1
    where[node] = GONE
    cached[node] = 0


@compiled
def _replace(
    newer: Int32, older: Int32, node_count: int, cached: Bytes, where: Bytes, sizes: Int64, target: float,
    from_often_ghost: bool,
) -> None:  # fmt: skip
    """Move the oldest block of one list to its ghost: of ``ONCE`` while that is above the target."""
    over = sizes[ONCE] > target or (from_often_ghost and sizes[ONCE] == target)
    queue = ONCE if sizes[ONCE] > 0 and over else OFTEN
    ghost = ONCE_GHOST if queue == ONCE else OFTEN_GHOST
    node = newer[node_count + queue]
    unlink(newer, older, node)
    sizes[queue] -= 1
    append(newer, older, node_count + ghost, node)
    sizes[ghost] += 1
    where[node] = ghost
    cached[node] = 0
