"""The table contracts are well formed and guard the door."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest

from netyield.core.contract import ARROW_TYPES, RAW_TABLES, conform, contract
from netyield.core.errors import ContractError

NOW = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize("table", RAW_TABLES)
def test_every_column_has_a_known_type_and_a_meaning(table: str) -> None:
    columns = contract(table).columns
    assert len({c.name for c in columns}) == len(columns)
    for column in columns:
        assert column.type in ARROW_TYPES
        assert len(column.description) > 3


def rows(**more: object) -> pa.Table:
    given = {
        "row_number": [1],
        "event_key": ["k"],
        "event_time": [NOW],
        "pool": ["a"],
        "gpus_total": [8],
        "gpus_allocated": [4],
        "hold_us": [60],
    }
    return pa.table(given | {k: [v] for k, v in more.items()})


def test_rows_are_put_into_the_contracts_order_and_types() -> None:
    table = conform("capacity_samples", rows())
    assert table.schema == contract("capacity_samples").source_schema


@pytest.mark.parametrize(
    ("table", "message"),
    [(rows(colour="red"), "unknown columns"), (rows().drop_columns(["pool"]), "missing"), (rows(pool=None), "nulls")],
)
def test_rows_that_break_the_contract_are_refused(table: pa.Table, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        conform("capacity_samples", table)


def test_an_unknown_table_names_the_known_ones() -> None:
    with pytest.raises(ContractError, match="gpu_samples"):
        contract("gpu_sample")
