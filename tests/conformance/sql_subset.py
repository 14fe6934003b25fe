"""Is a statement within the subset of docs/decisions/0001-sql-subset.md? Reads words and signs, not a grammar.

What is not on the list is forbidden: a new function, sign or clause is refused until somebody has shown on every engine
that it means the same there, and has added it here.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from netyield.store.dialect import FUNCTIONS

SIGNS = frozenset(["(", ")", ",", ".", "*", "+", "-", "=", "<>", "<", ">", "<=", ">=", "%"])
FUNCTION_SET = frozenset(FUNCTIONS["duckdb"]) - {"micros"}
# Windows: which of these need an order, and which a written frame.
AGGREGATES = frozenset({"MAX", "MIN", "COUNT", "SUM"})
ORDERED_WINDOWS = frozenset({"LEAD", "LAG", "ROW_NUMBER"})
CALLS = AGGREGATES | ORDERED_WINDOWS | {"COALESCE", "CAST"}
# Words that may stand before a bracket without being a call.
BRACKETED = frozenset(
    {"AS", "IN", "ON", "AND", "OR", "NOT", "OVER", "WHEN", "THEN", "ELSE", "WHERE", "FROM", "SELECT", "BY", "CASE", "BETWEEN"}
)
FORBIDDEN_WORDS = frozenset(
    {
        "ASOF", "AVG", "QUALIFY", "EXCLUDE", "REPLACE", "PIVOT", "UNPIVOT", "LATERAL", "SAMPLE", "DIV", "FLOAT", "REAL",
        "DOUBLE", "TIMESTAMP", "INTERVAL", "LIKE", "ILIKE", "SIMILAR", "GLOB", "LIMIT", "OFFSET", "CREATE", "INSERT", "UPDATE",
        "DELETE", "USING", "NATURAL", "CROSS", "FULL", "RIGHT", "SEMI", "ANTI", "INTERSECT", "EXCEPT", "HAVING", "FILTER",
        "WITHIN", "RECURSIVE", "EXISTS", "ANY",
    }
)
FORBIDDEN_PAIRS = frozenset(
    {("BY", "ALL"), ("BY", "NAME"), ("SELECT", "DISTINCT"), ("RANGE", "BETWEEN"), ("GROUPS", "BETWEEN"), ("UNION", "SELECT"),
     ("UNION", "DISTINCT"), ("UNION", "BY")}
)
CAST_TYPES = ("BIGINT", "DECIMAL ( 38 , 0 )")
# Tables of a day's slots, hours and counts: so short that a join by range alone costs little. Others need an equality.
SHORT_TABLES = frozenset({"grid", "hours", "counting"})
WIDEST = 10**38
_TOKEN = re.compile(r"--[^\n]*|'[^']*'|\d[\w.]*|\.\d+|[A-Za-z_]\w*|<>|<=|>=|!=|==|//|::|\|\||->|\S")


def tokens(statement: str) -> list[str]:
    """The statement's texts, numbers, words and signs, without comments."""
    return [token for token in _TOKEN.findall(statement) if not token.startswith("--")]


def violations(statement: str) -> list[str]:
    """Everything in the statement that is not in the subset; empty when it is."""
    found = tokens(statement)
    words = [token.upper() for token in found]
    return [
        *_start(words), *_signs(found), *_words(words), *_numbers(found), *_calls(words), *_casts(words), *_sums(words),
        *_windows(words), *_joins(words),
    ]


def _start(words: list[str]) -> Iterator[str]:
    if not words or words[0] not in ("WITH", "SELECT"):
        yield "a statement is one query: it starts with WITH or SELECT"


def _signs(found: list[str]) -> Iterator[str]:
    for token in found:
        if not (token[0].isalnum() or token[0] in "_'") and token not in SIGNS:
            yield f"sign {token}" + (" (write int_div)" if token in ("/", "//") else "")


def _words(words: list[str]) -> Iterator[str]:
    yield from (f"word {word}" for word in words if word in FORBIDDEN_WORDS)
    for first, second in itertools.pairwise(words):
        if (first, second) in FORBIDDEN_PAIRS:
            yield f"{first} {second}"
        if first == "BY" and second.isdigit():
            yield f"BY {second}: a column by its position"


