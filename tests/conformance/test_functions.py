"""The function set gives what Python's integers give, on every engine, where engines are known to differ silently."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from netyield.core.period import TIMESTAMP, micros
from netyield.store.dialect import FUNCTIONS, Dialect, compile_sql
from netyield.testing.engines import StatementEngine
from netyield.testing.statement_tables import table

MOST, LEAST = 2**63 - 1, -(2**63)
# Beyond 2^53 (a double is off by one), beyond 2^63 (DIV wraps or raises), negative, and just below a whole quotient.
DIVIDENDS = (0, 1, -1, 7, -7, 2**53 + 1, -(2**53) - 1, 10**18 - 1, MOST, 2**63, LEAST, 10**30 + 1, 10**33 - 1, 1 - 10**33)
DIVISORS = (1, -1, 2, -2, 3, 7, 1000, 10**12 - 1, 10**18)
DIVISIONS = [(a, b) for a in DIVIDENDS for b in DIVISORS if abs(a) < 10**32 * abs(b)]
NARROW_DIVISIONS = [(a, b) for a, b in DIVISIONS if LEAST < a <= MOST]


def toward_zero(a: int, b: int) -> int:
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def column(engine: StatementEngine, statement: str, rows: pa.Table) -> list[Any]:
    """The column ``x`` of a statement over ``rows``, as Python integers, in the order of ``n``."""
    engine.load("given", rows)
    found = sorted(engine.rows(statement).to_pylist(), key=lambda row: row.get("n", 0))
    return [None if row["x"] is None else int(row["x"]) for row in found]


def pairs(values: Iterable[tuple[int, int]], kind: str) -> pa.Table:
    return table({"n": "int", "a": kind, "b": kind}, ({"n": n, "a": a, "b": b} for n, (a, b) in enumerate(values)))


def test_int_div_is_exact_and_toward_zero(engine: StatementEngine) -> None:
    found = column(engine, "SELECT n, int_div(a, b) AS x FROM given", pairs(DIVISIONS, "wide"))
    assert found == [toward_zero(a, b) for a, b in DIVISIONS]


def test_int_div_of_a_product_of_64_bit_numbers(engine: StatementEngine) -> None:
    values = [(MOST, 10**13), (LEAST, 10**13), (MOST, -(10**13)), (9_200_000_000_000_000_003, 999_999_999_999)]
    found = column(engine, "SELECT n, int_div(wide(a) * b, 7) AS x FROM given", pairs(values, "int"))
    assert found == [toward_zero(a * b, 7) for a, b in values]


def test_div64_is_exact_and_toward_zero(engine: StatementEngine) -> None:
    found = column(engine, "SELECT n, div64(a, b) AS x FROM given", pairs(NARROW_DIVISIONS, "int"))
    assert found == [toward_zero(a, b) for a, b in NARROW_DIVISIONS]


def test_remainders_have_the_sign_of_the_dividend(engine: StatementEngine) -> None:
    values = [(a, b) for a, b in NARROW_DIVISIONS if abs(a) < 10**18]
    found = column(engine, "SELECT n, a % b AS x FROM given", pairs(values, "int"))
    assert found == [a - b * toward_zero(a, b) for a, b in values]


def test_total_passes_64_bits(engine: StatementEngine) -> None:
    rows = pairs([(MOST, 0), (MOST, 0), (MOST, 0), (-1, 0)], "int")
    assert column(engine, "SELECT total(a) AS x FROM given", rows) == [3 * MOST - 1]


def test_total_of_nothing_is_null(engine: StatementEngine) -> None:
    assert column(engine, "SELECT total(a) AS x FROM given WHERE a > 1", pairs([(1, 0)], "int")) == [None]


def test_narrow_keeps_64_bits_and_raises_beyond(engine: StatementEngine) -> None:
    edges = [(MOST, 0), (LEAST, 0), (0, 0)]
    assert column(engine, "SELECT n, narrow(a) AS x FROM given", pairs(edges, "wide")) == [MOST, LEAST, 0]
    with pytest.raises(Exception, match=r"(?i)range|overflow"):
        column(engine, "SELECT n, narrow(wide(a) + 1) AS x FROM given", pairs([(MOST, 0)], "int"))


def test_micros_of_a_timestamp(engine: StatementEngine) -> None:
    moments = [datetime(2026, 10, 25, 1, 30, 0, 999_999, UTC), datetime(1969, 12, 31, 23, 59, 59, 1, UTC)]
    rows = pa.table({"n": [0, 1], "t": pa.array(moments, TIMESTAMP)})
    assert column(engine, "SELECT n, micros(t) AS x FROM given", rows) == [micros(moment) for moment in moments]


def test_every_dialect_has_the_same_functions() -> None:
    assert {frozenset(functions) for functions in FUNCTIONS.values()} == {frozenset(FUNCTIONS["duckdb"])}


@pytest.mark.parametrize("dialect", ["duckdb", "spark"])
def test_calls_inside_texts_and_comments_stay(dialect: Dialect) -> None:
    text = "SELECT 'wide(a, ''b'')' AS x, \"total(\" AS y -- it's narrow(\nFROM t"
    assert compile_sql(text, dialect) == text.replace("-- it's narrow(", "")


@pytest.mark.parametrize("text", ["wide(a", "f(a))", "int_div(a)", "total(a, b)", "narrow()", "f(a -- )"])
def test_a_malformed_call_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"bracket|argument"):
        compile_sql(text)
