"""The few functions the attribution statements use, compiled per engine.

Statements are written once, over integers only (times are microseconds since 1970, money is whole pico-units), in the
subset of SQL every supported engine runs alike (docs/decisions/0001-sql-subset.md). What engines spell or compute
differently is written as a function call in the statement and expanded here. A transpiler is not used: engines differ
in meaning, not only in spelling.

    wide(x)        x as a 128-bit (or 38-digit) integer
    int_div(a, b)  a divided by b, exact, toward zero, for quotients beyond 64 bits
    div64(a, b)    the same where a and b are 64-bit integers: 30 times faster; the statement guards a product before it
    narrow(x)      x as a 64-bit integer (raises beyond it)
    total(x)       the exact sum of integers, as DECIMAL(38,0); null over no rows
    sum64(x)       the same as a 64-bit integer (raises beyond it); narrow(total(x)) costs DuckDB 600 ns a group
    micros(t)      a timestamp as microseconds since 1970

``spark`` is what Spark Connect servers run: Apache Spark 4 and, as they are, Sail. There the quotient of int_div may
have 32 digits (Spark) and its dividend 34 (Sail); beyond that both raise, neither wraps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

Dialect = Literal["duckdb", "spark"]
Expansion = Callable[..., str]

_DUCKDB: dict[str, Expansion] = {
    "wide": lambda x: f"CAST({x} AS HUGEINT)",
    "int_div": lambda a, b: f"(CAST({a} AS HUGEINT) // CAST({b} AS HUGEINT))",
    "div64": lambda a, b: f"(CAST({a} AS BIGINT) // CAST({b} AS BIGINT))",
    "narrow": lambda x: f"CAST({x} AS BIGINT)",
    "total": lambda x: f"CAST(SUM({x}) AS DECIMAL(38,0))",
    "sum64": lambda x: f"CAST(SUM({x}) AS BIGINT)",
    "micros": lambda t: f"epoch_us({t})",
}
# DIV returns BIGINT (Spark wraps silently, Sail raises) and floor(a / b) rounds 0.99..9 up. (a - a % b) / b is exact.
_SPARK: dict[str, Expansion] = {
    "wide": lambda x: f"CAST({x} AS DECIMAL(38,0))",
    "int_div": lambda a, b: (
        f"CAST((CAST({a} AS DECIMAL(38,0)) - CAST({a} AS DECIMAL(38,0)) % CAST({b} AS DECIMAL(38,0)))"
        f" / CAST({b} AS DECIMAL(38,0)) AS DECIMAL(38,0))"
    ),
    "div64": lambda a, b: f"(CAST({a} AS BIGINT) DIV CAST({b} AS BIGINT))",
    "narrow": lambda x: f"CAST({x} AS BIGINT)",
    "total": lambda x: f"SUM(CAST({x} AS DECIMAL(38,0)))",
    "sum64": lambda x: f"CAST(SUM(CAST({x} AS DECIMAL(38,0))) AS BIGINT)",
    "micros": lambda t: f"unix_micros({t})",
}
FUNCTIONS: Mapping[Dialect, Mapping[str, Expansion]] = {"duckdb": _DUCKDB, "spark": _SPARK}
# What the reader stops at. Comments, texts and quoted names come first, so that nothing inside them counts.
_STOP = re.compile(r"""--[^\n]*|'[^']*'|"[^"]*"|\b(?P<call>""" + "|".join(_DUCKDB) + r")\(|[(),]")


def compile_sql(statement: str, dialect: Dialect = "duckdb") -> str:
    """The statement with every function of the set expanded, innermost calls included, and without comments.

    Raises ValueError for unbalanced brackets and for a call with the wrong number of arguments.
    """
    parts, end, closed = _read(statement, 0, FUNCTIONS[dialect])
    if closed:
        message = f"a bracket too many: {statement[:end][-40:]!r}"
        raise ValueError(message)
    return ",".join(parts)


def _read(statement: str, start: int, functions: Mapping[str, Expansion]) -> tuple[list[str], int, bool]:
    """The expanded pieces between commas from ``start``, the position after them, and if a bracket closed them."""
    pieces: list[str] = []
    piece, position = "", start
    while stop := _STOP.search(statement, position):
        piece += statement[position : stop.start()]
        position, word = stop.end(), stop.group()
        if word == ")":
            return [*pieces, piece], position, True
        if word == ",":
            pieces.append(piece)
            piece = ""
        elif word == "(":
            inner, position = _inside(statement, position, functions)
            piece += "(" + ",".join(inner) + ")"
        elif stop["call"]:
            inner, position = _inside(statement, position, functions)
            piece += _call(stop["call"], [one.strip() for one in inner], functions)
        elif not word.startswith("--"):
            piece += word
    return [*pieces, piece + statement[position:]], len(statement), False


def _inside(statement: str, start: int, functions: Mapping[str, Expansion]) -> tuple[list[str], int]:
    pieces, end, closed = _read(statement, start, functions)
    if not closed:
        message = f"a bracket is not closed after {statement[:start][-40:]!r}"
        raise ValueError(message)
    return pieces, end


def _call(name: str, arguments: list[str], functions: Mapping[str, Expansion]) -> str:
    wanted = 2 if name in ("int_div", "div64") else 1
    if len(arguments) != wanted or not all(arguments):
        message = f"{name} takes {wanted} argument(s), not {arguments}"
        raise ValueError(message)
    return functions[name](*arguments)
