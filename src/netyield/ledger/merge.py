"""Which version of one event stands, when several were delivered?

Final wins, else the largest count per token class; never the first (facts sheet on traffic, section 4: first-wins
cost a peer program a 2.7-fold under-count). The rule is a maximum, so neither order nor repetition matters:

* attempts: the most final versions stand (status known, finish reason known, end known); among them every token
  count is the largest one reported, all other columns are those of one version: latest end_time, then greatest
  record. ``version`` is the number of different versions delivered so far.
* outcomes: highest grade, then latest event_time, then greatest record.
* other tables: latest event_time, then greatest record.

Every delivered version that does not stand is kept in quarantine (``ledger.superseded_version``). The record of a
version is its JSON; its SHA-256 tells versions apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from netyield.core.contract import contract
from netyield.ledger.staging import FILLED
from netyield.store.engine import Engine

SUPERSEDED = "ledger.superseded_version"
# What Netyield made of a call, and not what was said of it: another key or tokenizer makes no other version.
ASIDE = {"attempts": ("prefix_blocks", "prefix_block_tokens", "prefix_tokens")}
_SUFFIX = 1 + 64 + 1 + len(SUPERSEDED)  # "|sha|code" behind the event_key of a superseded version
_LAST = "ORDER BY event_time DESC, version_json DESC"


@dataclass(frozen=True, slots=True)
class Merged:
    """``standing``: the rows that now stand (full contract schema) for the keys whose booked row changes.
    ``superseded``: versions that newly do not, as quarantine rows."""

    standing: pa.Table
    superseded: pa.Table


def compared(table: str) -> list[str]:
    """The columns that make one version differ from another."""
    aside = {*FILLED.get(table, {}), *ASIDE.get(table, ())}
    own = [column.name for column in contract(table).own if column.name not in aside]
    return ["event_time", *own]


def counts(table: str) -> list[str]:
    """The columns of which the largest value stands."""
    return [column.name for column in contract(table).own if column.unit == "tokens"] if table == "attempts" else []


def record_sql(columns: list[str]) -> str:
    """A row's columns as JSON text."""
    fields = ", ".join(f'"{name}" := "{name}"' for name in columns)
    return f"CAST(to_json(struct_pack({fields})) AS VARCHAR)"


def superseded_before(engine: Engine, quarantine: str, table: str) -> None:
    """Make ``superseded_before`` (event_key, version_sha): versions of ``table`` a quarantine relation holds."""
    engine.keep(
        "superseded_before",
        f"""
        SELECT DISTINCT left(event_key, length(event_key) - {_SUFFIX}) AS event_key,
               substr(event_key, length(event_key) - {_SUFFIX} + 2, 64) AS version_sha
        FROM {quarantine} WHERE code = '{SUPERSEDED}' AND "table" = '{table}'
        """,
    )


def merge(engine: Engine, table: str) -> Merged:
    """What stands of relation ``versions`` (full schema and ``staged``) given ``superseded_before``."""
    columns = compared(table)
    counted = counts(table)
    engine.keep(
        "versions_seen",
        f"""
        SELECT *, sha256(version_json) AS version_sha FROM (
            SELECT *, {record_sql(columns)} AS version_json,
                   {record_sql([c for c in columns if c not in counted])} AS uncounted FROM versions)
        """,
    )
    _current(engine, table)
    engine.keep(
        "versions_delivered",
        """
        SELECT event_key, version_sha FROM versions_seen WHERE staged
        UNION SELECT event_key, version_sha FROM versions_current WHERE NOT made
        UNION SELECT event_key, version_sha FROM superseded_before
              WHERE event_key IN (SELECT event_key FROM versions_seen)
        """,
    )
    engine.keep("versions_standing", _standing_sql(table, columns, counted))
    return Merged(_changed(engine, table), _superseded(engine, table))


