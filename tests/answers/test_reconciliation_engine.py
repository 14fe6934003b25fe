"""Tenants' tokens beside the tokens their servers counted, per day and process; the gap is shown."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_rows import MINUTE, START, make_project

from netyield.answers.answer import Answer
from netyield.core.period import iso
from netyield.project import Query

POOL = '[[pool]]\nname = "a"\ntags = {pool = "a"}\ndevices = ["a*"]\n'
END = START + timedelta(days=2)
CHARGE = {
    "charge_start": START,
    "charge_end": END,
    "effective_cost": Decimal(96),
    "gpu_count": 2,
    "tags": '{"pool": "a"}',
    "service_name": "Compute",
}
HELD = [
    {
        "device_id": f"a{n}",
        "event_time": START + m * MINUTE,
        "owner": f"serve/llm-{n}",
        "namespace": "serve",
        "state": "allocated",
    }
    for n in (0, 1)
    for m in range(10)
]
SEEN = [{"device_id": row["device_id"], "event_time": row["event_time"], "value": 100.0} for row in HELD]


def counted(replica: str, values: list[tuple[float, float, float]]) -> list[dict[str, Any]]:
    """(minute, prompt, generated) readings."""
    process = {"replica": replica, "namespace": "serve", "engine": "vllm", "model": "llama", "kind": "counter"}
    return [
        process | {"metric": metric, "event_time": START + minute * MINUTE, "value": value}
        for minute, prompt, output in values
        for metric, value in (("vllm:prompt_tokens", prompt), ("vllm:generation_tokens", output))
    ]


def call(minute: float, prompt: int, output: int, **where: str) -> dict[str, Any]:
    at = START + minute * MINUTE
    return {
        "event_time": at,
        "end_time": at + timedelta(seconds=20),
        "in_uncached": prompt - 30,
        "in_cache_read": 30,
        "out_text": output,
        **where,
    }


def told(tmp_path: Path, **tables: Any) -> tuple[list[tuple[Any, ...]], Answer]:
    project = make_project(tmp_path, POOL, charges=[CHARGE], gpu_samples=SEEN, gpu_owners=HELD, **tables)
    answer = project.answer("reconciliation", Query(since=iso(START), until=iso(END)))
    view, columns = answer.views["engine_tokens"]
    assert (
        view.column_names
        == [c.name for c in columns]
        == ["day", "pool", "replica", "tokens_metered", "tokens_engine", "difference"]
    )
    assert answer.body["engine_tokens"] == view.to_pylist()
    return [tuple(row.values()) for row in view.to_pylist()], answer


def test_replicas_whose_requests_a_log_knows_only_in_part(tmp_path: Path) -> None:
    rows, answer = told(
        tmp_path,
        attempts=[call(1, 100, 10, replica="llm-0"), call(2, 50, 5, replica="llm-1")],
        engine_samples=[
            *counted("llm-0", [(0, 0, 0), (3, 100, 10), (4, 180, 30)]),
            *counted("llm-9", [(0, 7, 7), (1, 8, 9)]),
        ],
    )
    # 100 + 10 of 180 + 30 are logged; llm-1 reports no counters; llm-9 runs on no known device and was asked by nobody.
    assert rows == [
        ("2026-10-05", "", "llm-9", 0, 3, 3),
        ("2026-10-05", "a", "serve/llm-0", 110, 210, 100),
        ("2026-10-05", "a", "serve/llm-1", 55, None, None),
    ]
    assert answer.caveats == (
        "Where engines report, they counted 213 tokens, 103 more than the 110 of the request logs.",
    )


def test_requests_known_by_pool_are_compared_by_pool(tmp_path: Path) -> None:
    rows, answer = told(
        tmp_path,
        attempts=[call(1, 100, 10, pool="a")],
        engine_samples=[*counted("llm-0", [(0, 0, 0), (3, 60, 4)]), *counted("llm-1", [(0, 0, 0), (3, 40, 6)])],
    )
    assert rows == [("2026-10-05", "a", "", 110, 110, 0)]
    assert answer.caveats == ("Where engines report, they counted as many tokens as the request logs: 110.",)


def test_a_reading_at_midnight_speaks_of_the_day_before(tmp_path: Path) -> None:
    last = 24 * 60 - 1
    rows, _ = told(tmp_path, engine_samples=counted("llm-0", [(last, 0, 0), (last + 1, 10, 1), (last + 2, 30, 3)]))
    assert [(row[0], row[4]) for row in rows] == [("2026-10-05", 11), ("2026-10-06", 22)]


def test_without_counters_there_is_no_gap_to_tell(tmp_path: Path) -> None:
    rows, answer = told(tmp_path, attempts=[call(1, 100, 10, replica="llm-0")])
    assert rows == [("2026-10-05", "a", "serve/llm-0", 110, None, None)]
    assert answer.caveats == ()