def _numbers(found: list[str]) -> Iterator[str]:
    for token in found:
        if token[0].isdigit() or (token[0] == "." and len(token) > 1):
            if not token.isdigit():
                yield f"number {token}: integers only"
            elif int(token) >= WIDEST:
                yield f"number {token}: more than 38 digits"


def _calls(words: list[str]) -> Iterator[str]:
    for word, following in itertools.pairwise(words):
        named = word.replace("_", "a").isalnum() and not word[0].isdigit()
        if following == "(" and named and word not in BRACKETED | CALLS and word.lower() not in FUNCTION_SET:
            yield f"function {word.lower()}"


def _casts(words: list[str]) -> Iterator[str]:
    for start, end in _brackets(words, "CAST"):
        kind = " ".join(words[start:end]).rpartition(" AS ")[2]
        if kind not in CAST_TYPES:
            yield f"CAST to {kind}"


def _sums(words: list[str]) -> Iterator[str]:
    """SUM only counts: of 1, or of a CASE that gives 1 or 0. Everything else is a total()."""
    for start, end in _brackets(words, "SUM"):
        counted = " ".join(words[start:end])
        if counted != "1" and not re.fullmatch(r"CASE WHEN (?:(?!WHEN|THEN|ELSE).)* THEN 1 ELSE 0 END", counted):
            yield f"SUM of {counted}: write total()"


def _windows(words: list[str]) -> Iterator[str]:
    """A window without order covers its whole partition; with one it names its frame, or is LEAD, LAG or ROW_NUMBER."""
    over = {start - 2: (start, end) for start, end in _brackets(words, "OVER")}
    for name in sorted(CALLS | FUNCTION_SET):
        for _, end in _brackets(words, name.upper()):
            window = over.pop(end + 1, None)
            if window is None:
                if name in ORDERED_WINDOWS:
                    yield f"{name} without a window"
                continue
            inside = " ".join(words[slice(*window)])
            ordered, framed = "ORDER BY" in inside, "ROWS BETWEEN" in inside
            if name not in AGGREGATES | ORDERED_WINDOWS:
                yield f"{name} over a window"
            elif name in ORDERED_WINDOWS and not ordered:
                yield f"{name} without ORDER BY"
            elif name in AGGREGATES and ordered and not framed:
                yield f"{name} over an ordered window without a frame"
    yield from (f"a window of something else: {' '.join(words[slice(*window)])}" for window in over.values())
    for number, word in enumerate(words):
        if word == "ORDER" and not any(start <= number < end for start, end in _brackets(words, "OVER")):
            yield "ORDER BY outside a window"


def _joins(words: list[str]) -> Iterator[str]:
    """Every join names its condition, and an equality unless the table is one of the short ones."""
    for number, word in enumerate(words):
        if word != "JOIN":
            continue
        condition = _condition(words[number + 1 :])
        if condition is None:
            yield f"a join of {words[number + 1].lower()} without ON"
        elif "=" not in condition and words[number + 1].lower() not in SHORT_TABLES:
            yield f"a join of {words[number + 1].lower()} without an equality"


def _condition(words: list[str]) -> list[str] | None:
    """What stands after the next ON, up to the next clause."""
    ends = {"JOIN", "LEFT", "WHERE", "GROUP", "UNION", "SELECT"}
    if "ON" not in words or any(word in ends for word in words[: words.index("ON")]):
        return None
    start, depth = words.index("ON") + 1, 0
    for end in range(start, len(words)):
        depth += {"(": 1, ")": -1}.get(words[end], 0)
        if depth < 0 or words[end] in ends:
            return words[start:end]
    return words[start:]


def _brackets(words: list[str], name: str) -> Iterator[tuple[int, int]]:
    """Where the arguments of each call of ``name`` stand."""
    for number, word in enumerate(words[:-1]):
        if word == name and words[number + 1] == "(":
            depth, end = 1, number + 2
            while depth and end < len(words):
                depth += {"(": 1, ")": -1}.get(words[end], 0)
                end += 1
            yield number + 2, end - 1
