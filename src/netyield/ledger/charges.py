"""What is each bill line for, and which step or pool does its money go to? Labels lines and folds them into groups.

Input: the ``charges`` view. Output tables in the engine:
    labelled      every line with scope, why, pool, role, step and its amount on the chosen basis in pico-units
    charge_groups lines that share everything a report can see, added up (pico-units, paid GPU-microseconds, tokens)

Roles: ``pool`` (GPU or provisioned capacity, split by what the capacity did), ``api`` (reconciled with priced attempts),
``step`` (goes to its step as it is). Credits follow the charge they name, else stand as ``credits``; tax is ``tax``;
the unused part of a commitment is ``commitment_unused``; that of a general savings plan only by its AI share of use.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from netyield.ledger.pools import pool_of_charge
from netyield.ledger.scope import classify
from netyield.ledger.settings import PoolRule, ScopeRule
from netyield.store.engine import Engine

BASES = {"effective": "effective_cost", "billed": "billed_cost", "list": "list_cost", "contracted": "contracted_cost"}
AI_SCOPES = ("gpu", "ai_api", "ai_seat", "ai_platform", "training")
STEP_OF_SCOPE = {
    "ai_seat": "seats",
    "ai_platform": "platform",
    "training": "training.unknown",
    "non_ai": "non_ai",
    "unclassified": "unclassified",
}
# What rules can look at; a distinct combination is labelled once.
LABEL_COLUMNS = (
    "provider",
    "service_name",
    "service_category",
    "service_subcategory",
    "sku",
    "resource_id",
    "resource_name",
    "resource_type",
    "account",
    "charge_description",
    "consumed_unit",
    "tags",
    "gpu_count",
)

_LINES = """
SELECT source, delivery, row_number, event_key, currency, charge_category, charge_class,
       commitment_id, commitment_status, capacity_reservation_status, commitment_category, issuer,
       COALESCE(billing_period_start, charge_start) AS billing_start, billing_account_id,
       provider, service_name, service_category, service_subcategory,
       CONCAT_WS(' ', sku_id, sku_meter, sku_price_id) AS sku, resource_id, resource_name, resource_type,
       COALESCE(sub_account_id, billing_account_id) AS account, charge_description, consumed_unit, tags,
       CAST(gpu_count AS VARCHAR) AS gpu_count, model, token_class,
       micros(charge_start) AS start_us, micros(charge_end) AS end_us, posting_period,
       {amount} IS NULL AS amount_missing,
       {pico} AS pico,
       {gpu_us} AS gpu_us,
       CASE WHEN lower(consumed_unit) = 'tokens' THEN CAST(consumed_quantity AS BIGINT) END AS tokens
FROM charges
"""
_HOUR_UNITS = "('hour', 'hours', 'hrs', 'hr', 'gpu hours', 'gpu-hours', 'gpu hour', 'gpu-hour', 'instance hours')"
# Paid GPU time of a line: hours of use times GPUs per instance; a line without a quantity stands for its whole period.
_GPU_US = f"""
CASE WHEN gpu_count IS NULL OR charge_category <> 'Usage' THEN NULL
     WHEN lower(COALESCE(consumed_unit, pricing_unit)) IN {_HOUR_UNITS} AND COALESCE(consumed_quantity, pricing_quantity) IS NOT NULL
     THEN CAST(CAST(COALESCE(consumed_quantity, pricing_quantity) AS DECIMAL(26,9)) * 3600000000 AS HUGEINT)
          * CASE WHEN lower(COALESCE(consumed_unit, pricing_unit)) LIKE 'gpu%' THEN 1 ELSE gpu_count END
     WHEN COALESCE(consumed_quantity, pricing_quantity) IS NULL
     THEN CAST(gpu_count AS HUGEINT) * (micros(charge_end) - micros(charge_start)) END
"""


def pico_sql(amount: str) -> str:
    """SQL for a DECIMAL(38,12) column as whole pico-units (null = 0). Times 1e12 at once would not fit beyond 1e14."""
    value = f"COALESCE({amount}, 0)"
    return f"(CAST(trunc({value}) AS HUGEINT) * 1000000000000 + CAST(({value} - trunc({value})) * 1000000000000 AS HUGEINT))"


def label(
    engine: Engine,
    basis: str,
    scope_rules: Sequence[ScopeRule],
    pool_rules: Sequence[PoolRule],
    known_pools: Sequence[str],
) -> None:
    """Make ``labelled`` from the ``charges`` view of the engine. Amounts are whole pico-units of the line's currency."""
    engine.keep("lines", _LINES.format(amount=BASES[basis], pico=pico_sql(BASES[basis]), gpu_us=_GPU_US))
    columns = ", ".join(LABEL_COLUMNS)
    distinct = engine.query(f"SELECT DISTINCT {columns} FROM lines").to_pylist()
    engine.register("line_labels", _labels(distinct, scope_rules, pool_rules, known_pools))
    same = " AND ".join(f"l.{column} IS NOT DISTINCT FROM t.{column}" for column in LABEL_COLUMNS)
    engine.keep(
        "scoped",
        f"""SELECT l.*, t.scope, t.why,
                   CASE WHEN t.scope = 'gpu' OR t.provisioned THEN t.pool END AS pool, t.provisioned
            FROM lines l JOIN line_labels t ON {same}""",
    )
    _follow_credits(engine)
    _roles(engine)


