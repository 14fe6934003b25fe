"""From judged attempts to leaves: money and tokens of every verdict, in the one schema reports add up."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from netyield.attribution.attempts import CLASSES
from netyield.attribution.leaf import leaf_sql
from netyield.core.period import Period, micros
from netyield.store.engine import Engine
from netyield.usefulness import judge
from netyield.usefulness.policy import verdicts


def run(engine: Engine, segment: Period, slot_seconds: int, currency: str, providers: Mapping[str, str]) -> None:
    """Make ``leaves_attempts``. ``providers``: gateway's provider word to the bill's provider name."""
    lo, hi = micros(segment.since), micros(segment.until)
    numbers = {"lo": str(lo), "hi": str(hi), "slot": str(slot_seconds * 1_000_000)}
    engine.register("verdict_codes", _codes())
    engine.register("provider_names", pa.table({"word": list(providers) or [""], "bill_name": list(providers.values()) or [""]}))
    engine.keep("attempt_money", _fill(judge.statement("attempt_money"), numbers))
    sums = ", ".join(f"narrow(total({name})) AS {name}" for name in CLASSES)
    tokens = _fill(judge.statement("attempt_tokens"), numbers | {"classes": ", ".join(f"a.{c}" for c in CLASSES), "sums": sums})
    engine.keep("attempt_tokens", tokens)
    engine.keep("leaves_attempts", f"{_money_leaves(currency)} UNION ALL {_token_leaves(currency)}")


def _fill(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace("{" + word + "}", value)
    return text


def _codes() -> pa.Table:
    rows = verdicts()
    return pa.table(
        {"code": pa.array([v.code for v in rows], pa.int64()), "step": [v.step for v in rows], "verdict": [v.verdict for v in rows],
         "why": [v.reason for v in rows], "grade": pa.array([v.grade for v in rows], pa.int64())}
    )


_DIMENSIONS = {"model": "m.model", "team": "m.team", "app": "m.app", "customer": "m.customer"}
_KEYS = "hour_us, serving_id, provider, model, team, app, customer"


def _money_leaves(currency: str) -> str:
    """One leaf per part of each group of attempt_money that has any: main, rejected, lost, not kept."""
    parts = " UNION ALL ".join(
        f"SELECT line_id, {_KEYS}, CAST({code} AS BIGINT) AS code, {column} AS pico FROM attempt_money WHERE {column} <> 0"
        for code, column in (("code", "main_pico"), ("3", "rejected_pico"), ("4", "lost_pico"), ("9", "not_kept_pico"))
    )
    columns = leaf_sql(
        hour_us="m.hour_us", currency=f"'{currency}'", step="v.step", reason="v.why", scope="COALESCE(l.scope, 'ai_api')",
        provider="COALESCE(l.provider, n.bill_name, m.provider)", service="COALESCE(l.service, '')",
        account="COALESCE(l.account, '')", pool="COALESCE(s.pool, '')", owner="COALESCE(s.serving, '')",
        evidence="CASE WHEN l.line_id IS NULL THEN 'derived' ELSE 'modelled' END",
        method="COALESCE(w.method, 'price list')", pico="m.pico", **_DIMENSIONS,
    )
    return (
        f"SELECT {columns} FROM ({parts}) m JOIN verdict_codes v ON v.code = m.code"
        " LEFT JOIN line_facts l ON m.line_id = l.line_id LEFT JOIN servings s ON m.serving_id = s.serving_id"
        " LEFT JOIN serving_weights w ON m.serving_id = w.serving_id LEFT JOIN provider_names n ON m.provider = n.word"
    )


def _token_leaves(currency: str) -> str:
    """Tokens, attempts and answers; class counts stand with the main part."""
    main = ", ".join(CLASSES)
    none = ", ".join(f"0 AS {name}" for name in CLASSES)
    parts = " UNION ALL ".join(
        [
            f"SELECT {_KEYS}, code, unpriced, unit_main AS unit, attempts, "
            f"CASE WHEN code = 20 THEN attempts ELSE 0 END AS answers, {main} FROM attempt_tokens",
            f"SELECT {_KEYS}, 9 AS code, unpriced, unit_not_kept, 0, 0, {none} FROM attempt_tokens WHERE unit_not_kept <> 0",
            f"SELECT {_KEYS}, 4 AS code, unpriced, unit_lost, 0, 0, {none} FROM attempt_tokens WHERE unit_lost <> 0",
        ]
    )
    columns = leaf_sql(
        hour_us="m.hour_us", currency=f"'{currency}'", step="CASE WHEN m.unpriced = 1 THEN 'unpriced' ELSE v.step END",
        reason="CASE WHEN m.unpriced = 1 THEN v.step ELSE v.why END", scope="CASE WHEN s.pool IS NULL THEN 'ai_api' ELSE 'gpu' END",
        provider="CASE WHEN s.pool IS NULL THEN COALESCE(n.bill_name, m.provider) ELSE '' END",
        pool="COALESCE(s.pool, '')", owner="COALESCE(s.serving, '')", evidence="'measured'", method="'request log'",
        unit_tokens="m.unit", attempts="m.attempts", answers="m.answers", **_DIMENSIONS, **{name: f"m.{name}" for name in CLASSES},
    )
    return (
        f"SELECT {columns} FROM ({parts}) m JOIN verdict_codes v ON v.code = m.code"
        " LEFT JOIN servings s ON m.serving_id = s.serving_id LEFT JOIN provider_names n ON m.provider = n.word"
    )
