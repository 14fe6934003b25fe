"""Which attempt does an outcome speak about?

Each outcome names one key of the ladder (response_id, span, request_id, turn, agent_run_id or event_key). It is
matched to the attempt with that key: the latest one where several share it (the answer that was given last), all of
them for agent_run_id (one row each). A matched row lives in the day of its attempt, so that an outcome that comes
months late touches that day only; one without an attempt waits in the day of its own event_time.

What is matched is a function of all outcomes and all attempts booked, whatever came first: each run looks again at
outcomes that are new, that share a key with a new attempt, or that were matched to an attempt whose row is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow.compute as pc

from netyield.core.contract import contract
from netyield.core.finding import Finding, Severity
from netyield.ledger.repeats import Positions, leave_out, number_files, positions_by_path, scan
from netyield.store.engine import Engine
from netyield.store.manifest import Segment
from netyield.store.writer import Writer

MATCHED = "matching"  # the delivery of segments whose rows were matched here
CURSOR = "ledger/outcome_matching"  # its "manifest": everything up to that number was matched
# The key ladder: what an outcome's key is compared with on the attempt.
LADDER = {
    "response_id": "response_id",
    "span": "trace_id || '/' || span_id",
    "request_id": "request_id",
    "turn": "conversation_id || '/' || turn",
    "agent_run_id": "agent_run_id",
    "event_key": "event_key",
}
_EACH = "agent_run_id"  # an outcome of a run is one of all its attempts
_IDENTITY = "tenant, source, event_key"
_HASH = f"hash({_IDENTITY})"
BATCH_OUTCOMES = 200_000  # outcomes matched at a time: bounds memory


def matched_until(number: int) -> dict[str, dict[str, int]]:
    """The cursor that says which manifest was matched; 0 makes the next run look at everything again."""
    return {CURSOR: {"manifest": number}}


def match_outcomes(writer: Writer, engine: Engine, now: datetime) -> list[Finding]:
    """Match what can be matched and book it in one manifest; a finding when outcomes wait for their attempt."""
    outcomes, attempts = writer.manifest.of("outcomes"), writer.manifest.of("attempts")
    done = int(writer.manifest.cursors.get(CURSOR, {}).get("manifest", 0))
    if outcomes and any(segment.number > done for segment in (*outcomes, *attempts)):
        number_files(engine, writer.paths(outcomes))
        engine.register("no_attempts", contract("attempts").schema.empty_table())
        batches = -(-_look_at(engine, writer, outcomes, attempts, done) // BATCH_OUTCOMES)
        positions: dict[str, list[Positions]] = {}
        for batch in range(batches):
            _wanted(engine, writer, outcomes, attempts, f"h % {batches} = {batch}")
            _move(engine, writer, outcomes, positions, now)
        dropped = leave_out(writer, outcomes, positions)
        writer.settle(MATCHED)
        writer.commit(cursors=matched_until(writer.manifest.number + 1), drop_segments=dropped, recorded_at=now)
    return _waiting(engine, writer)


def _relation(writer: Writer, segments: Sequence[Segment]) -> str:
    """The attempts of some segments, typed and empty when there are none."""
    return scan(writer.paths(segments)) if segments else "no_attempts"


def _look_at(
    engine: Engine, writer: Writer, outcomes: Sequence[Segment], attempts: Sequence[Segment], done: int
) -> int:
    """Make ``looked_at`` (h): hashes of the outcomes to match again; how many. One too many does no harm."""
    new = [segment for segment in outcomes if segment.number > done]
    parts = [f"SELECT {_HASH} AS h FROM {scan(writer.paths(new))}"] if new else []
    if len(new) < len(outcomes):
        rows = f"(SELECT {_HASH} AS h, tenant, key_type, key, attempt_key FROM {scan(writer.paths(outcomes))})"
        fresh = _relation(writer, [segment for segment in attempts if segment.number > done])
        parts += [
            f"SELECT h FROM {rows} WHERE key_type = '{kind}' AND (tenant, key) IN"
            f" (SELECT (tenant, {LADDER[kind]}) FROM {fresh})"
            for kind in _kinds(engine, scan(writer.paths(outcomes)))
        ]
        parts.append(f"SELECT h FROM {rows} WHERE (tenant, attempt_key) IN (SELECT (tenant, event_key) FROM {fresh})")
    engine.keep("looked_at", " UNION ".join(parts))
    return int(engine.scalar("SELECT count(*) FROM looked_at"))


def _kinds(engine: Engine, relation: str) -> list[str]:
    """The key types of the ladder that outcomes use."""
    found = engine.query(f"SELECT DISTINCT key_type FROM {relation}")["key_type"].to_pylist()
    return [kind for kind in LADDER if kind in found]


def _wanted(
    engine: Engine, writer: Writer, outcomes: Sequence[Segment], attempts: Sequence[Segment], batch: str
) -> None:
    """Make ``outcome_rows`` (where the outcomes of a batch are now) and ``wanted`` (the attempts they belong to)."""
    engine.keep(
        "outcome_rows",
        f"""
        SELECT {_IDENTITY}, key_type, key, attempt_key, attempt_time, attempt_id, file, file_row_number AS position
        FROM {scan(writer.paths(outcomes))} JOIN files USING (filename)
        WHERE {_HASH} IN (SELECT h FROM looked_at WHERE {batch})
        """,
    )
    engine.keep("asked", f"SELECT DISTINCT {_IDENTITY}, key_type, key FROM outcome_rows")
    engine.keep(
        "matches",
        " UNION ALL ".join(
            f"""
            SELECT DISTINCT {_IDENTITY}, attempt_key, attempt_time, attempt_id, key_type FROM asked JOIN (
                SELECT tenant, '{kind}' AS key_type, {LADDER[kind]} AS key, event_key AS attempt_key,
                       event_time AS attempt_time, attempt_id
                FROM {_relation(writer, attempts)}) USING (tenant, key_type, key)
            WHERE key NOT IN ('', '/')
            """
            for kind in _kinds(engine, "asked") or [_EACH]
        ),
    )
    engine.keep(
        "wanted",
        f"""
        WITH best AS (
            SELECT * FROM matches WHERE key_type = '{_EACH}'
            UNION ALL
            SELECT * FROM matches WHERE key_type <> '{_EACH}' QUALIFY row_number() OVER (
                PARTITION BY {_IDENTITY} ORDER BY attempt_time DESC, attempt_key DESC, attempt_id DESC) = 1)
        SELECT {_IDENTITY}, b.attempt_key, b.attempt_time, b.attempt_id FROM asked LEFT JOIN best b USING ({_IDENTITY})
        """,
    )


def _move(
    engine: Engine, writer: Writer, outcomes: Sequence[Segment], positions: dict[str, list[Positions]], now: datetime
) -> None:
    """Write the rows of a batch where they now belong; add where they were to ``positions``."""
    same = (
        f"{_same_row('w', 'r')} AND w.attempt_key IS NOT DISTINCT FROM r.attempt_key"
        " AND w.attempt_id IS NOT DISTINCT FROM r.attempt_id"
        " AND w.attempt_time IS NOT DISTINCT FROM r.attempt_time"
    )
    engine.keep(
        "outcome_changed",
        f"""
        SELECT {_IDENTITY} FROM wanted w ANTI JOIN outcome_rows r ON {same}
        UNION SELECT {_IDENTITY} FROM outcome_rows r ANTI JOIN wanted w ON {same}
        """,
    )
    old = engine.query(
        f"SELECT file, position FROM outcome_rows SEMI JOIN outcome_changed USING ({_IDENTITY}) ORDER BY file"
    )
    if not old.num_rows:
        return
    positions_by_path(old, outcomes, positions)
    touched = writer.paths(outcomes[number] for number in pc.unique(old["file"]).to_pylist())
    schema = contract("outcomes").schema
    columns = ", ".join("w." + n if n in ("attempt_key", "attempt_time", "attempt_id") else f'o."{n}"' for n in schema.names)
    moved = engine.query(
        f"""
        SELECT {columns} FROM (SELECT * FROM wanted SEMI JOIN outcome_changed USING ({_IDENTITY})) w JOIN (
            SELECT * FROM {scan(touched)} SEMI JOIN outcome_changed USING ({_IDENTITY})
            QUALIFY row_number() OVER (PARTITION BY {_IDENTITY} ORDER BY recorded_at, row_number) = 1) o
        ON {_same_row("w", "o")} ORDER BY o.source, coalesce(w.attempt_time, o.event_time), o.event_key, w.attempt_key
        """
    ).cast(schema)
    for source in pc.unique(moved["source"]).to_pylist():
        rows = moved.filter(pc.equal(moved["source"], source))
        writer.write_segments("outcomes", rows, MATCHED, None, now)


def _same_row(left: str, right: str) -> str:
    return " AND ".join(f"{left}.{name} = {right}.{name}" for name in _IDENTITY.split(", "))


def _waiting(engine: Engine, writer: Writer) -> list[Finding]:
    """One remark about outcomes whose attempt is not booked."""
    outcomes = writer.manifest.of("outcomes")
    if not outcomes:
        return []
    waiting = int(engine.scalar(f"SELECT count(*) FROM {scan(writer.paths(outcomes))} WHERE attempt_key IS NULL"))
    if not waiting:
        return []
    message = "outcomes name a call that is not in the books; they wait and are tried again at every ingest."
    repair = "Ingest the traffic of that time, or check which key the outcomes carry (key_type and key)."
    return [Finding("ledger.outcome_waits", Severity.INFO, message, repair, count=waiting)]
