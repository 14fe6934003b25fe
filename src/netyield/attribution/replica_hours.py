"""What did each serving replica cost, hold and serve in each hour? The facts that unfilled capacity is judged by.

In:  what run.py made of the segment. Out: replica_hours, one row per pool, owner and hour:
     active_pico, active_us   money and device time of active slots with requests or engine-counted tokens
     device_us, wall_us       device time it held, and for how long it held any; unknown_us: unseen time of those devices
     input_tokens             computed input tokens; with output_tokens from the engine's counters, else from request logs
     gap_us                   longest time between two readings of its counters
     prompt_engine ...        all prompt and output tokens by engine and by request log, for reconciliation
``owner`` is '' for devices whose requests are known by pool only; pool '' for a process that holds no known device.
GPU activity enters only as time that was active: no token count is ever made from it.
"""

from __future__ import annotations

import pyarrow as pa

from netyield.attribution import engine_tokens, latency
from netyield.attribution.settings import AttributionSettings
from netyield.core.period import Period, micros
from netyield.store.engine import Engine

HOUR_US = 3_600_000_000
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("pool", "owner", "model", "gpu_model", "engine_version")),
        ("hour_us", pa.int64()),
        ("active_pico", pa.decimal128(38, 0)),
        *(
            (name, pa.int64())
            for name in ("active_us", "device_us", "wall_us", "unknown_us", "gap_us", "input_tokens", "output_tokens")
        ),
        ("tokens_from", pa.string()),
        *((name, pa.int64()) for name in ("requests", "ttft_p95_us", "tpot_p95_us", "prefill_weight", "decode_weight")),
        ("weights_from", pa.string()),
        *((name, pa.int64()) for name in ("prompt_engine", "output_engine", "prompt_metered", "output_metered")),
    ]
)


def table(engine: Engine) -> pa.Table:
    """The rows of ``replica_hours``, in one order and with the same types on every day."""
    return engine.query("SELECT * FROM replica_hours ORDER BY pool, owner, hour_us").cast(SCHEMA)


def run(engine: Engine, segment: Period, settings: AttributionSettings) -> None:
    """Make ``replica_hours`` of the segment."""
    lo = micros(segment.since)
    engine.keep("own_units", _OWN)
    engine.keep("unit_slots", _UNIT_SLOTS)
    engine.keep("unit_hours", _unit_hours(settings.slot_seconds * 1_000_000))
    engine.keep(
        "unit_devices", "SELECT DISTINCT pool, owner, hour_us, device, slice FROM unit_slots WHERE state <> 'unknown'"
    )
    engine.keep("unit_unknown", _UNKNOWN)
    engine.keep("unit_gpus", _GPUS)
    engine.keep("unit_money", _MONEY)
    engine.keep("unit_engine", _engine())
    engine.keep("unit_metered", _METERED)
    engine.keep("unit_versions", _versions(lo))
    engine.keep("unit_models", _MODELS)
    latency.run(engine, segment)
    engine.keep("replica_hours", _rows(settings))


# A holder is a unit of its own when somebody counts its tokens; the others of a pool can only be judged together.
_OWN = """
SELECT DISTINCT pool, serving AS owner FROM servings WHERE serving <> ''
UNION SELECT DISTINCT pool, owner FROM engine_tokens WHERE owner <> ''
"""
_UNIT_SLOTS = """
SELECT h.pool, COALESCE(o.owner, '') AS owner, h.hour_us, h.slot_us, h.device, h.slice, h.state, h.us,
       CASE WHEN h.state = 'active' AND (b.slot_id IS NOT NULL OR e.slot_us IS NOT NULL) THEN h.us ELSE 0 END AS active_us
FROM held h LEFT JOIN own_units o ON h.pool = o.pool AND h.owner = o.owner
LEFT JOIN busy_slots b ON h.slot_id = b.slot_id
LEFT JOIN engine_slots e ON h.pool = e.pool AND h.owner = e.owner AND h.slot_us = e.slot_us
WHERE h.kind = 'serving' AND h.device <> '' AND h.us > 0 AND h.state IN ('starting', 'idle', 'idle_held', 'active', 'unknown')
"""


def _unit_hours(slot: int) -> str:
    return f"""
    SELECT pool, owner, hour_us, narrow(total(active_us)) AS active_us,
           narrow(total(CASE WHEN state <> 'unknown' THEN us ELSE 0 END)) AS device_us,
           COUNT(DISTINCT CASE WHEN state <> 'unknown' THEN slot_us END) * {slot} AS wall_us
    FROM unit_slots GROUP BY pool, owner, hour_us"""


