"""How long did 95 of 100 requests wait for their first token, and then per token? Per serving replica and hour.

In:  engine_samples (histogram buckets), engine_replicas, attempts, attempt_map. Out: latency_hours(pool, owner, hour_us,
     ttft_p95_us, tpot_p95_us, latency_from), whole microseconds, null where nothing measured it.
The engine's own histograms come first: reset-aware growth of every bucket, interpolated inside a bucket as Prometheus'
histogram_quantile does; beyond the last finite bound the quantile is unknown. Else the request log's first-token times,
nearest rank, rounded up by at most 1 %. Time per output token is (end - first token) / (output tokens - 1).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from netyield.attribution.attempts import OUTPUT_CLASSES, zero_sum
from netyield.attribution.serving_map import KEYS
from netyield.core.period import Period, micros
from netyield.store.engine import Engine

HOUR_US = 3_600_000_000
QUANTILE = 0.95
# Best first: a request's mean time per token is what an objective speaks of; the gap between two tokens comes near it.
FIRST_TOKEN = ("vllm:time_to_first_token_seconds", "sglang:time_to_first_token_seconds")
PER_TOKEN = (
    "vllm:request_time_per_output_token_seconds",
    "sglang:time_per_output_token_seconds",
    "vllm:time_per_output_token_seconds",
    "vllm:inter_token_latency_seconds",
    "sglang:inter_token_latency_seconds",
)
LATENCIES = pa.schema(
    [
        ("pool", pa.string()),
        ("owner", pa.string()),
        ("hour_us", pa.int64()),
        ("ttft_p95_us", pa.int64()),
        ("tpot_p95_us", pa.int64()),
    ]
)


def run(engine: Engine, segment: Period) -> None:
    """Make ``latency_hours`` of the segment."""
    lo, hi = micros(segment.since), micros(segment.until)
    engine.register("latency_engine", _from_histograms(engine, lo, hi))
    engine.keep("latency_log", _log_sql(lo, hi))
    engine.keep(
        "latency_hours",
        """SELECT pool, owner, hour_us, COALESCE(MAX(engine_ttft), MAX(log_ttft)) AS ttft_p95_us,
                  COALESCE(MAX(engine_tpot), MAX(log_tpot)) AS tpot_p95_us,
                  CASE WHEN MAX(engine_ttft) IS NOT NULL OR MAX(engine_tpot) IS NOT NULL THEN 'engine' ELSE 'request log' END AS latency_from
           FROM (SELECT pool, owner, hour_us, ttft_p95_us AS engine_ttft, tpot_p95_us AS engine_tpot, NULL AS log_ttft, NULL AS log_tpot
                 FROM latency_engine
                 UNION ALL SELECT pool, owner, hour_us, NULL, NULL, ttft_p95_us, tpot_p95_us FROM latency_log)
           GROUP BY pool, owner, hour_us""",
    )


def quantile_us(buckets: Sequence[tuple[float, float]]) -> int | None:
    """The 0.95 quantile in microseconds of (upper bound in seconds, requests up to it), null beyond the last finite bound."""
    ordered = sorted(buckets)
    total = ordered[-1][1] if ordered and ordered[-1][0] == float("inf") else 0.0
    if total <= 0:
        return None
    rank, below, reached = QUANTILE * total, 0.0, 0.0
    for bound, count in ordered[:-1]:
        if count >= rank:
            share = (rank - reached) / (count - reached) if count > reached else 1.0
            return round(1_000_000 * (below + (bound - below) * share))
        below, reached = bound, max(reached, count)
    return None


def _from_histograms(engine: Engine, lo: int, hi: int) -> pa.Table:
    names = ", ".join(f"'{name}'" for name in (*FIRST_TOKEN, *PER_TOKEN))
    rows = engine.query(
        f"""WITH readings AS (
              SELECT replica, COALESCE(namespace, '') AS namespace, metric, concat_ws('|', model, labels) AS series,
                     regexp_extract(labels, '"le":"([^"]*)"', 1) AS bound, micros(event_time) AS t, MAX(value) AS v
              FROM engine_samples WHERE kind = 'bucket' AND metric IN ({names}) AND value >= 0 AND value < 9007199254740992 GROUP BY ALL),
            followed AS (
              SELECT *, LAG(v) OVER (PARTITION BY replica, namespace, metric, series ORDER BY t) AS before_v FROM readings)
            SELECT m.pool, m.owner, f.metric, f.bound, greatest((t - 1) - (t - 1) % {HOUR_US}, {lo - lo % HOUR_US}) AS hour_us,
                   SUM(CASE WHEN v >= before_v THEN v - before_v ELSE v END) AS requests
            FROM followed f JOIN engine_replicas m ON f.replica = m.replica AND f.namespace = m.namespace
            WHERE before_v IS NOT NULL AND t >= {lo} AND t < {hi} AND m.pool <> '' GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    found: dict[tuple[str, str, int], dict[str, list[tuple[float, float]]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        bound = _bound(row["bound"])
        if bound is not None:
            found[row["pool"], row["owner"], row["hour_us"]][row["metric"]].append((bound, row["requests"]))
    made: list[dict[str, Any]] = [
        {
            "pool": key[0],
            "owner": key[1],
            "hour_us": key[2],
            "ttft_p95_us": _best(metrics, FIRST_TOKEN),
            "tpot_p95_us": _best(metrics, PER_TOKEN),
        }
        for key, metrics in found.items()
    ]
    return pa.Table.from_pylist(made, schema=LATENCIES)


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _best(metrics: dict[str, list[tuple[float, float]]], names: Sequence[str]) -> int | None:
    return next(
        (value for name in names if name in metrics and (value := quantile_us(metrics[name])) is not None), None
    )


def _log_sql(lo: int, hi: int) -> str:
    same = " AND ".join(f"a.{key} IS NOT DISTINCT FROM m.{key}" for key in KEYS)
    quantiles = " UNION ALL ".join(
        f"""SELECT pool, owner, hour_us, CASE WHEN '{name}' = 'ttft' THEN MIN(v) END AS ttft_p95_us,
                   CASE WHEN '{name}' = 'tpot' THEN MIN(v) END AS tpot_p95_us
            FROM (SELECT pool, owner, hour_us, v, SUM(n) OVER (PARTITION BY pool, owner, hour_us ORDER BY v) AS reached,
                         SUM(n) OVER (PARTITION BY pool, owner, hour_us) AS whole
                  FROM (SELECT pool, owner, hour_us, {_rounded_up(name)} AS v, COUNT(*) AS n FROM timed WHERE {name} IS NOT NULL GROUP BY ALL))
            WHERE reached * 100 >= whole * 95 GROUP BY pool, owner, hour_us"""
        for name in ("ttft", "tpot")
    )
    return f"""
    WITH calls AS (
      SELECT m.resolved_pool AS pool, m.serving AS owner, micros(a.event_time) AS t, micros(a.first_token_time) AS first_t,
             micros(a.end_time) AS e, {zero_sum(OUTPUT_CLASSES)} AS output_tokens
      FROM attempts a JOIN attempt_map m ON {same}
      WHERE m.serving_id IS NOT NULL AND COALESCE(a.purpose, '') <> 'gateway_cache_hit' AND a.first_token_time >= a.event_time
        AND micros(a.event_time) >= {lo} AND micros(a.event_time) < {hi}
    ),
    timed AS (
      SELECT pool, owner, t - t % {HOUR_US} AS hour_us, first_t - t AS ttft,
             CASE WHEN output_tokens > 1 AND e >= first_t THEN int_div(e - first_t, output_tokens - 1) END AS tpot
      FROM calls
    )
    SELECT pool, owner, hour_us, MAX(ttft_p95_us) AS ttft_p95_us, MAX(tpot_p95_us) AS tpot_p95_us FROM ({quantiles})
    GROUP BY pool, owner, hour_us"""


def _rounded_up(name: str) -> str:
    """Microseconds to three significant digits, upward, so that an hour has few distinct values however many requests."""
    steps = " ".join(
        f"WHEN {name} < {10 ** (d + 3)} THEN int_div({name} + {10**d - 1}, {10**d}) * {10**d}" for d in range(6)
    )
    return f"narrow(CASE {steps} ELSE int_div({name} + 999999, 1000000) * 1000000 END)"
