"""Each source alone gives a true report: its own total exactly, nothing called useful, every key of the contract."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from command import DATA, MakeProduct, Product
from litellm_calls import calls, spend_log
from report_contract import check

SAMPLE = DATA / "focus" / "focus_1_0_sample.csv"
BASES = {"effective": "EffectiveCost", "billed": "BilledCost"}  # the other two columns: tests/sources/bills


def assert_nothing_is_called_useful(body: dict[str, Any]) -> None:
    """Without any outcome: no useful step, a lower bound of nothing, no upper end of the cost."""
    steps = check(body)
    assert "useful" not in steps
    assert not any(name.startswith("wasted.") for name in steps)
    headline = body["headline"]
    assert headline["net_yield"]["low"] in (0, None)
    assert headline["cost_per_useful_mtok"]["high"] is None
    assert headline["cost_per_useful_answer"] is None


# --- only a FOCUS bill ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def bill(make_shared: MakeProduct) -> Product:
    product = make_shared('[[source]]\ntype = "focus"\npath = "bill/*.csv"\n')
    product.put("bill/sample.csv", SAMPLE.read_bytes())
    assert product.ingest().code == 0
    return product


@pytest.mark.parametrize("basis", BASES)
def test_only_a_focus_bill(bill: Product, basis: str) -> None:
    with SAMPLE.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    body = bill.report("--basis", basis, "--since", "2024-09-01", "--until", "2024-10-01")
    assert_nothing_is_called_useful(body)
    assert body["basis"] == basis
    assert Decimal(body["total"]) == sum(Decimal(row[BASES[basis]] or 0) for row in rows if row[BASES[basis]] != "NULL")
    published = {"effective": "14.97651418586", "billed": "20.52022672899"}
    assert body["total"] == published[basis]
    assert body["headline"]["activity"] is None
    assert body["usage"]["gpu_hours_paid"] is None
    assert body["usage"]["tokens_by_class"] == {}


def test_the_default_window_of_a_bill_is_its_usage(bill: Product) -> None:
    body = bill.report()
    with SAMPLE.open(newline="") as stream:
        used = [row for row in csv.DictReader(stream) if row["ChargeCategory"] == "Usage"]
    starts = min(row["ChargePeriodStart"] for row in used)[:10]
    assert body["window"]["since"][:10] == starts
    check(body)


def test_a_bills_largest_unclassified_services_are_named(bill: Product) -> None:
    remarks = [r for r in bill.run("check", "--json").body["remarks"] if r["code"] == "scope.unclassified"]
    assert len(remarks) == 1
    assert remarks[0]["severity"] == "warning"
    assert "the largest: " in remarks[0]["message"]


def test_stdout_of_a_fresh_process_is_only_the_object(bill: Product) -> None:
    said = bill.run("report", "--json", fresh=True)
    assert said.code == 0
    assert said.out == json.dumps(said.body, indent=2, ensure_ascii=False) + "\n"
    assert said.body == bill.report()


# --- only Prometheus-like telemetry and a rate card ------------------------------------------------------------------

CARD = '[[source]]\ntype = "rate_card"\nrates = [{pool = "*", usd_per_gpu_hour = "2.50"}]\n'
SCRAPES = 60
SCRAPED_FROM = datetime(2026, 3, 2, 10, tzinfo=UTC)


def scraped(node: int, minute: int) -> int:
    """Utilisation in percent: one GPU works the first half hour at 80 %, the other never."""
    return 80 if node == 0 and minute < SCRAPES // 2 else 0


def exposition(step_seconds: int = 60) -> str:
    """DCGM series of two GPUs for an hour, as OpenMetrics text."""
    lines = ["# TYPE DCGM_FI_DEV_GPU_UTIL gauge"]
    for node in range(2):
        labels = f'gpu="{node}",UUID="GPU-{node}",Hostname="node-a",modelName="NVIDIA H100 80GB HBM3"'
        for minute in range(SCRAPES):
            moment = int(SCRAPED_FROM.timestamp()) + step_seconds * minute
            lines.append(f"DCGM_FI_DEV_GPU_UTIL{{{labels}}} {scraped(node, minute)} {moment}")
    return "\n".join([*lines, "# EOF", ""])


def assert_the_fleet(body: dict[str, Any]) -> None:
    """Two GPU-hours at 2.50: three quarters idle; who used the rest nobody says."""
    assert_nothing_is_called_useful(body)
    steps = {name: float(amount) for name, amount in check(body).items()}
    assert float(body["total"]) == pytest.approx(5, abs=0.05)
    assert set(steps) <= {"idle", "active_unattributed", "unknown"}
    assert steps["idle"] == pytest.approx(3.75, abs=0.05)
    assert steps["active_unattributed"] == pytest.approx(1.25, abs=0.05)
    states = body["usage"]["gpu_hours_by_state"]
    assert states["active"] == pytest.approx(0.5, abs=0.02)
    assert states["idle"] == pytest.approx(1.5, abs=0.02)
    activity = body["headline"]["activity"]
    assert activity["low"] == pytest.approx(0.2, abs=0.01)
    assert activity["active_above"] == 0
    assert body["headline"]["certain_waste"]["share"] == pytest.approx(0.75, abs=0.01)


def test_only_metrics_texts_and_a_rate_card(make: MakeProduct) -> None:
    product = make('[[source]]\ntype = "metrics_text"\npath = "metrics/*.om"\n' + CARD)
    product.put("metrics/node-a.om", exposition())
    assert product.ingest().code == 0
    body = product.report()
    assert_the_fleet(body)
    assert Decimal(body["total"]) == 5  # 60 samples a minute apart stand for exactly an hour
    assert body["window"] == {"since": "2026-03-02T10:00:00Z", "until": "2026-03-02T11:00:00Z"}
    assert body["usage"]["gpu_hours_paid"] == 2


@pytest.mark.prometheus
@pytest.mark.parametrize("mode", ["raw", "windows"])
def test_only_a_prometheus_server_and_a_rate_card(make: MakeProduct, tmp_path: Path, mode: str) -> None:
    from live_server import serving  # type: ignore[import-not-found]

    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server", exposition()) as url:
        product = make(f"""
