"""Must hold 1: rows add up to the bill to the pico-unit, in every window and slice, credits and zero rows included."""

from __future__ import annotations

import itertools
import tempfile
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ledger_rows import MINUTE, START, make_project

from netyield.core.money import cut, from_pico
from netyield.core.period import iso
from netyield.project import Query

POOLS = """
[[pool]]
name = "a"
tags = {pool = "a"}
devices = ["a*"]
[[pool]]
name = "b"
tags = {pool = "b"}
devices = ["b*"]
[[workload]]
namespaces = ["train"]
"""
amounts = st.one_of(
    st.just(Decimal(0)),
    st.decimals(min_value=-50, max_value=40_000_000, places=12, allow_nan=False, allow_infinity=False),
)
hours = st.integers(0, 30)


@st.composite
def charges(draw: st.DrawFn) -> dict[str, Any]:
    start = START + timedelta(hours=draw(st.integers(-48, 30)), seconds=draw(st.sampled_from([0, 0, 0, 17])))
    kind = draw(
        st.sampled_from(
            [
                "gpu",
                "gpu",
                "unused",
                "credit",
                "credit_on",
                "tax",
                "api",
                "seat",
                "queue",
                "other",
                "unused_plan",
                "used_plan",
            ]
        )
    )
    row: dict[str, Any] = {
        "charge_start": start,
        "charge_end": start + timedelta(seconds=draw(st.sampled_from([3600, 86400, 30 * 86400, 7201]))),
        "billing_period_start": START.replace(day=1),
        "effective_cost": draw(amounts),
        "billed_cost": draw(amounts),
        "service_name": "Something",
        "provider": "AWS",
    }
    pool = draw(st.sampled_from(["a", "b"]))
    extra: dict[str, dict[str, Any]] = {
        "gpu": {
            "gpu_count": draw(st.integers(1, 8)),
            "consumed_quantity": Decimal(1),
            "consumed_unit": "Hours",
            "tags": f'{{"pool": "{pool}"}}',
            "resource_id": f"i-{pool}",
        },
        "unused": {
            "gpu_count": 8,
            "tags": f'{{"pool": "{pool}"}}',
            "commitment_id": "c",
            "commitment_status": "Unused",
        },
        "credit": {"charge_category": "Credit"},
        "credit_on": {"charge_category": "Credit", "resource_id": f"i-{pool}"},
        "tax": {"charge_category": "Tax"},
        "api": {
            "service_name": "OpenAI API",
            "provider": "OpenAI",
            "model": "gpt-4o-mini",
            "consumed_unit": "Tokens",
            "consumed_quantity": Decimal(1000),
        },
        "seat": {"service_name": "GitHub Copilot"},
        "queue": {"service_name": "Amazon Simple Queue Service"},
        "other": {},
        "unused_plan": {"commitment_id": "sp", "commitment_status": "Unused", "service_name": "Compute Savings Plans"},
        "used_plan": {
            "commitment_id": "sp",
            "commitment_status": "Used",
            "gpu_count": draw(st.sampled_from([None, 8])),
            "tags": f'{{"pool": "{pool}"}}',
        },
    }
    return row | extra[kind]


