"""The table LiteLLM_SpendLogs of a live PostgreSQL: which calls were logged since the last read?

Read only, page by page in the order of (startTime, request_id), each page one short transaction with a statement
timeout. A row is written when its call ends, so each read starts some hours before the last one ended; rows seen
again have the keys they had. Only the columns and members that litellm_payload names leave the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyarrow as pa
import pyarrow.compute as pc

from netyield.core.contract import conform
from netyield.core.errors import SourceError
from netyield.core.period import MICROSECOND, Period, iso
from netyield.sources.contract import Chunk, Cursor, Delivery, Probe, rejected_rows
from netyield.sources.event_keys import ContentKeys
from netyield.sources.event_log import Events
from netyield.sources.event_reading import micros_of
from netyield.sources.opened import Place
from netyield.sources.traffic.litellm_payload import COLUMNS, ERROR, METADATA
from netyield.sources.traffic.litellm_rows import events_of

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.sql import Composable, Composed

TABLE = "LiteLLM_SpendLogs"
# What the database library understands; an address written for LiteLLM's own driver (Prisma) may say more.
ADDRESS_WORDS = frozenset(
    {"sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl", "host", "hostaddr", "port", "user", "password", "dbname",
     "target_session_attrs", "channel_binding", "gssencmode", "passfile", "service"}
)
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SpendTable:
    """The table behind one address (which stays secret)."""

    address: str
    page_rows: int
    overlap_minutes: int
    statement_timeout_seconds: int
    clock: Callable[[], datetime]

    def __repr__(self) -> str:
        return f"SpendTable(page_rows={self.page_rows})"

    def probe(self) -> Probe:
        """Its window and the planner's estimate of its rows."""
        from psycopg import sql

        try:
            with self._connected() as connection:
                _columns_of(connection)
                bounds = sql.SQL('SELECT min("startTime"), max("startTime") FROM {}').format(sql.Identifier(TABLE))
                first, last = connection.execute(bounds).fetchone() or (None, None)
                estimate = connection.execute("SELECT reltuples FROM pg_class WHERE relname = %s", (TABLE,)).fetchone()
        except SourceError as error:
            return Probe(False, error.message, tables=("attempts",))
        if first is None or last is None:
            return Probe(True, f"the table {TABLE}, empty", rows=0, tables=("attempts",))
        window = Period(first.replace(tzinfo=UTC), last.replace(tzinfo=UTC) + MICROSECOND)
        rows = int(estimate[0]) if estimate and estimate[0] > 0 else None
        about = f"about {rows:,} rows, " if rows else ""
        return Probe(True, f"the table {TABLE}, {about}{window}", window, rows, tables=("attempts",))

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """Pages after the cursor, less the overlap. Raises SourceError when the database cannot be read."""
        seen = (cursor.get("start", ""), cursor.get("request_id", ""))
        since = None
        if seen[0]:
            since = datetime.fromisoformat(seen[0]) - timedelta(minutes=self.overlap_minutes)
        after: tuple[datetime, str] | None = None
        with self._connected() as connection:
            columns = _columns_of(connection)
            while True:
                rows = self._page(connection, columns, since, after)
                if not rows:
                    return
                after = (rows[-1]["startTime"], rows[-1]["request_id"])
                seen = max(seen, (after[0].isoformat(), after[1]))
                yield self._delivery(rows, seen)
                if len(rows) < self.page_rows:
                    return

    def _delivery(self, rows: list[Row], seen: tuple[str, str]) -> Delivery:
        first, last = (row["startTime"].replace(tzinfo=UTC) for row in (rows[0], rows[-1]))
        name = f"{TABLE} {iso(first)} to {iso(last)}"
        digest = hashlib.sha256("\n".join(repr(sorted(row.items())) for row in rows).encode()).hexdigest()
        return Delivery(
            name=name,
            kind="append",
            content_hash=digest,
            chunks=lambda: iter([chunk_of(events_of(list(enumerate(rows, 1)), Place("litellm", name), self.clock()))]),
            next_cursor=lambda: {"start": seen[0], "request_id": seen[1]},
        )

    def _page(
        self, connection: Connection, columns: list[str], since: datetime | None, after: tuple[datetime, str] | None
    ) -> list[Row]:
        from psycopg.errors import Error
        from psycopg.rows import dict_row

        try:
            with connection.transaction(), connection.cursor(name="netyield", row_factory=dict_row) as rows:
                query, values = _query(columns, since, after)
                rows.execute(query, [*values, self.page_rows])
                found: list[Row] = rows.fetchall()
                return found
        except Error as error:
            message = f"reading {TABLE} stopped ({type(error).__name__});"
            repair = "run again, perhaps with more statement_timeout_seconds or fewer page_rows: what was read stays."
            raise SourceError(message, repair) from None

    @contextmanager
    def _connected(self) -> Iterator[Connection]:
        import psycopg

        address, schema = _address(self.address)
        options = f"-c statement_timeout={self.statement_timeout_seconds}s -c default_transaction_read_only=on"
        options += " -c TimeZone=UTC" + (f" -c search_path={schema}" if schema else "")
        try:
            connection = psycopg.connect(
                address, options=options, application_name="netyield", connect_timeout=10, autocommit=True
            )
        except psycopg.Error as error:
            message = f"the LiteLLM database cannot be reached ({type(error).__name__});"
            raise SourceError(message, "check the address behind dsn, the network and the password.") from None
        with connection:
            yield connection


