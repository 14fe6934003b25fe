"""Does an engine compute what every supported engine computes? Statements in, one hash per result out.

An engine is supported when it gives the same hashes as the embedded one, over the made-up tables of this package and
every attribution, pricing and usefulness statement. The hash knows no row order and no integer width: rows are written
as text, integers in full, sorted, and digested with sha256. A float in a result is refused, since no two engines
promise the same one.

    engine = EmbeddedEngine()            # or any other StatementEngine
    found = hashes(engine, cases)        # name of the case to hash, to be compared with the embedded engine's

Cases come from the rooms that own the statements, over ``statement_tables`` or over the tables of a whole day.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import pyarrow as pa

from netyield.store.engine import Engine
from netyield.testing.price_tables import price_tables
from netyield.testing.statement_tables import Tables, capacity_tables, charge_tables, counter_tables


@dataclass(frozen=True, slots=True)
class Case:
    """A statement, before it is compiled for an engine, and the tables it reads."""

    name: str
    statement: str
    tables: Mapping[str, pa.Table]


class StatementEngine(Protocol):
    """What runs the statements: tables go in, a statement's rows come out as Arrow."""

    def load(self, name: str, rows: pa.Table) -> None:
        """Make rows readable under ``name`` (replaces what was there)."""
        ...

    def rows(self, statement: str) -> pa.Table:
        """Compile for this engine and run."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class EmbeddedEngine:
    """The engine every project runs on: DuckDB in this process."""

    def __init__(self, threads: int = 2) -> None:
        self._engine = Engine(threads=threads)

    def load(self, name: str, rows: pa.Table) -> None:
        """Make rows readable under ``name``."""
        self._engine.register(name, rows)

    def rows(self, statement: str) -> pa.Table:
        """Compile for DuckDB and run."""
        return self._engine.query(statement)

    def close(self) -> None:
        """Give the memory back."""
        self._engine.close()


def statement_tables(seed: int, size: int) -> Tables:
    """The inputs of all statements: every edge, then about ``size`` random rows per table."""
    parts = (capacity_tables, charge_tables, counter_tables, price_tables)
    return {name: rows for number, make in enumerate(parts) for name, rows in make(seed + number, size).items()}


def shuffled(tables: Mapping[str, pa.Table], seed: int) -> Tables:
    """The same rows in another order: no statement may depend on it."""
    draw = random.Random(seed)
    return {name: rows.take(draw.sample(range(rows.num_rows), rows.num_rows)) for name, rows in tables.items()}


def hashes(engine: StatementEngine, cases: Iterable[Case]) -> dict[str, str]:
    """The hash of every case's rows; the engine is closed after. One that fails raises with the case's name in a note."""
    found: dict[str, str] = {}
    try:
        for case in cases:
            for name, rows in case.tables.items():
                engine.load(name, rows)
            try:
                found[case.name] = row_hash(engine.rows(case.statement))
            except Exception as error:
                error.add_note(f"in the case {case.name}")
                raise
    finally:
        engine.close()
    return found


def row_hash(rows: pa.Table) -> str:
    """sha256 over column names and sorted rows. Raises TypeError for a value that engines may differ in."""
    names = [name.lower() for name in rows.column_names]
    lines = sorted(json.dumps([_plain(row[name]) for name in rows.column_names]) for row in rows.to_pylist())
    return hashlib.sha256("\n".join([json.dumps(names), *lines]).encode()).hexdigest()


def _plain(value: Any) -> str | bool | None:
    """A value as every engine writes it: integers of any width as their digits."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return f"'{value}"
    if isinstance(value, int) or (isinstance(value, Decimal) and value == value.to_integral_value()):
        return str(int(value))
    message = f"a result has {value!r} ({type(value).__name__}); statements give integers, texts and booleans"
    raise TypeError(message)
