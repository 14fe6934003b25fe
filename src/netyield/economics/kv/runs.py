"""How far down the LRU stack does each request find its prefix? The stack distances of a whole trace in one pass.

A prefix cache is a tree that loses its least recently used *leaf*. Touch a request's path from leaf to root and that
is a stack: the evicted node is always a leaf, and the nodes last touched by one request are a contiguous tail of its
path. So the stack needs one number per *request* (how many nodes it still owns), a Fenwick tree over requests gives
any distance, and a request's path falls into *runs* of nodes with the same owner, about one per branch point. Stretches
of the tree where no request ends and no path parts (segments) always have one owner: the last request that ended in
or below them. Since a run starts where its owner's nodes start, no block but the last of each run is looked at.

The rank (distance, from 1) of the j-th node of a run is ``base + j``; a cache of C blocks holds ranks up to C. Ranks
grow along the path, so what a cache holds of a request is always a prefix. Blocks never seen before are in no run.
Exact for every capacity of at least one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled
from netyield.sources.traces.trace import Int32, Int64, Trace

Whole = int | np.int64


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs in order of (request, depth). The j-th block (from 1) of run i stands at depth ``depth[i] + j - 1`` of
    ``request[i]``, has rank ``base[i] + j`` and was last used by request ``owner[i]``; ``length[i]`` blocks in all."""

    request: Int32
    depth: Int32
    length: Int32
    base: Int64
    owner: Int32


def request_ranks(trace: Trace) -> Runs:
    """The stack distance of every block of every request, by runs; one pass, whatever the capacity."""
    found, request, depth, length, base, owner = _runs(trace.first, trace.nodes, trace.parent)
    return Runs(
        request[:found].copy(), depth[:found].copy(), length[:found].copy(), base[:found].copy(), owner[:found].copy()
    )


def leading_blocks(runs: Runs, requests: int, capacity_blocks: int) -> Int64:
    """Per request how many leading blocks a cache of this capacity holds."""
    held = np.clip(capacity_blocks - runs.base, 0, runs.length)
    return np.bincount(runs.request, weights=held, minlength=requests).astype(np.int64)


@compiled
def _prefix_sum(tree: Int64, request: int) -> int:
    """The sum over requests 0 to ``request``."""
    total = 0
    place = request + 1
    while place > 0:
        total += tree[place]
        place -= place & -place
    return total


@compiled
def _add(tree: Int64, request: Whole, amount: Whole) -> None:
    place = request + 1
    while place < len(tree):
        tree[place] += amount
        place += place & -place


@compiled
def _segments(first: Int64, nodes: Int32, parent: Int32) -> tuple[Int32, Int32, Int32]:
    """The segment of each node; and of each segment the one above it (-1: none) and the path length at its end.

    Node n + 1 is in the segment of n when it is n's only child and no request ends at n.
    """
    count = len(parent)
    heads = np.zeros(count + 1, np.bool_)
    heads[0] = True
    for node in range(count):
        above = parent[node]
        if above != node - 1:
            heads[node] = True
            heads[above + 1] = True  # the child that was numbered next, if there is one, has a sibling
    for r in range(len(first) - 1):
        if first[r + 1] > first[r]:
            heads[nodes[first[r + 1] - 1] + 1] = True
    segments = 0
    for node in range(count):
        segments += heads[node]
    segment, above_it, end = np.empty(count, np.int32), np.empty(segments, np.int32), np.empty(segments, np.int32)
    number = -1
    for node in range(count):
        if heads[node]:
            number += 1
            above = parent[node]
            above_it[number] = segment[above] if above >= 0 else -1
            end[number] = end[segment[above]] if above >= 0 else 0
        segment[node] = number
        end[number] += 1
    return segment, above_it, end


