"""The decision worked through in the documentation, and what the answer says of verdicts, filters and what is unknown."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netyield.answers import placement
from netyield.answers.answer import Answer
from netyield.economics.placement.capacity import Capacity, Level
from netyield.economics.placement.options import parse_options
from netyield.economics.serving.traffic import of_trace
from netyield.project.placement import case_of, demand_of, demand_of_traffic, simulated_capacity
from netyield.sources.traces.read import read_trace

ROOT = Path(__file__).parents[2]
CHAT = ROOT / "tests" / "data" / "serving" / "azure2023_AzureLLMInferenceTrace_conv.csv.gz"
QUOTE = {"dated": "2026-11-01", "source": "a quote"}


def test_the_documented_decision() -> None:
    page = (ROOT / "docs" / "placement.md").read_text(encoding="utf-8")
    block = re.search(r"```text\n(\[decision\].*?)```", page, re.DOTALL)
    assert block is not None
    ways = parse_options(tomllib.loads(block[1]))
    traffic = of_trace(read_trace(CHAT, order="time"))
    capacity, _ = simulated_capacity(traffic, "Qwen/Qwen3-32B", "h100", ways.decision.slo or "")
    demand = demand_of_traffic(traffic, "Qwen/Qwen3-32B")
    body = placement.answer(case_of(demand, ways, {"h100": capacity}, date(2026, 11, 22))).body

    assert body["verdict"] == "nscale API"
    for option in body["options"]:
        row = re.search(rf"\| {re.escape(option['name'])} \| \$([\d,]+) \| ?(\d*) \| ?([\d.]*)", page)
        assert row is not None, option["name"]
        assert option["usd_per_month"]["p50"] == pytest.approx(float(row[1].replace(",", "")), rel=0.02)
        assert str(option["gpus"] or "") == row[2]
        assert option["utilisation"] is None or option["utilisation"] * 100 == pytest.approx(float(row[3]), abs=0.1)
    assert all(flip["then"] == "openrouter API" for flip in body["flip"])
    assert all(used["source"] for used in body["assumptions"])


def asked(options: list[dict[str, Any]], seen: dict[str, Any] | None = None, **tables: Any) -> Answer:
    arrival = np.arange(0.0, 7200.0, 0.1)
    tokens = np.full(len(arrival), 1000, np.int64)
    demand = demand_of("a model", arrival, tokens, tokens // 4, tokens // 2, "generated", **(seen or {}))
    capacity = Capacity("h200", 8, (Level(1.0, 2, 0.8), Level(2.0, 4, 0.8)), 0.18, "a table", gpu_memory_gib=141.0)
    ways = parse_options({"option": options, **tables})
    return placement.answer(case_of(demand, ways, {"h200": capacity}, date(2026, 11, 22), 200), with_flips=False)


API = {"kind": "api", "name": "API", "input": 0.6, "cache_read": 0.1, "output": 2.0, **QUOTE}
RENT = {"kind": "rent", "name": "rented", "gpu": "h200", "usd_per_gpu_hour": [2, 2.6, 3.4], "term": "12 months", **QUOTE}
OWN = {"kind": "own", "name": "owned", "gpu": "h200", **QUOTE}


def test_a_close_call_is_undecided_and_names_what_to_measure() -> None:
    rent = asked([RENT]).body["options"][0]["usd_per_month"]["p50"]
    api = asked([API]).body["options"][0]["usd_per_month"]["p50"]
    scale = rent / api
    close = {**API, "input": 0.6 * scale, "cache_read": 0.1 * scale, "output": 2.0 * scale}
    body = asked([close, RENT]).body
    assert 0.2 < body["options"][0]["p_cheapest"] < 0.8
    assert body["verdict"] == f"undecided: measure {body['measure_first'][0]['input']} first"
    assert body["measure_first"][0]["worth_usd_per_month"] > 0


def test_useful_tokens_decide_where_outcomes_are_known() -> None:
    unknown, half = asked([API]).body, asked([API], traffic={"useful_share": 0.5, "source": "outcomes"}).body
    assert unknown["options"][0]["usd_per_useful_mtok"] is None
    assert "no outcomes are known" in unknown["definition"]["decides"]
    served, useful = (half["options"][0][f"usd_per_{kind}_mtok"]["p50"] for kind in ("served", "useful"))
    assert useful == pytest.approx(2 * served, rel=1e-4)
    nothing = asked([API], traffic={"useful_share": 0, "source": "outcomes"})
    assert nothing.body["options"][0]["usd_per_useful_mtok"] is None
    assert "placement.no_useful" in {each.code for each in nothing.findings}


@pytest.mark.parametrize(
    ("limits", "changed", "told"),
    [
        ({"residency": "eu"}, {}, "data stay in eu"),
        ({"certificates": ["iso27001"]}, {"certificates": ["soc2"]}, "no iso27001"),
        ({"data_at": "fra1"}, {"at": "us-east"}, "the data are at fra1"),
        ({"gpu_memory_gib": 2000}, {}, "2000 are needed"),
        ({"max_kw": 20}, {}, "20 are there (max_kw)"),
        ({"max_rack_units": 8}, {}, "rack units"),
        ({"max_kw_per_rack": 6}, {}, "cooled for 6"),
        ({"max_lead_months": 2}, {"lead_months": 5}, "takes 5 months"),
        ({}, {"quota_gpus": 8}, "8 may be had"),
        ({}, {"meets_slo": False}, "keeps the latency objective"),
    ],
)
def test_an_option_that_breaks_a_constraint_is_out(limits: dict[str, Any], changed: dict[str, Any], told: str) -> None:
    fits = {**API, "residency": ["eu"], "certificates": ["iso27001"], "at": "fra1"}
    found = asked([{**OWN, **changed}, fits], constraints=limits)
    owned, other = found.body["options"]
    assert owned["p_cheapest"] is None
    assert told in " ".join(owned["out"])
    assert other["p_cheapest"] == 1
    assert owned["usd_per_month"] is not None  # what it would cost is still told


def test_training_on_idle_gpus_is_money_not_spent_elsewhere() -> None:
    load = {"gpu_hours_per_month": 500, "usd_per_gpu_hour": 2.0, "dated": "2026-11-01", "source": "a quote"}
    alone, shared = asked([OWN]).body["options"][0], asked([OWN], training=load).body["options"][0]
    assert shared["parts_usd_per_month"]["training on idle GPUs"] == pytest.approx(-1000)
    assert shared["usd_per_month"]["p50"] < alone["usd_per_month"]["p50"]


def test_lead_time_is_bridged() -> None:
    plain, late = asked([OWN, API]).body["options"][0], asked([{**OWN, "lead_months": 9, "bridge": "API"}, API]).body["options"][0]
    assert late["parts_usd_per_month"]["bridge"] > 0
    assert late["parts_usd_per_month"]["capital"] == pytest.approx(0.75 * plain["parts_usd_per_month"]["capital"], rel=1e-3)
    alone = asked([{**OWN, "lead_months": 9}, API])
    assert "placement.no_bridge" in {each.code for each in alone.findings}
