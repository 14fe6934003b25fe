"""Every built-in source passes the suite that plug-ins pass, over good and over damaged files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from netyield.sources.contract import Source
from netyield.sources.registry import build, known_types
from netyield.testing.conformance import check_bad_bytes, check_source

DATA = Path(__file__).parents[1] / "data"
CAPTURE = DATA / "captures" / "linux-x86_64__nvidia-h100-mig__590.48.01.txt"
FIRST = 1_791_158_400  # 2026-10-05T00:00:00Z


@dataclass(frozen=True)
class Fixture:
    """A file (name and bytes; none for sources without files) and the settings that read it."""

    settings: dict[str, Any]
    name: str = ""
    data: Callable[[], bytes] = bytes
    tables: set[str] = field(default_factory=set)


def _lines(*rows: str) -> Callable[[], bytes]:
    return lambda: "".join(f"{row}\n" for row in rows).encode()


def _json(value: object) -> Callable[[], bytes]:
    return lambda: json.dumps(value).encode()


OPENAI_COSTS = {
    "object": "page", "has_more": False, "next_page": None,
    "data": [{
        "object": "bucket", "start_time": FIRST, "end_time": FIRST + 86_400,
        "results": [{"amount": {"value": 0.06, "currency": "usd"}, "line_item": "gpt-4o-mini, input", "project_id": "p"}],
    }],
}
ANTHROPIC_COSTS = {
    "has_more": False, "next_page": None,
    "data": [{
        "starting_at": "2026-10-05T00:00:00Z", "ending_at": "2026-10-06T00:00:00Z",
        "results": [{
            "currency": "USD", "amount": "123.45", "workspace_id": None, "description": "Claude Haiku 4.5 - Input Tokens",
            "cost_type": "tokens", "context_window": "0-200k", "model": "claude-haiku-4-5", "service_tier": "standard",
            "token_type": "uncached_input_tokens",
        }],
    }],
}
METRICS = _lines(
    "# TYPE DCGM_FI_DEV_GPU_UTIL gauge",
    *(f'DCGM_FI_DEV_GPU_UTIL{{gpu="0",UUID="GPU-1",Hostname="a",exported_pod="p"}} 50 {FIRST + 60 * n}' for n in range(3)),
    "# TYPE vllm:prompt_tokens counter",
    *(f'vllm:prompt_tokens_total{{pod="p",model_name="m"}} {100 * n} {FIRST + 60 * n}' for n in range(3)),
    "# EOF",
)
FIXTURES = {
    "focus": Fixture({}, "bill.csv", (DATA / "focus" / "multi_model_usage.csv").read_bytes, {"charges"}),
    "contract_commitments": Fixture(
        {}, "contracts.csv", _lines(
            "ContractId,ContractCommitmentId,ContractCommitmentPeriodStart,ContractCommitmentPeriodEnd,ContractCommitmentCost,BillingCurrency",
            "k,c1,2026-01-01T00:00:00Z,2029-01-01T00:00:00Z,1000000,USD", "k,c2,2026-01-01T00:00:00Z,2027-01-01T00:00:00Z,5.5,USD",
        ), {"contract_commitments"},
    ),
    "rate_card": Fixture({"rates": [{"usd_per_gpu_hour": "2.00", "since": "2020-01-01"}]}, tables={"rate_cards"}),
    "assets": Fixture(
        {"until": "2026-11-01"},
        "assets.toml", _lines('currency = "USD"', "cost = 40000", 'in_service = "2026-01-01"', 'useful_life = "6y"'), {"charges"},
    ),
    "openai_costs": Fixture({}, "costs.json", _json(OPENAI_COSTS), {"charges"}),
    "anthropic_costs": Fixture({}, "costs.json", _json(ANTHROPIC_COSTS), {"charges"}),
    "metrics_text": Fixture({}, "host.om", METRICS, {"gpu_samples", "gpu_owners", "engine_samples"}),
    "metrics_text nvidia_smi": Fixture(
        {"kind": "nvidia_smi", "at": "2026-10-05T00:00:00Z"}, "host.txt", CAPTURE.read_bytes,
        {"gpu_samples", "gpu_slices"},
    ),
    "gpu_csv": Fixture(
        {"metric": "gpu_util_percent", "columns": {"time": "t", "device": "d", "value": "v"}, "interval_seconds": 60},
        "util.csv", _lines("t,d,v", "2026-10-05T00:00:00Z,g0,50", "2026-10-05T00:01:00Z,g0,0"), {"gpu_samples", "gpu_owners"},
    ),
    "capacity_csv": Fixture(
        {"columns": {"time": "t", "total": "n", "allocated": "used"}, "interval_seconds": 60},
        "pool.csv", _lines("t,n,used", "2026-10-05T00:00:00Z,8,3", "2026-10-05T00:01:00Z,8,8"), {"capacity_samples"},
    ),
    "requests": Fixture(
        {"columns": {"time": "t", "model": "m", "input_tokens": "i", "output_tokens": "o"}},
        "log.csv", _lines("t,m,i,o", "2026-10-05T00:00:00Z,a,10,3", "2026-10-05T00:00:00Z,a,10,3"), {"attempts"},
    ),
    "litellm": Fixture({}, "spend.jsonl", (DATA / "litellm" / "spend_logs.jsonl").read_bytes, {"attempts"}),
    "outcomes": Fixture(
        {"columns": {"time": "t", "verdict": "v", "request_id": "call"}},
        "outcomes.csv", _lines("t,v,call", "2026-10-05T00:00:00Z,accepted,c1", "2026-10-05T00:01:00Z,no,c2"), {"outcomes"},
    ),
    "prices": Fixture({"catalogue": True}, tables={"model_prices"}),
    "fx": Fixture({}, "fx.csv", _lines("date,base,quote,rate", "2026-10-05,EUR,USD,1.17"), {"fx_rates"}),
}
# Needs a server: tests/sources/gpu/test_prometheus.py runs the suite on a real one.
ELSEWHERE = {"prometheus"}


def _make(name: str, path: Path) -> Source:
    fixture = FIXTURES[name]
    place = {"path": path.name} if fixture.name else {}
    return build({"type": name.split()[0], **fixture.settings, **place}, path.parent)


@pytest.mark.parametrize("name", FIXTURES)
def test_a_source_conforms(name: str, tmp_path: Path) -> None:
    fixture = FIXTURES[name]
    path = tmp_path / (fixture.name or "none")
    if fixture.name:
        path.write_bytes(fixture.data())
    deliveries = check_source(lambda: _make(name, path))
    assert {table for delivery in deliveries for table, rows in delivery.tables.items() if rows.num_rows} == fixture.tables


@pytest.mark.parametrize("name", [name for name, fixture in FIXTURES.items() if fixture.name])
def test_a_source_survives_damaged_files(name: str, tmp_path: Path) -> None:
    fixture = FIXTURES[name]
    good = fixture.data()
    check_bad_bytes(lambda path: _make(name, path), good, tmp_path / fixture.name)
    check_bad_bytes(lambda path: _make(name, path), gzip.compress(good, mtime=0), tmp_path / f"{fixture.name}.gz")


def test_no_built_in_source_is_left_out() -> None:
    assert {name.split()[0] for name in FIXTURES} | ELSEWHERE == set(known_types())
