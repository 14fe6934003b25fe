"""What does one arrangement of the cache give? Tokens served by each tier, times to the first token, bytes written.

A tier serves the blocks it holds that no faster tier holds. *Inclusive* tiers (write-through, what LMCache and vLLM do)
each hold a copy, so what counts is the largest; *exclusive* ones take what the tier above evicts, so capacities add
up. Every tier's order is that of last use by any request of its scope, as if recency were told to all tiers.
Prefills compute at least one token, whatever is cached.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from netyield.core.inference.prefill import Prefill
from netyield.economics.kv.cluster import Cluster, mean_context
from netyield.economics.kv.definition import Flags, leading_tokens
from netyield.economics.kv.loading import GB, Link
from netyield.economics.kv.replay import Policy
from netyield.economics.kv.routing import Routing, route
from netyield.economics.kv.runs import Runs
from netyield.economics.kv.slo import STATISTICS, statistic
from netyield.economics.kv.stacks import Stack, stack_of
from netyield.economics.kv.tiers import Tier
from netyield.economics.kv.timeline import first_tokens
from netyield.sources.traces.trace import Int32, Int64, Trace

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One arrangement: ``sizes_gb`` per tier (per node; whole pool when shared), how copies and admission work.

    ``pooled``: tiers that can be are one pool of all nodes, read over the network, instead of one cache a node.
    """

    sizes_gb: tuple[float, ...]
    exclusive: bool = False
    second_touch: bool = False
    policy: Policy = Policy.LRU
    pooled: bool = False

    @property
    def offloads(self) -> bool:
        """Whether anything is kept below HBM."""
        return any(self.sizes_gb)


