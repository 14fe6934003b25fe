"""What a reader of one trace format hands on: the file's requests in columns, with its ids as they stand in the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding
from netyield.sources.traces.trace import Identity, Int32, Int64

TAKEN = (
    "time_us", "input_tokens", "output_tokens", "row", "tenant", "session", "block_tokens", "last_tokens", "cached_tokens",
)  # fmt: skip


@dataclass(slots=True)
class Columns:
    """R requests and A ids. ``time_us`` is as the file has it (any origin), ``row`` the line each request came from.

    ``ids`` are 64-bit patterns: equal numbers mean equal ids, nothing else. ``block_size`` is 0 where the format does
    not say; ``full_blocks`` says that tokens of a partial last block carry no id.
    """

    format: str
    identity: Identity
    block_size: int
    time_us: Int64
    input_tokens: Int64
    output_tokens: Int64
    first: Int64
    ids: Int64
    row: Int64
    tenant: Int32
    session: Int32
    tenants: tuple[str, ...] = ("",)
    sessions: tuple[str, ...] = ("",)
    full_blocks: bool = False
    block_tokens: Int32 | None = None
    last_tokens: Int32 | None = None
    cached_tokens: Int64 | None = None
    notes: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def requests(self) -> int:
        """How many requests."""
        return len(self.input_tokens)

    @property
    def blocks(self) -> Int64:
        """How many ids each request has (R)."""
        counts: Int64 = np.diff(self.first)
        return counts


def starts(counts: NDArray[np.int64]) -> Int64:
    """R counts as R+1 offsets."""
    first = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=first[1:])
    return first


def take(columns: Columns, order: Int64) -> None:
    """Put the requests in another order, or keep only some of them (in place)."""
    counts = columns.blocks[order]
    first = starts(counts)
    index = np.repeat(columns.first[:-1][order] - first[:-1], counts) + np.arange(int(first[-1]), dtype=np.int64)
    columns.ids = columns.ids[index]
    columns.first = first
    for name in TAKEN:
        values = getattr(columns, name)
        if values is not None:
            setattr(columns, name, values[order])


def named(names: Sequence[str]) -> tuple[tuple[str, ...], Int32]:
    """Names as the distinct ones, by first appearance, and the number of each."""
    number: dict[str, int] = {}
    codes = np.array([number.setdefault(name, len(number)) for name in names], np.int32)
    return tuple(number) or ("",), codes
