"""Unfilled capacity as a report shows it: beside the books, from counted tokens, never from GPU activity alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ledger_rows import MINUTE, START, make_project

from netyield.core.period import iso
from netyield.project import Project, Query

POOL = '[[pool]]\nname = "a"\ntags = {pool = "a"}\ndevices = ["a*"]\n'
OBJECTIVE = "[serving]\nttft_seconds_p95 = 1.0\nspare_replicas = 0\n"
HOURS, REPLICAS = 24, 5
END = START + timedelta(hours=HOURS)
# Five GPUs at a dollar an hour for a day: 120 replica-hours.
CHARGE = {
    "charge_start": START,
    "charge_end": END,
    "effective_cost": Decimal(HOURS * REPLICAS),
    "gpu_count": REPLICAS,
    "tags": '{"pool": "a"}',
    "consumed_quantity": Decimal(HOURS),
    "consumed_unit": "Hours",
    "service_name": "Compute",
}
STEPS = [START + n * 5 * MINUTE for n in range(HOURS * 12)]
HOLD = {"hold_us": 600_000_000}


def telemetry() -> dict[str, list[dict[str, Any]]]:
    """Five GPUs that read 100 % in every hour, each held by its replica."""
    owned = {"namespace": "serve", "state": "allocated"} | HOLD
    return {
        "gpu_samples": [
            {"device_id": f"a{n}", "event_time": t, "value": 100.0, "gpu_model": "H100"} | HOLD
            for n in range(REPLICAS)
            for t in STEPS
        ],
        "gpu_owners": [
            {"device_id": f"a{n}", "event_time": t, "owner": f"serve/llm-{n}"} | owned
            for n in range(REPLICAS)
            for t in STEPS
        ],
    }


def counters() -> list[dict[str, Any]]:
    """600 output tokens in every even hour, 300 in every odd one; first tokens within half a second."""
    rows = []
    for number in range(REPLICAS):
        process = {"replica": f"llm-{number}", "namespace": "serve", "engine": "vllm", "model": "llama"} | HOLD
        counted = 0
        for place, t in enumerate(STEPS):
            rows.append(
                process
                | {"metric": "vllm:generation_tokens", "kind": "counter", "event_time": t, "value": float(counted)}
            )
            rows.append(process | {"metric": "vllm:prompt_tokens", "kind": "counter", "event_time": t, "value": 0.0})
            counted += 25 if place // 12 % 2 else 50
            if place % 6 == 0:  # twice an hour: ten requests in its first half, all within half a second
                bucket = {
                    "metric": "vllm:time_to_first_token_seconds",
                    "kind": "bucket",
                    "event_time": t,
                    "value": 10.0 * ((place + 6) // 12),
                }
                rows += [process | bucket | {"labels": f'{{"le":"{bound}"}}'} for bound in ("0.5", "+Inf")]
    return rows


def project(path: Path, toml: str, **tables: Any) -> Project:
    return make_project(path, toml, charges=[CHARGE], **telemetry(), **tables)


def annotations(opened: Project, name: str = "waterfall", **where: str) -> list[Mapping[str, Any]]:
    query = Query(since=iso(START), until=iso(END), where=where)
    return list(opened.answer(name, query).body["annotations"]["unfilled_capacity"])


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return project(tmp_path_factory.mktemp("counted"), POOL + OBJECTIVE, engine_samples=counters())


def test_half_full_hours_are_unfilled_beside_the_books(counted: Project) -> None:
    (row,) = annotations(counted)
    assert row["busy_hours"] == 120
    assert (row["model"], row["gpu_model"], row["engine_version"]) == ("llama", "H100", None)
    assert row["reference_tokens_per_gpu_hour"] == 600
    # 60 full hours and 60 half full ones. No reading follows the last slot of the day: its money and its 25 tokens stay out,
    # for each of the five: 120 - 5/12 dollars, and 60 + 55/2 + 5 * 275/600 of them at the reference rate.
    assert Decimal(row["active_amount"]).quantize(Decimal("1e-9")) == Decimal("119.583333333")
    assert Decimal(row["amount_at_reference"]) == Decimal("89.791667")
    assert Decimal(row["unfilled_amount"]) == Decimal(row["active_amount"]) - Decimal("89.791667")
    assert (
        row["headroom_amount"] == row["unfilled_amount"]
    )  # the busiest hour took all five: at that peak all are required
    assert annotations(counted, "fleet") == [row]
    (said,) = [
        c for c in counted.answer("waterfall", Query(since=iso(START), until=iso(END))).caveats if "reference rate" in c
    ]
    assert said.startswith(
        "Of 119.58 USD active on llama (H100), 89.79 would have served the same tokens at the reference rate (modelled)"
    )


def test_the_annotation_moves_no_money(counted: Project, tmp_path: Path) -> None:
    window = Query(since=iso(START), until=iso(END))
    told = counted.answer("waterfall", window)
    silent = project(tmp_path, POOL, engine_samples=counters()).answer("waterfall", window)
    assert (
        silent.body["annotations"]["unfilled_capacity"][0]["status"]
        == "not measured (no latency objective in [serving])"
    )
    assert [told.body[key] for key in ("total", "rows", "headline", "usage")] == [
        silent.body[key] for key in ("total", "rows", "headline", "usage")
    ]
    assert sum(Decimal(row["amount"]) for row in told.body["rows"]) == Decimal(told.body["total"]) == HOURS * REPLICAS


def test_filters_choose_whose_money_is_asked_for(counted: Project) -> None:
    whole = annotations(counted)
    assert annotations(counted, pool="a") == annotations(counted, model="lla*") == whole
    assert annotations(counted, pool="b") == []
    assert annotations(counted, team="red") == []  # a replica's hour is not split by team


def test_a_view_has_the_columns_of_its_words(counted: Project) -> None:
    view, columns = counted.answer("fleet", Query(since=iso(START), until=iso(END))).views["unfilled"]
    assert view.column_names == [column.name for column in columns]
    assert view.num_rows == 1


def test_gpu_utilisation_alone_never_produces_a_figure(tmp_path: Path) -> None:
    # 120 GPU-hours at 100 %, an objective declared, no request log and no engine counter: nothing may be said of filling.
    blind = project(tmp_path, POOL + OBJECTIVE)
    assert annotations(blind) == annotations(blind, "fleet") == []
    told = blind.answer("waterfall", Query(since=iso(START), until=iso(END)))
    assert [row["step"] for row in told.body["rows"]] == ["active_unattributed"]
    assert not any("reference rate" in caveat for caveat in told.caveats)
