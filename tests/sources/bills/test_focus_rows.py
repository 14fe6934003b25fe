from __future__ import annotations

import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.core.money import CONTEXT
from netyield.sources.bills.focus_columns import layout
from netyield.sources.bills.focus_rows import FocusReader
from netyield.sources.files import Block, Place

COSTS = {"BilledCost": "billed_cost", "EffectiveCost": "effective_cost"}
AMOUNTS = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=17)
ROWS = st.lists(st.tuples(st.sampled_from(["USD", "EUR", "KRW"]), AMOUNTS, AMOUNTS), min_size=1, max_size=30)


def rows_of(values: list[tuple[str, Decimal, Decimal]], kind: pa.DataType) -> pa.Table:
    def amounts(place: int) -> pa.Array:
        exact = pa.array([row[place] for row in values], pa.decimal128(38, 17))
        return pa.array([f"{row[place]:f}" for row in values]) if kind == pa.string() else exact

    return pa.table({
        "ChargePeriodStart": ["2026-10-01"] * len(values), "ChargePeriodEnd": ["2026-10-02"] * len(values),
        "BillingCurrency": [row[0] for row in values], "BilledCost": amounts(1), "EffectiveCost": amounts(2),
        "ChargeCategory": ["Usage"] * len(values),
    })


def read(table: pa.Table, blocks: int = 2) -> tuple[list[dict[str, object]], FocusReader]:
    reader = FocusReader(layout(table.column_names, {}), Place("focus", "f"), "0" * 32)
    size = max(1, -(-table.num_rows // blocks))
    charges: list[dict[str, object]] = []
    for start in range(0, table.num_rows, size):
        part = table.slice(start, size)
        numbers = pa.array(range(start + 2, start + 2 + part.num_rows), pa.int64())
        charges += reader.chunk(Block(part, numbers)).tables["charges"].to_pylist()
    for chunk in reader.finish():
        charges += chunk.tables["charges"].to_pylist() if "charges" in chunk.tables else []
    return charges, reader


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 4))
def test_charges_and_the_recorded_rest_always_make_the_file(
    values: list[tuple[str, Decimal, Decimal]], blocks: int
) -> None:
    charges, reader = read(rows_of(values, pa.string()), blocks)
    for currency in {row[0] for row in values}:
        for place, column in ((1, "billed_cost"), (2, "effective_cost")):
            in_file = Decimal(0)
            for row in values:
                in_file = CONTEXT.add(in_file, row[place]) if row[0] == currency else in_file
            kept = Decimal(0)
            for charge in charges:
                if charge["currency"] == currency:
                    kept = CONTEXT.add(kept, charge[column])  # type: ignore[arg-type]
            recorded = reader.remainders.sums.get((currency, column), Decimal(0))
            rest = CONTEXT.subtract(recorded, reader.remainders.whole(currency, column))
            assert CONTEXT.add(kept, rest) == in_file
            assert abs(rest) < Decimal("1e-12")


@settings(max_examples=30, deadline=None)
@given(ROWS)
def test_csv_and_parquet_give_the_same_charges(values: list[tuple[str, Decimal, Decimal]]) -> None:
    text, packed = io.BytesIO(), io.BytesIO()
    arrow_csv.write_csv(rows_of(values, pa.string()), text)
    pq.write_table(rows_of(values, pa.decimal128(38, 17)), packed)
    names = rows_of(values, pa.string()).column_names
    options = arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
    one, _ = read(arrow_csv.read_csv(io.BytesIO(text.getvalue()), convert_options=options))
    two, _ = read(pq.read_table(io.BytesIO(packed.getvalue())))
    assert one == two
