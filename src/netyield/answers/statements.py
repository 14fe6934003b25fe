"""What the answers about owned hardware have in common: a table of exact amounts, its definitions as caveats, a JSON object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.core.finding import Finding
from netyield.core.money import MONEY
from netyield.core.period import Period

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Rows = Sequence[Mapping[str, Any]]
View = tuple[Rows, tuple[AnswerColumn, ...]]


def statement(
    title: str,
    body: Mapping[str, Any],
    lines: View,
    *,
    headline: Mapping[str, Any],
    findings: Sequence[Finding] = (),
    views: Mapping[str, View] | None = None,
    window: Period | None = None,
    currency: str | None = None,
) -> Answer:
    """An answer from its JSON object: named, told and defined there. Views without rows are left out."""
    rows, columns = lines
    shown = {name: (table(*view), view[1]) for name, view in (views or {}).items() if view[0]}
    return Answer(
        name=body["answer"], title=title, as_of="", window=window or Period(EPOCH, EPOCH), currency=currency or "", basis="",
        table=table(rows, columns), columns=columns, headline=headline, description=body["description"],
        caveats=tuple(f"{key}: {value}" for key, value in body["definition"].items()), views=shown, findings=tuple(findings),
        body=body,
    )  # fmt: skip


def table(rows: Rows, columns: Sequence[AnswerColumn]) -> pa.Table:
    """Rows of decimal text as a table; money as DECIMAL(38,12)."""
    arrays = {}
    for column in columns:
        values = pa.array([row[column.name] for row in rows], pa.string())
        arrays[column.name] = values.cast(MONEY) if column.kind == "money" else values
    return pa.table(arrays)
