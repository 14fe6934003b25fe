"""Statements on a Spark Connect server: Sail in this process, or Apache Spark in a Java process of its own."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from netyield.store.dialect import compile_sql


class SparkConnect:
    """An engine behind ``sc://``. Tables are Parquet files in a folder that the server can read too."""

    def __init__(self, url: str, folder: Path, settings: Mapping[str, str] | None = None) -> None:
        logging.getLogger("SQLQueryContextLogger").disabled = True
        # A worker of pytest-xdist has no main file, which the client takes for a run of its own doctests.
        vars(sys.modules["__main__"]).setdefault("__file__", __file__)
        with warnings.catch_warnings():
            # The client names the pandas it was made for; nothing here goes through pandas.
            warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas", category=FutureWarning)
            self._session = SparkSession.builder.remote(url).create()
        self._folder, self._written = folder, 0
        for name, value in (settings or {}).items():
            self._session.conf.set(name, value)

    def load(self, name: str, rows: pa.Table) -> None:
        self._written += 1
        path = self._folder / f"{name}-{self._written}.parquet"
        pq.write_table(rows, path)
        # With the types given the server need not start a job to look for them.
        found = self._session.read.schema(from_arrow_schema(rows.schema)).parquet(str(path))
        found.createOrReplaceTempView(name)

    def rows(self, statement: str) -> pa.Table:
        return self._session.sql(compile_sql(statement, "spark")).toArrow()

    def close(self) -> None:
        self._session.stop()
