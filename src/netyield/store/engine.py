"""The embedded SQL engine: DuckDB in memory, one per process, over Parquet segments and Arrow tables.

A ``.duckdb`` file is never made: a second process could not open it. Only calls that work on DuckDB 1.5 and 2.0 alike.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa

from netyield.core.contract import contract
from netyield.store.dialect import compile_sql


class Engine:
    """An in-memory database. ``memory_limit`` in bytes (DuckDB's default: 80 % of the machine).

    ``keep_bytes``: so much memory, once used, is kept until ``close``, for what comes after ``clear``.
    """

    def __init__(self, threads: int | None = None, memory_limit: int | None = None, keep_bytes: int = 0) -> None:
        self._connection = duckdb.connect(":memory:")
        self._registered: set[str] = set()
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute("SET enable_progress_bar = false")
        self._connection.execute("SET autoinstall_known_extensions = false")
        self._connection.execute("SET autoload_known_extensions = false")
        if threads is not None:
            self._connection.execute(f"SET threads = {int(threads)}")
        if memory_limit is not None:
            self._connection.execute(f"SET memory_limit = '{int(memory_limit)}B'")
        if keep_bytes:
            with contextlib.suppress(duckdb.Error):  # an engine without this setting only takes longer
                self._connection.execute(f"SET block_allocator_memory = '{int(keep_bytes)}B'")

    def register(self, name: str, table: pa.Table) -> None:
        """Make an Arrow table readable under ``name`` (replaces what was there)."""
        self._connection.register(name, table)
        self._registered.add(name)

    def parquet(self, name: str, table: str, paths: Sequence[str]) -> None:
        """Make segments of a contract table readable under ``name``; typed and empty when there are none."""
        self._connection.execute(f'DROP VIEW IF EXISTS "{name}"').fetchall()
        self._connection.unregister(name)
        if not paths:
            self.register(name, contract(table).schema.empty_table())
            return
        relation = self._connection.read_parquet(list(paths), union_by_name=True, hive_partitioning=False)
        relation.create_view(name, replace=True)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The rows of a statement as an Arrow table."""
        return self._connection.sql(compile_sql(sql), params=list(parameters) or None).to_arrow_table()

    def run(self, sql: str) -> None:
        """Run a statement that returns nothing (CREATE TABLE ... AS)."""
        self._connection.execute(compile_sql(sql)).fetchall()

    def scalar(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """The first value of the first row, or None."""
        row = self._connection.execute(compile_sql(sql), list(parameters)).fetchone()
        self._connection.execute("SELECT 1").fetchall()
        return None if row is None else row[0]

    def keep(self, name: str, sql: str) -> None:
        """Materialise a statement as a table of that name."""
        self.run(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql}")

    def view(self, name: str, sql: str) -> None:
        """Name a statement: it runs wherever its rows are read, together with what reads them."""
        self.run(f"CREATE OR REPLACE TEMP VIEW {name} AS {sql}")

    def clear(self) -> None:
        """Forget every table and name."""
        for name in self._registered:
            self._connection.unregister(name)
        self._registered.clear()
        for kind, listed in (("VIEW", "duckdb_views() WHERE NOT internal"), ("TABLE", "duckdb_tables()")):
            for (name,) in self._connection.execute(f"SELECT {kind}_name FROM {listed}").fetchall():
                quoted = name.replace('"', '""')
                self._connection.execute(f'DROP {kind} IF EXISTS "{quoted}"').fetchall()

    def close(self) -> None:
        """Give the memory back."""
        self._connection.close()
