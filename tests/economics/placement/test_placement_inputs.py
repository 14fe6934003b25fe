"""Every input of the costs: it changes a figure, can be given with a source and a day of its own, and is listed with them."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import Any

import numpy as np
import pytest
from placement_cases import AS_OF, HOUR, demand, levels

from netyield.economics.placement.assumed import Inputs
from netyield.economics.placement.case import Case
from netyield.economics.placement.compare import cost_of
from netyield.economics.placement.file_tables import CapacityTerms, Decision, TrafficTerms, Training
from netyield.economics.placement.options import parse_options
from netyield.economics.placement.uncertain import Draws
from netyield.economics.placement.ways import Api, Hybrid, Licence, Own, Rent

QUOTE: dict[str, Any] = {"dated": "2026-11-01", "source": "a quote"}
API: dict[str, Any] = {"kind": "api", "name": "API", "input": 0.5, "cache_read": 0.05, "cache_write": 0.6, "output": 1.5, **QUOTE}
RENT: dict[str, Any] = {"kind": "rent", "name": "rented", "gpu": "h100", "usd_per_gpu_hour": 2.5, "term": "12 months", **QUOTE}
OWN: dict[str, Any] = {"kind": "own", "name": "owned", "gpu": "h100", **QUOTE}
HOURLY = RENT | {"term": "on_demand", "scaling": "hourly"}
SAID = {"source": "our own measurement", "dated": "2026-10-31"}
STACK = {"stack": "a stack", "licence": [{"name": "platform", "per": "server", "usd_per_year": 9000, **QUOTE}]}
PEAKY = {"rate": np.tile(np.repeat([0.4, 1.6], 60), 84)}

# Every uncertain key of an option: a value that differs from what holds without it, and the option it stands in.
API_INPUTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "input": (0.7, API), "cache_read": (0.2, API), "cache_write": (0.9, API), "cache_write_long": (1.2, API), "output": (2.5, API),
    "blended": (0.9, {key: value for key, value in API.items() if key not in ("input", "cache_read", "cache_write", "output")}),
    "price_change": (0.5, API), "batch_share": (0.4, API), "batch_discount": (0.2, API | {"batch_share": 0.5}),
    "discount": (0.2, API), "usd_per_month": (5000, API), "tokens_ratio": (1.3, API),
}  # fmt: skip
FLEET_INPUTS: dict[str, Any] = {
    "minimum_gpus": 32, "spare_replicas": 4, "availability": 0.7, "minimum_fte": 3, "gpus_per_fte": 2, "staff_usd_per_year": 400_000,
    "tokens_ratio": 1.6, "virtualisation_tax": 0.3,
}  # fmt: skip
RENT_INPUTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "usd_per_gpu_hour": (5.0, RENT), "storage_usd_per_gpu_month": (99, RENT), "support_share": (0.3, RENT), "price_drift": (0.5, RENT),
    "price_walk_sd": (0.1, RENT), "egress_gb_per_month": (90_000, RENT | {"egress_usd_per_gb": 0.1}), "egress_usd_per_gb": (9.0, RENT),
    "start_seconds": (14_000, HOURLY), "ramps_per_day": (12, HOURLY),
}  # fmt: skip
OWN_INPUTS: dict[str, tuple[Any, dict[str, Any]]] = {
    key: (value, OWN) for key, value in {
        "usd_per_gpu": 70_000, "network_storage_share": 0.5, "life_years": 2, "residual_share": 0.5, "cost_of_capital": 0.3,
        "usd_per_kw_month": 500, "usd_per_kwh": 0.5, "pue": 2.0, "draw_share": 1.0, "kw_per_gpu": 3.0, "maintenance_share": 0.2,
        "failure_share": 0.2,
    }.items()
}  # fmt: skip
CASES = [
    *((f"api-{key}", key, value, base) for key, (value, base) in API_INPUTS.items()),
    *((f"rent-{key}", key, value, RENT | STACK) for key, value in FLEET_INPUTS.items()),
    *((f"own-{key}", key, value, OWN | STACK) for key, value in FLEET_INPUTS.items()),
    *((f"rent-{key}", key, value, base) for key, (value, base) in RENT_INPUTS.items()),
    *((f"own-{key}", key, value, base) for key, (value, base) in OWN_INPUTS.items()),
]
NOT_MONEY = {"useful_ratio", "rack_units_per_gpu"}  # compared by, and filtered by: tested with the verdict


def priced(option: dict[str, Any], seen: dict[str, Any] | None = None, **tables: Any) -> tuple[float, dict[str, Any]]:
    """Mean dollars a month of an option and every input used, by name."""
    words = {"cache_write_tokens": 200_000_000, "cache_write_long_tokens": 50_000_000, **PEAKY, **(seen or {})}
    options = parse_options({"option": [option], **tables})
    inputs = Inputs(Draws(60), on=AS_OF.isoformat())
    asked = Case(demand(**words), options, {"h100": levels(gpus_per_replica=8, log_sd=0.1)}, inputs, AS_OF)
    cost = cost_of(asked, options.option[0])
    assert cost.known, cost.missing
    return float(cost.usd_per_month.mean()), inputs.used


@pytest.mark.parametrize(("key", "value", "base"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_an_input_changes_the_cost_and_is_listed_with_its_own_source_and_day(key: str, value: Any, base: dict[str, Any]) -> None:
    whole = key in ("minimum_gpus", "spare_replicas")
    without = {each: word for each, word in base.items() if each != key}
    plain = base if key in ("input", "output", "usd_per_gpu_hour") else without
    if key == "blended":
        plain = base | {"blended": 0.1}
    before, _ = priced(plain)
    after, used = priced(base | {key: value if whole else {"value": value, **SAID}})
    assert after != pytest.approx(before, rel=1e-6)
    words = key.replace("_", " ")
    named = [entry for name, entry in used.items() if words in name or (key == "usd_per_gpu_hour" and "GPU price" in name)]
    entry = next(each for each in named if each.value.mid == value)
    assert not entry.assumed
    assert (entry.source, entry.dated) == (("a quote", "2026-11-01") if whole else (SAID["source"], SAID["dated"]))


def uncertain_keys(model: type) -> set[str]:
    """Keys of an options file that hold a number or an interval."""
    return {
        name for name, field in model.model_fields.items()  # type: ignore[attr-defined]
        if "Uncertain" in str(field.annotation) or name in ("minimum_gpus", "spare_replicas")
    }  # fmt: skip


def test_no_input_of_an_option_is_left_out_above() -> None:
    assert uncertain_keys(Api) - NOT_MONEY == set(API_INPUTS)
    assert uncertain_keys(Rent) - NOT_MONEY == set(FLEET_INPUTS) | set(RENT_INPUTS)
    assert uncertain_keys(Own) - NOT_MONEY == set(FLEET_INPUTS) | set(OWN_INPUTS)
    assert uncertain_keys(Hybrid) - NOT_MONEY == {"tokens_ratio"}


@pytest.mark.parametrize("key", ["growth", "weekly_peak_to_mean", "cache_read_share"])
def test_an_input_of_the_traffic_changes_the_cost_and_is_listed(key: str) -> None:
    hour = {"span_seconds": HOUR, "rate": np.ones(60), "cache_read_tokens": None, "cache_write_tokens": 0, "cache_write_long_tokens": 0}
    before, _ = priced(API, hour)
    after, used = priced(API, hour, traffic={key: {"value": 0.9, **SAID}})
    assert after != pytest.approx(before, rel=1e-6)
    entry = next(entry for name, entry in used.items() if key.replace("_", " ").removesuffix(" to mean") in name)
    assert (entry.value.mid, entry.source, entry.dated, entry.assumed) == (0.9, SAID["source"], SAID["dated"], False)


# Which key of an options file is given instead of a default of another name.
ELSEWHERE = {
    "minimum_fte_rented": "minimum_fte", "minimum_fte_owned": "minimum_fte", "service_time_sd": "log_sd",
    "egress_bytes_per_token": "egress_gb_per_month",
}  # fmt: skip


def defaults() -> dict[str, dict[str, Any]]:
    text = resources.files("netyield.economics.placement").joinpath("defaults.toml").read_text(encoding="utf-8")
    flat = {}
    for name, entry in tomllib.loads(text).items():
        kinds = {name: entry} if "value" in entry else {f"{name}.{kind}": each for kind, each in entry.items()}
        flat |= kinds
    return flat


@pytest.mark.parametrize("name", sorted(defaults()))
def test_every_default_has_a_unit_a_source_a_day_and_a_key_to_override_it(name: str) -> None:
    entry = defaults()[name]
    assert set(entry) == {"value", "unit", "source", "dated"}
    assert re.fullmatch(r"20\d\d-\d\d-\d\d", entry["dated"])
    assert entry["dated"] <= "2026-11-22"
    assert len(entry["source"]) >= len("assumption")
    if isinstance(entry["value"], list):
        assert entry["value"] == sorted(entry["value"])
    key = ELSEWHERE.get(name.partition(".")[0], name.partition(".")[0])
    tables = (Api, Rent, Own, Licence, TrafficTerms, CapacityTerms, Decision, Training)
    assert any(key in table.model_fields for table in tables), key


def test_all_that_nobody_gave_is_listed_as_assumed_with_source_and_day() -> None:
    everything = [
        API | {"batch_share": 0.1}, {"kind": "rent", "name": "listed", "gpu": "h100"}, HOURLY | {"name": "by the hour"},
        {"kind": "own", "name": "bare", "gpu": "h100", "lead_months": 2, "bridge": "API"},
        {"kind": "hybrid", "name": "both", "base": "listed", "spill": "API"},
    ]  # fmt: skip
    options = parse_options({"option": everything})
    inputs = Inputs(Draws(60), on=AS_OF.isoformat())
    words = {"span_seconds": HOUR, "rate": np.ones(60), "cache_read_tokens": None, "model": ""}
    asked = Case(demand(**words), options, {"h100": levels(log_sd=0.1, error_assumed=True, measured_on="2026-09-30")}, inputs, AS_OF)
    for option in options.option:
        assert cost_of(asked, option).known
    assert all(entry.source and entry.dated for entry in inputs.used.values())
    assumed = {name for name, entry in inputs.used.items() if entry.assumed}
    assert {"horizon months", "minimum gpus", "spare replicas", "batch discount", "start seconds", "ramps per day",
            "egress bytes per token", "weekly peak to mean", "cache read share", "service time of H100",
            "listed: GPU price", "availability of owned GPUs"} <= assumed  # fmt: skip
    with_all = inputs.used
    assert all(entry.unit or not entry.assumed for entry in with_all.values())


def test_the_class_of_a_provider_changes_what_is_not_in_its_price() -> None:
    costs = {kind: priced(RENT | {"class": kind})[0] for kind in ("specialised", "general", "marketplace")}
    assert costs["general"] > costs["specialised"]
    used = priced(RENT | {"class": "general"})[1]
    assert {"support share of a general cloud", "egress usd per gb of a general cloud", "availability of a general cloud"} <= set(used)


def test_tiers_by_what_is_spent_are_marginal() -> None:
    plain, _ = priced(API | {"price_change": 1})
    tiers = [{"from_usd_per_month": 1000, "discount": 0.1}, {"from_usd_per_month": 3000, "discount": 0.3}]
    cut, used = priced(API | {"price_change": 1, "tier": tiers}, traffic={"growth": 3})
    bill, _ = priced(API | {"price_change": 1}, traffic={"growth": 3})
    assert bill > 3000
    assert bill - cut == pytest.approx(2000 * 0.1 + (bill - 3000) * 0.3)
    assert plain > 0
    assert used["API: tier 2 discount"].value.mid == 0.3


def test_a_licence_by_server_takes_its_servers_and_dates_its_price() -> None:
    sizes = {}
    for gpus_per_server in (4, 8):
        licence = [{"name": "platform", "per": "server", "usd_per_year": 12_000, "gpus_per_server": gpus_per_server, **QUOTE}]
        sizes[gpus_per_server] = priced(RENT | {"stack": "a stack", "licence": licence})[0]
    assert sizes[4] > sizes[8]


@pytest.mark.parametrize("key", ["source", "dated"])
@pytest.mark.parametrize("option", [API, RENT, OWN | {"usd_per_gpu": 40_000}], ids=["api", "rent", "own"])
def test_a_price_without_source_or_day_is_no_price(option: dict[str, Any], key: str) -> None:
    bare = parse_options({"option": [{name: word for name, word in option.items() if name != key}]})
    asked = Case(demand(), bare, {"h100": levels()}, Inputs(Draws(60)), AS_OF)
    cost = cost_of(asked, bare.option[0])
    assert not cost.known
    assert [each.code for each in cost.missing] == ["placement.undated_price"]
    assert key.replace("dated", "date") in cost.missing[0].message


def test_a_general_cloud_has_no_public_list_and_says_so() -> None:
    options = parse_options({"option": [{"kind": "rent", "name": "listed", "gpu": "h100", "class": "general"}]})
    cost = cost_of(Case(demand(), options, {"h100": levels()}, Inputs(Draws(60)), AS_OF), options.option[0])
    assert [each.code for each in cost.missing] == ["placement.no_price"]
