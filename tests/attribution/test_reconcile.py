"""API bill against priced attempts, by hand and as a property."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.attribution import reconcile
from netyield.core.period import Period, micros, parse_time
from netyield.store.engine import Engine

DAY = Period(parse_time("2026-10-05"), parse_time("2026-10-06"))
LO, HI = micros(DAY.since), micros(DAY.until)
NAMES = {"gpt-x-2026-01-01": "gpt-x", "gpt-x": "gpt-x", "mystery": "mystery"}
WIDE, WORD, NUMBER = pa.decimal128(38, 0), pa.string(), pa.int64()


def bill(model: str | None, pico: int, tokens: int | None = None, token_class: str | None = None) -> dict[str, Any]:
    return {
        "hour_us": LO,
        "provider": "OpenAI",
        "service": "OpenAI API",
        "account": "acct",
        "model": model,
        "token_class": token_class,
        "pico": Decimal(pico),
        "tokens": None if tokens is None else Decimal(tokens),
    }


def call(model: str, pico: int | None, at: int = LO, serving: int | None = None) -> dict[str, Any]:
    return {
        "model": model,
        "provider": "openai",
        "t": at,
        "serving_id": serving,
        "input_tokens": 100,
        "output_tokens": 10,
        "pico": pico,
    }


def run(bills: list[dict[str, Any]], calls: list[dict[str, Any]], billed: bool = True) -> Engine:
    engine = Engine(threads=1)
    rows = [c | {"attempt_id": n} for n, c in enumerate(calls)]
    kinds = {
        "attempt_id": NUMBER,
        "model": WORD,
        "provider": WORD,
        "t": NUMBER,
        "serving_id": NUMBER,
        "input_tokens": NUMBER,
        "output_tokens": NUMBER,
    }
    engine.register("attempts_in", pa.table({k: pa.array([r[k] for r in rows], kind) for k, kind in kinds.items()}))
    engine.register(
        "priced",
        pa.table(
            {
                "attempt_id": pa.array([r["attempt_id"] for r in rows], NUMBER),
                "cost_pico": pa.array([r["pico"] or 0 for r in rows], NUMBER),
                "priced": pa.array([r["pico"] is not None for r in rows], pa.bool_()),
            }
        ),
    )
    engine.register("provider_names", pa.table({"word": ["openai"], "bill_name": ["OpenAI"]}))
    without = {(c["provider"], c["model"]) for c in calls} if not billed else set()
    engine.register(
        "unbilled", pa.table({"provider": pa.array([p for p, _ in without], WORD), "model": pa.array([m for _, m in without], WORD)})
    )
    fields = [
        ("hour_us", NUMBER),
        *((n, WORD) for n in ("provider", "service", "account", "model", "token_class")),
        ("pico", WIDE),
        ("tokens", WIDE),
    ]
    engine.register("api_pieces", pa.Table.from_pylist(bills, schema=pa.schema(fields)))
    reconcile.run(engine, DAY, "USD", NAMES)
    return engine


def steps(engine: Engine) -> dict[tuple[str, str], int]:
    found = engine.query(
        "SELECT step, reason, total(pico) AS pico FROM leaves_api GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    return {(r["step"], r["reason"]): int(r["pico"]) for r in found}


def test_what_priced_attempts_do_not_explain_is_unreconciled_and_may_be_negative() -> None:
    assert steps(run([bill("gpt-x", 10)], [call("gpt-x-2026-01-01", 9)])) == {
        ("unreconciled", "billed"): 10,
        ("unreconciled", "priced attempts"): -9,
    }
    assert sum(steps(run([bill("gpt-x", 10)], [call("gpt-x", 12)])).values()) == -2


def test_without_any_attempt_billed_output_tokens_are_unproven() -> None:
    engine = run(
        [
            bill("gpt-x", 7, 1000, "out_text"),
            bill("gpt-x", 3, 500, "in_uncached"),
            bill("gpt-x", 1, 50, "out_reasoning"),
        ],
        [],
    )
    assert steps(engine) == {("unproven", "no_traffic_source"): 11}
    found = engine.query(
        "SELECT SUM(unit_tokens)::BIGINT AS unit, SUM(out_text)::BIGINT AS out, SUM(in_uncached)::BIGINT AS inp FROM leaves_api"
    ).to_pylist()
    assert found == [{"unit": 1000, "out": 1000, "inp": 500}]


def test_the_bill_of_a_model_nobody_can_price_is_unpriced() -> None:
    assert steps(run([bill("mystery", 5), bill("gpt-x", 2)], [call("mystery", None), call("gpt-x", 2)])) == {
        ("unpriced", "billed"): 5,
        ("unreconciled", "billed"): 2,
        ("unreconciled", "priced attempts"): -2,
    }


def test_attempts_of_the_day_before_and_of_own_replicas_are_no_api_use_of_the_day() -> None:
    engine = run(
        [bill("gpt-x", 5)],
        [call("gpt-x", 3, LO - 1), call("gpt-x", 3, HI), call("gpt-x", 3, LO, serving=1), call("gpt-x", 1, HI - 1)],
    )
    assert engine.query("SELECT model, billed_pico, priced_pico, attempts FROM reconciliation").to_pylist() == [
        {"model": "gpt-x", "billed_pico": Decimal(5), "priced_pico": Decimal(1), "attempts": 1}
    ]


def test_seen_but_not_billed_and_billed_but_not_seen_are_their_own_lines() -> None:
    engine = run([bill("gpt-x", 5, 99, "out_text")], [call("mystery", 4)])
    rows = {r["model"]: r for r in engine.query("SELECT * FROM reconciliation").to_pylist()}
    assert (rows["gpt-x"]["billed_pico"], rows["gpt-x"]["priced_pico"], rows["gpt-x"]["tokens_billed"]) == (5, None, 99)
    assert (rows["mystery"]["billed_pico"], rows["mystery"]["priced_pico"], rows["mystery"]["tokens_metered"]) == (
        None,
        4,
        110,
    )
    assert rows["mystery"]["provider"] == "OpenAI"


def test_a_bill_that_names_no_model_is_set_against_all_attempts_of_the_day() -> None:
    assert sum(steps(run([bill(None, 10)], [call("gpt-x", 4), call("mystery", None)])).values()) == 6


def test_without_any_bill_priced_attempts_are_the_charges_and_nothing_is_added() -> None:
    assert steps(run([], [call("gpt-x", 9)], billed=False)) == {}


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, "gpt-x", "gpt-x-2026-01-01", "mystery", "new"]), st.integers(-(10**15), 10**18)
        ),
        max_size=6,
    ),
    st.lists(
        st.tuples(
            st.sampled_from(["gpt-x", "gpt-x-2026-01-01", "mystery", "other"]),
            st.one_of(st.none(), st.integers(0, 10**15)),
        ),
        max_size=6,
    ),
)
def test_leaves_are_the_bill_less_what_priced_attempts_carry(
    bills: list[tuple[str | None, int]], calls: list[tuple[str, int | None]]
) -> None:
    engine = run([bill(m, p) for m, p in bills], [call(m, p) for m, p in calls])
    assert sum(steps(engine).values()) == sum(p for _, p in bills) - sum(p or 0 for _, p in calls)
    engine.close()