@dataclass(frozen=True, slots=True)
class Changes:
    """Multipliers that ask what if: of the MFU, of each tier's bandwidth, of every request's cached tokens."""

    mfu: float = 1.0
    bandwidth: tuple[float, ...] = ()
    reuse: float = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one arrangement gives.

    ``served_tokens``: of the counted requests by HBM and each tier, ``computed_tokens`` the rest. ``gpu_seconds`` of
    prefill over the whole trace. ``written_bytes`` into each tier over the whole trace, ``read_seconds`` its links'
    busy time. ``ttft`` by statistic.
    """

    candidate: Candidate
    ttft: dict[str, float]
    served_tokens: tuple[int, ...]
    computed_tokens: int
    gpu_seconds: float
    written_bytes: tuple[float, ...]
    read_bytes: tuple[float, ...]
    read_seconds: tuple[float, ...]
    waiting_share: float

    @property
    def hit_ratio(self) -> float:
        """Served tokens over input tokens of the counted requests."""
        total = sum(self.served_tokens) + self.computed_tokens
        return sum(self.served_tokens) / total if total else 0.0


@dataclass
class Rig:
    """A trace on a cluster with tiers, ready to be asked about any arrangement; ``measured`` requests are counted."""

    trace: Trace
    cluster: Cluster
    tiers: tuple[Tier, ...]
    prefill: Prefill
    hbm_bytes: float  # per replica, for cached prefixes
    runs: Runs
    measured: Flags
    arrival: Floats
    routing: Routing = Routing.AFFINITY
    overlap: bool = False
    stacks: dict[tuple[int, bool], Stack] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.replica = route(self.trace, self.runs, self.cluster.replicas, self.routing)
        self.node = self.cluster.node_of_replica()[self.replica]
        mean = mean_context(self.trace)
        bytes_per_token = float(self.cluster.model.layout.bytes(mean, self.cluster.cache)) / mean
        self.block_bytes = bytes_per_token * self.trace.block_size
        self.hbm_blocks = int(self.hbm_bytes / (self.block_bytes * self.cluster.copies(mean)))
        self.order = np.argsort(self.arrival, kind="stable")
        self.from_nothing = self.prefill.seconds(self.trace.input_tokens.astype(np.float64))

    def stack(self, scope: Int32, parts: int, second_touch: bool = False) -> Stack:
        """The stacks of a scope of so many caches, worked out once."""
        if (parts, second_touch) not in self.stacks:
            self.stacks[parts, second_touch] = stack_of(
                self.trace, scope, parts, second_touch=second_touch, whole=self.runs
            )
        return self.stacks[parts, second_touch]

    def below(self, tier: Tier, second_touch: bool, pooled: bool) -> Stack:
        """The stacks of a tier: one for each node, or one for all. A replica over several nodes has the use of theirs."""
        if tier.shared or (pooled and tier.pool_gb_per_gpu_second):
            return self.stack(np.zeros_like(self.node), 1, second_touch)
        return self.stack(self.node, min(self.cluster.nodes, self.cluster.replicas), second_touch)

    def outcome(self, candidate: Candidate, changes: Changes | None = None) -> Outcome:
        """What this arrangement gives, with the changes asked for."""
        changes = changes or Changes()
        ends, written = self._held(candidate)
        tokens = [self._tokens(end, changes.reuse) for end in ends]
        starts = [np.zeros_like(tokens[0]), *tokens[:-1]]
        clock = replace(self.prefill, mfu=self.prefill.mfu * changes.mfu)
        cached = tokens[-1].astype(np.float64)
        compute = clock.seconds(self.trace.input_tokens - cached, cached)
        reads = [self._bytes(start, end) for start, end in zip(starts[1:], tokens[1:], strict=True)]
        load, link = self._loads(candidate, reads, changes)
        at = self.order
        times = first_tokens(
            self.arrival[at], self.replica[at], compute[at], load[:, at], link[:, at], overlap=self.overlap
        )
        counted = self.measured[at]
        ttft = times.ttft[counted]
        own = self.measured
        served = tuple(int((end - start)[own].sum()) for start, end in zip(starts, tokens, strict=True))
        return Outcome(
            candidate,
            {name: statistic(ttft, name) for name in STATISTICS},
            served,
            int((self.trace.input_tokens - tokens[-1])[own].sum()),
            float(compute.sum()) * self.cluster.tensor_parallel,
            tuple(blocks * self.block_bytes for blocks in written),
            tuple(float(read.sum()) for read in reads),
            tuple(float(seconds.sum()) for seconds in load),
            float(times.waiting[counted].sum() / ttft.sum()) if ttft.sum() else 0.0,
        )

    def _held(self, candidate: Candidate) -> tuple[list[Int64], list[int]]:
        """Leading blocks held by HBM, and by HBM and each tier down to this one; blocks written into each tier."""
        own = self.stack(self.replica, self.cluster.replicas)
        ends, written = [own.leading(self.hbm_blocks)], []
        above = self.hbm_blocks * own.parts
        last = max((place for place, size in enumerate(candidate.sizes_gb) if size), default=-1)
        for place, (tier, size) in enumerate(zip(self.tiers, candidate.sizes_gb, strict=True)):
            if not size:
                ends.append(ends[-1])
                written.append(0)
                continue
            late = candidate.second_touch and tier.wears
            stack = self.below(tier, late, candidate.pooled)
            total = int(size * GB * (1 if tier.shared else self.cluster.nodes) / self.block_bytes)
            capacity = (above + total if candidate.exclusive and not late else total) // stack.parts
            other = candidate.policy is not Policy.LRU and place == last
            held = stack.leading_under(candidate.policy, capacity) if other else stack.leading(capacity)
            ends.append(np.maximum(ends[-1], held))
            if candidate.exclusive and not late:
                upper = stack.leading(above // stack.parts)
                written.append(max(0, stack.inserted(upper) - min(above, self.trace.unique_blocks)))
            else:
                written.append(stack.inserted(held))
            above += total
        return ends, written

    def _tokens(self, leading: Int64, reuse: float) -> Int64:
        tokens = leading_tokens(self.trace, leading)
        if reuse != 1.0:
            tokens = np.asarray(tokens * reuse, dtype=np.int64)
        return np.asarray(np.minimum(tokens, np.maximum(self.trace.input_tokens - 1, 0)), dtype=np.int64)

    def _bytes(self, start: Int64, end: Int64) -> Floats:
        layout, cache = self.cluster.model.layout, self.cluster.cache
        return layout.bytes(end.astype(np.float64), cache) - layout.bytes(start.astype(np.float64), cache)

    def _loads(self, candidate: Candidate, reads: list[Floats], changes: Changes) -> tuple[Floats, Int32]:
        """Seconds of each transfer, and the link it takes."""
        requests = self.trace.requests
        load, link = np.zeros((len(reads), requests)), np.zeros((len(reads), requests), np.int32)
        free = 0
        for place, (tier, size, read) in enumerate(zip(self.tiers, candidate.sizes_gb, reads, strict=True)):
            if not size:
                continue
            factor = changes.bandwidth[place] if changes.bandwidth else 1.0
            over_network = candidate.pooled and bool(tier.pool_gb_per_gpu_second)
            speed = link_of(tier, size, self.cluster.tensor_parallel)
            if over_network:
                speed = pool_link(tier, speed, self.cluster)
            # A latent that every GPU holds whole goes over every GPU's own link.
            each = self.cluster.copies(mean_context(self.trace)) if over_network or tier.read_per == "gpu" else 1.0
            load[place] = speed.times(factor).seconds(read * each)
            which = self.replica if tier.read_per == "gpu" or over_network else self.node
            which = (
                np.zeros_like(which)
                if tier.read_per == "cluster" or (tier.read_per == "drive" and tier.shared)
                else which
            )
            link[place] = which + free
            free += int(which.max()) + 1 if requests else 0
        return load, link


def link_of(tier: Tier, size_gb: float, tensor_parallel: int) -> Link:
    """The link one transfer takes: of a replica's GPUs, a node, its drives, or the whole cluster."""
    many = {"gpu": tensor_parallel, "drive": max(1, tier.drives(size_gb))}.get(tier.read_per, 1)
    return Link(tier.latency_ms / 1e3, tier.read_gb_per_second, tier.measured).times(many)


def pool_link(tier: Tier, own: Link, cluster: Cluster) -> Link:
    """The link to a pool of all nodes: a replica's network, and no more than all its members give together."""
    network = (tier.pool_gb_per_gpu_second or 0.0) * cluster.tensor_parallel
    together = own.gb_per_second * cluster.nodes
    return Link(own.latency_seconds, min(network, together))
