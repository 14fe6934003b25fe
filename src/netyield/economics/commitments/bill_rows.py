"""What does the bill say of each commitment and capacity reservation? Sums per commitment, kind and day, cut to a window.

Reads ``charges`` and ``labelled`` (ledger/charges.py). A line that reaches beyond the window counts by cumulative seconds, like
every charge. Kinds: used, unused, purchase (paid, amortised on the other rows), fee (any other row of the commitment with an
effective cost), tax. The part of a general savings plan's unused money that the waterfall puts under "not AI" is told apart.
"""

from __future__ import annotations

import json
from typing import Any

from netyield.core.period import Period, micros
from netyield.ledger.charges import pico_sql
from netyield.store.engine import Engine

HOUR_US = 3_600_000_000
DAY_SUMS = ("covered", "covered_list", "unused", "on_demand", "on_demand_list")
OWNED = "Owned hardware"  # the provider of charges that an asset register makes
OWNER_TAGS = ("owner", "team", "cost_center", "cost-center", "costcenter", "department")

_JOINED = """
SELECT COALESCE(c.commitment_id, c.capacity_reservation_id) AS id, c.currency,
       c.commitment_name AS name, COALESCE(c.commitment_type, CASE WHEN c.commitment_id IS NULL THEN 'Capacity Reservation' END) AS type,
       c.commitment_category AS category, c.provider, l.pool, l.account, c.tags, c.pricing_category, c.charge_category, c.charge_frequency,
       micros(c.charge_start) AS start_us, micros(c.charge_end) AS end_us,
       CASE WHEN c.charge_category = 'Tax' THEN 'tax'
            WHEN c.commitment_status = 'Unused' OR c.capacity_reservation_status = 'Unused' THEN 'unused'
            WHEN c.charge_category = 'Purchase' THEN 'purchase'
            WHEN c.charge_category = 'Usage' AND (c.commitment_status = 'Used' OR c.capacity_reservation_status = 'Used') THEN 'used'
            ELSE 'fee' END AS kind,
       l.step, l.scope, l.provisioned, l.part_pico, {effective} AS effective, {billed} AS billed, {listed} AS listed,
       c.list_cost IS NULL AS list_missing, l.gpu_us,
       CASE WHEN c.gpu_count IS NULL OR c.commitment_quantity IS NULL OR NOT lower(c.commitment_unit) LIKE '%hour%' THEN NULL
            ELSE CAST(CAST(c.commitment_quantity AS DECIMAL(26,9)) * 3600000000 AS HUGEINT) * c.gpu_count END AS committed_us,
       CASE WHEN c.gpu_count IS NULL OR c.charge_category <> 'Usage' THEN NULL
            WHEN c.pricing_quantity IS NOT NULL AND lower(c.pricing_unit) LIKE '%hour%'
            THEN CAST(CAST(c.pricing_quantity AS DECIMAL(26,9)) * 3600000000 AS HUGEINT) * c.gpu_count
            ELSE CAST(c.gpu_count AS HUGEINT) * (micros(c.charge_end) - micros(c.charge_start)) END AS period_us
FROM charges c JOIN (SELECT source, delivery, row_number, pool, account, scope, provisioned, gpu_us,
                            min(step) FILTER (WHERE step <> 'non_ai') AS step,
                            SUM(CASE WHEN step = 'commitment_unused' THEN part_pico ELSE 0 END) AS part_pico
                     FROM labelled GROUP BY ALL) l
  ON c.source = l.source AND c.delivery = l.delivery AND c.row_number = l.row_number
WHERE micros(c.charge_end) > {lo} AND micros(c.charge_start) < {hi} AND micros(c.charge_end) > micros(c.charge_start)
"""


def prepare(engine: Engine, window: Period) -> None:
    """Make ``commitment_lines``: every line that is of a commitment, or could have been covered by one, cut to the window."""
    lo, hi = micros(window.since), micros(window.until)
    joined = _JOINED.format(
        effective=pico_sql("c.effective_cost"), billed=pico_sql("c.billed_cost"), listed=pico_sql("c.list_cost"), lo=lo, hi=hi
    )
    engine.keep("commitment_joined", joined)
    cut = ", ".join(_cut(name, lo, hi) for name in ("part_pico", "effective", "billed", "listed", "gpu_us", "committed_us", "period_us"))
    engine.keep(
        "commitment_lines",
        f"""SELECT * EXCLUDE (part_pico, effective, billed, listed, gpu_us, committed_us, period_us), {cut},
                   greatest(start_us, {lo}) - greatest(start_us, {lo}) % {24 * HOUR_US} AS day_us,
                   greatest(start_us, {lo}) AS from_us, least(end_us, {hi}) AS to_us
            FROM commitment_joined""",
    )


