"""Which block has the largest key now? A binary heap whose members can change their key or leave.

``heap[:size]`` are nodes, ``place`` a node's position in it (-1: not in it), ``key`` the keys; of equal keys the larger
node number stands first (nodes are numbered by first appearance). Every function returns the new size.
"""

from __future__ import annotations

from netyield.core.compiled import compiled
from netyield.sources.traces.trace import Int32, Int64


@compiled
def _before(key: Int64, a: int, b: int) -> bool:
    return key[a] > key[b] or (key[a] == key[b] and a > b)


@compiled
def _rise(heap: Int32, place: Int32, key: Int64, at: int) -> int:
    node = heap[at]
    while at > 0:
        above = (at - 1) >> 1
        if not _before(key, node, heap[above]):
            break
        heap[at] = heap[above]
        place[heap[at]] = at
        at = above
    heap[at] = node
    place[node] = at
    return at


@compiled
def _sink(heap: Int32, place: Int32, key: Int64, size: int, at: int) -> None:
    node = heap[at]
    while True:
        below = 2 * at + 1
        if below >= size:
            break
        if below + 1 < size and _before(key, heap[below + 1], heap[below]):
            below += 1
        if not _before(key, heap[below], node):
            break
        heap[at] = heap[below]
        place[heap[at]] = at
        at = below
    heap[at] = node
    place[node] = at


@compiled
def push(heap: Int32, place: Int32, key: Int64, size: int, node: int) -> int:
    """Add a node that is not in the heap."""
    heap[size] = node
    _rise(heap, place, key, size)
    return size + 1


@compiled
def raised(heap: Int32, place: Int32, key: Int64, node: int) -> None:
    """Put a member right whose key has grown."""
    _rise(heap, place, key, place[node])


@compiled
def remove(heap: Int32, place: Int32, key: Int64, size: int, node: int) -> int:
    """Take a member out."""
    at = place[node]
    place[node] = -1
    size -= 1
    if at < size:
        heap[at] = heap[size]
        place[heap[at]] = at
        at = _rise(heap, place, key, at)
        _sink(heap, place, key, size, at)
    return size
