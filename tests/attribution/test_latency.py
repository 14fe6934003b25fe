"""What the request log says of a replica's latency: of the calls it answered, and of no others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ledger_rows import START
from request_tables import DAY, SINCE, day, rows_of

from netyield.attribution import latency
from netyield.store.engine import Engine

SECOND = timedelta(seconds=1)


def call(first_token: float, **values: Any) -> dict[str, Any]:
    """A call of 11 output tokens whose other ten take a second each after the first."""
    row = {"event_time": START, "first_token_time": START + first_token * SECOND, "end_time": START + (first_token + 10) * SECOND}
    return row | {"pool": "big", "replica": "llm-0", "out_text": 11} | values


def measure(engine: Engine) -> None:
    """Latency without any engine's own histograms."""
    engine.keep("engine_replicas", "SELECT '' AS replica, '' AS namespace, '' AS pool, '' AS owner WHERE FALSE")
    latency.run(engine, DAY)


@pytest.mark.parametrize("other", [
    call(0.001, purpose="gateway_cache_hit"), call(0.001, replica="llm-1"), call(-5), call(0.001) | {"first_token_time": None},
    call(0.001) | {"event_time": START - SECOND},
], ids=["a replay from the gateway's cache", "of another replica", "first token before the call", "no first token", "of the day before"])  # fmt: skip
def test_only_calls_the_replica_answered_count(other: dict[str, Any]) -> None:
    engine = day(rows_of([call(2), *(other | {"event_key": f"o{n}"} for n in range(30))]))
    measure(engine)
    rows = engine.query("SELECT * FROM latency_hours WHERE owner = 'serve/llm-0'").to_pylist()
    assert rows == [
        {"pool": "big", "owner": "serve/llm-0", "hour_us": SINCE, "ttft_p95_us": 2_000_000, "tpot_p95_us": 1_000_000, "latency_from": "request log"}
    ]


def test_the_log_gives_the_95th_percentile() -> None:
    """Of 20 calls the 19th: one that waited for a minute does not show, two do."""
    for slow, seconds in ((1, 2), (2, 60)):
        engine = day(rows_of([call(60 if n < slow else 2, event_key=f"a{n}") for n in range(20)]))
        measure(engine)
        assert [row["ttft_p95_us"] for row in engine.query("SELECT * FROM latency_hours").to_pylist()] == [seconds * 1_000_000]
