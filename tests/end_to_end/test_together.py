"""More sources only split finer: bills with gateways, commitments, credits, currencies; windows and slices of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from command import MakeProduct, Product
from focus_bill import GPU, bill, line
from litellm_calls import START, Call, calls, spend_log
from report_contract import check

DAY = ("--since", "2026-03-02", "--until", "2026-03-03")
FOCUS = '[[source]]\ntype = "focus"\npath = "bill*.csv"\n'


def test_an_api_bill_and_a_gateway_differ_by_unreconciled(make: MakeProduct) -> None:
    product = make('[[source]]\ntype = "openai_costs"\npath = "costs.json"\n[[source]]\ntype = "litellm"\npath = "spend.jsonl"\n')
    made = [call for call in calls(300, (("openai", "gpt-4o-mini"),)) if call.start < START + timedelta(days=1)]
    priced = sum(call.price() for call in made)
    billed = round(Decimal(priced), 6) + Decimal("0.25")
    _openai_costs(product, {"gpt-4o-mini-2024-07-18, input": billed, "gpt-4o-mini-2024-07-18, output": Decimal(0)})
    product.put("spend.jsonl", spend_log(made))
    assert product.ingest().code == 0
    body = product.report(*DAY)
    steps = check(body)
    assert body["basis"] == "effective"
    assert Decimal(body["total"]) == billed
    assert steps["unproven"] == priced
    assert steps["unreconciled"] == billed - priced
    by_day = product.report("reconciliation", *DAY)["by_day"]
    assert [(Decimal(row["billed"]), Decimal(row["priced"]), Decimal(row["difference"])) for row in by_day] == [
        (billed, priced, billed - priced)
    ]


def test_more_seen_than_billed_is_negative_and_never_raises_the_upper_bound(make: MakeProduct) -> None:
    product = make('[[source]]\ntype = "openai_costs"\npath = "costs.json"\n[[source]]\ntype = "litellm"\npath = "spend.jsonl"\n')
    made = [call for call in calls(100, (("openai", "gpt-4o-mini"),)) if call.start < START + timedelta(days=1)]
    priced = sum(call.price() for call in made)
    _openai_costs(product, {"gpt-4o-mini-2024-07-18, input": Decimal("0.01")})
    product.put("spend.jsonl", spend_log(made))
    assert product.ingest().code == 0
    body = product.report(*DAY)
    assert check(body)["unreconciled"] == Decimal("0.01") - priced < 0
    assert body["total"] == "0.01"


def test_a_bill_of_a_model_without_a_price_keeps_its_amount_under_unpriced(make: MakeProduct) -> None:
    product = make('[[source]]\ntype = "openai_costs"\npath = "costs.json"\n[[source]]\ntype = "litellm"\npath = "spend.jsonl"\n')
    made = [call for call in calls(40, (("openai", "nobody-knows-this"),)) if call.start < START + timedelta(days=1)]
    _openai_costs(product, {"nobody-knows-this, input": Decimal(3)})
    product.put("spend.jsonl", spend_log(made))
    assert product.ingest().code == 0
    body = product.report(*DAY)
    assert check(body) == {"unpriced": Decimal(3)}
    assert sum(body["usage"]["tokens_by_verdict"].values()) == sum(c.completion for c in made)
    assert body["headline"]["net_yield"] == {"low": 0, "high": 1}


def test_the_calls_of_a_provider_without_a_bill_stand_at_list_price_beside_the_bill_of_another(make: MakeProduct) -> None:
    product = make('[[source]]\ntype = "openai_costs"\npath = "costs.json"\n[[source]]\ntype = "litellm"\npath = "spend.jsonl"\n')
    both = (("openai", "gpt-4o-mini"), ("anthropic", "claude-sonnet-4-5"))
    made = [call for call in calls(300, both) if call.start < START + timedelta(days=1)]
    own = {provider: sum(call.price() for call in made if call.provider == provider) for provider, _ in both}
    _openai_costs(product, {"gpt-4o-mini-2024-07-18, input": round(Decimal(own["openai"]), 6) + 1})
    product.put("spend.jsonl", spend_log(made))
    assert product.ingest().code == 0
    body = product.report(*DAY)
    steps = check(body)
    billed = round(Decimal(own["openai"]), 6) + 1
    assert Decimal(body["total"]) == billed + own["anthropic"]
    assert steps["unreconciled"] == billed - own["openai"]
    assert steps["unproven"] == own["openai"] + own["anthropic"]
    assert "has no bill and is a list estimate" in " ".join(product.run("report", *DAY).out.split())


def _openai_costs(product: Product, items: dict[str, Decimal]) -> None:
    start = int(START.timestamp())
    results = [
        {"object": "organization.costs.result", "amount": {"value": float(amount), "currency": "usd"}, "line_item": item, "project_id": "p"}
        for item, amount in items.items()
    ]
    bucket = {"object": "bucket", "start_time": start, "end_time": start + 86_400, "results": results}
    product.put("costs.json", json.dumps({"object": "page", "data": [bucket], "has_more": False, "next_page": None}))


def test_provisioned_throughput_is_idle_in_slots_without_requests(make: MakeProduct) -> None:
    product = make(FOCUS + """
