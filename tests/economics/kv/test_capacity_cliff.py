"""A published benchmark where the cache is suddenly too small: Mooncake's page on SSD offload.

Qwen3-8B (147,456 bytes of cache per token), 20 clients, 10 rounds of 4,096 new tokens each, a pool of 80 GB: without
an SSD the hit rate falls in round 7 (from 83 % to 36 %), with one it goes on.
"""

from __future__ import annotations

import pytest
from kv_traces import made_trace

from netyield.economics.kv.definition import leading_tokens
from netyield.economics.kv.runs import leading_blocks, request_ranks
from netyield.sources.traces.trace import Trace

CLIENTS, ROUNDS, NEW_TOKENS, BLOCK = 20, 10, 4_096, 512
POOL_BLOCKS = 80 * 10**9 // (147_456 * BLOCK)
WATERMARK = 0.95  # the pool starts to evict at this share by default (its -eviction_high_watermark_ratio)
IDEAL = [(n - 1) / n for n in range(1, ROUNDS + 1)]


def chats() -> Trace:
    """Every client in turn; a prompt is the whole conversation so far."""
    requests = [
        [1_000 * client + block for block in range(spoken * NEW_TOKENS // BLOCK)]
        for spoken in range(1, ROUNDS + 1)
        for client in range(CLIENTS)
    ]
    return made_trace(requests, [len(ids) * BLOCK for ids in requests], block_size=BLOCK)


def hit_ratios(capacity_blocks: int) -> list[float]:
    """Hit ratio of each round."""
    trace = chats()
    tokens = leading_tokens(trace, leading_blocks(request_ranks(trace), trace.requests, capacity_blocks))
    per_round = tokens.reshape(ROUNDS, CLIENTS).sum(axis=1) / trace.input_tokens.reshape(ROUNDS, CLIENTS).sum(axis=1)
    return [float(ratio) for ratio in per_round]


def test_the_cliff_is_in_round_seven() -> None:
    """Published: 83 % until round 6, 36 % in round 7; tolerance 1 and 5 points at the pool's default watermark."""
    found = hit_ratios(int(POOL_BLOCKS * WATERMARK))
    assert found[:6] == IDEAL[:6]
    assert found[5] == pytest.approx(0.83, abs=0.01)
    assert found[6] == pytest.approx(0.36, abs=0.05)
    assert found[7:] == [0.0, 0.0, 0.0]  # all in turn: LRU drops each conversation just before it is needed


def test_the_cliff_stays_in_round_seven_when_the_pool_is_filled_to_the_brim() -> None:
    found = hit_ratios(POOL_BLOCKS)
    assert found[:6] == IDEAL[:6]
    assert found[6] < IDEAL[6] - 0.1


def test_with_a_second_tier_there_is_no_cliff() -> None:
    assert hit_ratios(2 * POOL_BLOCKS) == IDEAL
