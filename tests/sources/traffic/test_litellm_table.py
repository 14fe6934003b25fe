"""The live table, on a real PostgreSQL with LiteLLM's own columns and rows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from live_database import serving

from netyield.core.errors import SourceError
from netyield.core.tokens import class_names
from netyield.sources.traffic.litellm import LiteLLM
from netyield.sources.traffic.litellm_table import SpendTable
from netyield.testing.conformance import check_source

DATA = Path(__file__).parents[2] / "data" / "litellm"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("postgres") / "server") as address:
        yield address


@pytest.fixture
def database(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The table as LiteLLM makes it, with the recorded rows (those whose primary key LiteLLM's own table takes)."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute('DROP TABLE IF EXISTS "LiteLLM_SpendLogs"')
        connection.execute((DATA / "spend_logs.sql").read_text(encoding="utf-8"))
        lines = (DATA / "spend_logs.jsonl").read_text(encoding="utf-8").splitlines()
        insert(connection, [json.loads(line) for line in lines])
    monkeypatch.setenv("LITELLM_DATABASE_URL", server)
    return server


def insert(connection: psycopg.Connection[Any], records: list[dict[str, Any]]) -> None:
    """``ON CONFLICT DO NOTHING`` is what LiteLLM does: rows with a response id seen before are lost there."""
    for record in records:
        names = ", ".join(f'"{name}"' for name in record)
        holes = ", ".join(["%s"] * len(record))
        connection.execute(
            f'INSERT INTO "LiteLLM_SpendLogs" ({names}) VALUES ({holes}) ON CONFLICT DO NOTHING', list(record.values())
        )


def make(**options: Any) -> LiteLLM:
    settings = LiteLLM.Settings(type="litellm", dsn="env:LITELLM_DATABASE_URL", **options)
    source = LiteLLM(settings, Path("/"))
    source.clock = lambda: NOW
    return source


def read(source: LiteLLM, cursor: Mapping[str, Any] | None = None) -> tuple[list[dict[str, Any]], Mapping[str, Any], int]:
    """(rows, cursor, deliveries)"""
    rows: list[dict[str, Any]] = []
    last: Mapping[str, Any] = cursor or {}
    pages = 0
    for delivery in source.deliveries(last):
        for chunk in delivery.chunks():
            assert chunk.findings == []
            for table in chunk.tables.values():
                rows += table.to_pylist()
        last = json.loads(json.dumps(delivery.next_cursor()))
        pages += 1
    return rows, last, pages


def from_file() -> dict[str, dict[str, Any]]:
    source = LiteLLM(LiteLLM.Settings(type="litellm", path="spend_logs.jsonl"), DATA)
    source.clock = lambda: NOW
    rows = [row for d in source.deliveries({}) for c in d.chunks() for t in c.tables.values() for row in t.to_pylist()]
    return {row["event_key"]: row for row in rows}


@pytest.mark.usefixtures("database")
def test_the_live_table_says_what_its_export_says() -> None:
    expected = from_file()
    rows, cursor, _ = read(make())
    assert len(rows) == 11  # 14 logged, of which three repeat the primary key chatcmpl-1
    for row in rows:
        same = expected[row["event_key"]]
        for word in (*class_names(), "status", "model", "provider", "team", "app", "customer", "tariff", "purpose",
                     "reported_cost", "request_id", "response_id", "error_kind", "attempt_number", "operation"):
            assert row[word] == same[word], word
        assert abs(row["event_time"] - same["event_time"]).total_seconds() <= 0.0005  # TIMESTAMP(3)
    assert cursor["request_id"].startswith("chatcmpl-1_cache_hit")
    everything = str(rows) + str(cursor)
    assert not [secret for secret in ("CANARY", "203.0.113.77", "4b33d1df") if secret in everything]


@pytest.mark.usefixtures("database")
def test_pages_bring_every_row_once_and_resume() -> None:
    whole, _, one = read(make())
    rows, cursor, pages = read(make(page_rows=3))
    assert (one, pages) == (1, 4)
    assert [row["event_key"] for row in rows] == [row["event_key"] for row in whole]
    half = {"start": rows[5]["event_time"].replace(tzinfo=None).isoformat(), "request_id": "x"}
    again, _, _ = read(make(overlap_minutes=0), half)
    assert [row["event_key"] for row in again] == [row["event_key"] for row in whole[5:]]
    assert cursor["start"] > half["start"]


def test_late_rows_are_found_and_known_rows_keep_their_keys(database: str) -> None:
    first, cursor, _ = read(make())
    late = json.loads((DATA / "spend_logs.jsonl").read_text().splitlines()[0])
    late |= {"request_id": "late-1", "litellm_call_id": "late-call", "startTime": "2026-11-21 22:30:00"}
    with psycopg.connect(database, autocommit=True) as connection:
        insert(connection, [late])
    second, after, _ = read(make(), cursor)
    assert {row["event_key"] for row in second} == {row["event_key"] for row in first} | {"late-call/late-1"}
    assert after == cursor
    outside, _, _ = read(make(overlap_minutes=10), cursor)
    assert "late-call/late-1" not in {row["event_key"] for row in outside}


def test_only_wanted_columns_leave_the_database(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what was kept, but what was fetched: no prompt, answer, address, person or key ever crosses the wire."""
    fetched: list[Any] = []
    original = SpendTable._page

    def spy(self: SpendTable, *arguments: Any) -> Any:
        rows = original(self, *arguments)
        fetched.extend(rows)
        return rows

    monkeypatch.setattr(SpendTable, "_page", spy)
    read(make())
    assert len(fetched) == 11
    assert "CANARY" not in str(fetched)
    assert "203.0.113.77" not in str(fetched)
    with psycopg.connect(database) as connection:
        stored = str(connection.execute('SELECT * FROM "LiteLLM_SpendLogs"').fetchall())
    assert "CANARY-PROMPT" in stored