def _cut(name: str, lo: int, hi: int) -> str:
    """The part of an amount spread over a line's period that falls in the window; all of it when the line lies inside."""
    span = "(end_us - start_us) // 1000000"
    first, last = f"(greatest(start_us, {lo}) - start_us) // 1000000", f"(least(end_us, {hi}) - start_us) // 1000000"
    return f"""CASE WHEN start_us >= {lo} AND end_us <= {hi} THEN {name}
                    ELSE int_div({name} * ({last}), {span}) - int_div({name} * ({first}), {span}) END AS {name}"""


_RATE_DAY = "CASE WHEN currency <> ? THEN start_us - start_us % 86400000000 END"  # the day whose exchange rate counts
MONEY_SUMS = ("used", "unused", "fees", "purchase_effective", "tax", "billed", "list_used", "in_waterfall", "due")


def by_commitment(engine: Engine, currency: str) -> list[dict[str, Any]]:
    """Sums per commitment, currency and owner: used, unused, fees, tax, billed, list cost of the use, hours.

    ``list_missing``: Used rows without a list cost, ``hours_missing``: rows without hours. ``in_waterfall``: the unused money
    that stands as commitment_unused there. Lines of another currency come apart by ``rate_day``, the day their charge began.
    """
    found = engine.query(
        f"""SELECT id, currency, {_RATE_DAY} AS rate_day, MIN(name) AS name, MIN(type) AS type, MIN(category) AS category, MIN(provider) AS provider,
                  MIN(pool) AS pool, MIN(account) AS account, tags,
                  total(CASE WHEN kind = 'used' THEN effective ELSE 0 END) AS used,
                  total(CASE WHEN kind = 'unused' THEN effective ELSE 0 END) AS unused,
                  total(CASE WHEN kind IN ('fee', 'purchase') THEN effective ELSE 0 END) AS fees,
                  total(CASE WHEN kind = 'purchase' THEN effective ELSE 0 END) AS purchase_effective,
                  total(CASE WHEN kind = 'tax' THEN effective ELSE 0 END) AS tax,
                  total(CASE WHEN kind <> 'tax' THEN billed ELSE 0 END) AS billed,
                  total(CASE WHEN kind = 'used' THEN listed ELSE 0 END) AS list_used,
                  total(CASE WHEN kind = 'unused' THEN part_pico ELSE 0 END) AS in_waterfall,
                  total(CASE WHEN kind = 'used' THEN COALESCE(gpu_us, committed_us, 0) ELSE 0 END) AS used_us,
                  total(CASE WHEN kind = 'unused' THEN COALESCE(committed_us, period_us, 0) ELSE 0 END) AS unused_us,
                  CAST(SUM(CASE WHEN kind = 'used' AND list_missing THEN 1 ELSE 0 END) AS BIGINT) AS list_missing,
                  CAST(SUM(CASE WHEN (kind = 'used' AND gpu_us IS NULL AND committed_us IS NULL)
                                  OR (kind = 'unused' AND committed_us IS NULL AND period_us IS NULL) THEN 1 ELSE 0 END) AS BIGINT) AS hours_missing,
                  total(CASE WHEN kind IN ('used', 'unused', 'purchase') AND charge_frequency IS DISTINCT FROM 'One-Time'
                             THEN billed ELSE 0 END) AS due,
                  MIN(CASE WHEN kind IN ('used', 'unused') THEN from_us END) AS use_from_us,
                  MAX(CASE WHEN kind IN ('used', 'unused') THEN to_us END) AS use_to_us, COUNT(*) AS lines
           FROM commitment_lines WHERE id IS NOT NULL GROUP BY id, currency, tags, rate_day ORDER BY id, currency, tags, rate_day""",
        [currency],
    )
    return [{**row, "owner": owner_of(row["tags"], row["account"])} for row in found.to_pylist()]


def owner_of(tags: str | None, account: str | None) -> str:
    """Who answers for a line: an owner tag, else the account that pays."""
    words = json.loads(tags) if tags else {}
    lower = {str(key).lower(): str(value) for key, value in words.items()} if isinstance(words, dict) else {}
    return next((lower[name] for name in OWNER_TAGS if lower.get(name)), account or "")


