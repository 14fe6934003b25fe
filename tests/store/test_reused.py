"""An engine used again is as a new one, and keeps its memory."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pytest

from netyield.store.engine import Engine
from netyield.store.reused import KEEP_BYTES, ReusedEngine

LISTED = "SELECT view_name AS n FROM duckdb_views() WHERE NOT internal UNION ALL SELECT table_name FROM duckdb_tables()"


def names(engine: Engine) -> list[str]:
    return engine.query(LISTED).column(0).to_pylist()


@pytest.fixture
def made() -> list[Engine]:
    return []


@pytest.fixture
def reused(made: list[Engine]) -> Iterator[ReusedEngine]:
    def make() -> Engine:
        made.append(Engine(threads=1))
        return made[-1]

    with ReusedEngine(make) as held:
        yield held


def test_each_piece_of_work_finds_it_empty(made: list[Engine], reused: ReusedEngine) -> None:
    for number in range(3):
        with reused.emptied() as engine:
            assert names(engine) == []
            engine.register("given", pa.table({"x": [number]}))
            engine.parquet("attempts", "attempts", [])
            engine.keep("kept", "SELECT x + 1 AS x FROM given")
            engine.view("seen", "SELECT * FROM kept")
            assert engine.scalar("SELECT x FROM seen") == number + 1
    assert len(made) == 1


def _fail(engine: Engine) -> None:
    engine.keep("half_done", "SELECT 1 AS x")
    engine.scalar("SELECT x FROM nothing_of_that_name")


def test_after_an_error_the_next_engine_is_a_new_one(made: list[Engine], reused: ReusedEngine) -> None:
    with pytest.raises(duckdb.CatalogException), reused.emptied() as engine:
        _fail(engine)
    with reused.emptied() as engine:
        assert names(engine) == []
    assert len(made) == 2


def test_the_second_day_asks_the_system_for_little_memory() -> None:
    """Page faults of the same work: pages the engine kept need not be given again."""

    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    given = []
    with ReusedEngine(lambda: Engine(threads=1, keep_bytes=KEEP_BYTES)) as reused:
        for _ in range(3):
            before = faults()
            with reused.emptied() as engine:
                engine.keep("numbers", "SELECT range AS x, range * 2 AS y, hash(range) AS z FROM range(2000000)")
            given.append(faults() - before)
    assert given[2] < given[0] / 2, given
