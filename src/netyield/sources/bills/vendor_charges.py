"""Cost lines of a vendor's API as charges. How does "gpt-4o, input, 1.23 USD on 3 May" become a bill line?

Billed and effective cost are what the vendor states; list and contracted cost are not stated and stay null. A line
that cannot be read goes to quarantine; the others stay.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from netyield.core.contract import conform, contract
from netyield.sources.amounts import exact_amounts
from netyield.sources.bills.remainder import Remainders
from netyield.sources.contract import Chunk, rejected_rows
from netyield.sources.files import Place

COSTS = ("billed_cost", "effective_cost")


@dataclass(frozen=True, slots=True)
class CostLine:
    """One result of one day. ``amount`` is decimal text in whole ``currency`` units, ``columns`` charges columns."""

    row_number: int
    start: datetime
    end: datetime
    amount: str
    currency: str
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A result that cannot be read, and why. ``record`` holds its mapped values."""

    row_number: int
    message: str
    record: Mapping[str, Any]


@dataclass(slots=True)
class Vendor:
    """What every charge of a vendor has in common."""

    provider: str
    service: str
    account: str | None
    fixed: Mapping[str, Any] = field(default_factory=dict)


def charges(lines: Iterable[CostLine | BadLine], vendor: Vendor, place: Place, identity: str) -> Chunk:
    """One chunk for the lines of a delivery, remainder included. ``identity`` is its content hash."""
    good: list[CostLine] = []
    bad: list[BadLine] = []
    for line in lines:
        if isinstance(line, BadLine):
            bad.append(line)
        else:
            good.append(line)
    amounts = exact_amounts(pa.array([line.amount for line in good], pa.string()))
    keep = pa.array([index not in amounts.bad for index in range(len(good))], pa.bool_())
    bad += [BadLine(good[i].row_number, f"amount: {why}", good[i].columns) for i, why in amounts.bad.items()]
    rows = _rows([line for index, line in enumerate(good) if index not in amounts.bad], vendor)
    chunk = Chunk()
    if rows:
        table = pa.Table.from_pylist(rows, schema=contract("charges").source_schema)
        for column in COSTS:
            table = table.set_column(table.column_names.index(column), column, amounts.kept.filter(keep))
        chunk.tables["charges"] = conform("charges", table)
    _refuse(chunk, bad, place)
    _remainder(chunk, [line.currency for line in good], amounts, keep, place, identity)
    return chunk


def _rows(lines: Iterable[CostLine], vendor: Vendor) -> list[dict[str, Any]]:
    seen: Counter[str] = Counter()
    rows = []
    for line in lines:
        identity = _identity(line, vendor)
        rows.append({
            "row_number": line.row_number,
            "event_key": f"{identity}:{seen[identity]}",
            "event_time": line.start,
            "charge_start": line.start,
            "charge_end": line.end,
            "billing_period_start": line.start,
            "billing_period_end": line.end,
            "currency": line.currency,
            "charge_category": "Usage",
            "charge_frequency": "Usage-Based",
            "provider": vendor.provider,
            "issuer": vendor.provider,
            "billing_account_id": vendor.account,
            "service_category": "AI and Machine Learning",
            "service_subcategory": "Generative AI",
            "service_name": vendor.service,
            **vendor.fixed,
            **line.columns,
        })
        seen[identity] += 1
    return rows


def _identity(line: CostLine, vendor: Vendor) -> str:
    """What the line is about, without its amount: a corrected amount is the same line."""
    about = [vendor.provider, vendor.account, line.start.isoformat(), line.currency, dict(line.columns)]
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()[:32]


def _refuse(chunk: Chunk, bad: list[BadLine], place: Place) -> None:
    if not bad:
        return
    code = f"{place.code}.bad_line"
    bad.sort(key=lambda line: line.row_number)
    chunk.rejected = rejected_rows([(b.row_number, "charges", code, b.message, b.record) for b in bad])
    repair = "Save or fetch the report again; the line waits in quarantine."
    chunk.findings.append(place.error("bad_line", bad[0].message, repair, bad[0].row_number, len(bad)))


def _remainder(
    chunk: Chunk, currencies: list[str], amounts: Any, keep: pa.Array, place: Place, identity: str
) -> None:
    remainders = Remainders()
    for column in COSTS:
        remainders.add(column, amounts, pa.array(currencies, pa.string()), keep)
    finding = remainders.finding(place)
    if finding is None or "charges" not in chunk.tables:
        return
    chunk.findings.append(finding)
    remainders.remember(chunk.tables["charges"])
    extra = remainders.charges(identity[:32], COSTS, None)
    if extra is not None:
        chunk.tables["charges"] = pa.concat_tables([chunk.tables["charges"], extra])
