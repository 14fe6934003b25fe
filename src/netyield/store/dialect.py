"""The few functions the attribution statements use, compiled per engine.

Statements are written once, over integers only (times are microseconds since 1970, money is whole pico-units), in the
subset of SQL every supported engine runs alike. What engines spell or compute differently is written as a function
call in the statement and expanded here. A transpiler is not used: engines differ in meaning, not only in spelling.

    wide(x)        x as a 128-bit (or 38-digit) integer
    int_div(a, b)  a divided by b, exact, toward zero, for quotients beyond 64 bits
    narrow(x)      x as a 64-bit integer (raises beyond it on DuckDB and Spark)
    total(x)       the exact sum of integers, as DECIMAL(38,0); null over no rows
    money(x)       whole pico-units as DECIMAL(38,12)
    micros(t)      a timestamp as microseconds since 1970
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal

Dialect = Literal["duckdb", "spark", "sail"]
Expansion = Callable[..., str]

_DUCKDB: dict[str, Expansion] = {
    "wide": lambda x: f"CAST({x} AS HUGEINT)",
    "int_div": lambda a, b: f"(CAST({a} AS HUGEINT) // CAST({b} AS HUGEINT))",
    "narrow": lambda x: f"CAST({x} AS BIGINT)",
    "total": lambda x: f"CAST(SUM({x}) AS DECIMAL(38,0))",
    "money": lambda x: f"(CAST({x} AS DECIMAL(38,0)) * 0.000000000001)",
    "micros": lambda t: f"epoch_us({t})",
}
# Spark: DIV returns BIGINT and wraps silently; floor(a/b) rounds 0.99..9 up. (a - a % b) / b is exact.
_SPARK: dict[str, Expansion] = {
    "wide": lambda x: f"CAST({x} AS DECIMAL(38,0))",
    "int_div": lambda a, b: (
        f"CAST((CAST({a} AS DECIMAL(38,0)) - CAST({a} AS DECIMAL(38,0)) % CAST({b} AS DECIMAL(38,0)))"
        f" / CAST({b} AS DECIMAL(38,0)) AS DECIMAL(38,0))"
    ),
    "narrow": lambda x: f"CAST({x} AS BIGINT)",
    "total": lambda x: f"SUM(CAST({x} AS DECIMAL(38,0)))",
    "money": lambda x: f"CAST({x} AS DECIMAL(38,0))",
    "micros": lambda t: f"unix_micros({t})",
}
_SAIL: dict[str, Expansion] = {
    **_SPARK,
    "int_div": lambda a, b: f"(CAST({a} AS DECIMAL(38,0)) DIV CAST({b} AS DECIMAL(38,0)))",
}
FUNCTIONS: dict[Dialect, dict[str, Expansion]] = {"duckdb": _DUCKDB, "spark": _SPARK, "sail": _SAIL}
_CALL = re.compile(r"\b(" + "|".join(_DUCKDB) + r")\(")


def compile_sql(statement: str, dialect: Dialect = "duckdb") -> str:
    """The statement with every function of the set expanded, innermost calls included."""
    functions = FUNCTIONS[dialect]
    match = _CALL.search(statement)
    if match is None:
        return statement
    arguments, end = _arguments(statement, match.end())
    inner = [compile_sql(argument, dialect) for argument in arguments]
    expanded = functions[match.group(1)](*inner)
    return statement[: match.start()] + expanded + compile_sql(statement[end:], dialect)


def _arguments(statement: str, start: int) -> tuple[list[str], int]:
    """The comma-separated arguments of a call whose opening bracket ends at ``start``, and where it ends."""
    depth, piece, pieces = 1, start, []
    for position in range(start, len(statement)):
        letter = statement[position]
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth -= 1
            if depth == 0:
                pieces.append(statement[piece:position].strip())
                return pieces, position + 1
        elif letter == "," and depth == 1:
            pieces.append(statement[piece:position].strip())
            piece = position + 1
    message = "unbalanced brackets in a statement"
    raise ValueError(message)