[[source]]
type = "requests"
path = "requests.csv"
columns = {time = "at", duration_s = "seconds", model = "model", input_tokens = "in", output_tokens = "out", status = "status"}
set = {pool = "ptu", provider = "azure"}
[[pool]]
name = "ptu"
kind = "provisioned_throughput"
resources = ["ptu-*"]
""")
    product.put("bill.csv", bill(line("48", ServiceName="Azure OpenAI", ProviderName="Microsoft", ResourceId="ptu-1")))
    # Six hours with a request in every five minutes; eighteen hours of silence.
    rows = [f"{(START + timedelta(minutes=5 * n, seconds=30)).isoformat()},2,gpt-4o,100,50,ok" for n in range(6 * 12)]
    product.put("requests.csv", "at,seconds,model,in,out,status\n" + "\n".join(rows) + "\n")
    assert product.ingest().code == 0
    steps = check(product.report(*DAY))
    assert steps == {"idle": Decimal(36), "unproven": Decimal(12)}


def test_an_unused_savings_plan_is_split_by_the_ai_share_of_its_use(make: MakeProduct) -> None:
    product = make(FOCUS)
    plan = {"CommitmentDiscountId": "sp-1", "CommitmentDiscountCategory": "Spend"}
    used, unused = {**plan, "CommitmentDiscountStatus": "Used"}, {**plan, "CommitmentDiscountStatus": "Unused"}
    product.put("bill.csv", bill(
        line("60", ServiceName="Amazon SageMaker", **used), line("20", ServiceName="Amazon Simple Queue Service", **used),
        line("10", ServiceName="Savings Plans for Compute", **unused),
    ))
    assert product.ingest().code == 0
    assert check(product.report(*DAY)) == {
        "platform": Decimal(60), "commitment_unused": Decimal("7.5"), "non_ai": Decimal("22.5"),
    }


def test_a_credit_follows_the_charge_it_names_and_tax_is_out_of_scope(make: MakeProduct) -> None:
    product = make(FOCUS)
    product.put("bill.csv", bill(
        line("100", ServiceName="Amazon SageMaker", ResourceId="sm-1"),
        line("-30", ChargeCategory="Credit", ServiceName="Promotion", ResourceId="sm-1"),
        line("-5", ChargeCategory="Credit", ServiceName="Promotion"),
        line("19", ChargeCategory="Tax", ServiceName="Tax"), line("0", ServiceName="Amazon SageMaker"),
    ))
    assert product.ingest().code == 0
    body = product.report(*DAY)
    assert check(body) == {"platform": Decimal(70), "credits": Decimal(-5), "tax": Decimal(19)}
    assert (body["total"], body["headline"]["in_scope_total"]) == ("84", "65")


def test_an_in_scope_total_of_nothing_has_no_shares(make: MakeProduct) -> None:
    product = make(FOCUS)
    product.put("bill.csv", bill(line("7", ChargeCategory="Tax"), line("-3", ChargeCategory="Credit"), line("3", ServiceName="Amazon SageMaker")))
    assert product.ingest().code == 0
    body = product.report(*DAY)
    check(body)
    assert body["headline"]["in_scope_total"] == "0"
    assert body["headline"]["net_yield"] == {"low": None, "high": None}
    assert product.run("report", *DAY).code == 0, "the terminal report of nothing is no fault"


EURO = {"BillingCurrency": "EUR", "ProviderName": "Microsoft", "ServiceName": "Azure Machine Learning"}


def _two_currencies(product: Product) -> None:
    product.put("bill-aws.csv", bill(line("10.5", ServiceName="Amazon SageMaker"), line("1", ServiceName="Amazon SageMaker")))
    product.put("bill-azure.csv", bill(line("20.000000000001", **EURO)))
    assert product.ingest().code == 0


def test_money_of_two_currencies_stands_side_by_side_without_a_rate(make: MakeProduct) -> None:
    product = make(FOCUS)
    _two_currencies(product)
    dollars = product.report(*DAY)
    euros = product.report(*DAY, "--currency", "eur")
    assert (dollars["currency"], dollars["total"], dollars["other_currencies"]) == ("USD", "11.5", {"EUR": "20.000000000001"})
    assert (euros["currency"], euros["total"], euros["other_currencies"]) == ("EUR", "20.000000000001", {"USD": "11.5"})
    for body in (dollars, euros):
        check(body)
    assert "No amount in GBP: 20.00 EUR and 11.50 USD have no dated rate to it." in product.run("report", *DAY, "--currency", "gbp").out
    codes = [remark["code"] for remark in product.run("check", "--json").body["remarks"]]
    assert "fx.no_rate" in codes
    assert product.run("report", *DAY, "--json").code == 0, "a missing rate is a warning"


def test_a_dated_rate_converts_and_a_stale_one_does_not(make: MakeProduct) -> None:
    rate = '[[source]]\ntype = "fx"\nrates = [{{date = "{}", base = "EUR", quote = "USD", rate = "1.25"}}]\n'
    product = make(FOCUS + rate.format("2026-03-01"))
    _two_currencies(product)
    body = product.report(*DAY, "--currency", "USD")
    check(body)
    assert Decimal(body["total"]) == Decimal("11.5") + Decimal("25.000000000001")  # half a pico-unit is rounded up
    assert body["other_currencies"] == {}
    back = product.report(*DAY, "--currency", "EUR")
    assert Decimal(back["total"]) == Decimal("20.000000000001") + Decimal("9.2")
    product.configure(FOCUS + rate.format("2026-01-01"))
    assert product.ingest().code == 0
    stale = product.report(*DAY, "--currency", "USD")
    assert (stale["total"], stale["other_currencies"]) == ("11.5", {"EUR": "20.000000000001"})


PICO = 10**12


def share(cost: str, start: datetime, end: datetime, since: datetime, until: datetime) -> Decimal:
    """What [since, until) has of a charge over [start, end): cumulative whole seconds, in pico-units toward zero."""
    pico, span = int(Decimal(cost) * PICO), int((end - start).total_seconds())

    def reached(moment: datetime) -> int:
        seconds = int((min(max(moment, start), end) - start).total_seconds())
        part = Fraction(pico * seconds, span)
        return int(part)  # toward zero

    return Decimal(reached(until) - reached(since)) / PICO


MARCH = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
MONTH = {"ChargePeriodStart": "2026-03-01T00:00:00Z", "ChargePeriodEnd": "2026-04-01T00:00:00Z"}
EDGES = [datetime(2026, 3, day, hour, minute, second, tzinfo=UTC) for day, hour, minute, second in
         [(4, 0, 0, 0), (4, 6, 0, 0), (4, 23, 59, 59), (5, 0, 0, 0), (5, 7, 13, 1)]]


@pytest.fixture(scope="session")
def month(make_shared: MakeProduct) -> Product:
    product = make_shared(FOCUS)
    product.put("bill.csv", bill(
        line("1000.000000000001", ServiceName="Amazon SageMaker", SubAccountId="one", **MONTH),
        line("-77.7", ChargeCategory="Credit", SubAccountId="two", **MONTH),
        line("500.5", **{**MONTH, **GPU, "ConsumedQuantity": "744"}, SubAccountId="two"),
        line("0.1", ServiceName="GitHub Copilot", ChargePeriodStart="2025-01-01T00:00:00Z", ChargePeriodEnd="2027-01-01T00:00:00Z"),
    ))
    assert product.ingest().code == 0
    return product


def _window(product: Product, since: datetime, until: datetime, *words: str) -> dict[str, Any]:
    return product.report("--since", since.isoformat(), "--until", until.isoformat(), *words)


def test_a_months_charge_is_cut_to_a_window_by_cumulative_seconds(month: Product) -> None:
    year = (datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
    totals = []
    for since, until in pairwise(EDGES):
        body = _window(month, since, until)
        assert check(body) == {
            "platform": share("1000.000000000001", *MARCH, since, until), "credits": share("-77.7", *MARCH, since, until),
            "unknown": share("500.5", *MARCH, since, until), "seats": share("0.1", *year, since, until),
        }
        assert body["usage"]["gpu_hours_paid"] == pytest.approx((until - since).total_seconds() / 3600, abs=1e-6)
        totals.append(Decimal(body["total"]))
    assert sum(totals) == Decimal(_window(month, EDGES[0], EDGES[-1])["total"])


@pytest.mark.parametrize("dimension", ["account", "service", "provider", "pool", "scope", "day", "hour"])
def test_slices_of_a_bill_add_up(month: Product, dimension: str) -> None:
    window = EDGES[0], EDGES[3]
    whole = _window(month, *window)
    rows = month.report("unit_cost", "--by", dimension, "--since", window[0].isoformat(), "--until", window[1].isoformat())["rows"]
    assert sum(Decimal(row["loaded_amount"]) for row in rows) == Decimal(whole["headline"]["in_scope_total"])
    named = sorted({row["slice"] for row in rows if not row["slice"].startswith("__")})
    if dimension == "hour":  # not a filter word
        return
    parts = [_window(month, *window, "--where", f"{dimension}={value}") for value in [*named, ""]]
    assert _add(parts) == check(whole)


def _add(parts: Sequence[dict[str, Any]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for part in parts:
        for name, amount in check(part).items():
            found[name] = found.get(name, Decimal(0)) + amount
    return found


def test_the_bridge_leads_from_the_invoice_to_the_waterfall(month: Product) -> None:
    words = ("--since", EDGES[0].isoformat(), "--until", EDGES[3].isoformat())
    body = month.report("reconciliation", *words)
    lines = {row["line"]: Decimal(row["amount"]) for row in body["bridge"]}
    total = lines.pop("Waterfall total")
    assert sum(lines.values()) == total == Decimal(month.report(*words)["total"])


def test_one_gateway_serves_gpus_and_apis_and_nothing_is_counted_twice(make: MakeProduct) -> None:
    product = make(FOCUS + """
