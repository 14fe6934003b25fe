"""The ten recurring mistakes of published comparisons: the wrong way cannot be written, or it warns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from placement_cases import WEEK, api, case, demand, levels, own, rent

from netyield.core.errors import ConfigError
from netyield.economics.placement.compare import Comparison, compare, cost_of
from netyield.economics.placement.options import parse_options
from netyield.economics.placement.slo import objective_findings


def codes(found: Comparison) -> set[str]:
    return {each.code.removeprefix("placement.") for each in found.findings}


def refused(option: dict[str, Any], **tables: Any) -> str:
    with pytest.raises(ConfigError) as told:
        parse_options({"option": [option], **tables})
    return str(told.value)


@pytest.mark.parametrize("word", ["utilisation", "utilization"])
def test_1_utilisation_cannot_be_put_in(word: str) -> None:
    assert "Utilisation is an output" in refused(rent(**{word: 1.0}))
    rates = {"gpu": "h100", "processed": 5_000, "log_sd": 0, "dated": "2026-11-01", "source": "a load test"}
    even, bursty = (
        compare(case([rent()], demand(rate=rate), capacity=[rates])).ways[0].cost for rate in (np.ones(9), np.r_[np.full(8, 0.5), 5.0])
    )
    assert even.utilisation is not None
    assert bursty.utilisation is not None
    assert even.utilisation[0] == pytest.approx(2_300e6 / WEEK / 5_000)
    assert bursty.utilisation[0] == pytest.approx(2_300e6 / WEEK / 5_000 / 4)


def test_2_a_peak_costs_a_fleet_and_not_an_api() -> None:
    """The same tokens a month, evenly or in one of ten minutes: only the fleet is sized for the peak."""
    rates = {"gpu": "h100", "processed": 5_000, "log_sd": 0, "dated": "2026-11-01", "source": "a load test"}
    even = compare(case([api(), rent()], demand(rate=np.ones(10)), capacity=[rates]))
    peaky = compare(case([api(), rent()], demand(rate=np.r_[np.full(9, 1 / 9), 9.0]), capacity=[rates]))
    cost = [[way.cost.usd_per_month[0] for way in found.ways] for found in (even, peaky)]

    assert cost[1][0] == pytest.approx(cost[0][0])
    assert cost[1][1] == 7 * cost[0][1]
    assert peaky.ways[1].cost.utilisation is not None
    assert peaky.ways[1].cost.utilisation[0] < 0.12
    hour = compare(case([api(), rent()], demand(span_seconds=3500.0), capacity=[rates]))
    assert "no_week" in codes(hour)


@pytest.mark.parametrize("slo", ["ttft mean < 2s", "ttft p50 < 2s", "ttft p99 < 2s, tpot p50 < 50ms"])
def test_3_an_average_as_objective_warns(slo: str) -> None:
    assert [each.code for each in objective_findings(slo)] == ["placement.average_objective"]
    assert objective_findings("ttft p99 < 2s, tpot p99 < 100ms") == []


def test_4_another_models_price_is_not_compared() -> None:
    found = compare(case([api(), api(name="other", model="frontier", input=0.01, output=0.01)]))
    other = found.ways[1]
    assert other.p_cheapest is None
    assert "different_model" in codes(found)
    assert found.winner != "other"
    judged = compare(case([api(), api(name="other", model="frontier", input=0.01, output=0.01, useful_ratio=0.9)]))
    assert judged.winner == "other"


def test_4_a_hybrid_of_another_model_is_as_useful_as_its_parts() -> None:
    words = {"model": "frontier", "useful_ratio": 0.8, "tokens_ratio": 1}
    ways = [rent(**words), api(**words), {"kind": "hybrid", "name": "both", "base": "rented", "spill": "API"}]
    found = compare(case(ways))
    assert [set(way.of_useful) for way in found.ways] == [{0.8}] * 3
    bare = compare(case([rent(model="frontier"), api(), ways[2]]))
    assert bare.ways[2].p_cheapest is None  # its fleet serves another model, and nothing says how well
    said = compare(case([rent(model="frontier"), api(), ways[2] | {"useful_ratio": 0.9}]))
    assert set(said.ways[2].of_useful) == {0.9}


def test_4_a_fleet_of_another_model_is_told_whose_size_it_has() -> None:
    words = {"model": "frontier", "useful_ratio": 0.8, "tokens_ratio": 1}
    assert "other_model_sized" in codes(compare(case([rent(**words)], capacities=[levels(model="open-model")])))
    assert "other_model_sized" not in codes(compare(case([rent()], capacities=[levels(model="open-model")])))


def test_training_is_not_made_dearer_by_fewer_useful_answers() -> None:
    words = {"model": "frontier", "useful_ratio": 0.5, "tokens_ratio": 1}
    load = {"gpu_hours_per_month": 1000, "usd_per_gpu_hour": 2, "dated": "2026-11-01", "source": "a quote"}
    alone, shared = (compare(case([api(**words)], **tables)).ways[0] for tables in ({}, {"training": load}))
    assert shared.compared[0] == pytest.approx(alone.compared[0] + 2000)
    assert alone.compared[0] == pytest.approx(2 * alone.cost.usd_per_month[0])


def test_4_tokenizers_are_compared_by_requests_and_not_by_tokens() -> None:
    """A model whose tokenizer makes a quarter more tokens costs a quarter more for the same requests."""
    words = {"model": "frontier", "useful_ratio": 1}
    asked = case([api(name="one", **words, tokens_ratio=1), api(name="two", **words, tokens_ratio=1.25)])
    one, two = (cost_of(asked, option).usd_per_month[0] for option in asked.options.option)
    assert two == pytest.approx(1.25 * one)


def test_5_cached_input_has_its_own_price_or_warns() -> None:
    with_price, without = compare(case([api()])), compare(case([api(cache_read=None)]))
    assert "no_cache_price" in codes(without)
    assert "no_cache_price" not in codes(with_price)
    saved = without.ways[0].cost.usd_per_month[0] - with_price.ways[0].cost.usd_per_month[0]
    assert saved == pytest.approx(600 * (0.5 - 0.05) * 730 / 168, rel=1e-6)
    assert "no_cache_column" in codes(compare(case([api()], demand(cache_read_tokens=None))))


def test_6_every_token_is_paid_once() -> None:
    asked = case([api()])
    parts = cost_of(asked, asked.options.option[0]).parts
    weeks = 730 / 168
    assert parts["input"][0] == pytest.approx(1400 * 0.5 * weeks)  # what the cache served is not computed again
    assert parts["cache read"][0] == pytest.approx(600 * 0.05 * weeks)
    assert parts["output"][0] == pytest.approx(300 * 1.5 * weeks)
    assert "input and output" in refused({key: value for key, value in api().items() if key != "input"})
    assert "differ by ten" in refused(api(usd_per_mtok=0.3))


def test_7_a_fleet_has_whole_units_and_a_spare() -> None:
    fleet = levels(gpus_per_replica=2)
    bare = cost_of(case([rent()], capacities=[fleet]), case([rent()]).options.option[0])
    asked = case([rent(minimum_gpus=8, spare_replicas=1)], capacities=[fleet])
    whole = cost_of(asked, asked.options.option[0])
    assert bare.gpus is not None
    assert whole.gpus is not None
    assert (bare.gpus[0], whole.gpus[0]) == (10, 16)
    assert "no_spare" in codes(compare(case([rent()])))
    assert "no_spare" not in codes(compare(asked))


def test_8_staff_is_people_and_a_licence_has_a_meter() -> None:
    assert "Staff is people" in refused(own(staff_share=0.2))
    assert "per = " in refused(own(licence_share=0.1))
    people = []
    for gpus_per_fte in (10, 9):  # ten GPUs: one more of them takes one more person, whole
        asked = case([own(minimum_fte=1.5, gpus_per_fte=gpus_per_fte, staff_usd_per_year=120_000)])
        people.append(cost_of(asked, asked.options.option[0]).parts["staff"][0] / 10_000)
    assert people == [1.5, 2.5]
    meters = [
        {"name": "A", "per": "gpu", "usd_per_year": 4500}, {"name": "B", "per": "core", "usd_per_year": 190, "cores_per_gpu": 16},
        {"name": "C", "per": "server", "usd_per_year": 1200}, {"name": "D", "per": "fixed", "usd_per_year": 12_000},
    ]  # fmt: skip
    asked = case([own(licence=meters)])
    parts = cost_of(asked, asked.options.option[0]).parts
    assert [parts[f"licence {name}"][0] for name in "ABCD"] == pytest.approx([3750, 190 * 160 / 12, 200, 1000])
    unpriced = compare(case([own(stack="managed", licence=[{"name": "A", "per": "gpu"}]), api()]))
    assert "no_licence_price" in codes(unpriced)
    assert not unpriced.ways[0].ranked
    assert "no licence meter" in refused(own(stack="managed"))


@pytest.mark.parametrize("missing", ["dated", "term"])
def test_9_a_gpu_price_without_date_or_term_is_no_price(missing: str) -> None:
    found = compare(case([rent(**{missing: None}), api()]))
    assert "undated_price" in codes(found)
    assert not found.ways[0].cost.known
    assert found.winner != "rented"
    old = compare(case([rent(dated="2026-01-01"), api()]))
    assert "old_price" in codes(old)


@pytest.mark.parametrize("rates", [{"decode": 22_300}, {"prefill": 52_300}, {"processed": 9000, "decode": 22_300}])
def test_10_a_decode_rate_alone_is_refused(rates: dict[str, float]) -> None:
    written = {"gpu": "h100", "dated": "2026-11-01", "source": "lmsys", **rates}
    assert "prefill and decode" in refused(rent(), capacity=[written])
    assert "a decode rate leaves the prefill out" in refused(
        rent(), capacity=[{"gpu": "h100", "output_tokens_per_second": 22_300, "dated": "2026-11-01", "source": "lmsys"}]
    )


def test_a_window_of_a_week_needs_no_assumption_about_it() -> None:
    assert "no_week" not in codes(compare(case([api(), rent()], demand(span_seconds=WEEK))))
