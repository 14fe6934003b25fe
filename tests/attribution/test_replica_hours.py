"""Facts of a serving replica per hour: its own counters first, else the request log; latency; which GPU and version."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ledger_rows import MINUTE, START, make_project

from netyield.attribution.latency import quantile_us
from netyield.core.period import iso, micros
from netyield.project import Query

POOL = '[[pool]]\nname = "a"\ntags = {pool = "a"}\ndevices = ["a*"]\n'
HOUR_US = 3_600_000_000
WINDOW = Query(since=iso(START), until=iso(START + timedelta(hours=2)))
CHARGE = {
    "charge_start": START,
    "charge_end": START + timedelta(hours=2),
    "effective_cost": Decimal(8),
    "gpu_count": 2,
    "consumed_quantity": Decimal(2),
    "consumed_unit": "Hours",
    "tags": '{"pool": "a"}',
    "service_name": "Compute",
}
PROCESS = {"replica": "llm-0", "namespace": "serve", "engine": "vllm", "model": "llama"}


def telemetry(
    owners: tuple[str, str] = ("serve/llm-0", "serve/llm-0"), gpu_model: str | None = "H100"
) -> dict[str, list[dict[str, Any]]]:
    """Two devices, active in every other minute."""
    instants = [(place, START + minute * MINUTE, minute % 2) for place in (0, 1) for minute in range(120)]
    return {
        "gpu_samples": [
            {"device_id": f"a{p}", "event_time": t, "value": 50.0 * on, "gpu_model": gpu_model} for p, t, on in instants
        ],
        "gpu_owners": [
            {"device_id": f"a{p}", "event_time": t, "owner": owners[p], "namespace": "serve", "state": "allocated"}
            for p, t, _ in instants
        ],
    }


def read(metric: str, minute: int, value: float, kind: str = "counter", labels: str | None = None) -> dict[str, Any]:
    return PROCESS | {
        "metric": metric,
        "event_time": START + minute * MINUTE,
        "value": value,
        "kind": kind,
        "labels": labels,
    }


def call(start: float, end: float, **words: Any) -> dict[str, Any]:
    return {
        "event_time": START + start * MINUTE,
        "end_time": START + end * MINUTE,
        "model": "named-by-the-log",
        **words,
    }


def rows_of(tmp_path: Path, **tables: Any) -> list[dict[str, Any]]:
    project = make_project(tmp_path, POOL, charges=[CHARGE], **tables)
    rows = project.books(WINDOW).engine.query("SELECT * FROM replica_hours ORDER BY pool, owner, hour_us").to_pylist()
    return [row | {"hour": (row["hour_us"] - micros(START)) // HOUR_US} for row in rows]


def test_an_hour_as_the_engine_tells_it(tmp_path: Path) -> None:
    step = 5
    minutes = range(0, 61, step)
    counters = [
        *(read("vllm:prompt_tokens", m, 100 * m) for m in minutes),
        *(read("vllm:generation_tokens", m, 10 * m) for m in minutes),
        *(read("vllm:prompt_tokens_by_source", m, 60 * m, labels='{"source":"local_compute"}') for m in minutes),
        *(read("vllm:request_success", m, m, labels='{"finished_reason":"stop"}') for m in minutes),
    ]
    slow = [
        read("vllm:time_to_first_token_seconds", m, m * share, "bucket", f'{{"le":"{bound}"}}')
        for m in minutes
        for bound, share in (("0.1", 0.9), ("0.2", 1), ("+Inf", 1))
    ]
    gauge = [read("vllm:cache_config_info", m, 1, "gauge", '{"block_size":"16","version":"0.33.0"}') for m in minutes]
    first, second = rows_of(tmp_path, **telemetry(), engine_samples=[*counters, *slow, *gauge])
    assert (first["pool"], first["owner"], first["model"], first["gpu_model"], first["engine_version"]) == (
        "a",
        "serve/llm-0",
        "llama",
        "H100",
        "0.33.0",
    )
    assert (first["active_us"], first["device_us"], first["wall_us"], first["unknown_us"]) == (
        HOUR_US,
        2 * HOUR_US,
        HOUR_US,
        0,
    )
    assert first["active_pico"] == 2 * 10**12  # half of the hour's four dollars
    assert (first["input_tokens"], first["output_tokens"], first["tokens_from"], first["requests"]) == (
        3600,
        600,
        "engine",
        60,
    )
    assert (first["prompt_engine"], first["output_engine"], first["prompt_metered"], first["gap_us"]) == (
        6000,
        600,
        None,
        300_000_000,
    )
    assert (first["ttft_p95_us"], first["tpot_p95_us"]) == (
        150_000,
        None,
    )  # 90 of 100 within 0.1 s, the 95th halfway to 0.2 s
    assert (first["prefill_weight"], first["decode_weight"], first["weights_from"]) == (1000, 2000, "declared")
    assert (second["hour"], second["active_us"], second["input_tokens"], second["tokens_from"]) == (1, 0, None, "")


def test_an_hour_as_the_request_log_tells_it(tmp_path: Path) -> None:
    calls = [
        # First token after one second; nine more tokens over 9 s.
        call(
            10,
            10 + 10 / 60,
            replica="llm-0",
            first_token_time=START + timedelta(seconds=601),
            in_uncached=70,
            in_cache_read=30,
            out_text=10,
        ),
        # Twenty minutes over the turn of the hour: its output is spread over both.
        call(50, 70, replica="llm-0", in_uncached=5, out_text=200),
    ]
    first, second = rows_of(tmp_path, **telemetry(), attempts=calls)
    assert (first["input_tokens"], first["output_tokens"], first["tokens_from"], first["requests"]) == (
        75,
        110,
        "request log",
        2,
    )
    assert (first["prompt_metered"], first["output_metered"], first["prompt_engine"]) == (105, 110, None)
    assert (first["ttft_p95_us"], first["tpot_p95_us"], first["model"]) == (1_000_000, 1_000_000, "named-by-the-log")
    assert (second["input_tokens"], second["output_tokens"], second["requests"]) == (0, 100, 0)


def test_requests_known_by_pool_belong_to_no_replica_beside_one_that_counts_itself(tmp_path: Path) -> None:
    calls = [call(1, 2, pool="a", in_uncached=10, out_text=10)]
    both = telemetry(("serve/llm-0", "serve/llm-1"))
    alone = rows_of(tmp_path / "alone", **both, attempts=calls)
    assert [(r["owner"], r["device_us"], r["output_tokens"]) for r in alone if r["hour"] == 0] == [
        ("", 2 * HOUR_US, 10)
    ]
    counted = rows_of(
        tmp_path / "counted",
        **both,
        attempts=calls,
        engine_samples=[read("vllm:generation_tokens", m, 7 * m) for m in (0, 1)],
    )
    assert {r["owner"]: (r["output_tokens"], r["output_metered"]) for r in counted if r["hour"] == 0} == {
        "": (None, 10),
        "serve/llm-0": (7, None),
    }


def test_a_process_on_no_known_device_is_kept_for_reconciliation(tmp_path: Path) -> None:
    stray = [read("vllm:generation_tokens", m, 9 * m) | {"replica": "elsewhere"} for m in (0, 1)]
    found = [r for r in rows_of(tmp_path, **telemetry(), engine_samples=stray) if r["output_engine"]]
    assert [(r["pool"], r["owner"], r["output_engine"], r["active_pico"]) for r in found] == [("", "elsewhere", 9, 0)]


def test_an_unnamed_gpu_is_no_gpu(tmp_path: Path) -> None:
    found = rows_of(tmp_path, **telemetry(gpu_model=None), attempts=[call(1, 2, replica="llm-0", out_text=1)])
    assert {r["gpu_model"] for r in found} == {""}


def test_unseen_time_of_a_held_device_is_told(tmp_path: Path) -> None:
    seen = telemetry()
    late = START + 20 * MINUTE
    seen["gpu_samples"] = [r for r in seen["gpu_samples"] if not (START + 10 * MINUTE < r["event_time"] < late)]
    first = rows_of(tmp_path, **seen, attempts=[call(1, 2, replica="llm-0", out_text=1)])[0]
    assert (
        first["unknown_us"] == 2 * 7 * 60 * 1_000_000
    )  # ten minutes less the three a reading may stand, on two devices


@pytest.mark.parametrize(
    ("buckets", "expected"),
    [
        ([(0.5, 100.0), (float("inf"), 100.0)], 475_000),
        ([(0.1, 0.0), (0.3, 96.0), (1.0, 100.0), (float("inf"), 100.0)], 297_917),
        ([(0.1, 90.0), (float("inf"), 100.0)], None),  # somewhere beyond the last bound
        ([(float("inf"), 100.0)], None),
        ([(0.1, 0.0), (float("inf"), 0.0)], None),
        ([(0.1, 3.0)], None),  # without the whole nothing can be said
    ],
)
def test_quantiles_of_a_histogram(buckets: list[tuple[float, float]], expected: int | None) -> None:
    assert quantile_us(buckets) == expected