def _labels(
    distinct: list[dict[str, Any]],
    scope_rules: Sequence[ScopeRule],
    pool_rules: Sequence[PoolRule],
    known: Sequence[str],
) -> pa.Table:
    """Scope and pool per distinct combination of LABEL_COLUMNS."""
    provisioned = [rule for rule in pool_rules if rule.kind == "provisioned_throughput"]
    rows: dict[str, list[Any]] = {name: [] for name in (*LABEL_COLUMNS, "scope", "why", "pool", "provisioned")}
    for line in distinct:
        scope, why = classify(line, scope_rules)
        pool = pool_of_charge(line, pool_rules, known)
        for name in LABEL_COLUMNS:
            rows[name].append(line[name])
        rows["scope"].append(scope)
        rows["why"].append(why)
        rows["pool"].append(pool)
        rows["provisioned"].append(scope == "ai_api" and any(rule.name == pool for rule in provisioned))
    types = {name: pa.string() for name in rows} | {"provisioned": pa.bool_()}
    return pa.table({name: pa.array(values, types[name]) for name, values in rows.items()})


def _follow_credits(engine: Engine) -> None:
    """A credit follows the lines of its billing period that share its resource, when they are all for one thing."""
    engine.keep(
        "credit_targets",
        """SELECT billing_start, resource_id, MIN(scope) AS scope, MIN(pool) AS pool, bool_or(provisioned) AS provisioned
           FROM scoped WHERE charge_category <> 'Credit' AND resource_id IS NOT NULL
           GROUP BY ALL HAVING COUNT(DISTINCT scope) = 1 AND COUNT(DISTINCT pool) <= 1""",
    )


def _roles(engine: Engine) -> None:
    """Add role, step and the two parts of each line: its own and, for general savings plans, the part that is not AI."""
    steps = " ".join(f"WHEN scope = '{scope}' THEN '{step}'" for scope, step in STEP_OF_SCOPE.items())
    ai = ", ".join(f"'{scope}'" for scope in AI_SCOPES)
    engine.keep(
        "commitment_use",
        f"""SELECT commitment_id, billing_start,
                   SUM(CASE WHEN scope IN ({ai}) THEN abs(pico) ELSE 0 END) AS ai_pico, SUM(abs(pico)) AS used_pico
            FROM scoped WHERE commitment_status = 'Used' GROUP BY ALL""",
    )
    engine.keep(
        "followed",
        """SELECT s.* EXCLUDE (scope, pool, provisioned),
                  CASE WHEN t.scope IS NOT NULL THEN t.scope ELSE s.scope END AS scope,
                  CASE WHEN t.scope IS NOT NULL THEN t.pool ELSE s.pool END AS pool,
                  COALESCE(t.provisioned, s.provisioned) AS provisioned,
                  s.charge_category = 'Credit' AND t.scope IS NULL AS loose_credit,
                  s.commitment_status = 'Unused' OR s.capacity_reservation_status = 'Unused' AS unused
           FROM scoped s LEFT JOIN credit_targets t
             ON s.charge_category = 'Credit' AND s.billing_start = t.billing_start AND s.resource_id = t.resource_id""",
    )
    engine.keep(
        "labelled_whole",
        f"""SELECT f.*, CASE
              WHEN charge_category = 'Tax' THEN 'tax'
              WHEN loose_credit THEN 'credits'
              WHEN COALESCE(unused, FALSE) AND (scope IN ({ai}) OR scope = 'unclassified') THEN 'commitment_unused'
              WHEN scope = 'gpu' OR provisioned THEN 'pool'
              WHEN scope = 'ai_api' THEN 'api'
              {steps} END AS step,
              u.ai_pico, u.used_pico,
              COALESCE(unused, FALSE) AND scope NOT IN ({ai}, 'non_ai') AND u.used_pico > 0
                     AND charge_category <> 'Tax' AND NOT loose_credit AS shared_unused
            FROM followed f LEFT JOIN commitment_use u
              ON f.commitment_id = u.commitment_id AND f.billing_start = u.billing_start""",
    )
    engine.keep(
        "labelled",
        """SELECT * EXCLUDE (ai_pico, used_pico, shared_unused, unused, loose_credit),
                  CASE WHEN shared_unused THEN int_div(pico * ai_pico, used_pico) ELSE pico END AS part_pico
           FROM labelled_whole
           UNION ALL BY NAME
           SELECT * EXCLUDE (ai_pico, used_pico, shared_unused, unused, loose_credit) REPLACE ('non_ai' AS step),
                  pico - int_div(pico * ai_pico, used_pico) AS part_pico
           FROM labelled_whole WHERE shared_unused""",
    )


def group(engine: Engine) -> pa.Table:
    """``charge_groups``: lines that share period, currency and every visible dimension, added up exactly.

    Columns: start_us, end_us, currency, step, scope, provider, service, account, pool, model, token_class, posting_period,
    lines, pico (DECIMAL(38,0)), gpu_us (DECIMAL(38,0), null = the bill does not say), tokens.
    """
    return engine.query(
        """SELECT start_us, end_us, currency, step, scope, provider, service_name AS service, account, pool, model, token_class,
                  COUNT(*) AS lines, SUM(CAST(amount_missing AS BIGINT)) AS missing,
                  total(part_pico) AS pico, total(gpu_us) AS gpu_us, total(tokens) AS tokens
           FROM labelled WHERE end_us > start_us
           GROUP BY ALL ORDER BY ALL"""
    )
