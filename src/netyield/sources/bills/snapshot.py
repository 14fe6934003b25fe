"""What does a redelivered bill replace? Its issuer, account and billing period, found without reading the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import pyarrow as pa

from netyield.core.period import iso
from netyield.sources.bills.focus_columns import Layout
from netyield.sources.bills.values import moments, text, times
from netyield.sources.files import Block

KEY_COLUMNS = ("issuer", "billing_account_id", "billing_period_start")


def snapshot_key(issuer: str | None, account: str | None, start: datetime | None) -> str:
    """``issuer|account|billing period start``; a part that is not known is empty."""
    return f"{issuer or ''}|{account or ''}|{iso(start) if start else ''}"


def snapshot_keys(blocks: Iterable[Block], plan: Layout, zone: str) -> tuple[str, ...]:
    """Every key in the blocks, sorted."""
    convert = times(zone)
    keys: set[str] = set()
    for block in blocks:
        columns = {}
        for column in KEY_COLUMNS:
            names = [name for name in plan.columns.get(column, ()) if name in block.rows.column_names]
            if not names:
                columns[column] = pa.nulls(block.rows.num_rows, pa.string())
                continue
            raw = block.rows[names[0]].combine_chunks()
            columns[column] = moments(raw, zone, convert)[0] if column == "billing_period_start" else text(raw)
        distinct = pa.table(columns).group_by(list(KEY_COLUMNS)).aggregate([]).to_pylist()
        keys.update(snapshot_key(*(row[column] for column in KEY_COLUMNS)) for row in distinct)
    return tuple(sorted(keys))
