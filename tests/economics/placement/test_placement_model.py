"""The parts of a comparison: draws that repeat, capacities that never shrink, break-even where it can be worked out by hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from placement_cases import MONTH, api, case, demand, levels, own, rent

from netyield.core.errors import ConfigError, WrongUse
from netyield.economics.placement.api_prices import list_price
from netyield.economics.placement.break_even import break_even
from netyield.economics.placement.capacity import Capacity, Level
from netyield.economics.placement.compare import _most_telling, compare, cost_of
from netyield.economics.placement.demand import binned
from netyield.economics.placement.flips import flips
from netyield.economics.placement.options import parse_options
from netyield.economics.placement.rent_cost import price_path
from netyield.economics.placement.suggested import EXAMPLE, listed_by, not_suggested, suggested_options
from netyield.economics.placement.sways import sways
from netyield.economics.placement.uncertain import Draws, exactly, lognormal, within
from netyield.economics.placement.ways import Rent
from netyield.sources.prices.genai_catalogue import catalogue_rows


def test_draws_repeat_and_do_not_move_each_other() -> None:
    first, second = Draws(500), Draws(500)
    second.value("another input", within(0, 1, 2))
    assert np.array_equal(first.value("growth", within(1, 2, 4)), second.value("growth", within(1, 2, 4)))
    assert not np.array_equal(first.value("growth", within(1, 2, 4)), Draws(500, seed=1).value("growth", within(1, 2, 4)))
    assert np.array_equal(first.value("growth", within(1, 2, 4))[:100], Draws(100).value("growth", within(1, 2, 4)))
    assert set(first.with_fixed("growth", 3.0).value("growth", within(1, 2, 4))) == {3.0}


def test_draws_are_of_the_distribution_they_say() -> None:
    draws = Draws(20_000)
    triangle, factor = draws.value("a", within(1, 2, 6)), draws.value("b", lognormal(0.2))
    assert triangle.mean() == pytest.approx(3.0, abs=0.03)  # (1 + 2 + 6) / 3
    assert triangle.min() >= 1
    assert triangle.max() <= 6
    assert np.median(factor) == pytest.approx(1.0, abs=0.01)
    assert np.log(factor).std() == pytest.approx(0.2, abs=0.005)
    assert set(draws.value("c", exactly(7))) == {7.0}


def test_more_demand_never_needs_fewer_replicas() -> None:
    noisy = Capacity("h100", 1, (Level(0.5, 3, 0.5), Level(1.0, 2, 0.9), Level(2.0, 6, 0.7)), 0.0, "a table")
    demands = np.linspace(0.01, 20, 500)
    assert np.all(np.diff(noisy.replicas(demands)) >= 0)
    assert noisy.replicas(np.array([1e-9]))[0] == 1
    assert noisy.replicas(np.array([20.0]))[0] == 60
    assert noisy.held_per_replica == 0.5


def test_bins_have_a_mean_of_one_and_drop_the_partial_one() -> None:
    rate = binned(np.array([0.0, 10, 61, 62, 63, 125]), np.array([1.0, 1, 1, 1, 1, 99]))
    assert list(rate) == pytest.approx([0.8, 1.2])


def test_the_price_path_is_flat_for_a_term_and_follows_the_drift_else() -> None:
    asked = case([rent(), rent(name="on demand", term="on_demand"), rent(name="a year", term="12 months")], draws=4000)
    fixed, floating, year = (price_path(asked, option) for option in asked.options.option if isinstance(option, Rent))
    assert set(fixed) == {1.0}
    assert floating.std() > year.std() > 0
    assert floating.min() > 0


def test_break_even_by_hand() -> None:
    """One replica does 36 million tokens an hour for $2.50, the API takes ten cents a million: $3.60. A fleet of whole replicas is
    dearer up to 0.69 of one, again from 1 to 1.39 and from 2 to 2.08, then never. With a peak of three it is dearer always."""
    rates = {"gpu": "h100", "processed": 10_000, "log_sd": 0, "dated": "2026-11-01", "source": "a load test"}
    tokens = int(5_000 * MONTH)  # half a replica
    month = demand(input_tokens=0, cache_read_tokens=0, output_tokens=tokens, span_seconds=MONTH)
    curve = break_even(compare(case([api(output=0.1), rent()], month, capacity=[rates])))
    assert curve is not None
    points = {point.peak_to_mean: point for point in curve.points}

    assert points[1.0].mtok_per_month is not None
    assert 1.38 < points[1.0].mtok_per_month / (10_000 * MONTH / 1e6) < 2.09
    assert points[3.0].mtok_per_month is None
    assert curve.against == "API"
    assert curve.here == (pytest.approx(tokens / 1e6), pytest.approx(1.0))


def test_a_flip_is_where_two_lines_cross() -> None:
    """The API costs 1,000 x p; the fleet is fixed: the price at which they are equal is the flip, to 2 %."""
    asked = case([api(cache_read=0.5), rent()])
    found = compare(asked)
    listed = {flip.input: flip for flip in flips(found)}
    fleet = found.ways[1].cost.usd_per_month[0]
    bill = found.ways[0].cost.usd_per_month[0]
    flip = listed["API: price change"] if bill < fleet else listed["rented: GPU price"]
    crossing = fleet / bill if bill < fleet else 2.5 * bill / fleet
    assert float(flip.to) == pytest.approx(crossing, rel=0.02)
    assert flip.then == ("rented" if bill < fleet else "API")


def test_prices_of_the_list_are_those_of_the_list() -> None:
    price = list_price("deepseek", "deepseek-chat", date(2026, 11, 22))
    assert price.cache_read < price.input < price.output
    assert price.source.startswith("genai-prices")
    assert price.dated <= "2026-11-22"
    with pytest.raises(WrongUse, match="Correct provider"):
        list_price("nobody", "nothing", date(2026, 11, 22))


def test_suggested_ways_serve_the_very_model() -> None:
    ways = suggested_options("Qwen/Qwen3-32B", "h100", date(2026, 11, 22))
    assert {option.kind for option in ways.option} == {"api", "rent", "own", "hybrid"}
    assert all(name.lower().endswith("qwen3-32b") for _, name in listed_by("Qwen/Qwen3-32B"))
    assert not_suggested(ways, "h100") == ()
    (told,) = not_suggested(suggested_options("Qwen/Qwen3-32B", "mi300x", date(2026, 11, 22)), "mi300x")
    assert "a public rent of a MI300X, a price of a MI300X" in told.message
    with pytest.raises(ConfigError):
        suggested_options("a-model-nobody-lists", "a-gpu-nobody-sells", date(2026, 11, 22))


def test_the_annotated_example_is_a_file_of_options() -> None:
    import tomllib

    assert len(parse_options(tomllib.loads(EXAMPLE)).option) == 5


def test_owning_an_unknown_gpu_asks_for_what_it_lacks() -> None:
    terms = {key: value for key, value in own(gpu="tpu").items() if key not in ("usd_per_gpu", "kw_per_gpu")}
    asked = case([terms], capacities=[levels(gpu="tpu")])
    cost = cost_of(asked, asked.options.option[0])
    assert not cost.known
    assert "usd_per_gpu and kw_per_gpu" in cost.missing[0].repair


def test_an_input_sways_only_what_it_touches() -> None:
    """An API against two fleets of which one never comes near: what is its own alone sways nothing and is worth nothing."""
    dear = rent(name="dear", usd_per_gpu_hour=90.0, storage_usd_per_gpu_month=[0, 10, 40])
    close = rent(usd_per_gpu_hour=[0.4, 0.5, 0.7], support_share=[0.0, 0.05, 0.1])
    found = compare(case([api(input=[0.4, 0.5, 0.7]), close, dear]))
    swayed = {sway.input: sway for sway in sways(found)}

    assert set(swayed) == {"API: input price", "rented: GPU price", "rented: support share"}
    assert set(found.worth_usd_per_month) <= set(swayed)
    ends = np.percentile(found.case.inputs.draws.value("rented: GPU price", within(0.4, 0.5, 0.7)), (10, 90))
    fleet = found.ways[1].cost.parts["GPU rent"].mean() / np.mean(found.case.inputs.draws.value("rented: GPU price", within(0.4, 0.5, 0.7)))
    swing = abs(swayed["rented: GPU price"].high - swayed["rented: GPU price"].low)
    assert swing == pytest.approx(fleet * 1.05 * (ends[1] - ends[0]), rel=0.02)


def test_a_fleets_bridge_has_to_keep_the_limits_as_well() -> None:
    """GPUs in the right place, and until they stand an API in the wrong one."""
    limits = {"residency": "eu"}
    here = own(residency=["eu"], lead_months=3, bridge="API")
    found = compare(case([here, api()], constraints=limits))
    assert found.ways[0].p_cheapest is None
    assert "API does not say that data stay in eu" in found.ways[0].out[0].message
    allowed = compare(case([here, api(residency=["eu"])], constraints=limits))
    assert allowed.ways[0].p_cheapest is not None


def test_lists_with_tiers_by_length_are_asked_with_the_traffics_own_lengths() -> None:
    """A model whose list doubles beyond some length: the price is between both, by how many tokens are in long prompts."""
    row = next(row for row in catalogue_rows() if row.from_input_tokens and row.tariff == "standard" and row.model == "claude-sonnet-4-5")
    edge = row.from_input_tokens
    on = date(2026, 11, 22)
    short, long = (list_price(row.provider, row.model, on, lambda tokens, way=way: (way, way)) for way in (0.0, 1.0))
    mixed = list_price(row.provider, row.model, on, lambda tokens: (0.25, 0.5) if tokens == edge else (0.0, 0.0))
    assert long.input > short.input
    assert mixed.input == pytest.approx(0.75 * short.input + 0.25 * long.input, rel=1e-6)
    assert mixed.output == pytest.approx(0.5 * short.output + 0.5 * long.output, rel=1e-6)
    assert "tiers by prompt length" in mixed.source


def test_a_tariff_of_the_list_is_its_own_price() -> None:
    on = date(2026, 11, 22)
    standard, flex = (list_price("openai", "gpt-5", on, tariff=tariff) for tariff in ("standard", "flex"))
    assert flex.input < standard.input
    assert standard.batch_discount == pytest.approx(0.5)
    with pytest.raises(WrongUse, match="No flex price is known"):
        list_price("deepseek", "deepseek-chat", on, tariff="flex")


@pytest.mark.parametrize(("fleet", "spill", "both"), [(True, True, True), (True, None, None), (False, None, False), (True, False, False)])
def test_a_hybrid_keeps_the_objective_where_both_parts_do(fleet: bool, spill: bool | None, both: bool | None) -> None:
    words = {} if spill is None else {"meets_slo": spill}
    ways = [rent(meets_slo=fleet), api(**words), {"kind": "hybrid", "name": "both", "base": "rented", "spill": "API"}]
    assert compare(case(ways)).ways[2].cost.meets_slo is both


@pytest.mark.parametrize("price", [0.6, 0.8, 1.0, 1.2])
def test_undecided_names_an_input_that_matters(price: float) -> None:
    """An API against a rent whose price wanders: a close call for each of these prices."""
    ways = [api(input=price, cache_read=price, output=price), rent(usd_per_gpu_hour=[0.3, 1.2, 2.4], term="on_demand", minimum_fte=0)]
    found = compare(case(ways, draws=400))
    assert found.winner is None
    assert found.measure == "rented: GPU price"
    assert found.measure == next(iter(found.worth_usd_per_month))


def test_the_most_telling_input_is_named_where_none_alone_saves_anything() -> None:
    ways = [api(input=0.8, cache_read=0.8, output=0.8), rent(usd_per_gpu_hour=[0.3, 1.2, 2.4], term="on_demand", minimum_fte=0)]
    found = compare(case(ways, draws=400))
    assert _most_telling(found.case, np.stack([way.compared for way in found.ways]), 0, found.contended) == "rented: GPU price"


def test_a_measured_week_is_not_asked_what_if_it_were_another() -> None:
    found = compare(case([api(), rent()]))
    assert found.case.demand.whole_week
    assert not any("weekly" in flip.input for flip in flips(found))