[[source]]
type = "prometheus"
url = "{url}"
mode = "{mode}"
since = "2026-03-02T10:00:00Z"
until = "2026-03-02T11:00:00Z"
""" + CARD)
        assert product.ingest().code == 0
    body = product.report("--since", "2026-03-02T10:00Z", "--until", "2026-03-02T11:00Z")
    assert_the_fleet(body)


# --- only LiteLLM spend logs -----------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def gateway(make_shared: MakeProduct) -> Product:
    product = make_shared('[[source]]\ntype = "litellm"\npath = "litellm/*.jsonl"\n')
    product.put("litellm/spend.jsonl", spend_log(calls(400)))
    assert product.ingest().code == 0
    return product


def test_only_litellm_spend_logs_are_a_list_estimate(gateway: Product) -> None:
    made = calls(400)
    body = gateway.report()
    assert_nothing_is_called_useful(body)
    assert body["basis"] == "list_estimate"
    assert Decimal(body["total"]) == sum(call.price() for call in made)
    assert set(check(body)) == {"unproven"}
    tokens = body["usage"]["tokens_by_class"]
    assert sum(n for name, n in tokens.items() if name.startswith("in_")) == sum(c.prompt for c in made)
    assert sum(n for name, n in tokens.items() if name.startswith("out_")) == sum(c.completion for c in made)
    assert tokens["in_cache_read"] == sum(c.cached for c in made)
    assert tokens["out_reasoning"] == sum(c.reasoning for c in made)
    # The unit is visible output: never reasoning.
    assert body["usage"]["tokens_by_verdict"] == {"unproven": sum(c.completion - c.reasoning for c in made)}
    assert body["headline"]["coverage"] == 0
    assert body["headline"]["net_yield"] == {"low": 0, "high": 1}


def test_a_report_without_a_bill_says_so(gateway: Product) -> None:
    said = gateway.run("report", "waterfall")
    assert said.code == 0
    assert "no bill" in (said.out + said.err).lower()


@pytest.mark.parametrize("dimension", ["team", "model", "day", "provider"])
def test_slices_of_the_gateway_add_up(gateway: Product, dimension: str) -> None:
    total = Decimal(gateway.report()["total"])
    body = gateway.report("unit_cost", "--by", dimension)
    assert sum(Decimal(row["loaded_amount"]) for row in body["rows"]) == total
    assert sum(Decimal(row["direct_amount"]) for row in body["rows"]) == total
    assert Decimal(body["in_scope_total"]) == total
    parts = [gateway.report("--where", f"{dimension}={row['slice']}") for row in body["rows"]]
    assert sum(Decimal(part["total"]) for part in parts) == total
    for part in parts:
        check(part)


def test_a_models_slice_is_the_sum_of_its_calls(gateway: Product) -> None:
    made = calls(400)
    for model in {call.model for call in made}:
        expected = sum(call.price() for call in made if call.model == model)
        assert Decimal(gateway.report("--where", f"model={model}")["total"]) == expected


def test_a_model_without_a_price_is_unpriced_with_its_tokens_and_no_amount(make: MakeProduct) -> None:
    product = make('[[source]]\ntype = "litellm"\npath = "*.jsonl"\n')
    priced, strange = calls(20), calls(10, (("openai", "nobody-knows-this"),), seed=8)
    product.put("a.jsonl", spend_log(priced))
    text = spend_log(strange).replace("chatcmpl-", "other-").replace("call-", "other-")
    product.put("b.jsonl", text)
    assert product.ingest().code == 0
    body = product.report()
    steps = check(body)
    assert Decimal(body["total"]) == sum(call.price() for call in priced)
    assert steps.get("unpriced", Decimal(0)) == 0
    assert "unpriced" in steps
    assert product.run("report", "--json").code == 0


# --- only a cost report of a vendor ----------------------------------------------------------------------------------

DAY = timedelta(days=1)


def openai_page() -> tuple[str, Decimal]:
    """Three days by line item, and their total (the amounts as text read back)."""
    amounts = {
        "gpt-4o-2024-08-06, input": "12.345678", "gpt-4o-2024-08-06, output": "7.1", "o1, output": "0.000003", "web search": "1",
    }
    start = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
    data: list[dict[str, Any]] = [
        {"object": "bucket", "start_time": start + day * 86_400, "end_time": start + (day + 1) * 86_400, "results": [
            {"object": "organization.costs.result", "amount": {"value": round(float(text) * (day + 1), 6), "currency": "usd"},
             "line_item": item, "project_id": "proj_a"} for item, text in amounts.items()
        ]} for day in range(3)
    ]
    total = sum(Decimal(repr(r["amount"]["value"])) for bucket in data for r in bucket["results"])
    return json.dumps({"object": "page", "data": data, "has_more": False, "next_page": None}), Decimal(total)


def test_only_openai_cost_pages(make: MakeProduct) -> None:
    product = make('[[source]]\ntype = "openai_costs"\npath = "openai/*.json"\n')
    page, total = openai_page()
    product.put("openai/costs.json", page)
    assert product.ingest().code == 0
    body = product.report()
    assert_nothing_is_called_useful(body)
    assert body["window"] == {"since": "2026-03-02T00:00:00Z", "until": "2026-03-05T00:00:00Z"}
    assert Decimal(body["total"]) == total
    assert set(check(body)) == {"unproven"}, "API money nobody metered may have been useful, and nobody can prove it"
    assert body["basis"] == "effective"


def test_only_an_anthropic_cost_report(make: MakeProduct) -> None:
    product = make('[[source]]\ntype = "anthropic_costs"\npath = "anthropic/*.json"\n')
    cents = {"uncached_input_tokens": "123.45", "output_tokens": "9876.543210", "cache_read_input_tokens": "0.0001"}
    data = [
        {"starting_at": f"2026-03-0{day}T00:00:00Z", "ending_at": f"2026-03-0{day + 1}T00:00:00Z", "results": [
            {"currency": "USD", "amount": amount, "workspace_id": None, "description": f"Claude Sonnet 4 - {kind}",
             "cost_type": "tokens", "context_window": "0-200k", "model": "claude-sonnet-4-20250514",
             "service_tier": "standard", "token_type": kind} for kind, amount in cents.items()
        ]} for day in (2, 3)
    ]
    product.put("anthropic/report.json", json.dumps({"data": data, "has_more": False, "next_page": None}))
    assert product.ingest().code == 0
    body = product.report()
    assert_nothing_is_called_useful(body)
    assert Decimal(body["total"]) == 2 * sum(Decimal(text) for text in cents.values()) / 100
    assert set(check(body)) == {"unproven"}
