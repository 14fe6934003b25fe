"""Splits the active cost of every replica over the requests it served.

In:  attempts_seen, dims (attempts.py), slot_money(slot_id, line_id, pico): active cost per slot with requests.
Out: request_pieces (every attempt in the slots it ran in) and slot_division, from which the share of a piece is
         prefill_pico * w_prefill / W_prefill + decode_pico * w_decode / W_decode    (integers, toward zero)
     and what is left of a slot goes to its heir, the piece with the largest (weight, attempt).
An attempt inside one slot, as nearly all are, is its own piece: shares are computed where they are used, never kept.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from netyield.attribution import attempts, calibrate
from netyield.attribution.settings import AttributionSettings
from netyield.attribution.statements import statement
from netyield.store.engine import Engine

PROMPT = "vllm:prompt_tokens"
COMPUTED = "vllm:prompt_tokens_by_source"
GENERATED = "vllm:generation_tokens"
HOUR_US = 3_600_000_000
METHODS = pa.schema(
    [("serving_id", pa.int64()), ("prefill_weight", pa.int64()), ("decode_weight", pa.int64()), ("by_time", pa.int64()),
     ("method", pa.string()), ("r_squared", pa.float64())]
)


def weigh(engine: Engine, settings: AttributionSettings) -> None:
    """``serving_weights``: per replica the method and its weights, best evidence first."""
    replicas = engine.query(
        """SELECT serving_id, MIN(pool) AS pool, MIN(serving) AS serving, BOOL_AND(timed) AS timed
           FROM dims WHERE serving_id IS NOT NULL GROUP BY serving_id ORDER BY serving_id"""
    ).to_pylist()
    fits = _fits(engine, settings) if settings.method in {"auto", "calibrated"} else {}
    rows = [_choose(replica, fits, settings) for replica in replicas]
    engine.register("serving_methods", pa.Table.from_pylist(rows, schema=METHODS))
    engine.keep("serving_weights", "SELECT * FROM serving_methods")


def _choose(replica: dict[str, Any], fits: dict[tuple[str, str], calibrate.Fit], settings: AttributionSettings) -> dict[str, Any]:
    chosen = {"serving_id": replica["serving_id"], "by_time": 0, "r_squared": None}
    if replica["timed"] and settings.method in {"auto", "phase_time"}:
        return chosen | {"prefill_weight": 1, "decode_weight": 1, "by_time": 1, "method": "phase_time"}
    found = fits.get((replica["pool"], replica["serving"]))
    if found is not None and found.r_squared >= settings.min_r_squared:
        prefill, decode = found.weights
        return chosen | {"prefill_weight": prefill, "decode_weight": decode, "method": "calibrated", "r_squared": found.r_squared}
    return chosen | {
        "prefill_weight": settings.prefill_weight, "decode_weight": settings.decode_weight, "method": "declared",
        "r_squared": None if found is None else found.r_squared,
    }


def _fits(engine: Engine, settings: AttributionSettings) -> dict[tuple[str, str], calibrate.Fit]:
    """One fit per (pool, owner) that has counters and active time: two pools may each have a replica of one name."""
    slot_us = settings.slot_seconds * 1_000_000
    series = engine.query(
        f"""SELECT replica, COALESCE(namespace, '') AS namespace, metric, concat_ws('|', model, labels) AS labels,
                   micros(event_time) AS t, value FROM engine_samples
            WHERE kind = 'counter' AND (metric IN ('{PROMPT}', '{GENERATED}')
               OR (metric = '{COMPUTED}' AND labels LIKE '%local_compute%')) ORDER BY 1, 2, 3, 4, 5"""
    )
    if series.num_rows == 0:
        return {}
    active: dict[tuple[str, str], dict[int, int]] = defaultdict(dict)
    for row in engine.query("SELECT pool, owner, slot_us, SUM(us) AS us FROM state_slots WHERE state = 'active' GROUP BY ALL").to_pylist():
        active[row["pool"], row["owner"]][row["slot_us"]] = int(row["us"])
    holders = {(row["replica"], row["namespace"]): (row["pool"], row["owner"]) for row in engine.query("SELECT * FROM engine_replicas").to_pylist()}
    growth: dict[tuple[str, str], dict[str, dict[int, float]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    keys = list(zip(*(series.column(n).to_pylist() for n in ("replica", "namespace", "metric", "labels")), strict=True))
    times, values = series.column("t").to_numpy(), series.column("value").to_numpy()
    edges = [0, *(i for i in range(1, len(keys)) if keys[i] != keys[i - 1]), len(keys)]
    for start, end in itertools.pairwise(edges):
        replica, namespace, metric, _ = keys[start]
        holder = holders.get((replica, namespace), ("", ""))
        for slot, total in calibrate.deltas(times[start:end].astype(np.int64), values[start:end], slot_us).items():
            growth[holder][metric][slot] += total
    fits = {}
    for holder, metrics in growth.items():
        prefill = metrics.get(COMPUTED) or metrics.get(PROMPT) or {}
        found = calibrate.fit(active.get(holder, {}) if holder[1] else {}, prefill, metrics.get(GENERATED, {}))
        if found is not None:
            fits[holder] = found
    return fits


def cut_attempts(engine: Engine, settings: AttributionSettings) -> None:
    """``request_pieces``: every attempt in the slots it ran in, and ``slot_weights``: what they weigh there.

    From here on ``attempts_in`` reads what was kept, not the raw rows.
    """
    numbers = _places(engine, settings.slot_seconds * 1_000_000)
    reported = attempts.reported_columns(engine, "attempts_seen")
    kept = [*attempts.ALWAYS, *(name for name in reported if name not in attempts.PHASES)]
    columns = ", ".join(kept)
    engine.keep("attempt_rows", statement("pieces", **numbers).replace("{columns}", columns))
    longest = int(engine.scalar("SELECT COALESCE(MAX(slots), 1) FROM attempt_rows"))
    engine.register("counting", pa.table({"k": pa.array(range(longest), pa.int64())}))
    engine.keep("long_pieces", statement("long_pieces", **numbers).replace("{columns}", columns))
    attempts.spell_out(engine, "attempt_rows", kept)
    engine.view("request_pieces", _pieces(kept))
    engine.keep("slot_weights", statement("slot_weights", **numbers))


def _places(engine: Engine, slot_us: int) -> dict[str, int]:
    """Numbers that make slots of replicas a dense range: dense keys are looked up, others are searched."""
    found = engine.query("SELECT MIN(a) AS since, MAX(b) AS until FROM grid").to_pylist()[0]
    base = (found["since"] - attempts.LONGEST_US) // slot_us
    return {"slot": slot_us, "base": base, "width": (found["until"] + attempts.LONGEST_US) // slot_us + 1 - base}


def first_hour(since_us: int) -> int:
    """The hour since 1970 that ``line_hour`` counts from: before the first slot of any attempt of the day."""
    return (since_us - attempts.LONGEST_US) // HOUR_US - 1


def _pieces(kept: Sequence[str]) -> str:
    """One row per attempt and slot, with the sums that rules speak of; 0 where none was reported."""
    plain = ", ".join(kept)
    given = set(kept)
    sums = {
        "computed_input": attempts.COMPUTED_CLASSES, "input_tokens": attempts.INPUT_CLASSES,
        "output_tokens": attempts.OUTPUT_CLASSES, "visible_tokens": attempts.VISIBLE_CLASSES,
        "reasoning_tokens": ("out_reasoning",), "rejected_tokens": ("out_rejected_prediction",),
    }
    totals = ", ".join(f"{attempts.zero_sum([c for c in names if c in given])} AS {name}" for name, names in sums.items())
    absent = "".join(f", CAST(NULL AS BIGINT) AS {n}" for n in ("delivered_output_tokens", "logged_ppm") if n not in given)
    return f"""SELECT {plain}, {totals}{absent}, first, place, w_prefill, w_decode FROM (
        SELECT {plain}, 1 AS first, place, w_prefill, w_decode FROM attempt_rows WHERE slots = 1
        UNION ALL SELECT {plain}, first, place, w_prefill, w_decode FROM long_pieces) pieces"""


def split_slots(engine: Engine, slot_seconds: int) -> None:
    """``slot_division``: how each slot's money divides, and what the divisions leave for which heir."""
    engine.keep(
        "lines",
        "SELECT CAST(ROW_NUMBER() OVER (ORDER BY line_id) AS BIGINT) AS line, line_id FROM (SELECT DISTINCT line_id FROM slot_money)",
    )
    engine.keep("slot_split", statement("slots"))
    since = engine.scalar("SELECT MIN(a) FROM grid")
    engine.keep("slot_division", statement("slot_rest", slot=slot_seconds * 1_000_000, first_hour=first_hour(since)))