def _current(engine: Engine, table: str) -> None:
    """The booked row per key, and whether it was made of several versions rather than delivered as it stands."""
    version = "version" if table == "attempts" else "1"
    made = "version = coalesce(before, 0)" if table == "attempts" else "FALSE"
    engine.keep(
        "versions_current",
        f"""
        SELECT event_key, version_sha, {version} AS version, {made} AS made FROM (
            SELECT DISTINCT s.event_key, s.version_sha, {"s.version, " if table == "attempts" else ""} b.before
            FROM versions_seen s LEFT JOIN (
                SELECT event_key, count(*) AS before FROM superseded_before GROUP BY event_key) b USING (event_key)
            WHERE NOT s.staged)
        """,
    )


def _standing_sql(table: str, columns: list[str], counted: list[str]) -> str:
    order = {
        "attempts": "ORDER BY end_time DESC NULLS LAST, uncounted DESC, version_json DESC",
        "outcomes": f"ORDER BY grade DESC, {_LAST.removeprefix('ORDER BY ')}",
    }.get(table, _LAST)
    largest = "".join(f', max("{name}") OVER (PARTITION BY event_key) AS "{name}"' for name in counted)
    rest = f"EXCLUDE ({', '.join(counted)})" if counted else ""
    finality = (
        "4 * CAST(status <> 'unknown' AS INT) + 2 * CAST(finish_reason IS NOT NULL AS INT)"
        " + CAST(end_time IS NOT NULL AS INT)"
        if table == "attempts"
        else "0"
    )
    return f"""
        WITH ranked AS (SELECT *, {finality} AS finality FROM versions_seen),
        final AS (
            SELECT * FROM ranked QUALIFY finality = max(finality) OVER (PARTITION BY event_key)),
        elected AS (
            SELECT * {rest} {largest},
                   row_number() OVER (PARTITION BY event_key {order}, staged, delivery, row_number) AS place FROM final)
        SELECT * EXCLUDE (version_json, version_sha), sha256({record_sql(columns)}) AS version_sha,
               (SELECT count(*) FROM versions_delivered d WHERE d.event_key = elected.event_key) AS delivered
        FROM elected WHERE place = 1
        """


def _changed(engine: Engine, table: str) -> pa.Table:
    """The standing rows that differ from what is booked, ledger-filled columns set anew."""
    schema = contract(table).schema
    values = {name: "NULL" for name in FILLED.get(table, {})}
    if table == "attempts":
        values |= {"version": "s.delivered", "attempt_id": "s.attempt_id"}
    select = ", ".join(f'{values.get(name, f"s.{chr(34)}{name}{chr(34)}")} AS "{name}"' for name in schema.names)
    newer = "OR c.version <> s.delivered" if table == "attempts" else ""
    rows = engine.query(
        f"""
        SELECT {select} FROM versions_standing s LEFT JOIN versions_current c USING (event_key)
        WHERE c.event_key IS NULL OR c.version_sha <> s.version_sha {newer}
        ORDER BY s.event_key
        """
    )
    return rows.cast(schema)


def _superseded(engine: Engine, table: str) -> pa.Table:
    """Delivered versions that do not stand and were not in quarantine before, as quarantine rows."""
    schema = contract("quarantine").schema
    rows = engine.query(
        f"""
        SELECT v.* REPLACE (v.event_key || '|' || v.version_sha || '|{SUPERSEDED}' AS event_key),
               '{table}' AS "table", '{SUPERSEDED}' AS code,
               'another version of event ' || v.event_key || ' stands' AS message,
               v.version_json AS record
        FROM versions_seen v
        JOIN versions_standing s ON s.event_key = v.event_key AND s.version_sha <> v.version_sha
        JOIN versions_delivered d ON d.event_key = v.event_key AND d.version_sha = v.version_sha
        LEFT JOIN superseded_before b ON b.event_key = v.event_key AND b.version_sha = v.version_sha
        WHERE b.event_key IS NULL
        QUALIFY row_number() OVER (PARTITION BY v.event_key, v.version_sha ORDER BY v.staged, v.row_number) = 1
        ORDER BY v.event_key, v.version_sha
        """
    )
    return rows.select(schema.names).cast(schema)
