"""Attempts as integers agree with a slow reference: who answered, which words, which counts, who was replaced."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from ledger_rows import START
from request_tables import DAY, FEW, OWNERS, SINCE, day, days_of_attempts, rows_of
from slow_requests import Row, calls, superseded

from netyield.attribution.attempts import CLASSES
from netyield.core.period import Period
from netyield.store.engine import Engine

DIMENSIONS = ("provider", "model", "team", "app", "customer")
WORDS = (*DIMENSIONS, "tariff", "operation", "purpose", "status", "finish_reason", "provenance")
RARE = {"delivered_output_tokens": "delivered_output_tokens", "logged_ppm": "accepted_ppm", "prefill_us": "prefill_us", "decode_us": "decode_us"}
MINUTE, HOUR, MICROSECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(microseconds=1)


class Colliding(Engine):
    """Every combination of words has the same hash, until another salt is tried."""

    def keep(self, name: str, sql: str) -> None:
        super().keep(name, sql.replace("hash(0, ", "0 * hash(0, ") if name.endswith("_hashes") else sql)


def expected(rows: list[Row]) -> list[dict[str, Any]]:
    """What ``attempts_in`` must hold, in the order of the attempts' numbers."""
    return sorted(
        (
            {
                "attempt_id": c.id, "t": c.t, "e": c.e, "pool": c.replica[0] if c.replica else None,
                **{name: c.word(name) for name in WORDS}, "superseded": int(superseded(c, rows, SINCE)),
                "computed_input": c.computed, "input_tokens": c.input, "output_tokens": c.output,
                **{name: c.row[name] for name in CLASSES}, **{name: c.row[raw] for name, raw in RARE.items()},
                "replica": c.replica,
            }
            for c in calls(rows, SINCE, OWNERS)
        ),
        key=lambda row: row["attempt_id"],
    )


def held(engine: Engine) -> list[dict[str, Any]]:
    """What it holds; ``serving_id`` spelled out as the replica it stands for."""
    replicas = {r["serving_id"]: (r["pool"], r["serving"]) for r in engine.query("SELECT * FROM dims").to_pylist()} | {None: None}
    found = engine.query("SELECT * FROM attempts_in ORDER BY attempt_id").to_pylist()
    return [
        {k: v for k, v in row.items() if k not in ("dim_id", "fact_id", "words_id", "serving_id")} | {"replica": replicas[row["serving_id"]]}
        for row in found
    ]


def seen(*given: dict[str, Any], period: Period = DAY) -> dict[str, Any]:
    """event_key to the attempt, of those the day sees."""
    rows = rows_of([{"event_time": START + HOUR, "event_key": f"a{n}"} | row for n, row in enumerate(given)])
    engine = day(rows, period=period)
    keys = {row["attempt_id"]: row["event_key"] for row in rows}
    return {keys[row["attempt_id"]]: row for row in held(engine)}


@FEW
@given(days_of_attempts())
def test_every_attempt_of_the_day_once_with_its_words_and_counts(given: list[dict[str, Any]]) -> None:
    rows = rows_of(given)
    assert held(day(rows)) == expected(rows)


@pytest.mark.parametrize("kind", ["dim", "fact"])
def test_words_whose_hashes_collide_are_told_apart_by_another_salt(kind: str) -> None:
    words = [{"model": model, "team": team, "status": status} for model in "mn" for team in ("red", None) for status in ("ok", "error")]
    rows = rows_of([{"event_time": START + n * MINUTE} | row for n, row in enumerate(words)])
    engine = Colliding(threads=1)
    assert held(day(rows, engine=engine)) == expected(rows)
    assert engine.scalar(f"SELECT COUNT(DISTINCT h) FROM {kind}_hashes") == (4 if kind == "dim" else 2)


def test_what_nobody_wrote_and_an_empty_word_are_one_dimension() -> None:
    rows = rows_of([{"event_time": START, "team": team, "tariff": tariff} for team in (None, "") for tariff in (None, "standard", "batch")])
    engine = day(rows)
    assert engine.query("SELECT team, timed FROM dims").to_pylist() == [{"team": "", "timed": False}]
    assert engine.query("SELECT tariff FROM facts ORDER BY 1").column(0).to_pylist() == ["batch", "standard"]
    assert held(engine) == expected(rows)


