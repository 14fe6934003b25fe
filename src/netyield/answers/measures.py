"""Sums over leaves that several answers share. Each figure of a headline is defined here, once.

Money is whole pico-units (Python integers, any size); tokens and attempts are integers; GPU time is microseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from netyield.answers.books import Books
from netyield.answers.steps import CERTAIN_WASTE, MAY_BE_USEFUL, in_scope, is_request_step
from netyield.attribution.attempts import CLASSES
from netyield.core.evidence import Evidence, weakest
from netyield.core.money import CONTEXT, from_pico, quantise, text

HOUR_US = 3_600_000_000
MTOK = 1_000_000
RATIO_PLACES = 6
CAPACITY_WORDS = ("pool", "device")
NOT_SERVED = ("wasted.aborted_undelivered", "wasted.rejected_prediction", "wasted.errored_no_output")


@dataclass(frozen=True)
class StepSum:
    """One step's sums."""

    step: str
    pico: int
    unit_tokens: int
    attempts: int
    answers: int
    evidence: Evidence
    methods: tuple[str, ...]


def by_step(books: Books, where: str = "TRUE") -> dict[str, StepSum]:
    """Sums of every step that has money or tokens."""
    rows = books.engine.query(
        f"""SELECT step, total(pico) AS pico, CAST(SUM(unit_tokens) AS BIGINT) AS unit_tokens, CAST(SUM(attempts) AS BIGINT) AS attempts,
                   CAST(SUM(answers) AS BIGINT) AS answers,
                   list_sort(list_distinct(COALESCE(list(evidence) FILTER (WHERE pico <> 0), list(evidence)))) AS evidence,
                   list_sort(list_distinct(COALESCE(list(method) FILTER (WHERE pico <> 0), list(method)))) AS methods
            FROM leaves WHERE {where} GROUP BY step ORDER BY step"""
    ).to_pylist()
    return {
        r["step"]: StepSum(
            r["step"],
            int(r["pico"]),
            r["unit_tokens"],
            r["attempts"],
            r["answers"],
            weakest(Evidence(e) for e in r["evidence"] if e),
            tuple(m for m in r["methods"] if m),
        )
        for r in rows
    }


def ratio(part: int, whole: int) -> float | None:
    """part/whole rounded for display, null when there is no positive whole."""
    if whole <= 0:
        return None
    return float(quantise(CONTEXT.divide(Decimal(part), Decimal(whole)), RATIO_PLACES))


def per_mtok(pico: int, tokens: int) -> Decimal | None:
    """Currency units per million tokens, null without tokens or without positive money."""
    if tokens <= 0 or pico <= 0:
        return None
    return quantise(CONTEXT.divide(from_pico(pico * MTOK), Decimal(tokens)), RATIO_PLACES)


def shown(value: Decimal | None) -> str | None:
    """A decimal as plain text, null as null."""
    return None if value is None else text(value)


@dataclass(frozen=True)
class Figures:
    """The headline's raw figures for one set of steps."""

    total: int
    in_scope: int
    low: int
    high: int
    waste: int
    request_money: int
    known_money: int
    useful_tokens: int
    possible_tokens: int
    served_tokens: int
    answers: int


def figures(steps: Mapping[str, StepSum]) -> Figures:
    """In-scope money, the bounds of net yield, certain waste, and the tokens behind them (definitions: docs/waterfall)."""
    money = {name: s.pico for name, s in steps.items()}
    requests = sum(p for n, p in money.items() if is_request_step(n))
    open_money = money.get("unproven", 0) + money.get("unproven.attested", 0)
    return Figures(
        total=sum(money.values()),
        in_scope=sum(p for n, p in money.items() if in_scope(n)),
        low=money.get("useful", 0),
        high=sum(money.get(n, 0) for n in MAY_BE_USEFUL) + max(0, money.get("unreconciled", 0)),
        waste=sum(money.get(n, 0) for n in CERTAIN_WASTE),
        request_money=requests,
        known_money=requests - open_money,
        useful_tokens=steps["useful"].unit_tokens if "useful" in steps else 0,
        possible_tokens=sum(s.unit_tokens for n, s in steps.items() if n in MAY_BE_USEFUL),
        served_tokens=sum(s.unit_tokens for n, s in steps.items() if n not in NOT_SERVED),
        answers=steps["useful"].answers if "useful" in steps else 0,
    )


def capacity(books: Books) -> dict[str, Any] | None:
    """GPU time of the window: paid, by state, allocated, and the mean activity signal; null when a filter hides it."""
    if set(books.query.where) - set(CAPACITY_WORDS):
        return None
    clause = capacity_filter(books)
    states = books.engine.query(
        f"SELECT state, CAST(SUM(gpu_us) AS BIGINT) AS us FROM fleet WHERE {clause} GROUP BY state HAVING SUM(gpu_us) > 0 ORDER BY state"
    ).to_pylist()
    seen = books.engine.query(
        f"""SELECT CAST(COALESCE(SUM(signal_us), 0) AS BIGINT) AS signal_us, CAST(COALESCE(SUM(held_us), 0) AS BIGINT) AS held_us,
                   BOOL_OR(allocation_known) AS allocation_known,
                   CAST(COALESCE(SUM(CASE WHEN state <> 'unknown' THEN us END), 0) AS BIGINT) AS known_us
            FROM activity WHERE {clause}"""
    ).to_pylist()[0]
    by_state = {r["state"]: int(r["us"]) for r in states}
    if not by_state:
        return None
    return {"paid": sum(by_state.values()), "by_state": by_state, **seen}


def capacity_filter(books: Books) -> str:
    """The filter words that mean something for capacity, as SQL; values may be globs, as for leaves."""
    tests = []
    for word in CAPACITY_WORDS:
        if word in books.query.where:
            value = books.query.where[word]
            quoted = "'" + value.replace("'", "''") + "'"
            tests.append(f"{word} {'GLOB' if any(c in value for c in '*?[') else '='} {quoted}")
    return " AND ".join(tests) or "TRUE"


def tokens_by_class(books: Books) -> dict[str, int]:
    """Reported tokens of every class that occurs."""
    sums = ", ".join(f"CAST(COALESCE(SUM({name}), 0) AS BIGINT) AS {name}" for name in CLASSES)
    row = books.engine.query(f"SELECT {sums} FROM leaves").to_pylist()[0]
    return {name: row[name] for name in CLASSES if row[name]}


def tokens_by_verdict(books: Books) -> dict[str, int]:
    """Useful-unit tokens of every verdict, unpriced attempts included under theirs."""
    rows = books.engine.query(
        """SELECT CASE WHEN step = 'unpriced' THEN reason ELSE step END AS verdict, CAST(SUM(unit_tokens) AS BIGINT) AS tokens
           FROM leaves WHERE unit_tokens <> 0 OR attempts <> 0 GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    return {r["verdict"]: r["tokens"] for r in rows if r["verdict"] not in {"", "billed"}}
