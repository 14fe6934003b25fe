"""Which tokens did the serving processes themselves count, and when does no request log explain them?

In:  engine_samples (with those of the day before that still stand), attempt_map, servings, busy_slots.
Out: engine_replicas(replica, namespace, pool, owner): a reporting process and who holds the devices it runs on
     engine_counts(pool, owner, replica, model, kind, before_t, t, tokens): growth between neighbouring readings
     engine_tokens(pool, owner, replica, model, slot_us, unlogged, prompt_tokens, computed_tokens, output_tokens)
Growth is reset-aware and never extrapolated (facts sheet on GPU telemetry, section 3). Growth that reaches over several
slots belongs to the last of them with requests, and those explain it; without one, to the last slot and ``unlogged``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from netyield.attribution.statements import statement
from netyield.core.period import Period, micros
from netyield.ledger.pools import pool_of_attempt
from netyield.ledger.settings import PoolRule
from netyield.store.engine import Engine

PROMPT, COMPUTED, OUTPUT, FINISHED = "prompt", "computed", "output", "finished"
# The counters of each kind; ``computed`` also needs a label, since one counter holds computed and cached tokens apart.
COUNTERS: Mapping[str, tuple[str, ...]] = {
    PROMPT: ("vllm:prompt_tokens", "sglang:prompt_tokens"),
    OUTPUT: ("vllm:generation_tokens", "sglang:generation_tokens"),
    FINISHED: ("vllm:request_success", "sglang:num_requests"),
}
COMPUTED_COUNTERS: Mapping[str, str] = {
    "vllm:prompt_tokens_by_source": "local_compute",
    "sglang:realtime_tokens": "prefill_compute",
}
# serving.py numbers slots as serving_id * SLOTS + place of the slot since 1970.
SLOTS = 100_000_000


def map_replicas(engine: Engine, owners: Sequence[tuple[str, str]], rules: Sequence[PoolRule]) -> None:
    """Make ``counters`` and ``engine_replicas``; typed and empty without counters. ``owners``: (pool, owner) of the day."""
    engine.keep("counters", _counters())
    processes = engine.query("SELECT DISTINCT replica, namespace, model FROM counters ORDER BY ALL").to_pylist()
    logged = engine.query(
        """SELECT replica, MIN(resolved_pool) AS pool FROM attempt_map WHERE serving_id IS NOT NULL AND replica IS NOT NULL
           GROUP BY replica HAVING COUNT(DISTINCT resolved_pool) = 1"""
    ).to_pylist()
    pools = {row["replica"]: row["pool"] for row in logged}
    engine.register("engine_replicas", replica_map(processes, [pair for pair in owners if pair[1]], rules, pools))


def run(engine: Engine, segment: Period, slot_seconds: int) -> None:
    """Make the other tables of the segment, after ``map_replicas``."""
    engine.keep("growth", statement("engine_growth"))
    lo, hi, slot = micros(segment.since), micros(segment.until), slot_seconds * 1_000_000
    engine.keep(
        "engine_counts",
        f"""SELECT m.pool, m.owner, g.replica, g.model, g.kind, g.before_t, g.t, (g.t - 1) - (g.t - 1) % {slot} AS last_slot,
                   narrow(total(g.tokens)) AS tokens
            FROM growth g JOIN engine_replicas m ON g.replica = m.replica AND g.namespace = m.namespace
            WHERE g.t >= {lo} AND g.t < {hi} GROUP BY ALL""",
    )
    engine.keep("request_slots", _request_slots(slot))
    engine.keep("engine_tokens", _tokens(lo, slot))
    engine.keep(
        "engine_models",
        """SELECT pool, owner, MAX(model) AS model FROM engine_tokens WHERE prompt_tokens + output_tokens > 0
           GROUP BY pool, owner HAVING COUNT(DISTINCT model) = 1""",
    )


def _counters() -> str:
    """Readings of the token counters as whole numbers; what is not a count (negative, NaN, beyond 2^53) is left out."""
    kinds = " ".join(f"WHEN metric IN ({_words(names)}) THEN '{kind}'" for kind, names in COUNTERS.items())
    computed = " ".join(
        f"WHEN metric = '{name}' AND labels LIKE '%\"{label}\"%' THEN '{COMPUTED}'"
        for name, label in COMPUTED_COUNTERS.items()
    )
    return f"""SELECT replica, COALESCE(namespace, '') AS namespace, COALESCE(model, '') AS model, kind,
                      concat_ws('|', metric, labels) AS series, t, MAX(v) AS v
               FROM (SELECT replica, namespace, model, metric, labels, CASE {kinds} {computed} END AS kind,
                            micros(event_time) AS t, CAST(value AS BIGINT) AS v
                     FROM engine_samples WHERE kind = 'counter' AND value >= 0 AND value < 9007199254740992)
               WHERE kind IS NOT NULL GROUP BY ALL"""


def _words(names: Sequence[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _request_slots(slot: int) -> str:
    """Slots of every holder in which a request log knows an attempt; one known by its pool only covers all its holders."""
    return f"""SELECT DISTINCT m.pool, m.owner, (b.slot_id - s.serving_id * {SLOTS}) * {slot} AS slot_us
               FROM (SELECT DISTINCT pool, owner FROM engine_replicas) m
               JOIN servings s ON s.pool = m.pool AND (s.serving = m.owner OR (s.serving = '' AND NOT EXISTS (
                 SELECT 1 FROM servings o WHERE o.pool = m.pool AND o.serving = m.owner)))
               JOIN busy_slots b ON b.slot_id >= s.serving_id * {SLOTS} AND b.slot_id < (s.serving_id + 1) * {SLOTS}"""


def _tokens(lo: int, slot: int) -> str:
    """Growth per slot; a reading at midnight speaks of the day before, whose money it cannot move any more."""
    sums = ", ".join(
        f"narrow(total(CASE WHEN n.kind = '{kind}' THEN n.tokens ELSE 0 END)) AS {kind}_tokens"
        for kind in (PROMPT, OUTPUT)
    )
    first = lo - lo % slot
    return f"""
    WITH near AS (
      SELECT c.*, r.slot_us AS request_slot FROM engine_counts c
      LEFT JOIN request_slots r ON c.pool = r.pool AND c.owner = r.owner AND c.last_slot = r.slot_us
      WHERE c.kind <> '{FINISHED}'
    ),
    far AS (
      SELECT n.pool, n.owner, n.replica, n.model, n.kind, n.before_t, n.t, MAX(r.slot_us) AS earlier_slot
      FROM near n JOIN request_slots r ON n.pool = r.pool AND n.owner = r.owner
        AND r.slot_us < n.last_slot AND r.slot_us + {slot} > n.before_t
      WHERE n.request_slot IS NULL AND n.before_t < n.last_slot GROUP BY ALL
    )
    SELECT n.pool, n.owner, n.replica, n.model,
           greatest(COALESCE(n.request_slot, f.earlier_slot, n.last_slot), {first}) AS slot_us,
           CASE WHEN COALESCE(n.request_slot, f.earlier_slot) IS NULL AND n.last_slot >= {first} THEN 1 ELSE 0 END AS unlogged, {sums},
           narrow(total(CASE WHEN n.kind = '{COMPUTED}' THEN n.tokens END)) AS computed_tokens
    FROM near n LEFT JOIN far f ON n.pool = f.pool AND n.owner = f.owner AND n.replica = f.replica AND n.model = f.model
      AND n.kind = f.kind AND n.before_t = f.before_t AND n.t = f.t
    GROUP BY ALL"""


def replica_map(
    processes: Sequence[Mapping[str, str]],
    owners: Sequence[tuple[str, str]],
    rules: Sequence[PoolRule],
    logged: Mapping[str, str],
) -> pa.Table:
    """Who holds the devices of each reporting process.

    An owner ``namespace/pod`` is the process of that pod; else an owner whose last part is the replica, when only one is.
    A process that matches nobody belongs to the pool the [[pool]] rules or the request logs give it ('' = none).
    """
    rows: dict[tuple[str, str], tuple[str, str]] = {}
    for process in processes:
        key = (process["replica"], process["namespace"])
        found = _holder(*key, owners)
        if found is None and key not in rows:
            pool = pool_of_attempt(None, process["model"] or None, None, process["replica"], rules)
            found = (pool or logged.get(process["replica"], ""), "")
        if found is not None:
            rows[key] = found
    names = ("replica", "namespace", "pool", "owner")
    columns = list(zip(*((*key, *pair) for key, pair in sorted(rows.items())), strict=True)) or [(), (), (), ()]
    return pa.table({n: pa.array(list(values), pa.string()) for n, values in zip(names, columns, strict=True)})


def _holder(replica: str, namespace: str, owners: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    full = {f"{namespace}/{replica}", replica} if namespace else {replica}
    for matching in (
        [p for p in owners if p[1] in full],
        [p for p in owners if p[1].rsplit("/", maxsplit=1)[-1] == replica],
    ):
        if len(set(matching)) == 1:
            return matching[0]
    return None
