"""Do priced attempts explain the API bill? Per day and model: billed, priced, and the difference as its own line.

Out: leaves_api (what of the API bill is not carried by priced attempts) and reconciliation(hour_us, provider, model,
billed_pico, priced_pico, tokens_billed, tokens_metered). Where no request log speaks of the day, billed tokens are
``unproven``; a model whose attempts have no price keeps its bill under ``unpriced``; all else is ``unreconciled``, which
may be negative (seen, not billed). Priced attempts that no bill covers are charges themselves (coverage.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from netyield.attribution.leaf import leaf_sql
from netyield.core.period import Period, micros
from netyield.store.engine import Engine

HOUR_US = 3_600_000_000


def run(
    engine: Engine, segment: Period, currency: str, canonical: Mapping[str, str], *, logged: bool = False
) -> None:
    """``canonical``: every model name of bill or log to one name. In: provider_names and unbilled (coverage.py).
    ``logged``: a request log of API calls covers the day, even if it holds none.
    """
    names = {"": ""} | dict(canonical)
    engine.register("model_names", pa.table({"model": list(names), "one_name": list(names.values())}))
    day = micros(segment.since) // HOUR_US * HOUR_US
    engine.keep(
        "metered_models",
        """SELECT COALESCE(n.one_name, a.model) AS model, MAX(COALESCE(v.bill_name, a.provider)) AS provider,
                  total(CASE WHEN p.priced THEN p.cost_pico ELSE 0 END) AS pico,
                  total(CASE WHEN p.priced AND u.model IS NULL THEN p.cost_pico ELSE 0 END) AS covered_pico,
                  SUM(CASE WHEN p.priced THEN 1 ELSE 0 END) AS priced,
                  narrow(total(a.input_tokens + a.output_tokens)) AS tokens, COUNT(*) AS attempts
           FROM attempts_in a LEFT JOIN priced p ON a.attempt_id = p.attempt_id
           LEFT JOIN model_names n ON a.model = n.model LEFT JOIN provider_names v ON a.provider = v.word
           LEFT JOIN unbilled u ON a.provider = u.provider AND a.model = u.model
           WHERE a.serving_id IS NULL AND a.t >= {lo} AND a.t < {hi} GROUP BY 1""".replace(
            "{lo}", str(micros(segment.since))
        ).replace("{hi}", str(micros(segment.until))),
    )
    engine.keep(
        "billed_lines",
        """SELECT COALESCE(b.provider, '') AS provider, COALESCE(b.service, '') AS service, COALESCE(b.account, '') AS account,
                  COALESCE(n.one_name, b.model, '') AS model, COALESCE(b.token_class, '') AS token_class,
                  total(b.pico) AS pico, narrow(total(COALESCE(b.tokens, 0))) AS tokens
           FROM api_pieces b LEFT JOIN model_names n ON b.model = n.model GROUP BY ALL""",
    )
    engine.keep(
        "reconciliation",
        f"""SELECT CAST({day} AS BIGINT) AS hour_us, COALESCE(b.provider, m.provider) AS provider, COALESCE(b.model, m.model) AS model,
                   b.pico AS billed_pico, m.pico AS priced_pico, b.tokens AS tokens_billed, m.tokens AS tokens_metered,
                   COALESCE(m.attempts, 0) AS attempts, COALESCE(m.priced, 0) AS priced
            FROM (SELECT MAX(provider) AS provider, model, total(pico) AS pico, narrow(total(tokens)) AS tokens FROM billed_lines GROUP BY model) b
            FULL JOIN metered_models m ON b.model = m.model""",
    )
    engine.keep("leaves_api", _leaves(currency, day, logged))


def _leaves(currency: str, day: int, logged: bool) -> str:
    seen = "TRUE" if logged else "(SELECT COUNT(*) FROM metered_models) > 0"
    unpriced = "EXISTS (SELECT 1 FROM metered_models m WHERE m.model = b.model AND m.priced = 0)"
    step = f"CASE WHEN NOT ({seen}) THEN 'unproven' WHEN {unpriced} THEN 'unpriced' ELSE 'unreconciled' END"
    output = "b.token_class LIKE 'out%' AND b.token_class <> 'out_reasoning'"
    billed = leaf_sql(
        hour_us=str(day),
        currency=f"'{currency}'",
        step=step,
        reason=f"CASE WHEN NOT ({seen}) THEN 'no_traffic_source' ELSE 'billed' END",
        scope="'ai_api'",
        provider="b.provider",
        service="b.service",
        account="b.account",
        model="b.model",
        evidence="'measured'",
        method="'bill'",
        pico="b.pico",
        unit_tokens=f"CASE WHEN NOT ({seen}) AND {output} THEN b.tokens ELSE 0 END",
        out_text=f"CASE WHEN NOT ({seen}) AND {output} THEN b.tokens ELSE 0 END",
        in_uncached=f"CASE WHEN NOT ({seen}) AND b.token_class = 'in_uncached' THEN b.tokens ELSE 0 END",
    )
    metered = leaf_sql(
        hour_us=str(day),
        currency=f"'{currency}'",
        step="'unreconciled'",
        reason="'priced attempts'",
        scope="'ai_api'",
        provider="m.provider",
        model="m.model",
        evidence="'derived'",
        method="'bill less priced attempts'",
        pico="0 - m.covered_pico",
    )
    return f"""SELECT {billed} FROM billed_lines b WHERE b.pico <> 0
               UNION ALL SELECT {metered} FROM metered_models m WHERE m.covered_pico <> 0"""
