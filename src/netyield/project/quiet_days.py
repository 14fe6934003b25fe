"""Days on which nothing but the bill speaks: the same leaves as the whole path gives, without its sixty statements.

Pool money is ``unknown`` (no telemetry), API money is ``unproven`` (no request log), everything else goes to its step.
A year of bills without telemetry is read in seconds this way; a test compares both paths.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from netyield.attribution import paid
from netyield.attribution.leaf import leaf_sql
from netyield.core.period import Period, micros
from netyield.store.engine import Engine

HOUR_US = 3_600_000_000


def leaves(engine: Engine, groups: pa.Table, segment: Period, currency: str, model_names: Mapping[str, str]) -> None:
    """Make ``pieces`` and ``all_leaves`` from charge groups (with group_id) alone."""
    paid.cut_groups(engine, groups, segment)
    names = {"": ""} | dict(model_names)
    engine.register("model_names", pa.table({"model": list(names), "one_name": list(names.values())}))
    day = micros(segment.since) // HOUR_US * HOUR_US
    shared = {
        "scope": "g.scope",
        "provider": "COALESCE(g.provider, '')",
        "service": "COALESCE(g.service, '')",
        "account": "COALESCE(g.account, '')",
        "evidence": "'measured'",
        "currency": f"'{currency}'",
        "pico": "c.pico",
    }
    pool = leaf_sql(
        hour_us="c.hour_us",
        step="'unknown'",
        pool="g.pool",
        gpu_us="COALESCE(c.gpu_us, 0)",
        method="'device time'",
        **shared,
    )
    step = leaf_sql(
        hour_us="c.hour_us",
        step="g.step",
        pool="COALESCE(g.pool, '')",
        model="COALESCE(g.model, '')",
        method="'bill'",
        **shared,
    )
    output = "g.token_class LIKE 'out%' AND g.token_class <> 'out_reasoning'"
    tokens = "COALESCE(c.tokens, 0)"
    api = leaf_sql(
        hour_us=str(day),
        step="'unproven'",
        reason="'no_traffic_source'",
        model="COALESCE(n.one_name, g.model, '')",
        method="'bill'",
        unit_tokens=f"CASE WHEN {output} THEN {tokens} ELSE 0 END",
        out_text=f"CASE WHEN {output} THEN {tokens} ELSE 0 END",
        in_uncached=f"CASE WHEN g.token_class = 'in_uncached' THEN {tokens} ELSE 0 END",
        **shared | {"scope": "'ai_api'"},
    )
    lines = "FROM pieces c JOIN groups g ON c.group_id = g.group_id"
    engine.keep(
        "all_leaves",
        f"""SELECT {pool} {lines} WHERE g.step = 'pool' AND (c.pico <> 0 OR COALESCE(c.gpu_us, 0) <> 0)
            UNION ALL SELECT {step} {lines} WHERE g.step NOT IN ('pool', 'api') AND c.pico <> 0
            UNION ALL SELECT {api} {lines} LEFT JOIN model_names n ON g.model = n.model WHERE g.step = 'api' AND (c.pico <> 0 OR c.tokens <> 0)""",
    )


def tables(engine: Engine, segment: Period, shapes: Mapping[str, pa.Schema], fold: str) -> dict[str, pa.Table]:
    """The day's results in the shapes the whole path gives them; what only telemetry or requests fill is empty."""
    day = micros(segment.since) // HOUR_US * HOUR_US
    found = {
        "leaves": engine.query(fold),
        "fleet": engine.query(
            """SELECT g.pool, '' AS device, '' AS slice, '' AS owner, c.hour_us, 'unknown' AS state, total(c.pico) AS pico,
                      narrow(total(COALESCE(c.gpu_us, 0))) AS gpu_us
               FROM pieces c JOIN groups g ON c.group_id = g.group_id WHERE g.step = 'pool' GROUP BY ALL ORDER BY ALL"""
        ),
        "reconciliation": engine.query(
            f"""SELECT CAST({day} AS BIGINT) AS hour_us, MAX(COALESCE(g.provider, '')) AS provider, COALESCE(n.one_name, g.model, '') AS model,
                       total(c.pico) AS billed_pico, NULL AS priced_pico, narrow(total(COALESCE(c.tokens, 0))) AS tokens_billed,
                       NULL AS tokens_metered, 0 AS attempts, 0 AS priced
                FROM pieces c JOIN groups g ON c.group_id = g.group_id LEFT JOIN model_names n ON g.model = n.model
                WHERE g.step = 'api' GROUP BY COALESCE(n.one_name, g.model, '') ORDER BY ALL"""
        ),
    }
    return {name: found[name].cast(shape) if name in found else shape.empty_table() for name, shape in shapes.items()}
