"""Which requests can share a cached prefix at all? Prefix families, and where in them a breakpoint could pay.

A family is the subtree below the first node whose prefix reaches the provider's minimum cacheable length: its requests
share a head that can be cached, and requests of different families share nothing that can be. So every family can be
decided by itself, and the sum of the best is the best of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled
from netyield.economics.kv.definition import block_counts
from netyield.sources.traces.trace import Int32, Int64, Trace

NO_FAMILY = -1


@dataclass(frozen=True, slots=True)
class Family:
    """Requests (in order of arrival) that share the first ``depth`` blocks."""

    requests: Int64
    depth: int


def families(trace: Trace, order: Int64, minimum_tokens: int) -> tuple[list[Family], Int64]:
    """The families of two requests or more by size, largest first, and the requests too short for any (ids)."""
    owner = _owners(trace.first, trace.nodes, trace.block_tokens, trace.last_tokens, minimum_tokens, trace.unique_blocks)
    depths = _depths(trace.parent)
    mine = owner[order]
    ranked = np.argsort(mine, kind="stable")
    sorted_owners = mine[ranked]
    edges = np.flatnonzero(np.diff(sorted_owners)) + 1
    found = [
        Family(order[part], int(depths[owner[order[part[0]]]]))
        for part in np.split(ranked, edges)
        if len(part) > 1 and mine[part[0]] != NO_FAMILY
    ]
    found.sort(key=lambda one: (-len(one.requests), int(one.requests[0])))
    return found, np.flatnonzero(owner == NO_FAMILY)


def children(trace: Trace, family: Family) -> list[Family]:
    """The parts of a family after the head all its requests share: two requests or more each; [] when it never splits."""
    shared = head_depth(trace, family)
    lengths = block_counts(trace)[family.requests]
    going_on = family.requests[lengths > shared]
    nodes = trace.nodes[trace.first[going_on] + shared]
    ranked = np.argsort(nodes, kind="stable")
    parts = np.split(going_on[ranked], np.flatnonzero(np.diff(nodes[ranked])) + 1)
    return [Family(part, shared + 1) for part in parts if len(part) > 1]


def members(trace: Trace, family: Family, among: Int64) -> Int64:
    """The requests among these that share the first ``depth`` blocks of a family, in their order."""
    node = trace.nodes[trace.first[family.requests[0]] + family.depth - 1]
    starts = trace.first[among]
    reaches = np.diff(trace.first)[among] >= family.depth
    place = np.where(reaches, starts + family.depth - 1, 0)
    kept: Int64 = among[reaches & (trace.nodes[place] == node)]
    return kept


def head_depth(trace: Trace, family: Family) -> int:
    """How many leading blocks all requests of a family share."""
    return int(_shared(trace.first, trace.nodes, family.requests))


def mark_places(trace: Trace, family: Family, scratch: Int64) -> tuple[Int32, NDArray[np.float64]]:
    """Depths (ascending) at which a fixed breakpoint can be best, with the tokens it could have read again.

    A breakpoint in the middle of a chain that the same requests walk on is never better than one at its end: the same
    entries are found, each read is longer, and what is written is read as often. So only ends of chains with two
    requests or more count: forks, ends of prompts. ``scratch`` (N zeros) is left as zeros.
    """
    depths, gains = _places(
        trace.first, trace.nodes, trace.block_tokens, trace.last_tokens, family.requests, family.depth, scratch
    )
    return depths, gains


@compiled
def _owners(
    first: Int64, nodes: Int32, block_tokens: Int32, last_tokens: Int32, minimum_tokens: int, node_count: int
) -> Int32:
    """Per request the shallowest node on its path that is somebody's first cacheable prefix."""
    heads = np.zeros(node_count, np.bool_)
    requests = len(first) - 1
    for r in range(requests):
        length = first[r + 1] - first[r]
        for depth in range(1, length + 1):
            tokens = depth * block_tokens[r] if depth < length else (length - 1) * block_tokens[r] + last_tokens[r]
            if tokens >= minimum_tokens:
                heads[nodes[first[r] + depth - 1]] = True
                break
    owner = np.full(requests, -1, np.int32)
    for r in range(requests):
        for i in range(first[r], first[r + 1]):
            if heads[nodes[i]]:
                owner[r] = nodes[i]
                break
    return owner


@compiled
def _depths(parent: Int32) -> Int32:
    """Per node its depth, roots at 1; parents come before their children."""
    depths = np.ones(len(parent), np.int32)
    for n in range(len(parent)):
        if parent[n] >= 0:
            depths[n] = depths[parent[n]] + 1
    return depths


@compiled
def _shared(first: Int64, nodes: Int32, requests: Int64) -> int:
    start = first[requests[0]]
    shared: int = first[requests[0] + 1] - start
    for at in range(1, len(requests)):
        other = first[requests[at]]
        shared = min(shared, first[requests[at] + 1] - other)
        i = 0
        while i < shared and nodes[start + i] == nodes[other + i]:
            i += 1
        shared = i
    return shared


@compiled
def _places(
    first: Int64, nodes: Int32, block_tokens: Int32, last_tokens: Int32, requests: Int64, least: int,
    visits: Int64,
) -> tuple[Int32, NDArray[np.float64]]:  # fmt: skip
    longest = 0
    for at in range(len(requests)):
        r = requests[at]
        longest = max(longest, first[r + 1] - first[r])
        for i in range(first[r], first[r + 1]):
            visits[nodes[i]] += 1
    gains = np.zeros(longest + 1, np.float64)
    for at in range(len(requests)):
        r = requests[at]
        length = first[r + 1] - first[r]
        for depth in range(least, length + 1):
            n = nodes[first[r] + depth - 1]
            if visits[n] < 2:
                break
            if depth < length and visits[nodes[first[r] + depth]] == visits[n]:
                continue
            tokens = depth * block_tokens[r] if depth < length else (length - 1) * block_tokens[r] + last_tokens[r]
            gains[depth] += tokens * (visits[n] - 1) / visits[n]
    for at in range(len(requests)):
        r = requests[at]
        for i in range(first[r], first[r + 1]):
            visits[nodes[i]] = 0
    depths = np.flatnonzero(gains).astype(np.int32)
    return depths, gains[depths]
