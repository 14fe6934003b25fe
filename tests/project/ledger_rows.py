"""Books made of raw rows, without any source file: what property tests vary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from netyield.core.contract import contract
from netyield.core.event_number import event_numbers
from netyield.project import Project
from netyield.store.folder import Folder

START = datetime(2026, 10, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DEFAULTS: Mapping[str, Any] = {
    "tenant": "default",
    "source": "made",
    "delivery": "made",
    "run_id": "run",
    "posting_period": "2026-10",
    "recorded_at": datetime(2026, 11, 1, tzinfo=UTC),
    "hold_us": 180_000_000,
    "slice_id": "",
    "metric": "gpu_util_percent",
    "owner_kind": "pod",
    "replicas": 1,
    "currency": "USD",
    "charge_category": "Usage",
    "version": 1,
    "status": "ok",
    "provenance": "provider_reported",
    "key_type": "event_key",
    "grade": 4,
}


def event_number(source: str, event_key: str) -> int:
    """The number the ledger gives this event."""
    number: int = event_numbers(source, pa.array([event_key]))[0].as_py()
    return number


def table_of(name: str, rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Full contract rows from the columns a test cares about."""
    schema = contract(name).schema
    filled = []
    for number, row in enumerate(rows, start=1):
        values = (
            {k: v for k, v in DEFAULTS.items() if k in schema.names}
            | {"row_number": number, "event_key": f"{name}{number}"}
            | dict(row)
        )
        if name == "attempts":
            values |= {"attempt_id": event_number(values["source"], values["event_key"])}
        if name == "outcomes" and values.get("attempt_key"):
            values |= {"attempt_id": event_number(values["source"], values["attempt_key"])}
        if name == "charges":
            values.setdefault("event_time", values["charge_start"])
        filled.append({f.name: values.get(f.name) for f in schema})
    return pa.Table.from_pylist(filled, schema=schema)


def make_project(root: Path, toml: str = "", **tables: Sequence[Mapping[str, Any]]) -> Project:
    """A project whose books hold exactly these rows."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "netyield.toml").write_text(toml)
    folder = Folder.create(root)
    with folder.writer() as writer:
        for name, rows in tables.items():
            if rows:
                writer.write_segments(name, table_of(name, rows), "made", recorded_at=datetime(2026, 11, 1, tzinfo=UTC))
        writer.commit(recorded_at=datetime(2026, 11, 1, tzinfo=UTC))
    return Project.open(root)
