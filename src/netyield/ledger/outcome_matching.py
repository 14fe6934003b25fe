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

import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.contract import contract
from netyield.core.finding import Finding, Severity
from netyield.ledger.repeats import Positions, leave_out, number_files, positions_by_path, scan
from netyield.store.engine import Engine
from netyield.store.manifest import Segment
from netyield.store.writer import Writer

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


def matched_until(number: int) -> dict[str, dict[str, int]]:
    """The cursor that says which manifest was matched; 0 makes the next run look at everything again."""
    return {CURSOR: {"manifest": number}}


def match_outcomes(writer: Writer, engine: Engine, now: datetime) -> list[Finding]:
    """Match what can be matched and book it in one manifest; a finding when outcomes wait for their attempt."""
    outcomes, attempts = writer.manifest.of("outcomes"), writer.manifest.of("attempts")
    done = int(writer.manifest.cursors.get(CURSOR, {}).get("manifest", 0))
    fresh = [segment for segment in (*outcomes, *attempts) if segment.number > done]
    if outcomes and fresh:
        _look_at(engine, writer, outcomes, attempts, done)
        _wanted(engine, writer, attempts)
        dropped = _move(engine, writer, outcomes, now)
        writer.commit(cursors=matched_until(writer.manifest.number + 1), drop_segments=dropped, recorded_at=now)
    return _waiting(engine, writer)


def _attempt_columns(segments: Sequence[Segment], writer: Writer) -> str:
    """The attempts' keys and times, typed and empty when there are none."""
    columns = "tenant, event_key, event_time, response_id, trace_id, span_id, request_id, conversation_id, turn"
    source = scan(writer.paths(segments)) if segments else "no_attempts"
    return f"(SELECT {columns}, agent_run_id FROM {source})"


def _look_at(
    engine: Engine, writer: Writer, outcomes: Sequence[Segment], attempts: Sequence[Segment], done: int
) -> None:
    """Make ``outcome_rows`` (all rows, small columns) and ``looked_at`` (identities of outcomes to match again)."""
    number_files(engine, writer.paths(outcomes))
    engine.register("no_attempts", contract("attempts").schema.empty_table())
    engine.keep(
        "outcome_rows",
        f"SELECT {_IDENTITY}, key_type, key, attempt_key, attempt_time, file, file_row_number AS position"
        f" FROM {scan(writer.paths(outcomes))} JOIN files USING (filename)",
    )
    new_files = [number for number, segment in enumerate(outcomes) if segment.number > done]
    engine.register("new_files", pa.table({"file": pa.array(new_files, pa.int32())}))
    new_attempts = _attempt_columns([segment for segment in attempts if segment.number > done], writer)
    engine.keep("new_attempts", f"SELECT * FROM {new_attempts}")
    keyed = " UNION ALL ".join(
        f"SELECT tenant, '{kind}' AS key_type, {expression} AS key FROM new_attempts"
        for kind, expression in LADDER.items()
    )
    engine.keep(
        "looked_at",
        f"""
        SELECT DISTINCT {_IDENTITY} FROM outcome_rows WHERE file IN (SELECT file FROM new_files)
        UNION SELECT DISTINCT {_IDENTITY} FROM outcome_rows SEMI JOIN ({keyed}) USING (tenant, key_type, key)
        UNION SELECT DISTINCT {_IDENTITY} FROM outcome_rows WHERE (tenant, attempt_key) IN
              (SELECT (tenant, event_key) FROM new_attempts)
        """,
    )


def _wanted(engine: Engine, writer: Writer, attempts: Sequence[Segment]) -> None:
    """Make ``wanted``: per outcome looked at, the attempts it belongs to (a null one when there is none)."""
    engine.keep(
        "asked",
        f"SELECT DISTINCT {_IDENTITY}, key_type, key FROM outcome_rows SEMI JOIN looked_at USING ({_IDENTITY})",
    )
    kinds = [str(kind) for kind in engine.query("SELECT DISTINCT key_type FROM asked")["key_type"].to_pylist()]
    every = _attempt_columns(attempts, writer)
    engine.keep(
        "matches",
        " UNION ALL ".join(
            [
                f"""
                SELECT DISTINCT o.tenant, o.source, o.event_key, a.event_key AS attempt_key,
                       a.event_time AS attempt_time, o.key_type
                FROM asked o JOIN {every} a ON a.tenant = o.tenant AND {_qualified(LADDER[kind])} = o.key
                WHERE o.key_type = '{kind}' AND o.key NOT IN ('', '/')
                """
                for kind in kinds
                if kind in LADDER
            ]
            or ["SELECT *, NULL AS attempt_key, NULL AS attempt_time FROM asked WHERE FALSE"]
        ),
    )
    engine.keep(
        "wanted",
        f"""
        WITH best AS (
            SELECT * FROM matches QUALIFY key_type = '{_EACH}' OR row_number() OVER (
                PARTITION BY {_IDENTITY} ORDER BY attempt_time DESC, attempt_key DESC) = 1)
        SELECT {_IDENTITY}, b.attempt_key, b.attempt_time FROM asked LEFT JOIN best b USING ({_IDENTITY})
        """,
    )


def _qualified(expression: str) -> str:
    return " || '/' || ".join(f"a.{name}" for name in expression.split(" || '/' || "))


def _move(engine: Engine, writer: Writer, outcomes: Sequence[Segment], now: datetime) -> list[Segment]:
    """Write rows where they now belong and take them from where they were; the segments the commit must drop."""
    same = "w.attempt_key IS NOT DISTINCT FROM r.attempt_key AND w.attempt_time IS NOT DISTINCT FROM r.attempt_time"
    names = contract("outcomes").schema.names
    columns = ", ".join("w." + n if n in ("attempt_key", "attempt_time") else f'o."{n}"' for n in names)
    engine.keep("outcome_changed", f"""
        SELECT DISTINCT {_IDENTITY} FROM (
            SELECT {_IDENTITY} FROM wanted w ANTI JOIN outcome_rows r ON ({_same_row("w", "r")} AND {same})
            UNION ALL
            SELECT {_IDENTITY} FROM outcome_rows r SEMI JOIN looked_at USING ({_IDENTITY})
            ANTI JOIN wanted w ON ({_same_row("w", "r")} AND {same}))
        """)  # fmt: skip
    old = engine.query(f"""
        SELECT file, position FROM outcome_rows SEMI JOIN outcome_changed USING ({_IDENTITY}) ORDER BY file
        """)  # fmt: skip
    if not old.num_rows:
        return []
    touched = writer.paths(outcomes[number] for number in pc.unique(old["file"]).to_pylist())
    moved = engine.query(f"""
        SELECT {columns} FROM wanted w SEMI JOIN outcome_changed USING ({_IDENTITY}) JOIN (
            SELECT * FROM {scan(touched)} SEMI JOIN outcome_changed USING ({_IDENTITY})
            QUALIFY row_number() OVER (PARTITION BY {_IDENTITY} ORDER BY recorded_at, row_number) = 1) o
        ON {_same_row("w", "o")} ORDER BY o.source, w.attempt_time, o.event_time, o.event_key
        """).cast(contract("outcomes").schema)  # fmt: skip
    positions: dict[str, list[Positions]] = {}
    positions_by_path(old, outcomes, positions)
    dropped = leave_out(writer, outcomes, positions)
    for source in pc.unique(moved["source"]).to_pylist():
        rows = moved.filter(pc.equal(moved["source"], source))
        writer.write_segments("outcomes", rows, "matching", None, now)
    return dropped


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