def test_a_replayed_answer_beside_a_paid_one_of_the_same_words_is_one_row_of_no_pool() -> None:
    words = {"provider": "openai", "model": "m"}
    found = seen(words, words | {"pool": "big", "replica": "llm-0", "purpose": "gateway_cache_hit"}, words | {"pool": "big", "replica": "llm-0"})
    assert {key: (row["pool"], row["replica"]) for key, row in found.items()} == {
        "a0": (None, None), "a1": (None, None), "a2": ("big", ("big", "serve/llm-0")),
    }


def test_only_attempts_that_run_in_the_day() -> None:
    before, after = START - MICROSECOND, START + MICROSECOND
    cases: dict[str, tuple[Any, Any, bool]] = {
        "starts with the day": (START, None, True),
        "an instant before it": (before, None, False),
        "ends at midnight": (before, START, False),
        "runs into the day": (before, after, True),
        "runs through the day": (before, START + 2 * HOUR, True),
        "longer than six hours, and those end at midnight": (START - 6 * HOUR, START + HOUR, False),
        "longer than six hours, and those run into the day": (START - 6 * HOUR + MICROSECOND, START + HOUR, True),
        "of the day before yesterday": (START - 30 * HOUR, START + HOUR, False),
        "ends before it began": (START + HOUR, START - HOUR, True),
    }
    found = seen(*({"event_key": name, "event_time": t, "end_time": e} for name, (t, e, _) in cases.items()))
    assert set(found) == {name for name, (_, _, inside) in cases.items() if inside}
    lengths = {name: row["e"] - row["t"] for name, row in found.items()}
    assert lengths["longer than six hours, and those run into the day"] == 6 * 3_600_000_000
    assert lengths["starts with the day"] == lengths["ends before it began"] == 1


OK, LATER = {"status": "ok"}, {"event_time": START + 2 * HOUR}
NAMES = {"retry_of": "r", **OK, **LATER}
RETRIES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "by the request's id": ({"request_id": "r"}, NAMES, True),
    "by the answer's id": ({"response_id": "r"}, NAMES, True),
    "of another request": ({"request_id": "s"}, NAMES, False),
    "that did not answer": ({"request_id": "r"}, NAMES | {"status": "error"}, False),
    "that came before": ({"request_id": "r"}, NAMES | {"event_time": START}, False),
    "in the same microsecond": ({"request_id": "r"}, NAMES | {"event_time": START + HOUR}, True),
    "by a higher number": ({"logical_request_id": "l", "attempt_number": 2}, OK | {"logical_request_id": "l", "attempt_number": 3}, True),
    "by the second, the first without a number": ({"logical_request_id": "l"}, OK | {"logical_request_id": "l", "attempt_number": 2}, True),
    "by the same number": ({"logical_request_id": "l", "attempt_number": 2}, OK | {"logical_request_id": "l", "attempt_number": 2}, False),
    "by a higher number that failed": ({"logical_request_id": "l"}, {"status": "error", "logical_request_id": "l", "attempt_number": 2}, False),
    "by a number of another request": ({"logical_request_id": "l"}, OK | {"logical_request_id": "k", "attempt_number": 2}, False),
}


@pytest.mark.parametrize("case", RETRIES)
def test_what_a_recorded_retry_replaces(case: str) -> None:
    first, retry, replaced = RETRIES[case]
    found = seen(first, retry)
    assert (found["a0"]["superseded"], found["a1"]["superseded"]) == (int(replaced), 0)


def test_a_retry_that_names_the_id_it_shares_does_not_replace_itself() -> None:
    found = seen({"request_id": "r", "status": "error"}, {"request_id": "r"} | NAMES)
    assert (found["a0"]["superseded"], found["a1"]["superseded"]) == (1, 0)


def test_a_retry_that_ended_before_the_day_counts() -> None:
    found = seen(
        {"event_time": START - HOUR, "end_time": START + HOUR, "request_id": "r"},
        {"event_time": START - HOUR + MINUTE, "end_time": START - MINUTE, "retry_of": "r"},
    )
    assert {key: row["superseded"] for key, row in found.items()} == {"a0": 1}


def test_no_attempts_at_all() -> None:
    assert held(day([])) == []
