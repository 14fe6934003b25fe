"""The hit curve as one answer: the contract of ``netyield kv curve --json``."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from kv_traces import NAMES, made_trace, mooncake

from netyield.answers.kv_curve import Question, answer, default_capacities
from netyield.core.errors import WrongUse
from netyield.economics.kv.definition import Definition, Denominator, Match, Mean, Weight
from netyield.economics.kv.parts import Router
from netyield.economics.kv.replay import Policy
from netyield.sources.traces.trace import Identity

CONTRACT = {
    "requests", "accesses", "unique_blocks", "measured_tokens", "ceiling_hit_tokens", "points", "definition", "knee",
}  # fmt: skip


@pytest.mark.parametrize(("name", "requests", "accesses", "unique", "measured", "ceiling", "at_6553"), [
    ("conversation", 12_031, 288_500, 182_790, 67_915_607, 27_038_068, 10_394_228),
    ("synthetic", 3_993, 121_877, 43_924, 36_552_394, 31_535_563, 17_834_548),
])  # fmt: skip
def test_the_contract(
    name: str, requests: int, accesses: int, unique: int, measured: int, ceiling: int, at_6553: int
) -> None:
    found = answer(mooncake(name), Question(capacities=(6_553, 1_024)))
    body = json.loads(json.dumps(found.body, allow_nan=False))
    assert body.keys() >= CONTRACT
    counted = (body["requests"], body["accesses"], body["unique_blocks"], body["measured_tokens"])
    assert counted == (requests, accesses, unique, measured)
    assert body["ceiling_hit_tokens"] == ceiling
    assert [point["capacity_blocks"] for point in body["points"]] == [1_024, 6_553]
    assert body["points"][1]["hit_tokens"] == at_6553
    assert body["points"][1]["hit_ratio"] == at_6553 / measured
    assert body["policies"]["lru"] == body["points"]
    assert [row["hit_tokens"] for row in found.table.to_pylist()] == [p["hit_tokens"] for p in body["points"]]


@pytest.mark.parametrize("name", NAMES)
def test_every_policy_has_its_points_and_the_first_ones_are_the_points(name: str) -> None:
    body = answer(mooncake(name), Question(policies=(Policy.OPT, Policy.LRU, Policy.ARC), capacities=(3_276,))).body
    assert list(body["policies"]) == ["opt", "lru", "arc"]
    assert body["points"] == body["policies"]["opt"]
    assert body["policies"]["opt"][0]["hit_tokens"] > body["policies"]["lru"][0]["hit_tokens"]
    assert body["knee"] is None  # one replayed capacity shows no bend
    assert "target a real number" in body["definition"]["parameters"]


def test_every_choice_is_named_in_the_definition() -> None:
    trace = mooncake("synthetic")
    plain = answer(trace, Question(capacities=(1_000,))).body["definition"]
    other = answer(
        trace,
        Question(
            capacities=(1_000,),
            definition=Definition(0, Weight.BLOCKS, Match.ANY, Mean.REQUESTS, Denominator.IDENTIFIED),
        ),
    ).body["definition"]
    changed = {key for key in plain if plain[key] != other[key]}
    assert changed == {"policy", "match", "weight", "warmup", "mean", "denominator"}
    assert "1,996 of 3,993" in plain["warmup"]


def test_the_ratio_is_that_of_the_definition() -> None:
    trace = mooncake("conversation")
    flat = Question(capacities=(1_000,), definition=Definition(0, Weight.BLOCKS, Match.ANY))
    assert answer(trace, flat).body["points"][0]["hit_ratio"] == pytest.approx(0.044475, abs=5.1e-7)
    means = Question(capacities=(10**6,), definition=Definition(0, mean=Mean.REQUESTS))
    assert answer(trace, means).body["points"][0]["hit_ratio"] == pytest.approx(0.40938, abs=6e-6)


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_of_the_ceiling_are_reached_where_it_says(name: str) -> None:
    body = answer(mooncake(name), Question()).body
    sizes = tuple(row["capacity_blocks"] for row in body["reach"])
    there = answer(mooncake(name), Question(capacities=sizes)).body["points"]
    before = answer(mooncake(name), Question(capacities=tuple(size - 1 for size in sizes))).body["points"]
    for row, reached, short in zip(body["reach"], there, before, strict=True):
        goal = row["of_ceiling"] * body["ceiling_hit_tokens"]
        assert short["hit_tokens"] < goal <= reached["hit_tokens"]
    assert body["points"][-1]["hit_tokens"] == body["ceiling_hit_tokens"]
    assert 0 < body["knee"]["capacity_blocks"] < body["unique_blocks"]


def test_a_cache_that_is_not_full_when_counting_begins_says_so() -> None:
    """kvcache-simulator prints no synthetic value at 52,428 blocks for that reason."""
    points = answer(mooncake("synthetic"), Question(capacities=(204, 26_214, 52_428))).body["points"]
    warm = len(np.unique(mooncake("synthetic").nodes[: mooncake("synthetic").first[1_996]]))
    assert [point["full_before_counting"] for point in points] == [True, warm >= 26_214, False]
    rows = answer(mooncake("conversation"), Question(capacities=(204, 150_000))).table.to_pylist()
    assert [row["note"] for row in rows[1:]] == ["not full when counting begins"]
    whole = answer(mooncake("synthetic"), Question(capacities=(204,), definition=Definition(0))).body["points"]
    assert "full_before_counting" not in whole[0]  # nothing fills the cache before


def test_nodes_tenants_and_expiry_are_cuts_of_the_same_trace() -> None:
    trace = made_trace(
        [[1, 2], [1, 2], [1, 2], [1, 3]],
        [8, 8, 8, 8],
        tenant=[0, 1, 0, 1],
        arrival_us=[0, 5_000_000, 30_000_000, 31_000_000],
    )
    question = Question(
        capacities=(9,), definition=Definition(0), nodes=2, router=Router.ROUND_ROBIN, by_tenant=True, ttl_seconds=7
    )
    body = answer(trace, question).body
    assert [(t["tenant"], t["requests"], t["ceiling_hit_tokens"]) for t in body["tenants"]] == [
        ("tenant 0", 2, 8), ("tenant 1", 2, 4),
    ]  # fmt: skip
    assert body["nodes"]["points"][0] | {"capacity_blocks": 9} == {
        "capacity_blocks": 9, "hit_tokens": 12, "hit_ratio": 12 / 32, "shared_hit_ratio": 20 / 32,
    }  # fmt: skip
    assert body["points"][0]["hit_tokens"] == 12  # 5 s and 1 s apart, not 25
    assert {row["ttl_seconds"]: row["hit_tokens"] for row in body["ttl"]} == {10: 12}
    assert "7 s" in body["definition"]["ttl"]


def test_moved_content_is_told_apart() -> None:
    trace = replace(made_trace([[1, 7], [2, 7]], [8, 8]), content=np.array([0, 2, 1, 2], np.int32))
    body = answer(trace, Question(definition=Definition(0))).body
    assert body["ceiling_hit_tokens"] == 0
    assert body["position_independent"]["ceiling_hit_tokens"] == 4
    assert "position_independent" not in answer(mooncake("synthetic"), Question()).body


def test_a_sample_has_errors_and_says_what_it_left_out() -> None:
    found = answer(mooncake("conversation"), Question(capacities=(50, 30_000), shards=(16, 32)))
    assert [point["capacity_blocks"] for point in found.body["points"]] == [30_000]
    assert found.body["points"][0]["standard_error"] > 0
    assert found.body["sample"]["left_out"] == [50]
    exact = answer(mooncake("conversation"), Question(capacities=(30_000,))).body
    error = found.body["sample"]["ceiling_standard_error"]
    assert abs(found.body["ceiling_hit_ratio"] - exact["ceiling_hit_ratio"]) < 4 * error < 0.1
    assert abs(found.body["points"][0]["hit_ratio"] - exact["points"][0]["hit_ratio"]) < 0.1
    with pytest.raises(WrongUse, match="--policy lru"):
        answer(mooncake("conversation"), Question(policies=(Policy.ARC,), shards=(16, 32)))


def test_capacities_have_a_size_for_a_model() -> None:
    found = answer(mooncake("synthetic"), Question(capacities=(3_276,), model="x", bytes_per_token=327_680.0))
    assert found.body["points"][0]["capacity_gib"] == 511.875
    assert found.table.column("capacity_gib").to_pylist() == [511.875]


def test_an_empty_trace_and_one_without_reuse_are_answered_in_words() -> None:
    empty = answer(made_trace([], []), Question())
    assert (empty.body["points"][0]["hit_ratio"], empty.body["knee"]) == (0.0, None)
    assert "no request" in empty.description
    once = answer(made_trace([[1], [2]], [4, 4]), Question(definition=Definition(0)))
    assert [finding.code for finding in once.findings] == ["kv.no_reuse"]
    assert "nothing is read twice" in once.description


def test_default_capacities_end_at_everything() -> None:
    assert default_capacities(300) == [64, 128, 256, 300]
    assert default_capacities(5) == [5]
    assert default_capacities(0) == [1]


def test_a_sample_works_nothing_out_of_the_whole_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        message = "the whole trace was replayed"
        raise AssertionError(message)

    monkeypatch.setattr("netyield.answers.kv_curve.request_ranks", refused)
    monkeypatch.setattr("netyield.answers.kv_curve.lru_curve", refused)
    found = answer(mooncake("conversation"), Question(shards=(4, 64)))
    assert found.body["sample"]["accesses_share"] < 0.2
    assert found.body["knee"] is None or found.body["knee"]["capacity_blocks"] > 0
    with pytest.raises(WrongUse, match="--by-tenant"):
        answer(mooncake("conversation"), Question(shards=(4, 64), by_tenant=True))


def test_a_time_to_live_is_a_policy_beside_others() -> None:
    found = answer(
        mooncake("conversation"),
        Question(policies=(Policy.LRU, Policy.TTL, Policy.FIFO), capacities=(6_553, 182_790), ttl_seconds=60.0),
    ).body
    lru, ttl = found["policies"]["lru"], found["policies"]["ttl"]
    assert [point["hit_tokens"] for point in lru] == [10_394_228, 27_038_068]
    assert ttl[0]["hit_tokens"] < lru[0]["hit_tokens"]
    alone = answer(mooncake("conversation"), Question(capacities=(6_553, 182_790), ttl_seconds=60.0)).body
    assert alone["points"] == ttl
    assert ttl[1]["hit_tokens"] == {one["ttl_seconds"]: one["hit_tokens"] for one in found["ttl"]}[60]
    assert "60 s" in found["definition"]["policy"]
    assert found["reach"]
    assert not alone["reach"]


def test_a_time_to_live_without_times_says_so() -> None:
    found = answer(
        made_trace([[1], [1]], [4, 4], arrival_us=[7, 7]), Question(definition=Definition(0), ttl_seconds=1.0)
    )
    assert "kv.no_times" in [finding.code for finding in found.findings]


def test_text_in_another_place_is_reported_apart() -> None:
    moved = replace(
        made_trace([[1, 2], [3, 4]], [8, 8]), identity=Identity.CONTENT, content=np.array([1, 2, 2, 1], np.int32)
    )
    found = answer(moved, Question(definition=Definition(0)))
    assert found.body["ceiling_hit_tokens"] == 0
    assert found.body["position_independent"]["ceiling_hit_tokens"] == 8
    assert [row["hit_tokens"] for row in found.views["moved"][0].to_pylist()] == [0, 8]
