"""Attempts for the request statements: a strategy that meets every edge, and an engine that holds a day of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from ledger_rows import START, table_of
from slow_requests import Charge, Replica, Row

from netyield.attribution import attempts, capacity, serving
from netyield.attribution.settings import AttributionSettings
from netyield.core.contract import contract
from netyield.core.period import Period, micros
from netyield.store.engine import Engine

DAY = Period(START, START + timedelta(days=1))
SINCE, UNTIL = micros(DAY.since), micros(DAY.until)
SLOT_US = 300_000_000
SECOND = timedelta(seconds=1)
OWNERS: Sequence[Replica] = (("big", "serve/llm-0"), ("big", "serve/llm-1"), ("small", "serve/llm-1"), ("small", "other/llm-2"))
POOLS = ("big", "small")
FEW = settings(
    max_examples=25, derandomize=True, deadline=None, database=None, phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def rows_of(given: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The attempts as the ledger books them: every column, and a number."""
    found: list[Row] = table_of("attempts", list(given)).to_pylist()
    return found


def day(rows: Sequence[Row], owners: Sequence[Replica] = OWNERS, engine: Engine | None = None, period: Period = DAY) -> Engine:
    """An engine that holds the attempts of the day and nothing else."""
    engine = engine or Engine(threads=1)
    engine.register("attempts", pa.Table.from_pylist(list(rows), schema=contract("attempts").schema))
    engine.register("grid", capacity.grid_table(period, SLOT_US // 1_000_000))
    engine.register("engine_samples", contract("engine_samples").schema.empty_table())
    attempts.load(engine, [], owners, POOLS)
    return engine


def split(engine: Engine, charges: Iterable[Charge], given: AttributionSettings | None = None) -> None:
    """Weigh, cut and split: what attribution does between loading attempts and judging them."""
    given = given or AttributionSettings()
    serving.weigh(engine, given)
    serving.cut_attempts(engine, given)
    numbers = serving_ids(engine)
    money = [
        {"slot_id": numbers[c.replica] * 100_000_000 + c.slot, "line_id": c.line, "pico": c.pico, "prefill_share": c.prefill_share,
         "phase_whole": c.whole}
        for c in charges
    ]
    schema = pa.schema([(n, pa.string() if n == "line_id" else pa.int64()) for n in ("slot_id", "line_id", "pico", "prefill_share", "phase_whole")])
    engine.register("slot_money", pa.Table.from_pylist(money, schema=schema))
    serving.split_slots(engine, given.slot_seconds)


def serving_ids(engine: Engine) -> dict[Replica, int]:
    """The number of every replica that answered."""
    found = engine.query("SELECT DISTINCT resolved_pool AS pool, serving, serving_id FROM attempt_map WHERE serving_id IS NOT NULL")
    return {(r["pool"], r["serving"]): r["serving_id"] for r in found.to_pylist()}


def tokens(most: int = 3000) -> st.SearchStrategy[int | None]:
    return st.sampled_from((None, 0, 0, 1, 7)) | st.integers(0, most)


_TIMES = st.sampled_from((0, 1, 299, 300, 301, 86_100, 86_399)) | st.integers(0, 1500) | st.integers(-600, -1) | st.just(-7 * 3600)
_LENGTHS = st.sampled_from((None, -5, 0, 1, 300, 600, 3000, 6 * 3600, 8 * 3600)) | st.integers(1, 400)
_KEYS = st.sampled_from((None, "k1", "k2", "k3"))


@st.composite
def attempt(draw: st.DrawFn, timed: bool | None = None) -> dict[str, Any]:
    """One attempt. Few distinct words, so that they meet; numbers few logs have are often left out."""
    start = START + draw(_TIMES) * SECOND + draw(st.sampled_from((0, 0, 1))) * timedelta(microseconds=1)
    length = draw(_LENGTHS)
    reports = draw(st.booleans()) if timed is None else timed
    return {
        "event_time": start, "end_time": None if length is None else start + length * SECOND,
        "pool": draw(st.sampled_from((None, "big", "small"))), "replica": draw(st.sampled_from((None, "llm-0", "llm-1", "serve/llm-1", "x"))),
        "endpoint": draw(st.sampled_from((None, None, "http://llm-2.svc:8000/v1"))),
        "provider": draw(st.sampled_from((None, "", "openai"))), "model": draw(st.sampled_from((None, "m", "n"))),
        "team": draw(st.sampled_from((None, "", "red"))), "app": draw(st.sampled_from((None, "chat", "attested"))),
        "customer": draw(st.sampled_from((None, None, "日本"))), "tariff": draw(st.sampled_from((None, "standard", "batch"))),
        "operation": draw(st.sampled_from((None, "chat", "chat", "embedding", "embeddings", "rerank"))),
        "purpose": draw(st.sampled_from((None, None, None, "production", "eval", "canary", "gateway_cache_hit"))),
        "status": draw(st.sampled_from(("ok", "ok", "ok", "error", "aborted", "aborted", "blocked", "unknown"))),
        "finish_reason": draw(st.sampled_from((None, "stop", "stop", "length", "refusal", "content_filter", "malformed_tool_call"))),
        "provenance": draw(st.sampled_from(("provider_reported", "provider_reported", "gateway_estimated", "client_estimated"))),
        "in_uncached": draw(tokens()), "in_cache_read": draw(tokens()), "in_audio": draw(st.sampled_from((None, None, 50))),
        "in_cache_write_5m": draw(st.sampled_from((None, None, 80))),
        "out_text": draw(tokens()), "out_reasoning": draw(tokens()), "out_image": draw(st.sampled_from((None, None, 9))),
        "out_rejected_prediction": draw(st.sampled_from((None, None, 0, 17))),
        "delivered_output_tokens": draw(st.sampled_from((None, 0, 3)) | st.integers(0, 3000)),
        "accepted_ppm": draw(st.sampled_from((None, None, None, 0, 333_333, 1_000_000))),
        "prefill_us": draw(st.integers(0, 10**7)) if reports else None, "decode_us": draw(st.integers(0, 10**8)) if reports else None,
        "request_id": draw(_KEYS), "response_id": draw(st.sampled_from((None, None, "k4"))),
        "retry_of": draw(st.sampled_from((None, None, "k1", "k2", "k4"))), "logical_request_id": draw(st.sampled_from((None, None, "l1", "l2"))),
        "attempt_number": draw(st.sampled_from((None, 1, 2, 3))),
    }


def days_of_attempts(most: int = 16) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Attempts of one day, logs that report nothing of a kind among them: columns that are null throughout."""
    absent = st.sets(st.sampled_from(("retry_of", "logical_request_id", "accepted_ppm", "delivered_output_tokens", "out_reasoning",
                                      "in_cache_read", "prefill_us", "replica", "out_text")), max_size=3)
    return st.builds(
        lambda given, names: [row | dict.fromkeys(names) for row in given], st.lists(attempt(), min_size=1, max_size=most), absent
    )