def by_day(engine: Engine, currency: str) -> list[dict[str, Any]]:
    """Per day and currency (others apart by ``rate_day``): money and hours covered, unused, and on demand though they could have been covered.

    Could have been covered: use of GPUs or provisioned capacity that is not bought at spot prices.
    """
    found: list[dict[str, Any]] = engine.query(
        f"""SELECT day_us, currency, {_RATE_DAY} AS rate_day,
                  total(CASE WHEN kind = 'used' AND id IS NOT NULL THEN effective ELSE 0 END) AS covered,
                  total(CASE WHEN kind = 'used' AND id IS NOT NULL THEN listed ELSE 0 END) AS covered_list,
                  total(CASE WHEN kind = 'used' AND id IS NOT NULL THEN COALESCE(gpu_us, committed_us, 0) ELSE 0 END) AS covered_us,
                  total(CASE WHEN kind = 'unused' THEN effective ELSE 0 END) AS unused,
                  total(CASE WHEN kind = 'unused' THEN COALESCE(committed_us, period_us, 0) ELSE 0 END) AS unused_us,
                  total(CASE WHEN id IS NULL THEN effective ELSE 0 END) AS on_demand,
                  total(CASE WHEN id IS NULL THEN listed ELSE 0 END) AS on_demand_list,
                  total(CASE WHEN id IS NULL THEN COALESCE(gpu_us, 0) ELSE 0 END) AS on_demand_us,
                  CAST(SUM(CASE WHEN id IS NULL AND gpu_us IS NULL OR kind = 'used' AND gpu_us IS NULL AND committed_us IS NULL
                           THEN 1 ELSE 0 END) AS BIGINT) AS hours_missing,
                  CAST(SUM(CASE WHEN list_missing AND kind <> 'unused' THEN 1 ELSE 0 END) AS BIGINT) AS list_missing
           FROM commitment_lines
           WHERE charge_category = 'Usage' AND (id IS NOT NULL AND kind IN ('used', 'unused')
                 OR id IS NULL AND (scope = 'gpu' OR provisioned) AND COALESCE(pricing_category, 'Standard') <> 'Dynamic')
           GROUP BY day_us, currency, rate_day ORDER BY day_us, currency, rate_day""",
        [currency],
    ).to_pylist()
    return found


def gpu_time(engine: Engine, where: str) -> list[dict[str, Any]]:
    """GPU-microseconds per period of the lines of GPU capacity in ``commitment_lines``, by kind: ``unused``, ``committed`` (a
    commitment, a reservation, committed pricing), ``rented`` (standard or dynamic pricing) and ``unsaid``; owned is committed.
    """
    found: list[dict[str, Any]] = engine.query(
        f"""SELECT start_us, end_us, CAST(total(us) AS BIGINT) AS v,
                   CASE WHEN kind = 'unused' THEN 'unused' WHEN id IS NOT NULL OR pricing_category = 'Committed' OR provider = '{OWNED}'
                        THEN 'committed' WHEN pricing_category IN ('Standard', 'Dynamic') THEN 'rented' ELSE 'unsaid' END AS kind
            FROM (SELECT *, CASE WHEN kind = 'unused' THEN COALESCE(committed_us, period_us) ELSE gpu_us END AS us FROM commitment_lines)
            WHERE charge_category = 'Usage' AND (scope = 'gpu' OR pool IS NOT NULL) AND {where}
            GROUP BY ALL HAVING total(us) > 0"""
    ).to_pylist()
    return found


def use_of(engine: Engine, commitment: str) -> list[dict[str, Any]]:
    """Used and unused GPU-microseconds (0 = the bill does not say) and effective cost of one commitment per period of its lines."""
    found: list[dict[str, Any]] = engine.query(
        """SELECT start_us, end_us, kind, MIN(CASE WHEN step = 'pool' THEN pool END) AS pool, CAST(total(effective) AS HUGEINT) AS pico,
                  CASE WHEN bool_or(us IS NULL) THEN 0 ELSE CAST(total(us) AS BIGINT) END AS us
           FROM (SELECT *, CASE WHEN kind = 'used' THEN COALESCE(gpu_us, committed_us) ELSE COALESCE(committed_us, period_us) END AS us
                 FROM commitment_lines WHERE id = ? AND kind IN ('used', 'unused'))
           GROUP BY start_us, end_us, kind, pool ORDER BY start_us, end_us, kind""",
        [commitment],
    ).to_pylist()
    return found


def whole_terms(engine: Engine) -> list[dict[str, Any]]:
    """Per commitment over everything booked: billed purchases beside the effective cost of the use they cover.

    FOCUS: over a whole commitment the two are equal, and purchases that cover rows have no effective cost themselves.
    """
    effective, billed = pico_sql("effective_cost"), pico_sql("billed_cost")
    found: list[dict[str, Any]] = engine.query(
        f"""SELECT commitment_id AS id, currency,
                   total(CASE WHEN charge_category = 'Purchase' THEN {billed} ELSE 0 END) AS purchased,
                   total(CASE WHEN charge_category = 'Purchase' THEN {effective} ELSE 0 END) AS purchase_effective,
                   total(CASE WHEN charge_category = 'Usage' THEN {effective} ELSE 0 END) AS amortised,
                   MAX(CASE WHEN charge_category = 'Purchase' THEN micros(charge_end) END) AS purchase_end_us,
                   MIN(CASE WHEN charge_category = 'Purchase' AND charge_frequency = 'One-Time' THEN micros(charge_start) END) AS once_start_us,
                   MAX(CASE WHEN charge_category = 'Purchase' AND charge_frequency = 'One-Time' THEN micros(charge_end) END) AS once_end_us,
                   MAX(micros(charge_end)) AS last_us, CAST(SUM(CASE WHEN charge_category = 'Purchase' THEN 1 ELSE 0 END) AS BIGINT) AS purchases
            FROM charges WHERE commitment_id IS NOT NULL GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    return found
