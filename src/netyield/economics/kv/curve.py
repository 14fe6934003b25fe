"""How many tokens would a prefix cache of every size have saved? The whole exact LRU curve of a trace at once.

Hit tokens at capacity C are the tokens of all counted blocks whose stack distance (``runs``) is at most C: each run
adds its tokens to a range of ranks, and one running sum over ranks is the curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled
from netyield.economics.kv.definition import Definition, Flags, Mean, Weight, block_counts
from netyield.economics.kv.runs import Runs, request_ranks
from netyield.sources.traces.trace import Int32, Int64, Trace

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """Hits at every capacity from 0 to the number of distinct blocks; larger capacities are the last entry.

    ``measured``: what the ratio is over, in the definition's weight (for a mean over requests, their number).
    ``ratio_sums`` are sums of per-request ratios, only where the definition asks for their mean.
    """

    definition: Definition
    tokens: Int64
    blocks: Int64
    measured: int
    ratio_sums: Float64 | None = None

    @property
    def capacity_of_everything(self) -> int:
        """The smallest capacity that reaches the ceiling."""
        return int(np.searchsorted(self.tokens, self.tokens[-1]))

    @property
    def ceiling_hit_tokens(self) -> int:
        """Hit tokens of an infinite cache."""
        return int(self.tokens[-1])

    def hit_tokens(self, capacity_blocks: int) -> int:
        """Hit tokens of the counted requests."""
        return int(self.tokens[self._place(capacity_blocks)])

    def hit_blocks(self, capacity_blocks: int) -> int:
        """Hit blocks of the counted requests."""
        return int(self.blocks[self._place(capacity_blocks)])

    def ratio(self, capacity_blocks: int) -> float:
        """The hit ratio as the definition says; 0 when nothing is counted."""
        return float(self.ratios(np.array([capacity_blocks]))[0])

    def ratios(self, capacities: NDArray[np.integer]) -> Float64:
        """Hit ratios of many capacities."""
        places = np.clip(capacities, 0, len(self.tokens) - 1)
        chosen = self.tokens if self.definition.weight is Weight.TOKENS else self.blocks
        sums = chosen[places].astype(np.float64) if self.ratio_sums is None else self.ratio_sums[places]
        return sums / self.measured if self.measured else np.zeros(len(places))

    def _place(self, capacity_blocks: int) -> int:
        return min(max(capacity_blocks, 0), len(self.tokens) - 1)


def lru_curve(
    trace: Trace, definition: Definition, *, runs: Runs | None = None, measured: Flags | None = None
) -> Curve:
    """The exact leaf-LRU curve of a prefix tree for every capacity. ``runs`` and ``measured`` when already known."""
    runs = request_ranks(trace) if runs is None else runs
    counted = definition.measured(trace) if measured is None else measured
    lengths = block_counts(trace)
    tokens, blocks = _curve(
        runs.request, runs.depth, runs.length, runs.base, counted, lengths, trace.block_tokens, trace.last_tokens,
        trace.unique_blocks,
    )  # fmt: skip
    weighed = definition.weighed(trace)[counted]
    if definition.mean is Mean.SUM:
        return Curve(definition, tokens, blocks, int(weighed.sum()))
    scales = 1.0 / np.maximum(definition.weighed(trace), 1)
    by_token = definition.weight is Weight.TOKENS
    sums = _ratio_sums(
        runs.request, runs.depth, runs.length, runs.base, counted, lengths,
        (trace.block_tokens if by_token else np.ones_like(trace.block_tokens)),
        (trace.last_tokens if by_token else np.ones_like(trace.last_tokens)), scales, trace.unique_blocks,
    )  # fmt: skip
    return Curve(definition, tokens, blocks, int((weighed > 0).sum()), sums)


@compiled
def _curve(
    request: Int32, depth: Int32, length: Int32, base: Int64, counted: Flags, lengths: Int64, block_tokens: Int32,
    last_tokens: Int32, node_count: int,
) -> tuple[Int64, Int64]:  # fmt: skip
    """Running sums over ranks of tokens and blocks; entry C is capacity C."""
    tokens, blocks = np.zeros(node_count + 2, np.int64), np.zeros(node_count + 2, np.int64)
    for i in range(len(request)):
        r = request[i]
        if not counted[r]:
            continue
        low, high = base[i] + 1, base[i] + length[i]
        tokens[low] += block_tokens[r]
        tokens[high + 1] -= block_tokens[r]
        blocks[low] += 1
        blocks[high + 1] -= 1
        if depth[i] + length[i] == lengths[r]:  # the last block of a prompt is partial
            partial = last_tokens[r] - block_tokens[r]
            tokens[high] += partial
            tokens[high + 1] -= partial
    token_rate = token_sum = block_rate = block_sum = 0
    for rank in range(node_count + 1):
        token_rate += tokens[rank]
        token_sum += token_rate
        tokens[rank] = token_sum
        block_rate += blocks[rank]
        block_sum += block_rate
        blocks[rank] = block_sum
    return tokens[:-1], blocks[:-1]


@compiled
def _ratio_sums(
    request: Int32, depth: Int32, length: Int32, base: Int64, counted: Flags, lengths: Int64, block_weight: Int32,
    last_weight: Int32, scales: Float64, node_count: int,
) -> Float64:  # fmt: skip
    """Running sums over ranks of every request's own ratio."""
    found = np.zeros(node_count + 2, np.float64)
    for i in range(len(request)):
        r = request[i]
        if not counted[r]:
            continue
        each, high = block_weight[r] * scales[r], base[i] + length[i]
        found[base[i] + 1] += each
        found[high + 1] -= each
        if depth[i] + length[i] == lengths[r]:
            partial = (last_weight[r] - block_weight[r]) * scales[r]
            found[high] += partial
            found[high + 1] -= partial
    rate = total = 0.0
    for rank in range(node_count + 1):
        rate += found[rank]
        total += rate
        found[rank] = total
    return found[:-1]
