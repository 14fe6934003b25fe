"""Judges every attempt of the day: the view ``judged`` is request_pieces with its verdict's code and what it counts.

In: request_pieces, attempt_rows, dims, facts (attribution), the ``outcomes`` view (matched rows carry attempt_key). Grades below the
policy's floor move no money: they only mark an attempt as having a weak signal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib import resources

import pyarrow as pa

from netyield.store.engine import Engine
from netyield.usefulness.policy import Attestation, UsefulnessSettings

# An outcome's word to the policy's code; failed and abandoned mean the run when that is what they were said of.
_CODES = """CASE verdict
    WHEN 'accepted' THEN CASE WHEN accepted_ppm = 0 THEN 9 ELSE 20 END WHEN 'succeeded' THEN CASE WHEN accepted_ppm = 0 THEN 9 ELSE 20 END
    WHEN 'superseded' THEN 5 WHEN 'blocked' THEN 6
    WHEN 'invalid_tool_call' THEN 8 WHEN 'rejected' THEN 9 WHEN 'aborted' THEN 9
    WHEN 'failed' THEN CASE WHEN key_type = 'agent_run_id' THEN 10 ELSE 9 END
    WHEN 'abandoned' THEN 11 WHEN 'duplicate' THEN 12 WHEN 'unreferenced' THEN 13 END"""


def statement(name: str) -> str:
    """The SQL of that file of this room."""
    return resources.files("netyield.usefulness").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def run(engine: Engine, settings: UsefulnessSettings, attestations: Sequence[Attestation], day: date) -> None:
    """Make ``said`` and ``judged`` for the attempts in the engine. ``day`` decides which attestations are in force."""
    _hear(engine, settings.lowest_grade)
    apps = sorted({a.app for a in attestations if a.expires >= day})
    engine.register("attested", pa.table({"app": pa.array(apps, pa.string())}))
    attested = "SELECT d.dim_id, CASE WHEN t.app IS NULL THEN 0 ELSE 1 END AS attested FROM dims d LEFT JOIN attested t ON d.app = t.app"
    engine.keep("attested_dims", attested)
    engine.keep("flags", statement("kinds"))
    names = ", ".join(_FLAGS)
    engine.keep("kinds", f"SELECT fact_id, CAST(DENSE_RANK() OVER (ORDER BY {names}) - 1 AS BIGINT) AS kind, {names} FROM flags")
    engine.register("answers_no", pa.table({"no": pa.array((0, 1), pa.int64())}))
    empty = 768 * (int(engine.scalar("SELECT COALESCE(MAX(kind), 0) FROM kinds")) + 1)
    engine.keep("cases", _CASES.replace("{flags}", names).replace("{empty}", str(empty)))
    engine.keep("verdicts", statement("verdict"))
    engine.view("judged", statement("judged").replace("{empty}", str(empty)))


_FLAGS = ("overhead", "failed", "aborted", "blocked", "truncated", "malformed", "guessed", "estimated", "unit_is_input")
# Everything that can be true of an attempt together, numbered as judged.sql numbers it.
_CASES = """
SELECT k.kind * 768 + s.heard * 12 + l.logged * 4 + r.no * 2 + a.no + e.no * {empty} AS case_id, k.*, s.heard - div64(s.heard, 32) * 32 AS said,
       div64(s.heard, 32) AS weak, l.logged, r.no AS superseded, a.no AS attested, e.no AS empty
FROM (SELECT DISTINCT kind, {flags} FROM kinds) k CROSS JOIN (SELECT heard FROM said UNION SELECT 0) s
CROSS JOIN (SELECT 0 AS logged UNION SELECT 1 UNION SELECT 2) l CROSS JOIN answers_no r CROSS JOIN answers_no a CROSS JOIN answers_no e
"""


def _hear(engine: Engine, floor: int) -> None:
    """``said``: of the outcomes of an attempt the one of the highest grade stands, of equals the later one."""
    since = engine.scalar("SELECT MIN(a) FROM grid")
    engine.keep(
        "signals",
        f"""SELECT o.attempt_id, o.grade * 100000000000000000 + micros(o.event_time) AS rank,
                   CASE WHEN o.grade >= {floor} THEN {_CODES} END * 10000000 + {_PPM} AS word, CASE WHEN o.grade < {floor} THEN 1 ELSE 0 END AS weak
            FROM ({_outcomes(since)}) o""",
    )
    engine.keep("said", _SAID)


def _outcomes(since: int) -> str:
    """Outcomes of attempts that began in the day, and of those that were running when it began."""
    start = f"make_timestamptz({since})"
    columns = "SELECT attempt_id, event_time, grade, verdict, accepted_ppm, key_type FROM outcomes WHERE attempt_id IS NOT NULL AND"
    return (
        f"{columns} attempt_time >= {start} UNION ALL {columns} attempt_time IS NULL UNION ALL"
        f" {columns} attempt_time < {start} AND attempt_id IN (SELECT attempt_id FROM attempt_rows WHERE t < {since})"
    )


_PPM = """CASE WHEN verdict NOT IN ('accepted', 'succeeded') THEN 0 WHEN accepted_ppm > 1000000 OR accepted_ppm IS NULL THEN 1000000
    WHEN accepted_ppm < 0 THEN 0 ELSE accepted_ppm END"""
# Nearly every attempt has one signal at most; those with more are looked at again.
_SAID = """
WITH heard AS (
  SELECT attempt_id, COUNT(word) AS signals, MAX(word) AS word, MAX(CASE WHEN word IS NOT NULL THEN rank END) AS rank, MAX(weak) AS weak
  FROM signals GROUP BY attempt_id
)
SELECT attempt_id, weak * 32 + div64(COALESCE(word, 0), 10000000) AS heard, COALESCE(word, 0) - div64(COALESCE(word, 0), 10000000) * 10000000 AS ppm
FROM heard WHERE signals <= 1
UNION ALL
SELECT h.attempt_id, MAX(h.weak) * 32 + div64(MAX(s.word), 10000000), MAX(s.word) - div64(MAX(s.word), 10000000) * 10000000
FROM heard h JOIN signals s ON h.attempt_id = s.attempt_id AND h.rank = s.rank
WHERE h.signals > 1 GROUP BY h.attempt_id
"""
