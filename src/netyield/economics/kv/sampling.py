"""What is the curve of a trace too large to replay? An estimate from whole prefix trees, with an error bar.

The trees (``parts.families``: requests with the same beginning after what everybody shares) are dealt by hash into
shards; each looked-at shard is replayed with the share of the capacity that its share of the accesses has (SHARDS:
Waldspurger et al., FAST 2015). Single blocks are never sampled: that would cut prefixes. A shard's capacity must hold
a few whole requests, or the estimate is too low; smaller capacities are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse
from netyield.economics.kv.curve import Curve, Float64, lru_curve
from netyield.economics.kv.definition import Definition, Mean, Weight
from netyield.economics.kv.parts import families, mixed, part
from netyield.sources.traces.trace import Trace

SHARDS_LEAST = 4  # fewer give no error bar worth the name
REQUESTS_HELD = 2  # a shard's cache must hold at least this many of the longest request


class SampleBy(StrEnum):
    """What is kept whole: a prompt family, or a session."""

    TREE = "tree"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Estimate:
    """Hit ratios with a standard error, from some of the shards; ``ceiling`` is that of an infinite cache."""

    capacities: NDArray[np.int64]
    ratios: Float64
    standard_errors: Float64
    shards: int
    shards_of: int
    accesses_share: float
    ceiling: float
    ceiling_error: float


def sampled_curve(
    trace: Trace,
    definition: Definition,
    capacities: Sequence[int],
    *,
    shards: int = 16,
    shards_of: int = 64,
    by: SampleBy = SampleBy.TREE,
    seed: int = 0,
) -> Estimate:
    """The ratios at these capacities from ``shards`` of ``shards_of`` hash shards; those too small are left out.

    Raises WrongUse when no error bar can be given or no shard holds a counted request.
    """
    if not SHARDS_LEAST <= shards <= shards_of or definition.mean is not Mean.SUM:
        message = f"{shards} of {shards_of} shards with a mean over {definition.mean} give no error bar."
        raise WrongUse(message, f"Take {SHARDS_LEAST} shards or more of at least as many, and --mean sum.")
    keys = families(trace) if by is SampleBy.TREE else trace.session.astype(np.int64)
    lanes = (mixed(keys, seed) % np.uint64(shards_of)).astype(np.int64)
    measured = definition.measured(trace)
    longest = int(np.diff(trace.first).max(initial=0))
    places = np.array([c for c in capacities if c >= REQUESTS_HELD * longest * shards_of], np.int64)
    hits, weights, seen = [], [], 0
    for lane in range(shards):
        chosen = lanes == lane
        own = part(trace, chosen)
        seen += own.accesses
        curve = lru_curve(own, definition, measured=measured[chosen])
        share = own.accesses / max(trace.accesses, 1)
        rooms = np.append(np.rint(places * share).astype(np.int64), own.accesses)  # the last one holds everything
        hits.append(_hits(curve, rooms))
        weights.append(curve.measured)
    if not sum(weights):
        message = f"The {shards} shards looked at hold no counted request."
        raise WrongUse(message, "Take more shards, or sample by the other of tree and session.")
    ratios, errors = _pooled(np.array(hits, float), np.array(weights, float), shards_of)
    return Estimate(
        places, ratios[:-1], errors[:-1], shards, shards_of, seen / max(trace.accesses, 1), float(ratios[-1]), float(errors[-1])
    )  # fmt: skip


def _hits(curve: Curve, capacities: NDArray[np.int64]) -> Float64:
    chosen = curve.tokens if curve.definition.weight is Weight.TOKENS else curve.blocks
    return chosen[np.clip(capacities, 0, len(chosen) - 1)].astype(np.float64)


def _pooled(hits: Float64, weights: Float64, shards_of: int) -> tuple[Float64, Float64]:
    """The ratio of sums and its standard error (ratio estimator, corrected for the shards not looked at)."""
    count = len(weights)
    ratios = hits.sum(axis=0) / weights.sum()
    residuals = hits - ratios * weights[:, None]
    spread = count / (count - 1) * (residuals**2).sum(axis=0) * (1 - count / shards_of)
    return ratios, np.sqrt(spread) / weights.sum()
