"""The embedded engine: what statements and views of it promise."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.core.contract import contract
from netyield.core.money import int_div
from netyield.core.period import micros, parse_time
from netyield.store.engine import Engine


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine(threads=1)
    yield made
    made.close()


def test_an_arrow_table_is_read_under_its_name_until_another_takes_it(engine: Engine) -> None:
    engine.register("t", pa.table({"x": [1, 2]}))
    assert engine.scalar("SELECT SUM(x) FROM t") == 3
    engine.register("t", pa.table({"y": ["a"]}))
    assert engine.query("SELECT * FROM t").to_pylist() == [{"y": "a"}]


def test_no_segments_are_an_empty_table_of_the_contract(engine: Engine) -> None:
    engine.parquet("charges", "charges", [])
    found = engine.query("SELECT * FROM charges")
    assert found.num_rows == 0
    assert found.schema.names == contract("charges").schema.names
    assert found.schema.field("billed_cost").type == pa.decimal128(38, 12)


def test_segments_replace_an_empty_table_and_back_and_lack_of_a_column_is_null(engine: Engine, tmp_path: Path) -> None:
    schema = contract("capacity_samples").schema
    whole = pa.Table.from_pylist(
        [{n: None for n in schema.names} | {"pool": "a", "gpus_total": 4}],
        schema=pa.schema([f.with_nullable(True) for f in schema]),
    )
    pq.write_table(whole, tmp_path / "a=1.parquet")
    pq.write_table(whole.drop_columns(["gpus_total"]), tmp_path / "b.parquet")
    engine.parquet("seen", "capacity_samples", [])
    engine.parquet("seen", "capacity_samples", [str(tmp_path / "a=1.parquet"), str(tmp_path / "b.parquet")])
    assert sorted(str(v) for v in engine.query("SELECT gpus_total FROM seen").column(0).to_pylist()) == ["4", "None"]
    assert "a" not in engine.query("SELECT * FROM seen").column_names
    engine.parquet("seen", "capacity_samples", [])
    assert engine.scalar("SELECT COUNT(*) FROM seen") == 0


def test_a_kept_statement_is_a_table_that_no_longer_follows_its_sources(engine: Engine) -> None:
    engine.register("t", pa.table({"x": [1, 2]}))
    engine.keep("sums", "SELECT total(x) AS s FROM t")
    engine.register("t", pa.table({"x": [5]}))
    assert engine.scalar("SELECT s FROM sums") == 3
    engine.keep("sums", "SELECT total(x) AS s FROM t")
    assert engine.scalar("SELECT s FROM sums") == 5


def test_scalars_and_parameters(engine: Engine) -> None:
    assert engine.scalar("SELECT ? || 'b'", ["a'"]) == "a'b"
    assert engine.scalar("SELECT 1 WHERE FALSE") is None
    assert engine.query("SELECT ? AS x", [Decimal("1.5")]).to_pylist() == [{"x": Decimal("1.5")}]


def test_times_are_utc_whatever_the_machine_says(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Seoul")
    moment = parse_time("2026-10-05T12:00:00Z")
    engine.register("t", pa.table({"moment": pa.array([moment], pa.timestamp("us", tz="UTC"))}))
    row = engine.query(
        "SELECT micros(moment) AS us, strftime(moment, '%H:%M') AS shown, CAST(moment AS DATE)::VARCHAR AS day FROM t"
    ).to_pylist()[0]
    assert row == {"us": micros(moment), "shown": "12:00", "day": "2026-10-05"}


@settings(max_examples=30, deadline=None)
@given(st.integers(-(10**37), 10**37), st.integers(-(10**18), 10**18).filter(bool))
def test_division_is_exact_and_toward_zero(dividend: int, divisor: int) -> None:
    engine = Engine(threads=1)
    sql = f"SELECT CAST(int_div(wide('{dividend}'), wide('{divisor}')) AS VARCHAR)"
    assert int(engine.scalar(sql)) == int_div(dividend, divisor)
    engine.close()


def test_a_number_that_does_not_fit_is_an_error_and_never_wraps(engine: Engine) -> None:
    engine.register("t", pa.table({"x": pa.array([2**62, 2**62], pa.int64())}))
    assert engine.scalar("SELECT total(x) FROM t") == 2**63
    with pytest.raises(duckdb.Error):
        engine.query("SELECT narrow(total(x)) FROM t")
    with pytest.raises(duckdb.Error):
        engine.query("SELECT x * 4 FROM t")


def test_engines_share_nothing_and_leave_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one, two = Engine(threads=1, memory_limit=200_000_000), Engine(threads=1)
    one.keep("t", "SELECT 1 AS x")
    with pytest.raises(duckdb.Error):
        two.query("SELECT * FROM t")
    assert one.scalar("SELECT current_setting('memory_limit')") == "190.7 MiB"
    one.close()
    two.close()
    assert list(tmp_path.iterdir()) == []
