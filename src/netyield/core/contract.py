"""Table contracts as data: which columns a table has, of which type and unit, and what they mean.

One CSV per table under ``core/tables``; it produces the Arrow schema that is stored, the checks at the door and
the reference page in the docs. Types: string, int64, float64, bool, timestamp (UTC, microseconds),
money (DECIMAL(38,12)) and quantity (DECIMAL(38,18)).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

import pyarrow as pa

from netyield.core.errors import ContractError
from netyield.core.money import MONEY
from netyield.core.period import TIMESTAMP

QUANTITY = pa.decimal128(38, 18)
ARROW_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": TIMESTAMP,
    "money": MONEY,
    "quantity": QUANTITY,
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a contract."""

    name: str
    type: str
    unit: str
    nullable: bool
    description: str

    @property
    def arrow(self) -> pa.Field:
        """The Arrow field, with unit and description as metadata."""
        return pa.field(self.name, ARROW_TYPES[self.type], nullable=self.nullable)


@dataclass(frozen=True, slots=True)
class Contract:
    """The columns of one table: ``own`` are the source's, ``lineage`` the ledger adds."""

    table: str
    own: tuple[Column, ...]
    lineage: tuple[Column, ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """Lineage first, then the table's own columns."""
        return self.lineage + self.own

    @property
    def schema(self) -> pa.Schema:
        """What is stored."""
        return pa.schema([column.arrow for column in self.columns])

    @property
    def source_schema(self) -> pa.Schema:
        """What a source yields: row_number, event_key, event_time and the table's own columns."""
        given = [c for c in self.lineage if c.name in SOURCE_GIVES]
        return pa.schema([column.arrow for column in (*given, *self.own)])


SOURCE_GIVES = ("row_number", "event_key", "event_time")
RAW_TABLES = (
    "charges",
    "contract_commitments",
    "rate_cards",
    "gpu_samples",
    "gpu_slices",
    "gpu_owners",
    "capacity_samples",
    "engine_samples",
    "attempts",
    "outcomes",
    "model_prices",
    "fx_rates",
    "quarantine",
    "adjustments",
)


@cache
def contract(table: str) -> Contract:
    """The contract of a table. Raises ContractError for an unknown name."""
    if table not in RAW_TABLES:
        message = f"there is no table {table!r};"
        raise ContractError(message, f"known tables: {', '.join(RAW_TABLES)}.")
    return Contract(table, _read(table), _read("lineage"))


def _read(name: str) -> tuple[Column, ...]:
    text = resources.files("netyield.core").joinpath("tables", f"{name}.csv").read_text(encoding="utf-8")
    return tuple(
        Column(row["column"], row["type"], row["unit"], row["nullable"] == "yes", row["description"])
        for row in csv.DictReader(text.splitlines())
    )


def conform(table: str, rows: pa.Table) -> pa.Table:
    """``rows`` with exactly the columns a source must give, in order; missing nullable columns become null.

    Raises ContractError for an unknown column, a missing required one, or a null where none may be.
    """
    wanted = contract(table).source_schema
    unknown = sorted(set(rows.column_names) - set(wanted.names))
    if unknown:
        message = f"table {table}: unknown columns {unknown};"
        raise ContractError(message, f"the contract is core/tables/{table}.csv.")
    arrays = []
    for field in wanted:
        if field.name in rows.column_names:
            column = rows.column(field.name)
            column = column if column.type == field.type else column.cast(field.type)
        elif field.nullable:
            column = pa.chunked_array([pa.nulls(rows.num_rows, field.type)])
        else:
            message = f"table {table}: required column {field.name!r} is missing;"
            raise ContractError(message, f"the contract is core/tables/{table}.csv.")
        if not field.nullable and column.null_count:
            message = f"table {table}: column {field.name!r} has {column.null_count} nulls;"
            raise ContractError(message, "reject those rows into quarantine first.")
        arrays.append(column)
    return pa.Table.from_arrays(arrays, schema=wanted)
