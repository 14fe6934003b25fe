"""Money and tokens of every verdict agree with a slow reference, leaf by leaf and to the pico-unit."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from ledger_rows import START
from request_tables import DAY, FEW, OWNERS, SINCE, SLOT_US, day, days_of_attempts, rows_of, split
from slow_leaves import CLASSES, Facts, Money, Price, Tokens, money, tokens
from slow_requests import Charge, Row, Weights, calls, in_slots, methods, superseded
from slow_verdicts import judge
from test_judge import attestation, outcome_rows, outcomes_of

from netyield.attribution import coverage
from netyield.core.contract import contract
from netyield.store.engine import Engine
from netyield.usefulness import judge as usefulness
from netyield.usefulness import leaves
from netyield.usefulness.policy import UsefulnessSettings

MOST = 2**63 - 1
LINES = {
    "bill|a": ("gpu", "AWS", "EC2", "1"), "bill|b": ("gpu", "AWS", "EC2", "2"), "credit": ("gpu", "AWS", "EC2", "1"),
    "rate card": ("gpu", "rate card", "rate card", ""),
}
AMOUNTS = (0, 1, -1, 999, -1000, 166_666_666_667, -166_666_666_666, MOST, -MOST, 3 * 10**18 + 1)
BILLERS = {"openai": "OpenAI, LLC", "oai": "OpenAI, LLC"}
PRICES = ("input_pico", "output_pico", "reasoning_pico")
MONEY = ("step", "reason", "scope", "provider", "service", "account", "pool", "owner", "model", "team", "app", "customer", "evidence", "method")
TOKENS = ("step", "reason", "scope", "provider", "pool", "owner", "model", "team", "app", "customer")
HOUR_US = 3_600_000_000


def computed(rows: Sequence[Row], said: Sequence[Row], paid: Sequence[Charge], prices: Mapping[int, Price | None]) -> Engine:
    """An engine with the leaves of the day."""
    engine = day(rows)
    split(engine, paid)
    engine.register("outcomes", pa.Table.from_pylist(list(said), schema=contract("outcomes").schema))
    usefulness.run(engine, UsefulnessSettings(), [attestation()], START.date())
    facts = [dict(zip(("line_id", "scope", "provider", "service", "account"), (line, *words), strict=True)) for line, words in LINES.items()]
    engine.register("line_facts", pa.Table.from_pylist(facts))
    known = [
        {"attempt_id": number, "priced": price is not None} | dict(zip(PRICES, price or (None,) * 3, strict=True))
        for number, price in prices.items()
    ]
    types = [("attempt_id", pa.int64()), ("priced", pa.bool_()), *((name, pa.int64()) for name in PRICES)]
    engine.register("priced", pa.Table.from_pylist(known, schema=pa.schema(types)))
    coverage.mark(engine, coverage.ApiBills(BILLERS), {})
    leaves.run(engine, DAY, "USD")
    return engine


def money_held(engine: Engine) -> Money:
    found: Money = Counter()
    for row in engine.query("SELECT * FROM leaves_attempts WHERE method <> 'request log'").to_pylist():
        assert (row["currency"], row["device"], row["attempts"], row["answers"], row["unit_tokens"], row["gpu_us"]) == ("USD", "", 0, 0, 0, 0)
        found[row["hour_us"] // HOUR_US, *(row[name] for name in MONEY)] += int(row["pico"])
    return Counter({key: pico for key, pico in found.items() if pico})


def tokens_held(engine: Engine) -> Tokens:
    found = engine.query("SELECT * FROM leaves_attempts WHERE method = 'request log'").to_pylist()
    held: Tokens = defaultdict(Counter)
    for row in found:
        assert (row["pico"], row["evidence"], row["hour_us"] % HOUR_US) == (0, "measured", 0)
        amounts = {name: row[name] or 0 for name in ("attempts", "answers", "unit_tokens", *CLASSES)}
        held[row["hour_us"] // HOUR_US, *(row[name] for name in TOKENS)].update({name: count for name, count in amounts.items() if count})
    return held


def check(rows: Sequence[Row], said: Sequence[Row], paid: Sequence[Charge], prices: Mapping[int, Price | None]) -> Engine:
    """Compare a day with the reference; returns the engine for more."""
    engine = computed(rows, said, paid, prices)
    found = calls(rows, SINCE, OWNERS)
    by_call = {call.id: [one for one in said if one["attempt_id"] == call.id] for call in found}
    verdicts = {call.id: judge(call, by_call[call.id], 3, superseded(call, rows, SINCE), ["attested"]) for call in found}
    used = {replica: weights.method for replica, weights in methods(found, Weights()).items()}
    unbilled = {(call.word("provider"), call.word("model")) for call in found if call.word("provider") not in (*BILLERS, "")}
    facts = Facts(LINES, used, prices, BILLERS, unbilled)
    expected = money(found, verdicts, in_slots(found, Weights(), SLOT_US), paid, facts, SINCE, SLOT_US)
    assert money_held(engine) == expected
    assert tokens_held(engine) == tokens(found, verdicts, facts, SINCE)
    api = sum(sum(price) for call in found if call.t >= SINCE and not call.replica and (price := prices.get(call.id)))
    assert sum(expected.values()) == sum(charge.pico for charge in paid) + api
    return engine


def charges_of(rows: Sequence[Row], seed: int) -> list[Charge]:
    """Up to three lines for every slot of the day, of any size and sign; none for some."""
    draw, found = random.Random(seed), []
    for replica, slot in sorted(in_slots(calls(rows, SINCE, OWNERS), Weights(), SLOT_US)):
        if slot * SLOT_US >= SINCE:
            found += [Charge(replica, slot, line, draw.choice(AMOUNTS)) for line in draw.sample(sorted(LINES), draw.choice((0, 1, 2, 3)))]
    return found


def prices_of(rows: Sequence[Row], seed: int) -> dict[int, Price | None]:
    """Most calls have a price, some none; some are not looked up at all."""
    draw, found = random.Random(seed), {}
    for row in rows:
        kind = draw.choice(("none", "missing", "small", "small", "large", "zero"))
        if kind != "missing":
            most = {"none": 0, "zero": 0, "small": 10**9, "large": MOST // 3}[kind]
            found[row["attempt_id"]] = None if kind == "none" else (draw.randint(0, most), draw.randint(0, most), draw.randint(0, most))
    return found


@FEW
@given(st.data(), st.integers(0, 10**6))
def test_leaves_of_a_day_agree_with_the_reference(data: st.DataObject, seed: int) -> None:
    words = st.sampled_from((None, "openai", "oai", "x", "OpenAI, LLC"))
    rows = rows_of(row | {"provider": data.draw(words)} for row in data.draw(days_of_attempts()))
    said = outcome_rows(data.draw(outcomes_of(rows)))
    check(rows, said, charges_of(rows, seed), prices_of(rows, seed))


SERVED = {"event_time": START, "end_time": START + timedelta(seconds=9), "pool": "big", "replica": "llm-0", "in_uncached": 100}
FIRST = Charge(("big", "serve/llm-0"), SINCE // SLOT_US, "bill|a", 1000)
ACCEPTED = {"event_time": START, "attempt_key": "attempts1", "key": "k", "verdict": "accepted"}


def by_step(engine: Engine, what: str) -> dict[str, int]:
    return {r["step"]: int(r["n"]) for r in engine.query(f"SELECT step, SUM({what}) AS n FROM leaves_attempts GROUP BY 1 HAVING n <> 0").to_pylist()}


def test_the_parts_of_one_call_by_hand() -> None:
    """100 input (1 each) and 50 output (2 each): 500 is output. Of 50, 10 were rejected predictions and 10 never arrived; half of 30 was kept."""
    rows = rows_of([SERVED | {"out_text": 40, "out_rejected_prediction": 10, "status": "aborted", "delivered_output_tokens": 30}])
    engine = check(rows, outcome_rows([ACCEPTED | {"accepted_ppm": 500_000}]), [FIRST], {})
    assert by_step(engine, "pico") == {
        "useful": 650, "wasted.rejected_prediction": 100, "wasted.aborted_undelivered": 100, "wasted.rejected_by_user": 150,
    }
    assert by_step(engine, "unit_tokens") == {"useful": 15, "wasted.rejected_by_user": 15, "wasted.aborted_undelivered": 10}
    assert by_step(engine, "answers") == {"useful": 1}


def test_the_parts_of_one_api_call_by_hand() -> None:
    """Reasoning has its own price: of 500 for 50 other output tokens, 10 were rejected predictions and 10 never arrived."""
    row = {"event_time": START, "provider": "openai", "out_text": 40, "out_rejected_prediction": 10, "out_reasoning": 1000}
    rows = rows_of([row | {"status": "aborted", "delivered_output_tokens": 30}])
    prices: dict[int, Price | None] = {rows[0]["attempt_id"]: (7, 500, 93)}
    engine = check(rows, outcome_rows([ACCEPTED | {"accepted_ppm": 500_000}]), [], prices)
    assert by_step(engine, "pico") == {
        "useful": 250, "wasted.rejected_prediction": 100, "wasted.aborted_undelivered": 100, "wasted.rejected_by_user": 150,
    }


def test_calls_without_a_price_keep_their_tokens() -> None:
    row = {"event_time": START, "provider": "x", "model": "m", "out_text": 40}
    rows = rows_of([row, row | {"status": "aborted", "delivered_output_tokens": 30}, row | {"provenance": "client_estimated"}])
    engine = check(rows, outcome_rows([ACCEPTED | {"accepted_ppm": 500_000}]), [], {})
    found = engine.query("SELECT step, reason, unit_tokens AS n FROM leaves_attempts ORDER BY 2").to_pylist()
    assert [(r["step"], r["reason"], r["n"]) for r in found] == [
        ("unpriced", "unproven", 70), ("unpriced", "useful", 20), ("unpriced", "wasted.aborted_undelivered", 10),
        ("unpriced", "wasted.rejected_by_user", 20),
    ]


def test_a_credit_undoes_a_charge_leaf_by_leaf() -> None:
    rows = rows_of([SERVED | {"out_text": n, "app": "attested" if n % 2 else None, "out_rejected_prediction": n} for n in range(1, 30)])
    paid = [Charge(FIRST.replica, FIRST.slot, line, pico) for line, pico in (("bill|a", 10**15 + 7), ("credit", -(10**15) - 7))]
    assert by_step(check(rows, [], paid, {}), "pico") == {}


def test_more_output_than_64_bits_hold_beside_the_money() -> None:
    """Counts above and below the statement's short way, at the largest amount: shares of a share stay exact."""
    many = [1, 1999, 2000, 2001, 100_000, 10**9, 2**40 - 1]
    rows = rows_of([
        SERVED | {"out_text": n, "out_rejected_prediction": n, "status": "aborted", "delivered_output_tokens": n // 2, "accepted_ppm": 333_333}
        for n in many
    ])  # fmt: skip
    for pico in (MOST, -MOST):
        check(rows, [], [Charge(FIRST.replica, FIRST.slot, "bill|a", pico)], {})
    for row in rows:
        check([row], [], [Charge(FIRST.replica, FIRST.slot, line, pico) for line, pico in (("bill|a", MOST), ("bill|b", -MOST + 2))], {})


def test_tokens_are_counted_in_the_hour_a_call_began_and_once_however_many_lines_and_slots() -> None:
    long = SERVED | {"event_time": START + timedelta(minutes=50), "end_time": START + timedelta(hours=3), "out_text": 500}
    before = SERVED | {"event_time": START - timedelta(minutes=20), "end_time": START + timedelta(minutes=20), "out_text": 70}
    rows = rows_of([long, before])
    slots = in_slots(calls(rows, SINCE, OWNERS), Weights(), SLOT_US)
    paid = [Charge(replica, slot, line, 977) for replica, slot in slots for line in LINES if slot * SLOT_US >= SINCE]
    engine = check(rows, [], paid, {})
    assert by_step(engine, "attempts") == {"unproven": 1}
    assert by_step(engine, "out_text") == {"unproven": 500}
    hours = engine.query("SELECT DISTINCT hour_us FROM leaves_attempts WHERE method = 'request log'").column(0).to_pylist()
    assert hours == [SINCE]


def test_what_nobody_reports_is_unknown_and_not_zero() -> None:
    engine = check(rows_of([SERVED | {"out_text": 5}]), [], [], {})
    found = engine.query("SELECT in_uncached, out_text, out_audio FROM leaves_attempts").to_pylist()
    assert found == [{"in_uncached": 100, "out_text": 5, "out_audio": None}]


def test_a_day_without_calls_has_no_leaves() -> None:
    assert check([], [], [], {}).query("SELECT * FROM leaves_attempts").num_rows == 0


def test_a_billed_and_an_unbilled_call_of_one_name_stay_apart() -> None:
    """The log's own word for a provider may be the name on another's bill."""
    rows = rows_of({"event_time": START, "provider": word, "model": "m", "out_text": 5} for word in ("openai", "OpenAI, LLC"))
    engine = check(rows, [], [], {row["attempt_id"]: (n, 0, 0) for n, row in enumerate(rows, start=3)})
    found = {r["method"]: int(r["pico"]) for r in engine.query("SELECT method, pico FROM leaves_attempts WHERE pico <> 0").to_pylist()}
    assert found == {"price list": 3, "price list, no bill": 4}
