"""The statements a day really runs: each with its text as filled, the tables it read and the rows it made.

The engine of the day is replaced by one that remembers. So what is compared is production's own SQL over production's
own intermediate tables, however the rooms arrange them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from made_up_day import made_up_day, report

import netyield
from netyield.project import days
from netyield.store.engine import Engine
from netyield.testing.engines import Case


@dataclass(frozen=True)
class Recorded:
    """One statement's file, the case it makes, and the rows it made on the day."""

    file: str
    case: Case
    rows: pa.Table


def statement_files() -> list[Path]:
    """Every statement the product ships."""
    return sorted(Path(netyield.__file__).parent.rglob("*.sql"))


def record_day(root: Path, seed: int, attempts: int) -> list[Recorded]:
    """Compute one made-up day and return every statement of it that comes from a file."""
    recorded: list[Recorded] = []
    known = {path.stem: _lines(path.read_text(encoding="utf-8")) for path in statement_files()}

    class Recorder(Engine):
        def keep(self, name: str, sql: str) -> None:
            self._remember(name, sql, super().keep)

        def view(self, name: str, sql: str) -> None:
            self._remember(name, sql, super().view)

        def _remember(self, name: str, sql: str, make: Callable[[str, str], None]) -> None:
            file = _file_of(sql, known)
            tables = {table: self.query(f"SELECT * FROM {table}") for table in _read_tables(sql)} if file else {}
            make(name, sql)
            if file:
                recorded.append(Recorded(file, Case(f"day: {name}", sql, tables), self.query(f"SELECT * FROM {name}")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(days, "Engine", Recorder)
        report(made_up_day(root, seed, attempts))
    return recorded


def _lines(text: str) -> list[str]:
    """The lines of a statement that stay as they are: no comment, no brace, and long enough to be told apart."""
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if len(line) > 12 and not line.startswith("--") and "{" not in line]


def _file_of(sql: str, known: dict[str, Sequence[str]]) -> str | None:
    """The file whose lines the statement has, nearly all of them (a table's name may have been put in)."""
    have = set(_lines(sql))
    found = [file for file, lines in known.items() if lines and sum(line in have for line in lines) > 0.7 * len(lines)]
    return found[0] if len(found) == 1 else None


def _read_tables(sql: str) -> list[str]:
    plain = re.sub(r"--[^\n]*|'[^']*'", "", sql)
    own = set(re.findall(r"(\w+) AS \(", plain))
    return sorted({table for table in re.findall(r"\b(?:FROM|JOIN) (\w+)", plain) if table not in own})

