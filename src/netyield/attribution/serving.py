"""Splits the active cost of every replica over the requests it served.

In:  attempts_in (integers, serving_id), slot_money(slot_id, line_id, pico): active cost per slot with requests.
Out: attempt_pieces and slot_split, from which the share of a piece is
         prefill_pico * w_prefill / W_prefill + decode_pico * w_decode / W_decode    (integers, toward zero)
     and what is left of a slot goes to its heir, the piece with the largest (weight, attempt).
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa

from netyield.attribution import calibrate
from netyield.attribution.settings import AttributionSettings
from netyield.attribution.statements import statement
from netyield.store.engine import Engine

PROMPT = "vllm:prompt_tokens"
COMPUTED = "vllm:prompt_tokens_by_source"
GENERATED = "vllm:generation_tokens"
METHODS = pa.schema(
    [("serving_id", pa.int64()), ("prefill_weight", pa.int64()), ("decode_weight", pa.int64()), ("by_time", pa.int64()),
     ("method", pa.string()), ("r_squared", pa.float64())]
)


def weigh(engine: Engine, settings: AttributionSettings) -> None:
    """``serving_weights``: per replica the method and its weights, best evidence first."""
    replicas = engine.query(
        """SELECT serving_id, MIN(m.resolved_pool) AS pool, MIN(m.serving) AS serving,
                  BOOL_AND(a.prefill_us IS NOT NULL AND a.decode_us IS NOT NULL) AS timed
           FROM attempts_in a JOIN (SELECT DISTINCT serving_id AS id, resolved_pool, serving FROM attempt_map) m
             ON a.serving_id = m.id GROUP BY serving_id ORDER BY serving_id"""
    ).to_pylist()
    fits = _fits(engine, settings) if settings.method in {"auto", "calibrated"} else {}
    rows = [_choose(replica, fits, settings) for replica in replicas]
    engine.register("serving_weights", pa.Table.from_pylist(rows, schema=METHODS))


def _choose(replica: dict[str, Any], fits: dict[str, calibrate.Fit], settings: AttributionSettings) -> dict[str, Any]:
    chosen = {"serving_id": replica["serving_id"], "by_time": 0, "r_squared": None}
    if replica["timed"] and settings.method in {"auto", "phase_time"}:
        return chosen | {"prefill_weight": 1, "decode_weight": 1, "by_time": 1, "method": "phase_time"}
    found = fits.get(replica["serving"]) or fits.get(str(replica["serving"]).rsplit("/", maxsplit=1)[-1])
    if found is not None and found.r_squared >= settings.min_r_squared:
        prefill, decode = found.weights
        return chosen | {"prefill_weight": prefill, "decode_weight": decode, "method": "calibrated", "r_squared": found.r_squared}
    return chosen | {
        "prefill_weight": settings.prefill_weight, "decode_weight": settings.decode_weight, "method": "declared",
        "r_squared": None if found is None else found.r_squared,
    }


def _fits(engine: Engine, settings: AttributionSettings) -> dict[str, calibrate.Fit]:
    """One fit per engine replica that has counters and active time."""
    slot_us = settings.slot_seconds * 1_000_000
    series = engine.query(
        f"""SELECT replica, metric, COALESCE(labels, '') AS labels, micros(event_time) AS t, value FROM engine_samples
            WHERE kind = 'counter' AND (metric IN ('{PROMPT}', '{GENERATED}')
               OR (metric = '{COMPUTED}' AND labels LIKE '%local_compute%')) ORDER BY 1, 2, 3, 4"""
    )
    if series.num_rows == 0:
        return {}
    active: dict[str, dict[int, int]] = defaultdict(dict)
    for row in engine.query("SELECT owner, slot_us, SUM(us) AS us FROM state_slots WHERE state = 'active' GROUP BY ALL").to_pylist():
        active[row["owner"].rsplit("/", maxsplit=1)[-1]][row["slot_us"]] = int(row["us"])
    growth: dict[str, dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    keys = list(zip(*(series.column(n).to_pylist() for n in ("replica", "metric", "labels")), strict=True))
    times, values = series.column("t").to_numpy(), series.column("value").to_numpy()
    edges = [0, *(i for i in range(1, len(keys)) if keys[i] != keys[i - 1]), len(keys)]
    for start, end in itertools.pairwise(edges):
        replica, metric, _ = keys[start]
        for slot, total in calibrate.deltas(times[start:end].astype(np.int64), values[start:end], slot_us).items():
            growth[replica][metric][slot] += total
    fits = {}
    for replica, metrics in growth.items():
        prefill = metrics.get(COMPUTED) or metrics.get(PROMPT) or {}
        found = calibrate.fit(active.get(replica.rsplit("/", maxsplit=1)[-1], {}), prefill, metrics.get(GENERATED, {}))
        if found is not None:
            fits[replica] = found
    return fits


def cut_attempts(engine: Engine, settings: AttributionSettings) -> None:
    """``attempt_pieces``: every self-hosted attempt in the slots it ran in."""
    slot_us = settings.slot_seconds * 1_000_000
    longest = engine.scalar(f"SELECT COALESCE(MAX((e - 1) // {slot_us} - t // {slot_us}), 0) FROM attempts_in") or 0
    engine.register("counting", pa.table({"k": pa.array(range(int(longest) + 1), pa.int64())}))
    engine.keep("attempt_pieces", statement("pieces", slot=slot_us))


def split_slots(engine: Engine) -> None:
    """``slot_split`` and ``slot_rest``: how each slot's money divides, and what the divisions left for the heir."""
    engine.keep("slot_split", statement("slots"))
    engine.keep("slot_rest", statement("slot_rest"))


# Rules that others use; each sums to the same active cost. Modelled: they stand beside the figure and never post.
SPREAD_RULES = {
    "token share": "a.computed_input + a.output_tokens",
    "declared 1:2": "a.computed_input + 2 * a.output_tokens",
    "time share": "a.e - a.t",
    "KV memory time": "int_div((a.input_tokens + a.output_tokens) * (a.e - a.t), 1000)",
}


def spread(engine: Engine) -> None:
    """``spreads(rule, model, team, app, customer, pico)``: what other sharing rules would have charged to whom."""
    engine.keep("slot_totals", "SELECT slot_id, total(pico) AS pico FROM slot_money GROUP BY slot_id")
    weights = ", ".join(f"total({sql}) AS w{i}" for i, sql in enumerate(SPREAD_RULES.values()))
    engine.keep(
        "spread_weights",
        f"""SELECT p.slot_id, a.model, a.team, a.app, a.customer, {weights}
            FROM attempt_pieces p JOIN attempts_in a ON p.attempt_id = a.attempt_id GROUP BY ALL""",
    )
    selects = [
        f"""SELECT '{rule}' AS rule, w.model, w.team, w.app, w.customer,
                   total(int_div(wide(t.pico) * w.w{i}, CASE WHEN s.whole = 0 THEN 1 ELSE s.whole END)) AS pico
            FROM spread_weights w JOIN (SELECT slot_id, total(w{i}) AS whole FROM spread_weights GROUP BY slot_id) s
              ON w.slot_id = s.slot_id JOIN slot_totals t ON w.slot_id = t.slot_id GROUP BY ALL"""
        for i, rule in enumerate(SPREAD_RULES)
    ]
    engine.keep("spreads", " UNION ALL ".join(selects))
