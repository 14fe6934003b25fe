"""From judged attempts to leaves: money and tokens of every verdict, in the one schema reports add up.

Everything is added up as numbers; words are put to what is left. ``leaves_attempts`` has one row per leaf already.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from netyield.attribution import attempts, serving
from netyield.attribution.attempts import CLASSES
from netyield.attribution.coverage import UNBILLED
from netyield.attribution.leaf import leaf_sql
from netyield.core.period import Period, micros
from netyield.store.engine import Engine
from netyield.usefulness import judge
from netyield.usefulness.policy import verdicts


def run(engine: Engine, segment: Period, currency: str) -> None:
    """Make the view ``leaves_attempts``. In: judged (judge.py), priced, provider_names and unbilled (coverage.py)."""
    engine.register("verdict_words", _codes())
    engine.keep("verdict_codes", "SELECT * FROM verdict_words")
    reported = [name for name in attempts.reported_columns(engine, "attempt_rows") if name in CLASSES]
    _money(engine, segment, reported)
    engine.keep("leaf_dims", _LEAF_DIMS)
    words = {
        "classes": "".join(f", m.{name}" for name in reported), "nothing": "".join(f", 0 AS {name}" for name in reported),
        "sums": "".join(f", sum64({name}) AS {name}" for name in reported),
    }
    engine.keep("attempt_tokens", _fill(judge.statement("attempt_tokens"), words))
    engine.view("leaves_attempts", f"{_money_leaves(currency)} UNION ALL {_token_leaves(currency, reported)}")


def _money(engine: Engine, segment: Period, reported: Sequence[str]) -> None:
    """``attempt_money``: the sums over self-hosted attempts and over API attempts."""
    lo, hi = micros(segment.since), micros(segment.until)
    numbers = {
        "lo": lo, "hi": hi, "first_hour": serving.first_hour(lo),
        "span": 128 * (int(engine.scalar("SELECT COUNT(*) FROM lines")) + 1),
    }
    words = {
        "sums": "".join(f", sum64(counted * {name}) AS {name}" for name in reported),
        "names": "".join(f", {name}" for name in reported),
        "api_sums": "".join(f", sum64({name}) AS {name}" for name in reported),
    }
    filled = {word: str(number) for word, number in numbers.items()} | words
    engine.keep("own_money", _fill(judge.statement("attempt_money"), filled))
    engine.keep("api_money", _fill(judge.statement("api_money"), filled))
    engine.view("attempt_money", "SELECT * FROM own_money UNION ALL SELECT * FROM api_money")


def _fill(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace("{" + word + "}", value)
    return text


def _codes() -> pa.Table:
    rows = verdicts()
    first: dict[str, int] = {}
    for verdict in rows:
        first.setdefault(verdict.step, verdict.code)
    return pa.table(
        {"code": pa.array([v.code for v in rows], pa.int64()), "step": [v.step for v in rows], "verdict": [v.verdict for v in rows],
         "why": [v.reason for v in rows], "grade": pa.array([v.grade for v in rows], pa.int64()),
         "step_code": pa.array([first[v.step] for v in rows], pa.int64())}
    )


# Dimensions that a leaf does not tell apart share a leaf_dim: the provider of a self-hosted model, two words for one biller.
_LEAF_DIMS = f"""
SELECT dim_id, MIN(dim_id) OVER (PARTITION BY serving_id, provider, model, team, app, customer, method) AS leaf_dim,
       serving_id, pool, serving, provider, model, team, app, customer, method
FROM (SELECT d.dim_id, d.serving_id, CASE WHEN d.serving_id IS NULL THEN '' ELSE d.pool END AS pool, d.serving,
             CASE WHEN d.serving_id IS NOT NULL THEN '' ELSE COALESCE(n.bill_name, d.provider) END AS provider,
             d.model, d.team, d.app, d.customer,
             CASE WHEN u.model IS NULL THEN COALESCE(w.method, 'price list') ELSE '{UNBILLED}' END AS method
      FROM dims d LEFT JOIN provider_names n ON d.provider = n.word LEFT JOIN serving_weights w ON d.serving_id = w.serving_id
      LEFT JOIN unbilled u ON d.serving_id IS NULL AND d.provider = u.provider AND d.model = u.model)
"""
_WORDS = {"model": "d.model", "team": "d.team", "app": "d.app", "customer": "d.customer", "pool": "d.pool", "owner": "COALESCE(d.serving, '')"}
_PARTS = (
    ("m.code", "m.whole_pico - m.rejected_pico - m.lost_pico - m.not_kept_pico"),
    ("3", "m.rejected_pico"),
    ("4", "m.lost_pico"),
    ("9", "m.not_kept_pico"),
)
_HOUR = "m.hour * 3600000000"


def _money_leaves(currency: str) -> str:
    """One leaf per part of each group of attempt_money that has any: main, rejected, lost, not kept."""
    parts = " UNION ALL ".join(
        f"SELECT m.line, m.hour, d.leaf_dim, CAST({code} AS BIGINT) AS code, {pico} AS pico"
        f" FROM attempt_money m JOIN leaf_dims d ON m.dim_id = d.dim_id WHERE {pico} <> 0"
        for code, pico in _PARTS
    )
    columns = leaf_sql(
        hour_us=_HOUR, currency=f"'{currency}'", step="v.step", reason="v.why", scope="COALESCE(l.scope, 'ai_api')",
        provider="COALESCE(l.provider, d.provider)", service="COALESCE(l.service, '')", account="COALESCE(l.account, '')",
        evidence="CASE WHEN l.line_id IS NULL THEN 'derived' ELSE 'modelled' END", method="d.method", pico="m.pico", **_WORDS,
    )
    return (
        f"SELECT {columns} FROM (SELECT line, hour, leaf_dim, code, total(pico) AS pico FROM ({parts}) GROUP BY line, hour, leaf_dim, code) m"
        " JOIN verdict_codes v ON v.code = m.code JOIN leaf_dims d ON m.leaf_dim = d.dim_id"
        " LEFT JOIN lines n ON m.line = n.line LEFT JOIN line_facts l ON n.line_id = l.line_id"
    )


def _token_leaves(currency: str, reported: Sequence[str]) -> str:
    """Tokens, attempts and answers; class counts stand with the main part. What nobody reported is unknown, not 0."""
    absent = {name: "NULL" for name in CLASSES if name not in reported}
    columns = leaf_sql(
        hour_us=_HOUR, currency=f"'{currency}'", step="CASE WHEN m.unpriced = 1 THEN 'unpriced' ELSE v.step END",
        reason="CASE WHEN m.unpriced = 1 THEN v.step ELSE v.why END", scope="CASE WHEN d.serving_id IS NULL THEN 'ai_api' ELSE 'gpu' END",
        provider="d.provider", evidence="'measured'", method="'request log'",
        unit_tokens="m.unit", attempts="m.attempts", answers="m.answers", **_WORDS, **{name: f"m.{name}" for name in reported}, **absent,
    )
    return (
        f"SELECT {columns} FROM attempt_tokens m JOIN verdict_codes v ON v.code = m.code JOIN leaf_dims d ON m.leaf_dim = d.dim_id"
    )
