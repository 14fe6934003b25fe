"""What if the cache is split: one per tenant, one per node behind a router, or only a sample of it looked at?

A part is a trace of its own: some of the requests, in their order. Whether a request counts (warm-up) is decided on
the whole trace. Hits of caches that do not share anything add up, so the curve of N nodes is a sum of N exact curves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled
from netyield.core.errors import WrongUse
from netyield.economics.kv.curve import Curve, lru_curve
from netyield.economics.kv.definition import Definition, Flags
from netyield.sources.traces.trace import Int32, Int64, Trace

TRUNK_SHARE = 0.05


class Router(StrEnum):
    """Which node a request goes to: the next in turn, its session's, or that of its prompt family (``families``)."""

    ROUND_ROBIN = "round_robin"
    SESSION = "session"
    HASH = "hash"


def routed(trace: Trace, nodes: int, router: Router) -> Int64:
    """Per request the node that serves it."""
    if nodes < 1:
        message = f"{nodes} nodes serve nothing."
        raise WrongUse(message, "Give --nodes a number of 1 or more.")
    if router is Router.ROUND_ROBIN:
        return np.arange(trace.requests, dtype=np.int64) % nodes
    if router is Router.SESSION and len(trace.sessions) < 2:
        message = f"The trace {trace.name} names no sessions, so they cannot choose the node."
        raise WrongUse(message, "Give --router hash or --router round_robin.")
    keys = trace.session if router is Router.SESSION else families(trace)
    return (mixed(keys) % np.uint64(nodes)).astype(np.int64)


def families(trace: Trace, trunk_share: float = TRUNK_SHARE) -> Int64:
    """Per request its first block that fewer than ``trunk_share`` of all requests read; the last one if there is none.

    A system prompt that everybody shares tells no conversation from another; what follows it does. -1: no blocks.
    """
    return _families(trace.first, trace.nodes, trace.unique_blocks, trunk_share * trace.requests)


@compiled
def _families(first: Int64, nodes: Int32, node_count: int, trunk_reads: float) -> Int64:
    reads = np.zeros(node_count, np.int32)
    for node in nodes:
        reads[node] += 1
    found = np.full(len(first) - 1, -1, np.int64)
    for r in range(len(first) - 1):
        for at in range(first[r], first[r + 1]):
            found[r] = nodes[at]
            if reads[nodes[at]] < trunk_reads:
                break
    return found


def mixed(keys: NDArray[np.integer], seed: int = 0) -> NDArray[np.uint64]:
    """Well-spread 64-bit numbers of small ones: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014)."""
    step = (0x9E3779B97F4A7C15 * (seed + 1)) % 2**64
    z = keys.astype(np.int64).astype(np.uint64) + np.uint64(step)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def part(trace: Trace, chosen: Flags) -> Trace:
    """The trace of the chosen requests alone."""
    counts = np.diff(trace.first)[chosen]
    accesses = np.repeat(chosen, np.diff(trace.first))
    nodes, parent = _renumbered(trace.nodes[accesses], trace.parent)
    return replace(
        trace,
        arrival_us=trace.arrival_us[chosen],
        input_tokens=trace.input_tokens[chosen],
        output_tokens=trace.output_tokens[chosen],
        first=np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)]),
        nodes=nodes,
        parent=parent,
        block_tokens=trace.block_tokens[chosen],
        last_tokens=trace.last_tokens[chosen],
        tenant=trace.tenant[chosen],
        session=trace.session[chosen],
        content=None if trace.content is None else trace.content[accesses],
    )


@compiled
def _renumbered(nodes: Int32, parent: Int32) -> tuple[Int32, Int32]:
    """Nodes numbered by first appearance among these accesses, and their parents."""
    number = np.full(len(parent), -1, np.int32)
    renamed, kept = np.empty(len(nodes), np.int32), np.empty(len(parent), np.int32)
    count = 0
    for at in range(len(nodes)):
        node = nodes[at]
        if number[node] < 0:
            number[node] = count
            kept[count] = number[parent[node]] if parent[node] >= 0 else -1
            count += 1
        renamed[at] = number[node]
    return renamed, kept[:count].copy()


def parts(trace: Trace, lanes: NDArray[np.integer], definition: Definition) -> Iterator[tuple[int, Trace, Flags]]:
    """Per lane with requests: its number, its trace, and which of its requests count."""
    measured = definition.measured(trace)
    for lane in np.unique(lanes):
        chosen = lanes == lane
        yield int(lane), part(trace, chosen), measured[chosen]


def lane_curves(trace: Trace, lanes: NDArray[np.integer], definition: Definition) -> dict[int, Curve]:
    """The exact curve of every lane's own cache."""
    return {
        lane: lru_curve(own, definition, measured=measured) for lane, own, measured in parts(trace, lanes, definition)
    }


def tenant_curves(trace: Trace, definition: Definition) -> dict[str, Curve]:
    """The curve of every tenant with a cache of its own, in the order of the trace's tenants."""
    return {trace.tenants[lane]: curve for lane, curve in lane_curves(trace, trace.tenant, definition).items()}


def together(curves: Sequence[Curve]) -> Curve:
    """The curve of caches that share nothing, by the capacity of *each*."""
    length = max(len(curve.tokens) for curve in curves)

    def padded(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.pad(values, (0, length - len(values)), mode="edge")

    tokens = np.sum([padded(curve.tokens) for curve in curves], axis=0)
    blocks = np.sum([padded(curve.blocks) for curve in curves], axis=0)
    sums = [padded(curve.ratio_sums) for curve in curves if curve.ratio_sums is not None]
    return Curve(
        curves[0].definition, tokens, blocks, sum(curve.measured for curve in curves),
        np.sum(sums, axis=0) if sums else None,
    )  # fmt: skip
