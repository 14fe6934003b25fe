"""How far down the LRU stack does each request find its prefix? The stack distances of a whole trace in one pass.

A prefix cache is a tree that loses its least recently used *leaf*. Touch a request's path from leaf to root and that
is a stack: the evicted node is always a leaf, and the nodes last touched by one request are a contiguous tail of its
path. So the stack needs one number per *request* (how many nodes it still owns), a Fenwick tree over requests gives
any distance, and a request's path falls into *runs* of nodes with the same owner, about one per branch point.

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
    return Runs(*_runs(trace.first, trace.nodes, trace.unique_blocks))


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
def _add(tree: Int64, request: int, amount: int) -> None:
    place = request + 1
    while place < len(tree):
        tree[place] += amount
        place += place & -place


@compiled
def _runs(first: Int64, nodes: Int32, node_count: int) -> tuple[Int32, Int32, Int32, Int64, Int32]:
    requests = len(first) - 1
    owners = np.full(node_count, -1, np.int32)
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
        start, stop = first[r], first[r + 1]
        first_run = found
        at = start
        while at < stop:
            last_user = owners[nodes[at]]
            run_start = at
            owners[nodes[at]] = r
            at += 1
            if last_user < 0:  # a block never seen has no seen block below it
                while at < stop:
                    owners[nodes[at]] = r
                    at += 1
                break
            while at < stop and owners[nodes[at]] == last_user:
                owners[nodes[at]] = r
                at += 1
            if found == room:
                room *= 2
                request, depth, length = _grown(request, room), _grown(depth, room), _grown(length, room)
                base, owner = _grown(base, room), _grown(owner, room)
            request[found], depth[found], length[found] = r, run_start - start, at - run_start
            base[found], owner[found] = owned - _prefix_sum(tree, last_user), last_user
            found += 1
        for i in range(first_run, found):  # after all ranks: they are those before this request
            _add(tree, owner[i], -length[i])
            owned -= length[i]
        _add(tree, r, stop - start)
        owned += stop - start
    return (
        request[:found].copy(), depth[:found].copy(), length[:found].copy(), base[:found].copy(), owner[:found].copy(),
    )  # fmt: skip


@compiled
def _grown(values: NDArray[Any], room: int) -> NDArray[Any]:
    larger = np.empty(room, values.dtype)
    larger[: len(values)] = values
    return larger
