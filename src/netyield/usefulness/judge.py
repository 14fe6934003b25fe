"""Judges every attempt of the loaded range: ``judged(attempt_id, code, lost_output, kept_ppm)``.

In: attempts_in (attribution), the ``outcomes`` view (matched rows carry attempt_key). Grades below the policy's floor
move no money: they only mark an attempt as having a weak signal.
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
    WHEN 'accepted' THEN CASE WHEN accepted_ppm = 0 THEN 9 ELSE 20 END WHEN 'succeeded' THEN 20 WHEN 'superseded' THEN 5 WHEN 'blocked' THEN 6
    WHEN 'invalid_tool_call' THEN 8 WHEN 'rejected' THEN 9 WHEN 'aborted' THEN 9
    WHEN 'failed' THEN CASE WHEN key_type = 'agent_run_id' THEN 10 ELSE 9 END
    WHEN 'abandoned' THEN 11 WHEN 'duplicate' THEN 12 WHEN 'unreferenced' THEN 13 END"""


def statement(name: str) -> str:
    """The SQL of that file of this room."""
    return resources.files("netyield.usefulness").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def run(engine: Engine, settings: UsefulnessSettings, attestations: Sequence[Attestation], day: date) -> None:
    """Make ``judged`` for the attempts in the engine. ``day`` decides which attestations are in force."""
    engine.keep(
        "signals",
        f"""SELECT CAST(md5_number_lower(concat(a.source, '|', o.attempt_key)) // 2 AS BIGINT) AS attempt_id, o.grade,
                   micros(o.event_time) AS t, {_CODES} AS code,
                   CASE WHEN verdict IN ('accepted', 'succeeded') THEN COALESCE(o.accepted_ppm, 1000000) ELSE 0 END AS ppm
            FROM outcomes o JOIN (SELECT DISTINCT source FROM attempts) a ON TRUE WHERE o.attempt_key IS NOT NULL""",
    )
    engine.keep(
        "evidence",
        f"""SELECT attempt_id, MAX(wide(grade) * 100000000000000000000000000 + wide(t) * 10000000000 + code * 10000000
                   + CASE WHEN ppm > 1000000 THEN 1000000 WHEN ppm < 0 THEN 0 ELSE ppm END) AS top
            FROM signals WHERE grade >= {settings.lowest_grade} AND code IS NOT NULL GROUP BY attempt_id""",
    )
    engine.keep("weak", f"SELECT DISTINCT attempt_id FROM signals WHERE grade < {settings.lowest_grade}")
    engine.keep("superseded", _SUPERSEDED)
    apps = sorted({a.app for a in attestations if a.expires >= day})
    engine.register("attested", pa.table({"app": pa.array(apps, pa.string())}))
    engine.keep("judged", statement("verdict"))


# A recorded link: a later attempt that answered names this one, or follows it inside one logical request.
_SUPERSEDED = """
SELECT DISTINCT a.attempt_id
FROM attempts_in a JOIN (SELECT retry_of, t FROM attempts_in WHERE retry_of IS NOT NULL AND status = 'ok') b
  ON a.request_id = b.retry_of AND a.t <= b.t
UNION
SELECT DISTINCT a.attempt_id
FROM attempts_in a JOIN (SELECT retry_of, t FROM attempts_in WHERE retry_of IS NOT NULL AND status = 'ok') b
  ON a.response_id = b.retry_of AND a.t <= b.t
UNION
SELECT DISTINCT a.attempt_id
FROM attempts_in a JOIN (
  SELECT logical_request_id, MAX(attempt_number) AS last_number FROM attempts_in
  WHERE attempt_number > 1 AND status = 'ok' AND logical_request_id IS NOT NULL GROUP BY logical_request_id) b
  ON a.logical_request_id = b.logical_request_id AND COALESCE(a.attempt_number, 1) < b.last_number
"""
