"""Must hold 9: every statement gives the same rows, to the last digit, on DuckDB, on Sail and on Apache Spark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest
from made_up_cases import made_up_cases
from recorded_day import Recorded, record_day, statement_files
from spark_connect import SparkConnect
from sql_subset import violations

from netyield.testing.engines import Case, EmbeddedEngine, hashes, row_hash, shuffled

SEED = 20261121
# Sail 0.7.2 evaluates the error branch of a checked division while it plans a join without an equality ("Remainder by
# zero", before any row is read). Unchecked it divides the same; a wrapped or null result would change the hash.
SAIL_SETTINGS = {"spark.sql.ansi.enabled": "false"}


@dataclass(frozen=True)
class Given:
    """The cases of one size and what the embedded engine makes of them."""

    cases: tuple[Case, ...]
    hashes: dict[str, str]
    recorded: tuple[Recorded, ...]


def _given(folder: Path, size: int, attempts: int) -> Given:
    recorded = record_day(folder, SEED, attempts)
    made_up = made_up_cases(SEED, size)
    expected = hashes(EmbeddedEngine(), made_up) | {one.case.name: row_hash(one.rows) for one in recorded}
    return Given((*made_up, *(one.case for one in recorded)), expected, tuple(recorded))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Given:
    return _given(tmp_path_factory.mktemp("small"), 0, 24)


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Given:
    return _given(tmp_path_factory.mktemp("large"), 1500, 400)


def test_every_statement_file_takes_part_and_makes_rows(small: Given, large: Given) -> None:
    for given in (small, large):
        assert {one.file for one in given.recorded} == {path.stem for path in statement_files()}
        assert [one.case.name for one in given.recorded if one.rows.num_rows == 0] == []


def test_statements_stay_in_the_subset(large: Given) -> None:
    found = {case.name: violations(case.statement) for case in large.cases}
    assert {name: one for name, one in found.items() if one} == {}


def test_threads_and_row_order_change_nothing(large: Given) -> None:
    """And neither does reading what another step kept at rest, where 128-bit integers are decimals."""
    cases = [Case(case.name, case.statement, shuffled(case.tables, 1)) for case in large.cases]
    assert hashes(EmbeddedEngine(threads=1), cases) == large.hashes


def test_sail_computes_the_same(large: Given, sail_url: str, tmp_path: Path) -> None:
    assert hashes(SparkConnect(sail_url, tmp_path, SAIL_SETTINGS), large.cases) == large.hashes


@pytest.mark.spark
def test_spark_computes_the_same(small: Given, spark_url: str, tmp_path: Path) -> None:
    assert hashes(SparkConnect(spark_url, tmp_path), small.cases) == small.hashes


@pytest.mark.parametrize(
    "other", [pa.table({"x": [1, 3]}), pa.table({"y": [1, 2]}), pa.table({"x": [1, 2, 2]}), pa.table({"x": ["1", "2"]}), pa.table({"x": [1, None]})]
)
def test_the_hash_tells_results_apart(other: pa.Table) -> None:
    assert row_hash(other) != row_hash(pa.table({"x": [1, 2]}))


def test_the_hash_knows_no_order_and_no_width() -> None:
    wide = pa.table({"X": pa.array([2, 1], pa.decimal128(38, 0))})
    assert row_hash(wide) == row_hash(pa.table({"x": pa.array([1, 2], pa.int32())}))


def test_the_hash_refuses_floats() -> None:
    with pytest.raises(TypeError, match="float"):
        row_hash(pa.table({"x": [1.0]}))
