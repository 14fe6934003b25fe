"""The servers of this folder's tests: one each for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import spark_servers
from spark_connect import SparkConnect

from netyield.testing.engines import EmbeddedEngine, StatementEngine


@pytest.fixture(scope="session")
def sail_url() -> Iterator[str]:
    with spark_servers.sail() as url:
        yield url


@pytest.fixture(scope="session")
def spark_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = spark_servers.spark_home()
    with spark_servers.spark(home, tmp_path_factory.mktemp("spark")) as url:
        yield url


@pytest.fixture(params=["duckdb", "sail", pytest.param("spark", marks=pytest.mark.spark)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StatementEngine]:
    """Each engine in turn."""
    started = EmbeddedEngine() if request.param == "duckdb" else SparkConnect(request.getfixturevalue(f"{request.param}_url"), tmp_path)
    yield started
    started.close()
