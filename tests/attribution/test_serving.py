"""A replica's active cost over its requests agrees with a slow reference, to the pico-unit."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_rows import START
from request_tables import FEW, OWNERS, SINCE, SLOT_US, day, days_of_attempts, rows_of, serving_ids, split
from slow_requests import WHO, Charge, Piece, Replica, Row, Weights, calls, in_slots, methods, quotient, shares, spreads

from netyield.attribution import serving
from netyield.attribution.settings import AttributionSettings
from netyield.store.engine import Engine

SECOND = timedelta(seconds=1)
LINE = 128  # line_hour = line * 128 + hour
MOST = 2**63 - 1  # pico-units in one slot: 9.2 million currency units
AMOUNTS = (0, 1, -1, 7, -7, 166_666_666_666, -166_666_666_667, MOST // 2, -MOST // 2, MOST // 3)  # two lines of a slot fit 64 bits
DECLARED = Weights()
Slots = dict[tuple[Replica, int], list[Piece]]


def slots_of(rows: Sequence[Row], declared: Weights = DECLARED) -> Slots:
    return in_slots(calls(rows, SINCE, OWNERS), declared, SLOT_US)


def charges(slots: Slots, seed: int, amounts: Sequence[int] = AMOUNTS) -> list[Charge]:
    """Money of any size for most slots of the day, none for some; in some the engine says which part was prefill."""
    draw, found = random.Random(seed), []
    for replica, slot in sorted(slots):
        if slot * SLOT_US >= SINCE:
            for line in sorted(draw.sample(("bill|a", "bill|b", "rate card"), draw.choice((0, 1, 1, 2)))):
                whole = draw.choice((0, 0, 1000))
                found.append(Charge(replica, slot, line, draw.choice(amounts), draw.randint(0, whole), whole))
    return found


def loaded(rows: Sequence[Row], paid: Sequence[Charge] = (), given: AttributionSettings | None = None) -> Engine:
    engine = day(rows)
    split(engine, paid, given)
    return engine


def named(engine: Engine) -> dict[int, Replica]:
    return {number: replica for replica, number in serving_ids(engine).items()}


def pieces_held(engine: Engine) -> Counter[tuple[Any, ...]]:
    """(attempt, slot since 1970, prefill, decode, starts here) of every piece of a replica."""
    places = {r["place"]: r["slot_id"] for r in engine.query("SELECT place, slot_id FROM slot_weights").to_pylist()}
    found = engine.query("SELECT * FROM request_pieces WHERE place > 0").to_pylist()
    replicas = named(engine)
    return Counter(
        (p["attempt_id"], *_place(places[p["place"]], replicas), p["w_prefill"], p["w_decode"], p["first"] == 1) for p in found
    )


def _place(slot_id: int, replicas: dict[int, Replica]) -> tuple[Replica, int]:
    return replicas[slot_id // 100_000_000], slot_id % 100_000_000


_DIVISION = "s.* EXCLUDE (w_prefill, w_decode), s.w_prefill AS all_prefill, s.w_decode AS all_decode"
_SHARED = f"SELECT p.attempt_id, p.w_prefill, p.w_decode, {_DIVISION} FROM request_pieces p JOIN slot_division s ON p.place = s.place"


def shares_held(engine: Engine) -> dict[tuple[Any, ...], tuple[int, int]]:
    """(attempt, replica, slot, line) to its share, put together as serving.py says; checks that 64 bits were enough."""
    lines = {r["line"]: r["line_id"] for r in engine.query("SELECT * FROM lines").to_pylist()}
    places = {r["place"]: r["slot_id"] for r in engine.query("SELECT place, slot_id FROM slot_weights").to_pylist()}
    replicas, found = named(engine), {}
    for r in engine.query(_SHARED).to_pylist():
        if r["small"] == 1:
            assert max(abs(r["prefill_left"] * r["w_prefill"]), abs(r["decode_left"] * r["w_decode"])) <= MOST
        fixed = r["prefill_each"] * r["w_prefill"] + quotient(r["prefill_left"] * r["w_prefill"], r["all_prefill"])
        output = r["decode_each"] * r["w_decode"] + quotient(r["decode_left"] * r["w_decode"], r["all_decode"])
        line = lines.get(r["line_hour"] // LINE)
        rest = r["rest"] if r["heir"] == r["attempt_id"] else 0
        if line is None:
            assert (fixed, output, rest, r["is_first"]) == (0, 0, 0, 1)
        else:
            found[r["attempt_id"], *_place(places[r["place"]], replicas), line] = (fixed + rest, output)
    return found


def amounts(spread_of: Engine) -> Counter[tuple[str, ...]]:
    found = spread_of.query("SELECT * FROM spreads").to_pylist()
    held = Counter({(r["rule"], *(r[name] for name in WHO)): int(r["pico"]) for r in found if r["pico"]})
    assert len({(r["rule"], *(r[name] for name in WHO)) for r in found}) == len(found)
    return held


@FEW
@given(days_of_attempts(), st.booleans(), st.integers(0, 10**6))
def test_a_day_is_split_as_the_reference_splits_it(given: list[dict[str, Any]], timed: bool, seed: int) -> None:
    """With and without phase time of every request; money of any size and sign, of several lines, or none."""
    if timed:
        given = [row | {"prefill_us": row["prefill_us"] or 0, "decode_us": row["decode_us"] or 5} for row in given]
    rows, declared = rows_of(given), Weights(3, 7)
    slots = slots_of(rows, declared)
    paid = charges(slots, seed)
    engine = loaded(rows, paid, AttributionSettings(prefill_weight=3, decode_weight=7))
    check_pieces(engine, slots)
    used = {r["serving_id"]: r["method"] for r in engine.query("SELECT serving_id, method FROM serving_weights").to_pylist()}
    answered = methods(calls(rows, SINCE, OWNERS), declared)
    assert {named(engine)[number]: method for number, method in used.items()} == {r: w.method for r, w in answered.items()}
    check_shares(engine, slots, paid)
    serving.spread(engine)
    assert amounts(engine) == spreads(slots, paid)


def check_pieces(engine: Engine, slots: Slots) -> None:
    expected = ((p.call.id, replica, slot, p.prefill, p.decode, p.first) for (replica, slot), of_it in slots.items() for p in of_it)
    assert pieces_held(engine) == Counter(expected)


def check_shares(engine: Engine, slots: Slots, paid: Sequence[Charge]) -> None:
    """Each share, and that those of a slot and line add up to what was paid."""
    held = shares_held(engine)
    assert held == {
        (attempt, c.replica, c.slot, c.line): share for c in paid for attempt, share in shares(slots[c.replica, c.slot], c).items()
    }
    given: Counter[tuple[Any, ...]] = Counter()
    for key, share in held.items():
        given[key[1:]] += sum(share)
    assert given == {(c.replica, c.slot, c.line): c.pico for c in paid}


ONE = {"pool": "big", "replica": "llm-0", "in_uncached": 0, "out_text": 0}


def hand(charge: int, *given: dict[str, Any], prefill_share: int = 0, whole: int = 0) -> list[tuple[int, int]]:
    """The shares of attempts that start together in one slot, in their order, of one charge."""
    rows = rows_of([{"event_time": START, "end_time": START + SECOND} | ONE | row for row in given])
    held = shares_held(loaded(rows, [Charge(("big", "serve/llm-0"), SINCE // SLOT_US, "bill", charge, prefill_share, whole)]))
    return [held[row["attempt_id"], ("big", "serve/llm-0"), SINCE // SLOT_US, "bill"] for row in rows]


def test_prefill_and_decode_apart_by_declared_weights() -> None:
    """100 computed and 50 output tokens at 1:2 weigh alike, so that half of 600 is prefill."""
    assert hand(600, {"in_uncached": 60, "out_text": 10}, {"in_uncached": 40, "out_text": 40}) == [(180, 60), (120, 240)]


def test_prefill_and_decode_apart_by_the_engines_phase_time() -> None:
    given = [{"in_uncached": 60, "out_text": 10}, {"in_uncached": 40, "out_text": 40}]
    assert hand(1000, *given, prefill_share=1, whole=10) == [(60, 180), (40, 720)]


def test_the_heir_gets_what_division_leaves_and_a_credit_mirrors_a_charge() -> None:
    given = [{"out_text": 1}, {"out_text": 1}, {"out_text": 2}]
    assert hand(7, *given) == [(0, 1), (0, 1), (2, 3)]
    assert hand(-7, *given) == [(0, -1), (0, -1), (-2, -3)]


def test_of_equal_weights_the_attempt_of_the_largest_number_inherits() -> None:
    shared = hand(7, *({"event_key": f"a{n}", "out_text": 1} for n in range(5)))
    numbers = [row["attempt_id"] for row in rows_of({"event_time": START, "event_key": f"a{n}"} for n in range(5))]
    assert [sum(share) for share in shared] == [3 if number == max(numbers) else 1 for number in numbers]


def test_a_replica_without_any_token_is_shared_evenly() -> None:
    assert sorted(hand(8, {}, {}, {}, {})) == [(0, 2)] * 4


def test_a_slot_in_which_nobody_weighs_anything_goes_to_the_heir() -> None:
    """One attempt without tokens over three slots: the one it weighs there falls into one of them."""
    rows = rows_of([{"event_time": START, "end_time": START + 900 * SECOND} | ONE])
    paid = [Charge(("big", "serve/llm-0"), SINCE // SLOT_US + k, "bill", 100) for k in range(3)]
    held = shares_held(loaded(rows, paid))
    assert [sum(held[rows[0]["attempt_id"], c.replica, c.slot, "bill"]) for c in paid] == [100, 100, 100]


@pytest.mark.parametrize(("prompt", "answer"), [(10**7, 0), (0, 10**7), (10**7, 10**7), (2**40 - 1, 2**40 - 1)])
def test_counts_no_call_can_have_do_not_stop_the_day(prompt: int, answer: int) -> None:
    """Up to the largest counts a log may give, in the longest call, with the most money: all stays inside 64 bits."""
    row = ONE | {"event_time": START, "end_time": START + 6 * 3600 * SECOND, "in_uncached": prompt, "in_cache_read": prompt, "out_text": answer}
    rows = rows_of([row, row | {"end_time": START + SECOND}, row | {"in_uncached": prompt // 3, "out_text": answer // 7}])
    slots = slots_of(rows)
    paid = [Charge(replica, slot, "bill", MOST) for replica, slot in slots]
    engine = loaded(rows, paid)
    check_shares(engine, slots, paid)
    serving.spread(engine)
    assert engine.scalar("SELECT MIN(total) FROM (SELECT rule, SUM(pico) AS total FROM spreads GROUP BY rule)") > 0


@pytest.mark.parametrize(("method", "timed", "expected"), [
    ("auto", True, "phase_time"), ("auto", False, "declared"), ("phase_time", True, "phase_time"), ("phase_time", False, "declared"),
    ("calibrated", True, "declared"), ("declared", True, "declared"),
])  # fmt: skip
def test_the_best_evidence_of_the_replica_weighs(method: Any, timed: bool, expected: str) -> None:
    """Without counters of the engine nothing is calibrated."""
    row = {"event_time": START, "pool": "big", "replica": "llm-0", "prefill_us": 5, "decode_us": 5}
    engine = day(rows_of([row, row if timed else row | {"decode_us": None}]))
    serving.weigh(engine, AttributionSettings(method=method, prefill_weight=11, decode_weight=13))
    found = engine.query("SELECT * FROM serving_weights").to_pylist()[0]
    assert (found["method"], found["by_time"]) == (expected, int(expected == "phase_time"))
    assert (found["prefill_weight"], found["decode_weight"]) == ((1, 1) if expected == "phase_time" else (11, 13))