def test_it_cannot_write_and_gives_up_in_time(database: str) -> None:
    table = SpendTable(database, 10, 0, 1, lambda: NOW)
    with table._connected() as connection:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute('DELETE FROM "LiteLLM_SpendLogs"')
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(5)")


def test_an_older_version_lacks_columns(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            'ALTER TABLE "LiteLLM_SpendLogs" DROP COLUMN litellm_call_id, DROP COLUMN session_id, DROP COLUMN status'
        )
    rows, _, _ = read(make())
    assert len(rows) == 11
    assert len({row["event_key"] for row in rows}) == 11
    assert [row["status"] for row in rows].count("error") == 5  # the status also stands in metadata


def test_an_address_written_for_prisma(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA IF NOT EXISTS gateway")
        connection.execute('ALTER TABLE "LiteLLM_SpendLogs" SET SCHEMA gateway')
    monkeypatch.setenv("LITELLM_DATABASE_URL", f"{database}?schema=gateway&connection_limit=5&sslmode=disable")
    rows, _, _ = read(make())
    assert len(rows) == 11
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("DROP SCHEMA gateway CASCADE")


def test_a_probe_describes_the_table(database: str) -> None:
    probe = make().probe()
    assert probe.reachable
    assert probe.window is not None
    assert probe.window.since.date().isoformat() == "2026-11-21"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute('TRUNCATE "LiteLLM_SpendLogs"')
    assert make().probe().rows == 0
    assert read(make())[0] == []


@pytest.mark.usefixtures("database")
def test_it_conforms() -> None:
    deliveries = check_source(lambda: make(page_rows=4))
    assert sum(delivery.rows for delivery in deliveries) == 11


def test_a_wrong_address_is_told_without_its_password(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = "postgresql://reader:CANARY-PASSWORD@127.0.0.1:1/postgres"
    monkeypatch.setenv("LITELLM_DATABASE_URL", closed)
    assert not make().probe().reachable
    with pytest.raises(SourceError) as refused:
        list(make().deliveries({}))
    monkeypatch.setenv("LITELLM_DATABASE_URL", f"{server}?options=-csearch_path%3Dnowhere")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute('DROP TABLE IF EXISTS "LiteLLM_SpendLogs"')
    with pytest.raises(SourceError) as missing:
        list(make().deliveries({}))
    assert "no table LiteLLM_SpendLogs" in str(missing.value)
    monkeypatch.delenv("LITELLM_DATABASE_URL")
    with pytest.raises(SourceError) as unset:
        list(make().deliveries({}))
    assert "LITELLM_DATABASE_URL" in str(unset.value)
    for error in (refused, missing, unset):
        assert "CANARY" not in str(error.value)
    assert "CANARY" not in repr(SpendTable(closed, 1, 1, 1, lambda: NOW))
