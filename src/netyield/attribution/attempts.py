"""Attempts as integers, mapped to the pool and the replica that served them.

Out: ``attempts_in`` (edge: one row per attempt of the loaded range) with attempt_id, times in microseconds, the class
counts, the dimensions, and serving_id (null = an API call, or an answer the gateway replayed: no replica worked for it).
Which names are self-hosted is decided once per distinct
(pool, provider, model, endpoint, replica).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from netyield.ledger.pools import pool_of_attempt
from netyield.ledger.settings import PoolRule
from netyield.store.engine import Engine

INPUT_CLASSES = (
    "in_uncached", "in_cache_read", "in_cache_write_5m", "in_cache_write_30m", "in_cache_write_1h", "in_cache_write_12h",
    "in_cache_write_unknown", "in_audio", "in_audio_cache_read", "in_image", "in_image_cache_read", "in_tool",
)
CACHED_CLASSES = ("in_cache_read", "in_audio_cache_read", "in_image_cache_read")
OUTPUT_CLASSES = ("out_text", "out_reasoning", "out_audio", "out_image", "out_rejected_prediction")
CLASSES = (*INPUT_CLASSES, *OUTPUT_CLASSES)
KEYS = ("pool", "provider", "model", "endpoint", "replica")
# No attempt runs longer; a clock fault must not spread one over a month.
LONGEST_US = 6 * 3_600_000_000


def zero_sum(classes: Sequence[str]) -> str:
    """SQL for the sum of class counts with unknown as nothing reported."""
    return " + ".join(f"COALESCE({name}, 0)" for name in classes)


def load(engine: Engine, rules: Sequence[PoolRule], owners: Sequence[tuple[str, str]], pools: Sequence[str]) -> None:
    """Make ``serving`` (serving_id, pool, serving) and ``attempts_in`` from the ``attempts`` view.

    ``owners``: (pool, owner) pairs the telemetry knows; ``pools``: pools that somebody pays for or that report.
    """
    distinct = engine.query(f"SELECT DISTINCT {', '.join(KEYS)} FROM attempts").to_pylist()
    engine.register("attempt_map", _serving_map(distinct, rules, owners, pools))
    same = " AND ".join(f"a.{key} IS NOT DISTINCT FROM m.{key}" for key in KEYS)
    classes = ", ".join(f"a.{name}" for name in CLASSES)
    computed = [name for name in INPUT_CLASSES if name not in CACHED_CLASSES]
    engine.keep(
        "attempts_in",
        f"""SELECT CAST(md5_number_lower(concat(a.source, '|', a.event_key)) // 2 AS BIGINT) AS attempt_id, a.event_key,
                   micros(a.event_time) AS t,
                   greatest(least(COALESCE(micros(a.end_time), micros(a.event_time) + 1), micros(a.event_time) + {LONGEST_US}),
                            micros(a.event_time) + 1) AS e,
                   CASE WHEN a.purpose = 'gateway_cache_hit' THEN NULL ELSE m.serving_id END AS serving_id,
                   m.resolved_pool AS pool, COALESCE(a.provider, '') AS provider, COALESCE(a.model, '') AS model,
                   COALESCE(a.tariff, 'standard') AS tariff, COALESCE(a.operation, '') AS operation,
                   COALESCE(a.purpose, '') AS purpose, COALESCE(a.team, '') AS team, COALESCE(a.app, '') AS app,
                   COALESCE(a.customer, '') AS customer, a.request_id, a.response_id, a.logical_request_id, a.attempt_number,
                   a.retry_of, a.agent_run_id, a.status, COALESCE(a.finish_reason, '') AS finish_reason,
                   a.delivered_output_tokens, a.accepted_ppm AS logged_ppm, a.prefill_us, a.decode_us, a.provenance,
                   {zero_sum(computed)} AS computed_input, {zero_sum(INPUT_CLASSES)} AS input_tokens,
                   {zero_sum(OUTPUT_CLASSES)} AS output_tokens, {classes}
            FROM attempts a JOIN attempt_map m ON {same}""",
    )


def _serving_map(
    distinct: list[dict[str, Any]], rules: Sequence[PoolRule], owners: Sequence[tuple[str, str]], pools: Sequence[str]
) -> pa.Table:
    """serving_id, pool and serving (owner name, or '' for the pool as a whole) per distinct combination of KEYS."""
    by_name: dict[str, list[tuple[str, str]]] = {}
    for owner_pool, owner in owners:
        for name in {owner, owner.rsplit("/", maxsplit=1)[-1]}:
            if name:
                by_name.setdefault(name, []).append((owner_pool, owner))
    servings: dict[tuple[str, str], int] = {}
    rows: dict[str, list[Any]] = {name: [] for name in (*KEYS, "serving_id", "resolved", "serving")}
    for line in sorted(distinct, key=lambda d: tuple(str(d[k]) for k in KEYS)):
        pool = pool_of_attempt(line["pool"], line["model"], line["endpoint"], line["replica"], rules)
        found = _owner(line, by_name, pool)
        resolved: str | None = found[0] if found else pool
        serving = found[1] if found else ""
        if resolved is not None and resolved not in pools and found is None and line["pool"] is None:
            resolved = None
        for key in KEYS:
            rows[key].append(line[key])
        rows["resolved"].append(resolved)
        rows["serving"].append(serving)
        rows["serving_id"].append(None if resolved is None else servings.setdefault((resolved, serving), len(servings) + 1))
    types = {name: pa.string() for name in rows} | {"serving_id": pa.int64()}
    table = pa.table({name: pa.array(values, types[name]) for name, values in rows.items()})
    return table.rename_columns([*(f"{k}" for k in KEYS), "serving_id", "resolved_pool", "serving"])


def _owner(
    line: dict[str, Any], by_name: dict[str, list[tuple[str, str]]], pool: str | None
) -> tuple[str, str] | None:
    """The (pool, owner) the telemetry knows the attempt's replica by, when there is exactly one."""
    for word in (line["replica"], _host(line["endpoint"])):
        candidates = by_name.get(word or "", [])
        matching = [pair for pair in candidates if pool is None or pair[0] == pool]
        if len(set(matching)) == 1:
            return matching[0]
    return None


def _host(endpoint: str | None) -> str | None:
    """The first label of an endpoint's host: ``http://llm-0.svc:8000/v1`` is ``llm-0``."""
    if not endpoint:
        return None
    host = endpoint.split("://", maxsplit=1)[-1].split("/", maxsplit=1)[0].split(":", maxsplit=1)[0]
    return host.split(".", maxsplit=1)[0]
