"""Traces for the tests: the two recorded ones, and small ones made of lists of ids."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Identity, Trace

DATA = Path(__file__).parents[2] / "data" / "kv"
NAMES = ("conversation", "synthetic")


def trace_path(name: str) -> Path:
    return DATA / f"mooncake_{name}_trace.jsonl.gz"


@cache
def mooncake(name: str) -> Trace:
    return read_trace(trace_path(name), format="mooncake")


def paths(requests: Sequence[Sequence[int]]) -> list[tuple[tuple[int, ...], ...]]:
    """Each request as its blocks, a block being the whole prefix that ends in it."""
    return [tuple(tuple(ids[: depth + 1]) for depth in range(len(ids))) for ids in requests]


def made_trace(
    requests: Sequence[Sequence[int]],
    tokens: Sequence[int],
    *,
    block_size: int = 4,
    arrival_us: Sequence[int] | None = None,
    tenant: Sequence[int] | None = None,
    session: Sequence[int] | None = None,
) -> Trace:
    """A trace of these id lists; the nodes are the distinct prefixes, numbered by first appearance."""
    known: dict[tuple[int, ...], int] = {}
    blocks = paths(requests)
    for request in blocks:
        for block in request:
            known.setdefault(block, len(known))
    lasts = [max(1, n - block_size * (len(ids) - 1)) for ids, n in zip(requests, tokens, strict=True)]
    tenants = np.asarray(tenant if tenant is not None else [0] * len(requests), np.int32)
    sessions = np.asarray(session if session is not None else [0] * len(requests), np.int32)
    return Trace(
        name="made",
        format="mooncake",
        identity=Identity.PREFIX,
        block_size=block_size,
        arrival_us=np.asarray(arrival_us if arrival_us is not None else range(len(requests)), np.int64),
        input_tokens=np.asarray(tokens, np.int64),
        output_tokens=np.full(len(requests), -1, np.int64),
        first=np.cumsum([0, *(len(ids) for ids in requests)]).astype(np.int64),
        nodes=np.array([known[block] for request in blocks for block in request], np.int32),
        parent=np.array([known.get(block[:-1], -1) for block in known], np.int32),
        block_tokens=np.full(len(requests), block_size, np.int32),
        last_tokens=np.array(lasts, np.int32),
        tenant=tenants,
        session=sessions,
        tenants=tuple(f"tenant {n}" for n in range(int(tenants.max(initial=0)) + 1)),
        sessions=tuple(f"session {n}" for n in range(int(sessions.max(initial=0)) + 1)),
    )
