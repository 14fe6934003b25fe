"""Two pools run a replica of one name: each is calibrated on its own counters."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from ledger_rows import MINUTE, START, make_project

from netyield.core.period import iso
from netyield.project import Query

POOLS = '[[pool]]\nname = "a"\ndevices = ["a*"]\n[[pool]]\nname = "b"\ndevices = ["b*"]\n'
SLOTS = 36
COSTS = {"a": (100, 900), "b": (400, 400)}  # planted microseconds per computed input and per output token


def test_each_pool_is_calibrated_on_its_own_counters(tmp_path: Path) -> None:
    seed = np.random.default_rng(7)
    tables: dict[str, list[dict[str, Any]]] = {"gpu_samples": [], "gpu_owners": [], "engine_samples": [], "attempts": []}
    for pool, (prefill, decode) in COSTS.items():
        total = {"vllm:prompt_tokens": 0, "vllm:generation_tokens": 0}
        who = {"replica": "llm-0", "namespace": f"serve-{pool}", "engine": "vllm", "model": "llama", "kind": "counter"}
        for slot in range(SLOTS + 1):
            at = START + 5 * slot * MINUTE
            rows = [{**who, "metric": name, "event_time": at, "value": float(value)} for name, value in total.items()]
            tables["engine_samples"] += rows
            tokens = {"vllm:prompt_tokens": int(seed.integers(1000, 400_000)), "vllm:generation_tokens": int(seed.integers(1000, 90_000))}
            busy = timedelta(microseconds=prefill * tokens["vllm:prompt_tokens"] + decode * tokens["vllm:generation_tokens"])
            total = {name: total[name] + tokens[name] for name in total}
            for start, value, hold in ((at, 100.0, busy), (at + busy, 0.0, 5 * MINUTE - busy)):
                reading = {"device_id": f"{pool}0", "event_time": start, "hold_us": hold // timedelta(microseconds=1)}
                tables["gpu_samples"].append({**reading, "value": value})
                tables["gpu_owners"].append({**reading, "owner": f"serve-{pool}/llm-0", "namespace": f"serve-{pool}", "state": "allocated"})
            tables["attempts"].append({
                "event_time": at, "end_time": at + MINUTE, "pool": pool, "replica": "llm-0", "model": "m", "in_uncached": 9, "out_text": 9,
                "event_key": f"{pool}{slot}",
            })  # fmt: skip
    cards = [{"pool": "*", "rate_per_gpu_hour": Decimal(2), "valid_from": START, "event_time": START, "gpus": 1}]
    project = make_project(tmp_path, POOLS, rate_cards=cards, **tables)
    books = project.books(Query(since=iso(START), until=iso(START + 5 * SLOTS * MINUTE)))
    found = {row["pool"]: row for row in books.engine.query("SELECT * FROM methods").to_pylist()}
    for pool, (prefill, decode) in COSTS.items():
        assert found[pool]["method"] == "calibrated"
        ratio = found[pool]["decode_weight"] / found[pool]["prefill_weight"]
        assert abs(ratio - decode / prefill) < 0.02 * decode / prefill
