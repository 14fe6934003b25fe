"""What is counted as a hit, over what, and from when? Every choice that moves a hit ratio, named.

The same trace and cache give answers tens of points apart under different choices (whole trace or its last half,
tokens or blocks, sum or mean of ratios), so each is an option, and each is printed with the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse
from netyield.sources.traces.trace import Int64, Trace

Flags = NDArray[np.bool_]


class Weight(StrEnum):
    """What a block counts for: its tokens (the last block of a prompt is partial), or one."""

    TOKENS = "tokens"
    BLOCKS = "blocks"


class Match(StrEnum):
    """What of a request is a hit.

    prefix: its leading run of cached blocks, looked up before any of its own blocks is inserted; what an engine can
    reuse. any: every cached block, each access looked up and inserted by itself, root first; what a plain object
    cache counts.
    """

    PREFIX = "prefix"
    ANY = "any"


class Mean(StrEnum):
    """sum: hits of all requests over tokens of all requests. requests: the mean of each request's own ratio."""

    SUM = "sum"
    REQUESTS = "requests"


class Denominator(StrEnum):
    """input: every input token. identified: only tokens of blocks that have an id (some formats drop the rest)."""

    INPUT = "input"
    IDENTIFIED = "identified"


@dataclass(frozen=True, slots=True)
class Definition:
    """The choices behind one hit ratio. ``warmup``: the share of requests that fill the cache and are not counted."""

    warmup: float = 0.5
    weight: Weight = Weight.TOKENS
    match: Match = Match.PREFIX
    mean: Mean = Mean.SUM
    denominator: Denominator = Denominator.INPUT

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            message = f"A warm-up share of {self.warmup:g} leaves nothing to count."
            raise WrongUse(message, "Give a share from 0 (count the whole trace) to less than 1, for example 0.5.")

    def measured(self, trace: Trace) -> Flags:
        """Per request whether it counts: all but the first ``floor(requests x warmup)``."""
        return np.arange(trace.requests) >= int(np.floor(trace.requests * self.warmup))

    def weighed(self, trace: Trace) -> Int64:
        """Per request what its ratio is over: input tokens, tokens with a block id, or blocks."""
        if self.weight is Weight.BLOCKS:
            return block_counts(trace)
        return trace.input_tokens if self.denominator is Denominator.INPUT else identified_tokens(trace)


def block_counts(trace: Trace) -> Int64:
    """Per request how many blocks it reads."""
    return np.diff(trace.first)


def identified_tokens(trace: Trace) -> Int64:
    """Per request the tokens of its blocks."""
    blocks = block_counts(trace)
    tokens = trace.block_tokens.astype(np.int64) * (blocks - 1) + trace.last_tokens
    return np.where(blocks > 0, tokens, 0)


def leading_tokens(trace: Trace, leading: NDArray[np.integer]) -> Int64:
    """Per request the tokens of its first ``leading`` blocks."""
    found = leading.astype(np.int64) * trace.block_tokens
    whole = (leading > 0) & (leading == block_counts(trace))
    return np.where(whole, found - trace.block_tokens + trace.last_tokens, found)
