"""The decision worked through in the documentation, and what the answer says of verdicts, filters and what is unknown."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
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
    demand = replace(demand_of("a model", arrival, tokens, tokens // 4, tokens // 2, "generated"), **(seen or {}))
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


LOAD = {"gpu_hours_per_month": 500, "usd_per_gpu_hour": 2.0, "dated": "2026-11-01", "source": "a quote"}


def test_training_is_a_load_that_every_way_pays_for() -> None:
    alone, shared = asked([OWN, API]).body["options"], asked([OWN, API], training=LOAD).body["options"]
    for number, elsewhere in ((0, 0), (1, 500)):  # the fleet has room for it, an API has none
        assert shared[number]["training"]["elsewhere"] == elsewhere
        assert shared[number]["usd_per_month"]["p50"] == pytest.approx(alone[number]["usd_per_month"]["p50"] + 2 * elsewhere, rel=1e-3)
    # What a token costs is without the training, at the price it has elsewhere.
    assert shared[1]["usd_per_served_mtok"] == alone[1]["usd_per_served_mtok"]
    assert shared[0]["usd_per_served_mtok"]["p50"] < alone[0]["usd_per_served_mtok"]["p50"]
    busy = shared[0]["training"]["utilisation_with_training"] - shared[0]["utilisation"]
    assert busy == pytest.approx(500 / 730 / shared[0]["gpus"], rel=0.25)
    full = asked([OWN, API], training=LOAD | {"gpu_hours_per_month": 50_000}).body["options"][0]["training"]
    assert 0 < full["on_the_fleet"] < 50_000
    assert full["on_the_fleet"] + full["elsewhere"] == pytest.approx(50_000, rel=1e-3)


def test_training_at_night_has_the_room_of_the_night() -> None:
    """A week with busy days and idle nights: nights leave most of the fleet, days little; both together the whole."""
    start = 1_793_577_600_000_000  # Monday 2 November 2026, 00:00 UTC
    rate = np.tile(np.repeat([0.2, 1.8], [12 * 60, 12 * 60]), 7)
    room = {}
    for name, hours in {"night": (0, 12), "day": (12, 24), "any": (None, None)}.items():
        words = {key: hour for key, hour in zip(("from_hour", "to_hour"), hours, strict=True) if hour is not None}
        wanted = LOAD | {"gpu_hours_per_month": 1_000_000} | words
        found = asked([OWN], {"start_us": start, "span_seconds": 604_800.0, "rate": rate}, training=wanted).body["options"][0]
        room[name] = found["training"]["on_the_fleet"]
    assert room["night"] > 2 * room["day"]
    assert room["night"] + room["day"] == pytest.approx(room["any"], rel=0.05)


def test_utilisation_over_the_week_is_that_of_its_hours() -> None:
    start = 1_793_577_600_000_000
    rate = np.tile(np.repeat([0.2, 1.8], [12 * 60, 12 * 60]), 7)
    body = asked([OWN, API], {"start_us": start, "span_seconds": 604_800.0, "rate": rate}).body
    hours = body["utilisation_by_hour"]
    assert body["hours_from"] == "Monday 00:00 UTC"
    assert [hour["hour_of_week"] for hour in hours] == list(range(168))
    assert hours[3]["demand"] == pytest.approx(0.2)
    assert hours[15]["utilisation"]["owned"] == pytest.approx(9 * hours[3]["utilisation"]["owned"], rel=0.05)
    assert np.mean([hour["utilisation"]["owned"] for hour in hours]) == pytest.approx(body["options"][0]["utilisation"], rel=0.1)
    short = asked([OWN, API]).body["utilisation_by_hour"]
    assert len(short) == 2  # what nobody recorded is not there


def test_lead_time_is_bridged() -> None:
    plain, late = asked([OWN, API]).body["options"][0], asked([{**OWN, "lead_months": 9, "bridge": "API"}, API]).body["options"][0]
    assert late["parts_usd_per_month"]["bridge"] > 0
    for part in ("depreciation", "hall", "staff"):
        assert late["parts_usd_per_month"][part] == pytest.approx(0.75 * plain["parts_usd_per_month"][part], rel=1e-3)
    alone = asked([{**OWN, "lead_months": 9}, API])
    assert "placement.no_bridge" in {each.code for each in alone.findings}


def test_reuse_in_the_prompts_own_blocks_bounds_what_a_cache_reads() -> None:
    """Mooncake's requests name their blocks: an unlimited cache reads 37 % of the input, a provider's at most that."""
    traffic = of_trace(read_trace(ROOT / "tests" / "data" / "kv" / "mooncake_conversation_trace.jsonl.gz", order="time"))
    demand = demand_of_traffic(traffic, "a model")
    seen: set[int] = set()
    again = 0
    for request in range(traffic.requests):
        path_of = slice(traffic.tree.first[request], traffic.tree.first[request + 1])
        for node, tokens in zip(traffic.tree.nodes[path_of].tolist(), traffic.tree.tokens[path_of].tolist(), strict=True):
            again += tokens if node in seen else 0
            seen.add(node)
    assert demand.reusable_share == pytest.approx(again / traffic.input_tokens.sum())
    assert demand.reusable_share == pytest.approx(0.374, abs=0.001)
    assert demand.cache_read_tokens is None
