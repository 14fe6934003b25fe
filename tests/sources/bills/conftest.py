"""Reading a whole source in a test: every delivery, every chunk, added up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from netyield.core.finding import Finding, aggregate
from netyield.core.money import CONTEXT
from netyield.sources.contract import Cursor, Delivery
from netyield.sources.registry import build

FOCUS_DATA = Path(__file__).parents[2] / "data" / "focus"


@dataclass
class Read:
    tables: dict[str, pa.Table] = field(default_factory=dict)
    rejected: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)
    cursor: Cursor = field(default_factory=dict)

    @property
    def charges(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.tables["charges"].to_pylist() if "charges" in self.tables else []
        return rows

    def total(self, column: str, currency: str | None = None) -> Decimal:
        total = Decimal(0)
        for row in self.charges:
            if row[column] is not None and currency in (None, row["currency"]):
                total = CONTEXT.add(total, row[column])
        return total

    def codes(self) -> dict[str, int]:
        return {finding.code: finding.count for finding in aggregate(self.findings)}

    def finding(self, code: str) -> Finding:
        return next(finding for finding in aggregate(self.findings) if finding.code == code)


Reader = Callable[..., Read]


@pytest.fixture
def read() -> Reader:
    """read(root, cursor={}, **settings) -> everything the source gives."""

    def everything(root: Path, cursor: Cursor | None = None, **options: Any) -> Read:
        result = Read(cursor=cursor or {})
        tables: dict[str, list[pa.Table]] = {}
        for delivery in build(options, root).deliveries(result.cursor):
            result.deliveries.append(delivery)
            for chunk in delivery.chunks():
                for name, table in chunk.tables.items():
                    tables.setdefault(name, []).append(table)
                result.rejected += chunk.rejected.to_pylist() if chunk.rejected is not None else []
                result.findings += chunk.findings
            result.cursor = delivery.next_cursor()
        result.tables = {name: pa.concat_tables(parts) for name, parts in tables.items()}
        return result

    return everything


@pytest.fixture
def focus_data() -> Path:
    return FOCUS_DATA
