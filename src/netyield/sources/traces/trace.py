"""One request trace in columns: what every reader of trace files returns and every cache question starts from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding

Int64 = NDArray[np.int64]
Int32 = NDArray[np.int32]


class Identity(StrEnum):
    """What an id of the file means, which decides what may be asked of the trace.

    prefix: equal id means equal whole prefix (Mooncake, Bailian, kv-cache-tester). content: equal id means equal
    content wherever it stands (RAGPulse); the prefix tree was built from (parent, id). none: lengths only; no hit
    rate follows from it unless a reuse model is declared.
    """

    PREFIX = "prefix"
    CONTENT = "content"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Trace:
    """R requests in replay order over N distinct tree nodes, with A block accesses.

    ``first`` (R+1): request r touches ``nodes[first[r]:first[r+1]]``, root first. Nodes are dense, numbered by first
    appearance, and ``parent[n]`` is the node before n on every path (-1 for a root). ``block_tokens`` (R) are the
    tokens of each access of a request but its last, ``last_tokens`` (R) those of its last. ``content`` (A) are the
    position-independent ids where the file has them, dense as well. ``arrival_us`` counts from the trace's start, which
    is ``start_us`` since 1970 (UTC) where the file has dates and None where its times only count from some origin.
    ``cached_tokens`` (R) are those of the input that the file says were read from a cache, None where it does not say.
    ``output_tokens`` is -1 where the file does not say. ``tenant`` and ``session`` (R) index the two name tuples.
    """

    name: str
    format: str
    identity: Identity
    block_size: int
    arrival_us: Int64
    input_tokens: Int64
    output_tokens: Int64
    first: Int64
    nodes: Int32
    parent: Int32
    block_tokens: Int32
    last_tokens: Int32
    tenant: Int32
    session: Int32
    tenants: tuple[str, ...] = ("",)
    sessions: tuple[str, ...] = ("",)
    content: Int32 | None = None
    start_us: int | None = None
    cached_tokens: Int64 | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def requests(self) -> int:
        """How many requests."""
        return len(self.input_tokens)

    @property
    def accesses(self) -> int:
        """How many block accesses."""
        return len(self.nodes)

    @property
    def unique_blocks(self) -> int:
        """How many distinct blocks: the capacity that holds everything."""
        return len(self.parent)

    @property
    def span_seconds(self) -> float:
        """Seconds from the first arrival to the last."""
        return float(self.arrival_us[-1] - self.arrival_us[0]) / 1e6 if self.requests else 0.0