[[source]]
type = "litellm"
path = "spend.jsonl"
[[source]]
type = "gpu_csv"
path = "gpu.csv"
metric = "gpu_util_percent"
pool = "llm"
columns = {time = "t", device = "d", value = "v"}
interval_seconds = 300
[[pool]]
name = "llm"
tags = {pool = "llm"}
models = ["my-own-model"]
""")
    api = [call for call in calls(60) if call.start < START + timedelta(days=1)]
    own = [
        Call(1_000 + n, "hosted_vllm", "my-own-model", START + timedelta(minutes=5 * n, seconds=9), 1000, 0, 200, 0, "red")
        for n in range(144)
    ]
    product.put("spend.jsonl", spend_log([*api, *own]))
    product.put("bill.csv", bill(line("24", **GPU, Tags='{"pool": "llm"}')))
    readings = [f"{(START + timedelta(minutes=5 * n)).isoformat()},gpu-0,{90 if n < 144 else 0}" for n in range(288)]
    product.put("gpu.csv", "t,d,v\n" + "\n".join(readings) + "\n")
    assert product.ingest().code == 0
    body = product.report(*DAY)
    steps = check(body)
    listed = sum(call.price() for call in api)
    assert Decimal(body["total"]) == 24 + listed
    assert steps == {"idle": Decimal(12), "unproven": 12 + listed}
    assert Decimal(product.report(*DAY, "--where", "model=my-own-model")["total"]) == 12
    assert body["usage"]["gpu_hours_by_state"] == {"active": 12, "idle": 12}
    assert body["headline"]["activity"]["low"] == body["headline"]["activity"]["high"] == pytest.approx(0.45)
