"""Which combinations of words do the attempts of a day use? Each gets a number, found again by a hash of few of its words.

Words cost as much as all the arithmetic, so they are looked at once per distinct combination, never once per attempt.

In:  attempts_touching (attempts.py), with ``replayed``: 1 where the gateway answered from its cache
Out: attempt_map (serving_map.py); dims(dim_id, model_id, serving_id, pool, serving, DIMENSIONS, timed) and facts(fact_id, tariff_id,
     FACTS), words spelled out; timed: every attempt reports the time of both phases; price_words(words_id, provider, model, tariff);
     dim_hashes and fact_hashes(h, number, serving_id)
"""

from __future__ import annotations

from collections.abc import Sequence

from netyield.attribution.serving_map import KEYS, serving_map
from netyield.ledger.settings import PoolRule
from netyield.store.engine import Engine

DIMENSIONS = ("provider", "model", "team", "app", "customer")
WORDS = (*KEYS, "team", "app", "customer", "replayed")
FACTS = ("tariff", "operation", "purpose", "status", "finish_reason", "provenance")


def number(engine: Engine, rules: Sequence[PoolRule], owners: Sequence[tuple[str, str]], pools: Sequence[str]) -> None:
    """Make ``attempt_map``, ``dims`` and ``facts`` from the combinations of words of ``attempts_touching``."""
    words = ", ".join(WORDS)
    engine.keep(
        "dim_words",
        f"SELECT {words}, BOOL_AND(prefill_us IS NOT NULL AND decode_us IS NOT NULL) AS timed FROM attempts_touching GROUP BY {words}",
    )
    engine.keep("fact_words", f"SELECT DISTINCT {', '.join(FACTS)} FROM attempts_touching")
    distinct = engine.query(f"SELECT DISTINCT {', '.join(KEYS)} FROM dim_words").to_pylist()
    engine.register("attempt_map", serving_map(distinct, rules, owners, pools))
    engine.keep("dims", _DIMS)
    engine.keep("facts", _FACTS)
    engine.view("price_words", _PRICE_WORDS)


def _spelled(name: str) -> str:
    return f"COALESCE(w.{name}, '{'standard' if name == 'tariff' else ''}')"


def _served(name: str) -> str:
    """A column of ``attempt_map``, null for an answer the gateway replayed: no pool and no replica worked for it."""
    return f"CASE WHEN w.replayed = 1 THEN NULL ELSE m.{name} END"


_SERVING = _served("serving_id")
_SAME_KEYS = " AND ".join(f"w.{key} IS NOT DISTINCT FROM m.{key}" for key in KEYS)
# One number per replica (or API) and everything a leaf is told apart by. Numbered in the order of the words.
_DIMS = f"""
SELECT CAST(ROW_NUMBER() OVER (ORDER BY serving_id, {", ".join(DIMENSIONS)}) AS BIGINT) AS dim_id,
       CAST(DENSE_RANK() OVER (ORDER BY provider, model) AS BIGINT) AS model_id, * FROM (
  SELECT {_SERVING} AS serving_id, {_served("resolved_pool")} AS pool, COALESCE({_served("serving")}, '') AS serving,
         {", ".join(f"{_spelled(n)} AS {n}" for n in DIMENSIONS)}, BOOL_AND(w.timed) AS timed
  FROM dim_words w JOIN attempt_map m ON {_SAME_KEYS} GROUP BY ALL)
"""
_FACTS = f"""
SELECT CAST(ROW_NUMBER() OVER (ORDER BY {", ".join(FACTS)}) AS BIGINT) AS fact_id,
       CAST(DENSE_RANK() OVER (ORDER BY tariff) AS BIGINT) AS tariff_id, *
FROM (SELECT DISTINCT {", ".join(f"{_spelled(n)} AS {n}" for n in FACTS)} FROM fact_words w)
"""
# What prices are found by, as one number of a dim ``d`` and a fact ``f``; neither half outgrows 31 bits.
WORDS_ID = "d.model_id * 4294967296 + f.tariff_id"
_PRICE_WORDS = f"""
SELECT {WORDS_ID} AS words_id, d.provider, d.model, f.tariff
FROM (SELECT DISTINCT model_id, provider, model FROM dims) d CROSS JOIN (SELECT DISTINCT tariff_id, tariff FROM facts) f
"""


def hashes(engine: Engine) -> tuple[str, str]:
    """Make ``dim_hashes`` and ``fact_hashes``; returns the hash of an attempt ``a`` in each, as SQL."""
    same = " AND ".join(f"d.{n} = {_spelled(n)}" for n in DIMENSIONS)
    dims = f"""
        SELECT w.*, d.dim_id AS number, d.serving_id FROM dim_words w JOIN attempt_map m ON {_SAME_KEYS}
        JOIN dims d ON d.serving_id IS NOT DISTINCT FROM {_SERVING} AND {same}"""
    spelled = " AND ".join(f"f.{n} = {_spelled(n)}" for n in FACTS)
    facts = f"SELECT w.*, f.fact_id AS number, NULL AS serving_id FROM fact_words w JOIN facts f ON {spelled}"
    return _hashes(engine, "dim", WORDS, dims), _hashes(engine, "fact", FACTS, facts)


def _hashes(engine: Engine, kind: str, words: Sequence[str], rows: str) -> str:
    """Keep ``<kind>_hashes`` over the distinct combinations of ``<kind>_words``; returns an attempt's hash.

    Only the words that tell the combinations apart are hashed: not those that never vary or follow from others. Where two
    combinations have one hash, another salt is taken.
    """
    telling, count = list(words), engine.scalar(f"SELECT COUNT(*) FROM {kind}_words")
    for word in words:
        others = [other for other in telling if other != word]
        if others and engine.scalar(f"SELECT COUNT(*) FROM (SELECT DISTINCT {', '.join(others)} FROM {kind}_words)") == count:
            telling = others
    salt = 0
    while True:
        call = f"hash({salt}, {', '.join(f'a.{word}' for word in telling)})"
        engine.keep(f"{kind}_hashes", f"SELECT {call} AS h, a.number, a.serving_id FROM ({rows}) a")
        if engine.scalar(f"SELECT COUNT(DISTINCT h) FROM {kind}_hashes") == count:
            return call
        salt += 1