@st.composite
def telemetry(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    samples: list[dict[str, Any]] = []
    owners: list[dict[str, Any]] = []
    for device in draw(st.lists(st.sampled_from(["a0", "a1", "b0", "c0"]), unique=True, max_size=4)):
        start = draw(hours)
        for minute in sorted(draw(st.sets(st.integers(0, 300), max_size=40))):
            at = START + timedelta(hours=start) + minute * MINUTE
            samples.append(
                {"device_id": device, "value": draw(st.sampled_from([0.0, 0.0, 33.3, 100.0])), "event_time": at}
            )
            if draw(st.booleans()):
                for owner in draw(
                    st.sampled_from([["serve/llm-0"], ["train/job-1"], ["serve/llm-0", "serve/x"], [""]])
                ):
                    state = "unallocated" if not owner else draw(st.sampled_from(["allocated", "starting", "down"]))
                    owners.append(
                        {
                            "device_id": device,
                            "owner": owner,
                            "state": state,
                            "namespace": owner.split("/")[0],
                            "event_time": at,
                            "replicas": 2,
                        }
                    )
    return samples, owners


@st.composite
def attempts(draw: st.DrawFn) -> dict[str, Any]:
    at = START + timedelta(hours=draw(hours), seconds=draw(st.integers(0, 3599)))
    visible = draw(st.integers(0, 2000))
    return {
        "event_time": at,
        "end_time": at + timedelta(seconds=draw(st.sampled_from([0, 1, 40, 700]))),
        "pool": draw(st.sampled_from(["a", "a", "b", None])),
        "replica": draw(st.sampled_from(["llm-0", None])),
        "provider": "openai",
        "model": draw(st.sampled_from(["gpt-4o-mini", "nobody-knows"])),
        "team": draw(st.sampled_from(["red", "blue", None])),
        "status": draw(st.sampled_from(["ok", "ok", "error", "aborted", "blocked"])),
        "in_uncached": draw(st.integers(0, 5000)),
        "in_cache_read": draw(st.sampled_from([None, 100])),
        "out_text": visible,
        "out_reasoning": draw(st.sampled_from([None, 300])),
        "out_rejected_prediction": draw(st.sampled_from([None, 17])),
        "delivered_output_tokens": draw(st.sampled_from([None, 0, visible // 3])),
        "logical_request_id": draw(st.sampled_from([None, "r1"])),
        "attempt_number": draw(st.integers(1, 3)),
        "purpose": draw(st.sampled_from([None, "eval"])),
    }


@st.composite
def outcomes(draw: st.DrawFn, count: int) -> dict[str, Any]:
    at = START + timedelta(hours=draw(hours))
    return {
        "event_time": at,
        "attempt_time": at,
        "attempt_key": f"attempts{draw(st.integers(1, max(count, 1)))}",
        "key": "k",
        "verdict": draw(st.sampled_from(["accepted", "rejected", "failed", "superseded"])),
        "grade": draw(st.integers(1, 4)),
        "accepted_ppm": draw(st.sampled_from([None, 0, 333_333, 1_000_000])),
    }


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.data())
def test_rows_add_up_to_the_bill_in_every_window_and_slice(data: st.DataObject) -> None:
    lines = data.draw(st.lists(charges(), min_size=1, max_size=12))
    samples, owners = data.draw(telemetry())
    calls = data.draw(st.lists(attempts(), max_size=12))
    said = data.draw(st.lists(outcomes(len(calls)), max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(
            Path(folder),
            POOLS,
            charges=lines,
            gpu_samples=_unique(samples),
            gpu_owners=_unique(owners, "owner"),
            attempts=calls,
            outcomes=said,
        )
        middle = START + timedelta(hours=data.draw(st.integers(1, 40)))
        whole = _total(project, START - timedelta(days=1), START + timedelta(days=2))
        # The checks inside the books compare with the bill; here: rows with the total, parts with the whole, slices with it.
        parts = _total(project, START - timedelta(days=1), middle) + _total(project, middle, START + timedelta(days=2))
        assert whole == parts


@settings(max_examples=30, deadline=None)
@given(st.integers(-(10**20), 10**20), st.integers(1, 4000), st.data())
def test_cutting_time_never_loses_a_pico_unit(pico: int, span: int, data: st.DataObject) -> None:
    edges = sorted({0, span, *data.draw(st.lists(st.integers(0, span), max_size=8))})
    assert sum(cut(pico, span, a, b) for a, b in itertools.pairwise(edges)) == pico


def test_one_line_of_forty_million_dollars_and_one_of_fifty_million_won(tmp_path: Path) -> None:
    month = {
        "charge_start": START.replace(day=1),
        "charge_end": START.replace(day=1, month=11),
        "service_name": "Compute",
    }
    project = make_project(
        tmp_path,
        "",
        charges=[
            month | {"effective_cost": Decimal("40000000.000000000001"), "gpu_count": 64},
            month | {"effective_cost": Decimal(50_000_000), "currency": "KRW"},
        ],
    )
    dollars = project.answer("waterfall", Query(currency="USD"))
    won = project.answer("waterfall", Query(currency="KRW"))
    assert dollars.body["total"] == "40000000.000000000001"
    assert won.body["total"] == "50000000"
    assert dollars.body["other_currencies"] == {"KRW": "50000000"}
    assert "fx.no_rate" in {f.code for f in dollars.findings}


def _unique(rows: list[dict[str, Any]], *more: str) -> list[dict[str, Any]]:
    return list({(r["device_id"], r["event_time"], *(r[m] for m in more)): r for r in rows}.values())


def _total(project: Any, since: Any, until: Any) -> Decimal:
    """The total of a window, after checking that rows, slices and loaded slices add up to it."""
    query = Query(since=iso(since), until=iso(until))
    body = project.answer("waterfall", query).body
    rows = sum((Decimal(r["amount"]) for r in body["rows"]), Decimal(0))
    assert rows == Decimal(body["total"])
    sliced = Decimal(0)
    pools = project.books(query).engine.query("SELECT DISTINCT pool FROM leaves").column(0).to_pylist()
    for pool in pools:
        part = project.answer("waterfall", Query(since=iso(since), until=iso(until), where={"pool": pool})).body
        assert sum((Decimal(r["amount"]) for r in part["rows"]), Decimal(0)) == Decimal(part["total"])
        sliced += Decimal(part["total"])
    assert sliced == rows
    for dimension in ("team", "model"):
        cost = project.answer("unit_cost", Query(since=iso(since), until=iso(until), by=dimension)).body
        assert sum((Decimal(r["loaded_amount"]) for r in cost["rows"]), Decimal(0)) == Decimal(
            body["headline"]["in_scope_total"]
        )
    assert rows == rows.quantize(from_pico(1))
    return rows