# Rules that others use; each divides the same active cost. Modelled: they stand beside the figure and never post.
SPREAD_RULES = {"token share": "by_tokens", "declared 1:2": "by_declared", "time share": "by_time", "KV memory time": "by_memory"}


def spread(engine: Engine) -> None:
    """``spreads(rule, model, team, app, customer, pico)``: what other sharing rules would have charged to whom."""
    engine.keep("same_dims", "SELECT dim_id, MIN(dim_id) OVER (PARTITION BY model, team, app, customer) AS same_id FROM dims")
    engine.keep("rule_weights", statement("rule_weights"))
    sums = ", ".join(f"sum64({name}) AS {name}" for name in SPREAD_RULES.values())
    shares = ", ".join(f"{_share(name)} AS {name}" for name in SPREAD_RULES.values())
    engine.keep(
        "spread_sums",
        f"""WITH money AS (SELECT s.place, sum64(m.pico) AS pico FROM slot_money m JOIN slot_weights s ON m.slot_id = s.slot_id GROUP BY s.place),
                 whole AS (SELECT place, {sums} FROM rule_weights GROUP BY place)
            SELECT same_id AS dim_id, {", ".join(f"total({name}) AS {name}" for name in SPREAD_RULES.values())}
            FROM (SELECT w.same_id, {shares} FROM rule_weights w JOIN money m ON w.place = m.place JOIN whole s ON w.place = s.place)
            GROUP BY same_id""",
    )
    selects = [
        f"SELECT '{rule}' AS rule, d.model, d.team, d.app, d.customer, s.{name} AS pico FROM spread_sums s JOIN dims d ON s.dim_id = d.dim_id"
        for rule, name in SPREAD_RULES.items()
    ]
    engine.keep("spreads", " UNION ALL ".join(selects))


def _share(name: str) -> str:
    """One rule's share of a slot: trunc(C*w/W), in 64 bits where the weights allow; without any weight nobody gets a share."""
    whole = f"CASE WHEN s.{name} = 0 THEN 1 ELSE s.{name} END"
    return (
        f"CASE WHEN wide({whole}) * w.{name} < 4000000000000000000"
        f" THEN div64(m.pico, {whole}) * w.{name} + div64((m.pico - div64(m.pico, {whole}) * {whole}) * w.{name}, {whole})"
        f" ELSE narrow(int_div(wide(m.pico) * w.{name}, {whole})) END"
    )
