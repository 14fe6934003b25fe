"""Attempts as integers, mapped to the pool and the replica that served them.

Out: ``attempts_seen`` (edge: one row per attempt that touches the day) with attempt_id, times in microseconds, dim_id,
fact_id, serving_id (null = an API call, or an answer the gateway replayed: no replica worked for it), whether a
recorded retry replaced it, and the counts that anybody reported;
``dims`` and ``facts`` (attempt_words.py): what the two numbers stand for; ``attempts_in``: the same attempts with
everything spelled out.
"""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from netyield.attribution import attempt_words
from netyield.attribution.attempt_words import DIMENSIONS, FACTS
from netyield.core.period import TIMESTAMP
from netyield.ledger.settings import PoolRule
from netyield.store.engine import Engine

INPUT_CLASSES = (
    "in_uncached", "in_cache_read", "in_cache_write_5m", "in_cache_write_30m", "in_cache_write_1h", "in_cache_write_12h",
    "in_cache_write_unknown", "in_audio", "in_audio_cache_read", "in_image", "in_image_cache_read", "in_tool",
)
CACHED_CLASSES = ("in_cache_read", "in_audio_cache_read", "in_image_cache_read")
COMPUTED_CLASSES = tuple(name for name in INPUT_CLASSES if name not in CACHED_CLASSES)
OUTPUT_CLASSES = ("out_text", "out_reasoning", "out_audio", "out_image", "out_rejected_prediction")
VISIBLE_CLASSES = ("out_text", "out_audio", "out_image")
CLASSES = (*INPUT_CLASSES, *OUTPUT_CLASSES)
# Beside the classes, the numbers few logs have: name of the contract to name here.
RARE = {"delivered_output_tokens": "delivered_output_tokens", "accepted_ppm": "logged_ppm", "prefill_us": "prefill_us", "decode_us": "decode_us"}
PHASES = ("prefill_us", "decode_us")
ALWAYS = ("attempt_id", "t", "e", "dim_id", "fact_id", "superseded")
# What an attempt says of the one it replaces.
RETRY = pa.schema(
    [
        ("retry_of", pa.string()), ("logical_request_id", pa.string()), ("attempt_number", pa.int64()), ("event_time", TIMESTAMP),
        ("status", pa.string()),
    ]
)
# No attempt runs longer; a clock fault must not spread one over a month.
LONGEST_US = 6 * 3_600_000_000


def zero_sum(classes: Sequence[str]) -> str:
    """SQL for the sum of class counts with unknown as nothing reported."""
    return " + ".join(f"COALESCE({name}, 0)" for name in classes) or "CAST(0 AS BIGINT)"


def load(
    engine: Engine, rules: Sequence[PoolRule], owners: Sequence[tuple[str, str]], pools: Sequence[str], later: pa.Table | None = None
) -> None:
    """Make ``attempt_map``, ``dims``, ``facts``, ``attempts_seen`` and ``attempts_in`` from the ``attempts`` view.

    Needs ``grid`` (the day's slots): attempts that ended before it are left out, but their retries count.
    ``owners``: (pool, owner) pairs the telemetry knows; ``pools``: pools that somebody pays for or that report.
    Each attempt's words_id stands for provider, model and tariff (``price_words``). ``later``: retries made after the day's end (schema ``RETRY``).
    """
    engine.register("later_retries", RETRY.empty_table() if later is None else later)
    since = engine.scalar("SELECT MIN(a) FROM grid")
    engine.view("attempts_touching", _touching(since))
    attempt_words.number(engine, rules, owners, pools)
    reported = _reported(engine)
    engine.view("attempts_seen", _seen(engine, reported, _links(engine, since)))
    spell_out(engine, "attempts_seen", reported)


def _touching(since: int) -> str:
    """Attempts that run on or after ``since``. Two plain filters: either lets the reader skip what it does not need."""
    start, earliest = f"make_timestamptz({since})", f"make_timestamptz({since - LONGEST_US})"
    columns = "SELECT *, CASE WHEN purpose = 'gateway_cache_hit' THEN 1 ELSE 0 END AS replayed FROM attempts WHERE"
    return (
        f"{columns} event_time >= {start} UNION ALL"
        f" {columns} event_time > {earliest} AND event_time < {start} AND end_time > {start}"
    )


def _reported(engine: Engine) -> list[str]:
    """Counts and rare numbers that any attempt reports, by their names here."""
    names = {name: name for name in CLASSES} | RARE
    counts = ", ".join(f"COUNT({raw}) AS {name}" for raw, name in names.items())
    found = engine.query(f"SELECT {counts} FROM attempts_touching").to_pylist()[0]
    return [name for name, count in found.items() if count]


