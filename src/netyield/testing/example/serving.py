"""The simulated engines: in which minutes does a replica work, and what would its counters say?

A request occupies its replica from start to end (milliseconds). A replica-minute is active when at least one request
overlaps it; the reported activity is the share of the minute during which any request was being served.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.testing.example.attempt import Attempt
from netyield.testing.example.plan import MINUTE_MS, MINUTES

Counts = NDArray[np.int64]
# What a process that was born before the window had counted by then.
COUNTED_BEFORE = {
    ("vllm:prompt_tokens", ""): 1_404_211,
    ("vllm:prompt_tokens_by_source", "local_compute"): 1_379_907,
    ("vllm:prompt_tokens_by_source", "local_cache_hit"): 24_304,
    ("vllm:generation_tokens", ""): 211_350,
    ("vllm:request_success", "stop"): 1_207,
    ("vllm:request_success", "abort"): 31,
    ("finished", ""): 1_238,
    ("prefill_ms", ""): 233_111,
    ("decode_ms", ""): 5_283_750,
}


def minutes_of(attempt: Attempt) -> range:
    """The minutes an attempt overlaps."""
    return range(attempt.start_ms // MINUTE_MS, (attempt.end_ms - 1) // MINUTE_MS + 1)


def busy_ms(attempts: Iterable[Attempt]) -> Counts:
    """Milliseconds of each minute in which at least one of a replica's attempts was being served."""
    busy = np.zeros(MINUTES, dtype=np.int64)
    reached = 0
    for attempt in sorted(attempts, key=lambda a: a.start_ms):
        start, end = max(attempt.start_ms, reached), attempt.end_ms
        reached = max(reached, end)
        while start < end:
            minute = start // MINUTE_MS
            stop = min(end, (minute + 1) * MINUTE_MS)
            busy[minute] += stop - start
            start = stop
    return busy


@dataclass(frozen=True, slots=True)
class EngineSeries:
    """What one replica's /metrics says at each minute (element m is the scrape at minute m)."""

    counters: dict[tuple[str, str], Counts]  # (metric, extra label) -> cumulative; milliseconds where a time
    running: Counts
    kv_tokens: Counts


def engine_series(attempts: Sequence[Attempt], born: int) -> EngineSeries:
    """Counters since the process was born (minute), gauges at the instant of each scrape."""
    mine = [a for a in attempts if a.start_ms >= born * MINUTE_MS]
    edges = np.arange(MINUTES, dtype=np.int64) * MINUTE_MS
    first = np.array([a.first_ms for a in mine], dtype=np.int64)
    end = np.array([a.end_ms for a in mine], dtype=np.int64)

    def by(moment: Counts, amount: Sequence[int]) -> Counts:
        order = np.argsort(moment, kind="stable")
        total = np.concatenate([[0], np.cumsum(np.array(amount, dtype=np.int64)[order])])
        return total[np.searchsorted(moment[order], edges, side="right")].astype(np.int64)

    counters: dict[tuple[str, str], Counts] = {
        ("vllm:prompt_tokens", ""): by(first, [a.prompt_tokens for a in mine]),
        ("vllm:prompt_tokens_by_source", "local_compute"): by(first, [a.in_uncached for a in mine]),
        ("vllm:prompt_tokens_by_source", "local_cache_hit"): by(first, [a.in_cache_read for a in mine]),
        ("vllm:num_preemptions", ""): by(end, [0] * len(mine)),
        ("prefill_ms", ""): by(end, [a.first_ms - a.start_ms for a in mine]),
        ("decode_ms", ""): by(end, [a.end_ms - a.first_ms for a in mine]),
        ("finished", ""): by(end, [1] * len(mine)),
    }
    for reason in ("stop", "length", "abort", "error"):
        counters["vllm:request_success", reason] = by(end, [int(a.engine_reason == reason) for a in mine])
    generated = by(end, [a.completion_tokens for a in mine])
    running, kv_tokens = np.zeros(MINUTES, dtype=np.int64), np.zeros(MINUTES, dtype=np.int64)
    for attempt in mine:
        for minute in range(attempt.start_ms // MINUTE_MS + 1, (attempt.end_ms - 1) // MINUTE_MS + 1):
            done = _generated_by(attempt, minute * MINUTE_MS)
            generated[minute] += done
            running[minute] += 1
            kv_tokens[minute] += attempt.prompt_tokens + done
    counters["vllm:generation_tokens", ""] = generated
    if born < 0:
        for key, before in COUNTED_BEFORE.items():
            counters[key] = counters[key] + before
    return EngineSeries(counters, running, kv_tokens)


def _generated_by(attempt: Attempt, moment_ms: int) -> int:
    """Tokens an unfinished attempt has generated: evenly from first token to end."""
    if moment_ms < attempt.first_ms:
        return 0
    span = max(1, attempt.end_ms - attempt.first_ms)
    return attempt.completion_tokens * (moment_ms - attempt.first_ms) // span