@compiled
def _preorder(above_it: Int32) -> tuple[Int32, Int32]:
    """Places such that everything below a segment stands from ``low`` to before ``high`` of it, itself at ``low``."""
    count = len(above_it)
    size, low, high = np.zeros(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32)
    for s in range(count - 1, -1, -1):
        size[s] += 1
        if above_it[s] >= 0:
            size[above_it[s]] += size[s]
    free, roots = np.empty(count, np.int32), 0
    for s in range(count):
        if above_it[s] >= 0:
            low[s] = free[above_it[s]]
            free[above_it[s]] += size[s]
        else:
            low[s] = roots
            roots += size[s]
        free[s] = low[s] + 1
        high[s] = low[s] + size[s]
    return low, high


@compiled
def _latest(newest: Int32, places: int, low: int, high: int) -> int:
    """The last request that ended in these places: a tree of maxima over them, leaves from ``places`` on."""
    low, high, found = low + places, high + places, -1
    while low < high:
        if low & 1:
            found = max(found, newest[low])
            low += 1
        if high & 1:
            high -= 1
            found = max(found, newest[high])
        low, high = low >> 1, high >> 1
    return found


@compiled
def _runs(first: Int64, nodes: Int32, parent: Int32) -> tuple[int, Int32, Int32, Int32, Int64, Int32]:
    """How many runs, and their columns with room behind them."""
    requests = len(first) - 1
    segment, above_it, end = _segments(first, nodes, parent)
    low, high = _preorder(above_it)
    places = len(end)
    newest = np.full(2 * places + 1, -1, np.int32)  # of requests, they only grow: an update overwrites all maxima above
    seen = np.zeros(places, np.bool_)
    starts = np.zeros(requests, np.int32)  # the first depth a request still owns
    tree = np.zeros(requests + 1, np.int64)
    room = max(16, 2 * requests)
    request: NDArray[Any] = np.empty(room, np.int32)
    depth: NDArray[Any] = np.empty(room, np.int32)
    length: NDArray[Any] = np.empty(room, np.int32)
    base: NDArray[Any] = np.empty(room, np.int64)
    owner: NDArray[Any] = np.empty(room, np.int32)
    owned = 0  # nodes in the stack
    found = 0
    for r in range(requests):
        blocks = first[r + 1] - first[r]
        if blocks == 0:
            continue
        last = segment[nodes[first[r + 1] - 1]]
        at = last
        while at >= 0 and not seen[at]:
            seen[at] = True
            at = above_it[at]
        first_run = found
        stop = end[at] if at >= 0 else 0
        while stop > 0:  # from the deepest block seen before up to the root, one run a step
            last_user = _latest(newest, places, low[at], high[at])
            if found == room:
                room *= 2
                request, depth, length = _grown(request, room), _grown(depth, room), _grown(length, room)
                base, owner = _grown(base, room), _grown(owner, room)
            start = starts[last_user]
            request[found], depth[found], length[found], owner[found] = r, start, stop - start, last_user
            base[found] = owned - _prefix_sum(tree, last_user)
            found += 1
            stop = start
            if start > 0:
                at = segment[nodes[first[r] + start - 1]]
        for i in range(first_run, found):  # after all ranks: they are those before this request
            starts[owner[i]] += length[i]
            _add(tree, np.int64(owner[i]), -length[i])
            owned -= length[i]
        _turn(depth, length, base, owner, np.int64(first_run), np.int64(found))
        _add(tree, r, blocks)
        owned += blocks
        place = low[last] + places
        while place > 0:
            newest[place] = r
            place >>= 1
    return found, request, depth, length, base, owner


@compiled
def _turn(depth: Int32, length: Int32, base: Int64, owner: Int32, low: Whole, stop: Whole) -> None:
    """Turn the runs of one request round: root first."""
    high = stop - 1
    while low < high:
        depth[low], depth[high] = depth[high], depth[low]
        length[low], length[high] = length[high], length[low]
        base[low], base[high] = base[high], base[low]
        owner[low], owner[high] = owner[high], owner[low]
        low, high = low + 1, high - 1


@compiled
def _grown(values: NDArray[Any], room: int) -> NDArray[Any]:
    larger = np.empty(room, values.dtype)
    for place in range(len(values)):  # compiles in a tenth of the time of an assignment of slices
        larger[place] = values[place]
    return larger
