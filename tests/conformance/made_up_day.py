"""One made-up day of books, in the raw tables of the contracts: what the request statements need to meet every edge.

Credits and a line of 40 M USD beside cents; a divided device; attempts without tokens, on a slot's boundary, of one
microsecond and of two hours; retries, aborted streams, outcomes of every grade; counters that restart.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_rows import MINUTE, START, make_project

from netyield.project import Project, Query

TOML = """
[[pool]]
name = "big"
tags = {pool = "big"}
devices = ["big*"]
[[pool]]
name = "cheap"
tags = {pool = "cheap"}
devices = ["cheap*", "mig*"]
[[workload]]
namespaces = ["train"]
[[attestation]]
app = "attested"
name = "Owner"
reason = "a batch job reads every answer"
expires = 2027-01-01
"""
HOURS = 4
Row = dict[str, Any]


def made_up_day(root: Path, seed: int, attempts: int) -> Project:
    """A project that holds the day."""
    draw = random.Random(seed)
    samples, owners, slices = _telemetry(draw)
    return make_project(
        root, TOML, charges=list(_charges()), gpu_samples=samples, gpu_owners=owners, gpu_slices=slices,
        engine_samples=list(_counters(draw)), attempts=list(_attempts(draw, attempts)), outcomes=list(_outcomes(draw, attempts)),
    )


def report(project: Project) -> None:
    """Have the day computed."""
    project.answer("waterfall", Query(since=START.strftime("%Y-%m-%d"), until=(START + timedelta(days=1)).strftime("%Y-%m-%d")))


def _charges() -> Iterator[Row]:
    month = {"charge_start": START.replace(day=1), "charge_end": START.replace(day=1, month=11), "billing_period_start": START.replace(day=1)}
    hour = {"charge_start": START + timedelta(hours=1), "charge_end": START + timedelta(hours=2), "billing_period_start": START.replace(day=1)}
    big, cheap = {"tags": '{"pool": "big"}', "resource_id": "i-big"}, {"tags": '{"pool": "cheap"}', "resource_id": "i-cheap"}
    yield month | big | {"effective_cost": Decimal("40000000.000000000001"), "gpu_count": 2, "service_name": "Compute", "provider": "AWS"}
    yield month | big | {"effective_cost": Decimal("-39999999.999999999999"), "charge_category": "Credit", "provider": "AWS"}
    yield hour | cheap | {"effective_cost": Decimal("0.000000000007"), "gpu_count": 2, "service_name": "Compute", "provider": "Azure"}
    yield hour | cheap | {"effective_cost": Decimal("-0.01"), "gpu_count": 2, "service_name": "Compute", "provider": "GCP"}
    yield month | cheap | {"effective_cost": Decimal("1.50"), "gpu_count": 2, "service_name": "Compute", "provider": "Azure"}
    yield month | {"effective_cost": Decimal("12.345678901234"), "service_name": "OpenAI API", "provider": "OpenAI", "model": "gpt-4o-mini",
                   "consumed_unit": "Tokens", "consumed_quantity": Decimal(1000)}
    yield month | {"effective_cost": Decimal(30), "charge_category": "Tax", "provider": "AWS"}


def _telemetry(draw: random.Random) -> tuple[list[Row], list[Row], list[Row]]:
    devices = [("big0", "", "serve/llm-0"), ("big1", "", "train/job-1"), ("cheap0", "", "serve/llm-1"), ("mig0", "1/0", "serve/llm-2"),
               ("mig0", "2/0", "serve/llm-3")]
    samples, owners, slices = [], [], []
    for device, part, owner in devices:
        for minute in range(HOURS * 60):
            at = START + minute * MINUTE
            row = {"device_id": device, "slice_id": part, "event_time": at}
            if draw.random() < 0.9:
                samples.append(row | {"value": draw.choice((0.0, 33.3, 77.0, 100.0))})
            if minute % 3 == 0:
                samples.append(row | {"metric": "memory_used_bytes", "value": draw.choice((0.0, 4e9))})
            if minute % 5 == 0:
                state = draw.choice(("allocated", "allocated", "allocated", "unallocated", "starting", "down"))
                holders = draw.choice(((owner,), (owner,), (owner, "serve/other"))) if state == "allocated" else ("",)
                owners += [row | {"owner": one, "state": state, "namespace": one.split("/")[0]} for one in holders]
                if part:
                    size = {"multiprocessors": 60 if part == "1/0" else 52, "compute_slices": 3, "memory_slices": 4}
                    slices.append(row | size | {"device_multiprocessors": 132})
    return samples, owners, slices


def _counters(draw: random.Random) -> Iterator[Row]:
    for replica in ("llm-0", "llm-1"):
        for metric in ("vllm:prompt_tokens", "vllm:generation_tokens"):
            value = 0
            for minute in range(0, HOURS * 60, 2):
                value = draw.choice((0, value, value + 5000, value + 999))
                yield {"replica": replica, "namespace": "serve", "engine": "vllm", "model": "m", "metric": metric, "kind": "counter",
                       "value": float(value), "event_time": START + minute * MINUTE}


def _attempts(draw: random.Random, count: int) -> Iterator[Row]:
    lengths = (timedelta(microseconds=1), timedelta(seconds=1), timedelta(seconds=40), 5 * MINUTE, 17 * MINUTE, timedelta(hours=2))
    for number in range(1, count + 1):
        on_edge = number % 6 == 0
        at = START + (5 * MINUTE * draw.randrange(HOURS * 12) if on_edge else timedelta(seconds=draw.randrange(-900, HOURS * 3600)))
        visible = 0 if number % 7 == 0 else draw.randrange(1, 2000)
        timed = number % 3 == 0
        yield {
            "event_time": at, "end_time": at + draw.choice(lengths[3:] if on_edge else lengths), "pool": draw.choice(("big", "cheap", None)),
            "replica": draw.choice(("llm-0", "llm-1", None)), "provider": "openai", "model": draw.choice(("gpt-4o-mini", "o3", "nobody-knows")),
            "team": draw.choice(("red", "blau Ü", None)), "app": draw.choice(("attested", "chat", None)), "customer": draw.choice(("日本", None)),
            "operation": draw.choice(("chat", "embedding", "rerank", None)), "purpose": draw.choice((None, None, None, "eval", "gateway_cache_hit")),
            "status": draw.choice(("ok", "ok", "ok", "error", "aborted", "aborted", "blocked")),
            "finish_reason": draw.choice(("stop", "length", "refusal", "malformed_tool_call", None)),
            "provenance": draw.choice(("provider_reported", "provider_reported", "client_estimated", "gateway_estimated")),
            "in_uncached": 0 if number % 7 == 0 else draw.randrange(5000), "in_cache_read": draw.choice((None, 100)), "out_text": visible,
            "out_reasoning": draw.choice((None, 300)) if visible else None, "out_rejected_prediction": draw.choice((None, 17)) if visible else None,
            "delivered_output_tokens": draw.choice((None, -1, 0, visible // 3)), "accepted_ppm": draw.choice((None, None, None, 0, 333_333)),
            "prefill_us": draw.randrange(10**6) if timed else None, "decode_us": draw.randrange(10**7) if timed else None,
            "request_id": f"r{number}", "response_id": f"p{number}", "retry_of": draw.choice((None, None, f"r{number - 1}", f"p{number - 2}")),
            "logical_request_id": draw.choice((None, f"l{number // 4}")), "attempt_number": draw.choice((None, 1, 2, 3)),
        }


def _outcomes(draw: random.Random, attempts: int) -> Iterator[Row]:
    verdicts = ("accepted", "accepted", "succeeded", "rejected", "failed", "superseded", "blocked", "invalid_tool_call", "abandoned",
                "duplicate", "unreferenced")
    for _ in range(attempts):
        at = START + timedelta(seconds=draw.randrange(HOURS * 3600))
        yield {
            "event_time": at, "attempt_time": at, "attempt_key": f"attempts{draw.randint(1, attempts)}", "key": "k",
            "key_type": draw.choice(("event_key", "agent_run_id")), "verdict": draw.choice(verdicts), "grade": draw.choice((2, 3, 3, 4)),
            "accepted_ppm": draw.choice((None, 0, 333_333, 1_000_000)),
        }
