"""The plan's answer: its JSON, its words, its tables, what it says when it cannot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netyield.answers import kv_explain, kv_plan
from netyield.answers.answer import Answer
from netyield.charts.drawings import drawings
from netyield.core.inference.hardware import find_gpu
from netyield.core.inference.models import find_model
from netyield.economics.kv.definition import Definition
from netyield.economics.kv.prepare import Machines
from netyield.economics.kv.slo import parse_objective
from netyield.economics.kv.tiers import Tier, Tiers, default_tiers
from netyield.faces.report.page import page
from netyield.sources.traces.read import read_trace

DATA = Path(__file__).parents[1] / "data" / "kv"
TRACE = read_trace(DATA / "mooncake_conversation_trace.jsonl.gz")
H100 = find_gpu("h100")


def planned(slo: str, gpus: tuple[int, ...] = (16,), **more: Any) -> Answer:
    machines = Machines(find_model("Llama-3.1-70B"), H100, gpus, more.pop("tiers", default_tiers(H100)))
    return kv_plan.answer(TRACE, kv_plan.Question(machines, parse_objective(slo), **more))


KEPT = planned("ttft p50 < 1.5s")
MISSED = planned("ttft p95 < 2s", (8,))
PLAIN = planned("ttft p50 < 10s")


def test_the_body_is_json_without_infinities_and_says_what_was_decided() -> None:
    for answer in (KEPT, MISSED, PLAIN):
        body = json.loads(json.dumps(answer.body, allow_nan=False))
        assert body["answer"] == "kv_plan"
        assert body["definition"]["hbm_for_prefixes"]
        assert body["prices"]
        assert body["tried"] > 50
    assert (KEPT.body["met"], KEPT.body["offload"]) == (True, True)
    assert (MISSED.body["met"], MISSED.body["chosen"]) == (False, None)
    assert (PLAIN.body["met"], PLAIN.body["offload"]) == (True, False)


def test_every_served_and_computed_token_is_accounted_for() -> None:
    counted = int(TRACE.input_tokens[Definition().measured(TRACE)].sum())
    for option in (KEPT.body["chosen"], KEPT.body["hbm_only"], *KEPT.body["frontier"]):
        assert sum(option["served_tokens"].values()) + option["computed_tokens"] == counted


def test_dollars_per_million_tokens_are_the_hour_over_its_tokens() -> None:
    per_hour = int(TRACE.input_tokens.sum()) / 1e6 / TRACE.span_seconds * 3600
    chosen = KEPT.body["chosen"]

    assert chosen["usd_per_million_input_tokens"] == pytest.approx(chosen["usd_per_hour"] / per_hour)
    assert chosen["gpu_usd_per_hour"] == pytest.approx(16 * 2.95)


def test_gpu_seconds_saved_stand_apart_from_dollars() -> None:
    saved = KEPT.body["savings"]
    hours = saved["saved_by_tiers_gpu_seconds_per_hour"] / 3600

    assert saved["saved_by_tiers_usd_per_hour_if_reclaimed"] == pytest.approx(hours * 2.95)
    assert saved["saved_by_hbm_gpu_seconds_per_hour"] > 0
    assert any("else nothing" in caveat for caveat in KEPT.caveats)


def test_the_words_name_the_decision_and_its_reason() -> None:
    assert KEPT.description.startswith("Keep dram ")
    assert "per million input tokens" in KEPT.description
    assert "HBM alone reaches" in KEPT.body["reason"]
    assert PLAIN.description.startswith("Do not offload")
    assert "dollars only if GPUs are given up or filled" in PLAIN.body["reason"]


def test_an_impossible_objective_is_an_error_that_says_what_it_would_take() -> None:
    unmet = next(finding for finding in MISSED.findings if finding.code == "kv_plan.objective_unmet")

    assert unmet.severity == "error"
    assert "48 H100 would keep it" in unmet.repair
    assert MISSED.body["needed"]["plan"]["ttft_seconds"]["p95"] < 2
    assert "kv_plan.overload" in [finding.code for finding in MISSED.findings]


def test_one_prefill_alone_may_be_too_slow() -> None:
    answer = planned("ttft p99 < 100ms")

    assert answer.body["needed"]["gpus"] is None
    assert "faster GPUs" in answer.findings[-1].repair or "faster GPUs" in answer.description


def test_a_tier_slower_than_computing_is_warned_of() -> None:
    slow = Tiers(tier=(Tier(name="disk", sizes_gb=(10_000,), read_gb_per_second=0.06, usd_per_gb=0.1),))
    answer = planned("ttft p50 < 10s", tiers=slow)

    assert "kv_plan.slow_tier.disk" in [finding.code for finding in answer.findings]
    assert answer.body["offload"] is False


def test_break_evens_are_those_of_the_published_row() -> None:
    even = KEPT.body["break_even"]

    assert f"{even['load_gb_per_second_per_gpu']:.2f}" == "1.15"
    assert f"{even['recompute_usd_per_million_tokens']:.3f}" == "0.234"
    assert f"{even['keep_seconds']['dram'] / 3600:.1f}" == "1.7"


def test_the_table_lists_each_option_once_the_chosen_one_first() -> None:
    rows = KEPT.table.to_pylist()

    assert "chosen" in rows[0]["mark"]
    marks = " ".join(row["mark"] for row in rows)
    assert all(word in marks for word in ("chosen", "knee", "present", "HBM only"))
    keys = [(row["gpus"], row["sizes"], row["modes"]) for row in rows]
    assert len(keys) == len(set(keys))


def test_the_charts_have_a_sentence_for_every_mark_and_a_page() -> None:
    frontier, tornado = drawings(KEPT)

    assert len(frontier.sentences) >= 4
    assert any("chosen" in sentence for sentence in frontier.sentences)
    assert len(tornado.sentences) == len(KEPT.body["sensitivity"])
    assert len(drawings(MISSED)) == 1
    html = page([KEPT], about=["conversation"])
    assert "What sways it" in html
    assert "The configuration to apply" in html


def test_no_plan_without_times_or_requests() -> None:
    machines = Machines(find_model("Llama-3.1-70B"), H100, (16,), default_tiers(H100))
    at_once = replace(TRACE, arrival_us=np.zeros_like(TRACE.arrival_us))
    answer = kv_plan.answer(at_once, kv_plan.Question(machines, parse_objective("ttft p95 < 2s")))

    assert [finding.code for finding in answer.findings] == ["kv_plan.no_arrivals"]
    assert "--requests-per-second" in answer.description
    assert answer.table.num_rows == 0
    assert drawings(answer) == []
    json.dumps(answer.body, allow_nan=False)


def test_the_explanation_adds_up_and_names_the_largest_miss() -> None:
    answer = kv_explain.answer(TRACE, Definition(), 6_553)
    body = json.loads(json.dumps(answer.body, allow_nan=False))

    assert body["hit_tokens"] == 10_394_228
    assert sum(reason["tokens"] for reason in body["reasons"]) == body["measured_tokens"] == 67_915_607
    assert sum(reason["share"] for reason in body["reasons"]) == pytest.approx(1.0)
    assert "asked for only once" in answer.description
    assert 0 < len(body["families"]) <= 10


def test_an_infinite_cache_evicts_nothing() -> None:
    body = kv_explain.answer(TRACE, Definition()).body

    assert body["hit_tokens"] == 27_038_068
    assert {reason["reason"]: reason["tokens"] for reason in body["reasons"]}["evicted"] == 0