def _links(engine: Engine, since: int) -> list[str]:
    """By which keys are retries recorded? Makes ``retried`` and ``last_tries``, of attempts that answered."""
    names = ", ".join(RETRY.names)
    tries = f"SELECT {names} FROM attempts UNION ALL SELECT {names} FROM later_retries"
    answered = f"FROM ({tries}) WHERE status = 'ok' AND event_time >= make_timestamptz({since - LONGEST_US})"
    engine.keep("retried", f"SELECT retry_of, MAX(micros(event_time)) AS until {answered} AND retry_of IS NOT NULL GROUP BY retry_of")
    engine.keep(
        "last_tries",
        f"""SELECT logical_request_id, MAX(attempt_number) AS last_number {answered}
            AND logical_request_id IS NOT NULL AND attempt_number > 1 GROUP BY logical_request_id""",
    )
    links = ["request_id", "response_id"] if engine.scalar("SELECT COUNT(*) FROM retried") else []
    known = [name for name in links if engine.scalar(f"SELECT 1 FROM attempts_touching WHERE {name} IS NOT NULL LIMIT 1")]
    return [*known, *(["logical_request_id"] if engine.scalar("SELECT COUNT(*) FROM last_tries") else [])]


def _seen(engine: Engine, reported: Sequence[str], links: Sequence[str]) -> str:
    """One scan of the raw rows, that looks at few of their words."""
    dim_hash, fact_hash = attempt_words.hashes(engine)
    joins, tests = "", []
    for link in links:
        last = link == "logical_request_id"
        joins += f" LEFT JOIN {'last_tries' if last else 'retried'} by_{link} ON a.{link} = by_{link}.{link if last else 'retry_of'}"
        # A gateway may give all tries of a request one id: the retry that names it does not replace itself.
        later = f"by_{link}.until >= micros(a.event_time) + CASE WHEN a.retry_of = a.{link} THEN 1 ELSE 0 END"
        tests.append(f"COALESCE(a.attempt_number, 1) < by_{link}.last_number" if last else later)
    superseded = f"CASE WHEN {' OR '.join(tests)} THEN 1 ELSE 0 END" if tests else "0"
    raw = {here: name for name, here in RARE.items()}
    numbers = "".join(f", a.{raw.get(name, name)} AS {name}" for name in reported)
    phases = "".join(f", CAST(NULL AS BIGINT) AS {name}" for name in PHASES if name not in reported)
    start, end = "micros(a.event_time)", "micros(a.end_time)"
    computed = [name for name in COMPUTED_CLASSES if name in reported]
    outputs = [name for name in OUTPUT_CLASSES if name in reported]
    return f"""
        SELECT a.attempt_id, {start} AS t,
               greatest(least(COALESCE({end}, {start} + 1), {start} + {LONGEST_US}), {start} + 1) AS e,
               d.number AS dim_id, f.number AS fact_id, d.serving_id, {superseded} AS superseded,
               {zero_sum(computed)} AS computed_input, {zero_sum(outputs)} AS output_tokens{numbers}{phases}
        FROM attempts_touching a JOIN dim_hashes d ON d.h = {dim_hash} JOIN fact_hashes f ON f.h = {fact_hash}{joins}"""


def spell_out(engine: Engine, rows: str, reported: Sequence[str]) -> None:
    """``attempts_in``: the attempts of ``rows`` with dimensions and facts as words and every class, null where unknown."""
    classes = "".join(f", a.{n}" if n in reported else f", CAST(NULL AS BIGINT) AS {n}" for n in (*CLASSES, *RARE.values()))
    sums = {
        "computed_input": COMPUTED_CLASSES, "input_tokens": INPUT_CLASSES, "output_tokens": OUTPUT_CLASSES,
    }
    totals = ", ".join(f"{zero_sum([f'a.{c}' for c in names if c in reported])} AS {n}" for n, names in sums.items())
    engine.view(
        "attempts_in",
        f"""SELECT a.attempt_id, a.t, a.e, a.dim_id, a.fact_id, d.serving_id, d.pool, {", ".join(f"d.{n}" for n in DIMENSIONS)},
                   {", ".join(f"f.{n}" for n in FACTS)}, {attempt_words.WORDS_ID} AS words_id, a.superseded, {totals}{classes}
            FROM {rows} a JOIN dims d ON a.dim_id = d.dim_id JOIN facts f ON a.fact_id = f.fact_id""",
    )


def reported_columns(engine: Engine, rows: str) -> list[str]:
    """The counts and rare numbers that ``rows`` has as columns."""
    names = engine.query(f"SELECT * FROM {rows} LIMIT 0").column_names
    return [name for name in (*CLASSES, *RARE.values()) if name in names]