def _address(text: str) -> tuple[str, str]:
    """(address without words the library does not know, schema)."""
    if "://" not in text:
        return text, ""
    parts = urlsplit(text)
    words = parse_qsl(parts.query)
    schema = next((value for name, value in words if name == "schema"), "")
    kept = urlencode([(name, value) for name, value in words if name in ADDRESS_WORDS])
    return urlunsplit(parts._replace(query=kept)), schema if schema.replace("_", "").isalnum() else ""


def _columns_of(connection: Connection) -> list[str]:
    """The wanted columns this version of LiteLLM has."""
    found = connection.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = %s AND table_schema = ANY (current_schemas(false))",
        (TABLE,),
    ).fetchall()
    names = {name for (name,) in found}
    if not {"request_id", "startTime", "prompt_tokens"} <= names:
        message = f"the database has no table {TABLE} that this user may read;"
        raise SourceError(message, "check the database name, the schema and SELECT rights behind dsn.")
    return [name for name in (*COLUMNS, "metadata") if name in names]


def _query(
    columns: list[str], since: datetime | None, after: tuple[datetime, str] | None
) -> tuple[Composed, list[Any]]:
    from psycopg import sql

    selected = [_metadata() if name == "metadata" else sql.Identifier(name) for name in columns]
    where, values = sql.SQL("TRUE"), list[Any]()
    if after is not None:
        where, values = sql.SQL('("startTime", "request_id") > (%s, %s)'), [*after]
    elif since is not None:
        where, values = sql.SQL('"startTime" >= %s'), [since]
    query = sql.SQL('SELECT {} FROM {} WHERE {} ORDER BY "startTime", "request_id" LIMIT %s').format(
        sql.SQL(", ").join(selected), sql.Identifier(TABLE), where
    )
    return query, values


def _metadata() -> Composable:
    """The members of metadata that are read, cut out inside the database."""
    from psycopg import sql

    members = [sql.SQL("{}, metadata->{}").format(name, name) for name in map(sql.Literal, METADATA)]
    inner = [
        sql.SQL("{}, metadata->{}->{}").format(name, sql.Literal("error_information"), name)
        for name in map(sql.Literal, ERROR)
    ]
    members.append(sql.SQL("'error_information', jsonb_build_object({})").format(sql.SQL(", ").join(inner)))
    tier = sql.SQL("jsonb_build_object('service_tier', metadata->'cost_breakdown'->'service_tier')")
    members.append(sql.SQL("'cost_breakdown', ") + tier)
    return sql.SQL("jsonb_build_object({}) AS metadata").format(sql.SQL(", ").join(members))


def chunk_of(events: Events) -> Chunk:
    """Events of the table as a chunk; a row without any id is known by its content."""
    rejected = rejected_rows([(row[0], "attempts", *row[1:]) for row in events.rejected])
    if not events.rows.num_rows:
        return Chunk({}, rejected, events.findings)
    made, _ = ContentKeys().assign(events.content, micros_of(events.rows))
    keys = pc.coalesce(events.ids, made)
    table = conform("attempts", events.rows.append_column("event_key", pa.array(keys)))
    return Chunk({"attempts": table}, rejected, events.findings)