_UNKNOWN = """
SELECT d.pool, d.owner, d.hour_us, narrow(total(u.us)) AS unknown_us
FROM unit_devices d JOIN (SELECT pool, device, slice, hour_us, SUM(us) AS us FROM held WHERE state = 'unknown' GROUP BY ALL) u
  ON d.pool = u.pool AND d.device = u.device AND d.slice = u.slice AND d.hour_us = u.hour_us
GROUP BY d.pool, d.owner, d.hour_us
"""
# Unknown as soon as one device's model is; a MIG slice is another GPU than the whole.
_GPUS = """
SELECT pool, owner, hour_us, CASE WHEN COUNT(*) = COUNT(name) THEN string_agg(DISTINCT name, ' + ' ORDER BY name) END AS gpu_model
FROM (
  SELECT d.pool, d.owner, d.hour_us,
         CASE WHEN d.slice = '' THEN n.gpu_model ELSE n.gpu_model || ' MIG ' || COALESCE(s.profile, 'slice') END AS name
  FROM unit_devices d
  LEFT JOIN (SELECT device_id, MAX(gpu_model) AS gpu_model FROM (
               SELECT device_id, gpu_model FROM gpu_samples UNION ALL SELECT device_id, gpu_model FROM gpu_slices)
             WHERE gpu_model <> '' GROUP BY device_id) n ON d.device = n.device_id
  LEFT JOIN (SELECT device_id, slice_id, MAX(slice_profile) AS profile FROM gpu_slices GROUP BY ALL) s
    ON d.device = s.device_id AND d.slice = s.slice_id)
GROUP BY pool, owner, hour_us
"""
_MONEY = """
SELECT p.pool, COALESCE(o.owner, '') AS owner, p.hour_us, total(p.pico) AS active_pico
FROM placed p LEFT JOIN own_units o ON p.pool = o.pool AND p.owner = o.owner
WHERE p.kind = 'serving' AND p.device <> '' AND p.state = 'active' AND (p.slot_id IS NOT NULL OR p.counted_by IS NOT NULL)
GROUP BY ALL
"""


def _engine() -> str:
    """All counters per hour; the model is what the process calls it, joined when it serves several.

    What a reading at midnight adds belongs to the hour before: a row of that hour without time or money.
    """
    kinds = (engine_tokens.PROMPT, engine_tokens.COMPUTED, engine_tokens.OUTPUT, engine_tokens.FINISHED)
    sums = ", ".join(f"narrow(total(CASE WHEN kind = '{kind}' THEN tokens END)) AS {kind}" for kind in kinds)
    return f"""
    SELECT pool, CASE WHEN pool = '' THEN replica ELSE owner END AS owner,
           (t - 1) - (t - 1) % {HOUR_US} AS hour_us, MAX(t - before_t) AS gap_us,
           string_agg(DISTINCT named, ' + ' ORDER BY named) AS model, {sums}
    FROM (SELECT *, CASE WHEN tokens > 0 AND model <> '' THEN model END AS named FROM engine_counts) GROUP BY ALL"""


# Input counts in the hour an attempt began, output spread over the time it took.
_METERED = f"""
SELECT s.pool, s.serving AS owner, c.hour_us, narrow(total(c.input_tokens)) AS prompt, narrow(total(c.computed_input)) AS computed,
       narrow(total(c.output_tokens)) AS output, narrow(total(c.started)) AS started
FROM (
  SELECT serving_id, t - t % {HOUR_US} AS hour_us, input_tokens, computed_input, output_tokens, 1 AS started
  FROM attempts_in WHERE serving_id IS NOT NULL AND t - t % {HOUR_US} = (e - 1) - (e - 1) % {HOUR_US}
  UNION ALL
  SELECT a.serving_id, h.hour_us, CASE WHEN a.t >= h.hour_us THEN a.input_tokens ELSE 0 END,
         CASE WHEN a.t >= h.hour_us THEN a.computed_input ELSE 0 END,
         narrow(int_div(wide(a.output_tokens) * (least(a.e, h.hour_us + {HOUR_US}) - a.t), a.e - a.t)
              - int_div(wide(a.output_tokens) * (greatest(a.t, h.hour_us) - a.t), a.e - a.t)),
         CASE WHEN a.t >= h.hour_us THEN 1 ELSE 0 END
  FROM attempts_in a JOIN (SELECT DISTINCT hour_us FROM grid) h ON a.t < h.hour_us + {HOUR_US} AND a.e > h.hour_us
  WHERE a.serving_id IS NOT NULL AND a.t - a.t % {HOUR_US} < (a.e - 1) - (a.e - 1) % {HOUR_US}
) c JOIN servings s ON c.serving_id = s.serving_id
WHERE c.hour_us >= (SELECT MIN(hour_us) FROM grid) GROUP BY s.pool, s.serving, c.hour_us
"""


