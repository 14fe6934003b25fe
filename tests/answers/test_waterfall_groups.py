"""The grouped view holds the same money as the steps, each step once."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from ledger_rows import START, make_project

from netyield.answers.steps import GROUPS, MAY_BE_USEFUL, known_steps, step_of
from netyield.charts import waterfall
from netyield.project import Query

DAY = Query(since="2026-10-05", until="2026-10-06")


def line(dollars: int, **more: Any) -> dict[str, Any]:
    row = {"charge_start": START, "charge_end": START + timedelta(days=1), "effective_cost": Decimal(dollars)}
    return {**row, "event_key": f"k{dollars}", "service_name": "Compute", **more}


def test_every_step_and_family_is_in_exactly_one_group_of_its_kind() -> None:
    for step in known_steps():
        holding = [group for group in GROUPS if group.has(step.step)]
        assert len(holding) == 1, step.step
        assert len([group for group in GROUPS if group.has(f"{step.step}x" if step.step.endswith(".") else step.step)]) == 1
    for step_name in MAY_BE_USEFUL[1:]:
        assert next(group for group in GROUPS if group.has(step_name)).group == "open"
    assert not any(group.has("useful_not") for group in GROUPS)
    assert step_of("wasted.superseded").kind == next(group for group in GROUPS if group.has("wasted.superseded")).kind


def test_groups_add_up_to_the_total_credits_and_all_and_their_bars_follow_one_another(tmp_path: Path) -> None:
    lines = [
        line(70, gpu_count=1),
        line(9, gpu_count=1, commitment_id="c", commitment_status="Unused"),
        line(20, service_name="GitHub Copilot"),
        line(-4, charge_category="Credit"),
        line(3, charge_category="Tax"),
        line(11, service_name="Something"),
    ]
    answer = make_project(tmp_path, charges=lines).answer("waterfall", DAY)
    found = {group["group"]: group for group in answer.body["groups"]}
    assert {name: group["amount"] for name, group in found.items()} == {
        "open": "81", "unused_capacity": "9", "overhead": "20", "credits": "-4", "outside": "3"
    }  # fmt: skip
    assert found["open"]["steps"] == ["unknown", "unclassified"]
    assert sum(Decimal(group["amount"]) for group in answer.body["groups"]) == Decimal(answer.body["total"]) == 109
    bars = answer.views["groups"][0].to_pylist()
    edge = 0.0
    for bar in bars:
        assert edge in (bar["lo"], bar["hi"])
        edge = bar["hi"] if bar["lo"] == edge else bar["lo"]
    assert edge == 109
    (drawing,) = waterfall.groups(answer)
    assert len(drawing.sentences) == len(bars)
    assert "commitment unused" in " ".join(drawing.sentences)