def _versions(lo: int) -> str:
    """The version an information gauge of the process names in a label (vLLM's cache_config_info and the like)."""
    return f"""
    SELECT m.pool, m.owner, greatest(t - t % {HOUR_US}, {lo - lo % HOUR_US}) AS hour_us, arg_max(version, t) AS version
    FROM (SELECT replica, COALESCE(namespace, '') AS namespace, micros(event_time) AS t,
                 regexp_extract(labels, '"(?:engine_|vllm_|sglang_|build_)?version":"([^"]+)"', 1) AS version
          FROM engine_samples WHERE kind = 'gauge' AND labels LIKE '%version":"%') v
    JOIN engine_replicas m ON v.replica = m.replica AND v.namespace = m.namespace
    WHERE t >= {lo} AND version <> '' GROUP BY ALL"""


_MODELS = """
SELECT resolved_pool AS pool, serving AS owner, string_agg(DISTINCT model, ' + ' ORDER BY model) AS model
FROM attempt_map WHERE serving_id IS NOT NULL AND model <> '' GROUP BY ALL
"""


def _rows(settings: AttributionSettings) -> str:
    """Everything side by side. Tokens known by pool only are a unit's when no replica of the pool is judged by itself."""
    own = "(k.owner <> '' OR NOT EXISTS (SELECT 1 FROM own_units o WHERE o.pool = k.pool))"
    sides = {
        "t": "unit_hours",
        "u": "unit_unknown",
        "g": "unit_gpus",
        "c": "unit_money",
        "e": "unit_engine",
        "m": "unit_metered",
        "v": "unit_versions",
        "l": "latency_hours",
    }
    joins = " ".join(
        f"LEFT JOIN {table} {x} ON k.pool = {x}.pool AND k.owner = {x}.owner AND k.hour_us = {x}.hour_us"
        for x, table in sides.items()
    )
    fallback = "w.serving_id IS NULL OR w.by_time = 1"
    return f"""
    SELECT k.pool, k.owner, COALESCE(e.model, n.model, NULLIF(f.model, ''), '') AS model, COALESCE(g.gpu_model, '') AS gpu_model,
           v.version AS engine_version, k.hour_us, CAST(COALESCE(c.active_pico, 0) AS DECIMAL(38,0)) AS active_pico,
           COALESCE(t.active_us, 0) AS active_us, COALESCE(t.device_us, 0) AS device_us, COALESCE(t.wall_us, 0) AS wall_us,
           COALESCE(u.unknown_us, 0) AS unknown_us, COALESCE(e.gap_us, 0) AS gap_us,
           CASE WHEN k.usable THEN CASE WHEN e.output IS NULL THEN m.computed ELSE COALESCE(e.computed, e.prompt) END END AS input_tokens,
           CASE WHEN k.usable THEN COALESCE(e.output, m.output) END AS output_tokens,
           CASE WHEN NOT k.usable THEN '' WHEN e.output IS NOT NULL THEN 'engine' WHEN m.output IS NOT NULL THEN 'request log' ELSE ''
                END AS tokens_from,
           COALESCE(e.finished, m.started, 0) AS requests, l.ttft_p95_us, l.tpot_p95_us,
           CASE WHEN {fallback} THEN {settings.prefill_weight} ELSE w.prefill_weight END AS prefill_weight,
           CASE WHEN {fallback} THEN {settings.decode_weight} ELSE w.decode_weight END AS decode_weight,
           CASE WHEN {fallback} THEN 'declared' ELSE w.method END AS weights_from,
           e.prompt AS prompt_engine, e.output AS output_engine, m.prompt AS prompt_metered, m.output AS output_metered
    FROM (SELECT *, {own} AS usable FROM (
            SELECT pool, owner, hour_us FROM unit_hours WHERE device_us > 0
            UNION SELECT pool, owner, hour_us FROM unit_engine
            UNION SELECT pool, owner, hour_us FROM unit_metered) k) k {joins}
    LEFT JOIN unit_models n ON k.pool = n.pool AND k.owner = n.owner
    LEFT JOIN owner_facts f ON k.owner = f.owner AND k.owner <> ''
    LEFT JOIN servings s ON k.pool = s.pool AND k.owner = s.serving
    LEFT JOIN serving_weights w ON s.serving_id = w.serving_id"""
