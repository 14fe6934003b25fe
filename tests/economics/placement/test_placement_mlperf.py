"""MLPerf Inference v5.1: throughput and wall power of its rows, as costs of a fleet that does nothing else."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from placement_cases import MONTH, case, demand, own, rent

from netyield.economics.placement.compare import cost_of
from netyield.economics.placement.fleet_size import load
from netyield.economics.placement.ways import Rent

RESULTS = Path(__file__).parents[2] / "data" / "placement" / "mlperf_inference_v5.1_summary_results.json.gz"


@cache
def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(gzip.decompress(RESULTS.read_bytes()))
    return [row for row in found if row["Performance_Units"] == "Tokens/s" and row["Category"] == "closed"]


def best(model: str, scenario: str, accelerator: str) -> float:
    """Tokens per second and GPU of the best submission on one kind of GPU: ``a#`` is per node."""
    return max(
        float(row["Performance_Result"]) / (row["a#"] * row["Nodes"]) for row in rows()
        if row["Model"] in (model, f"{model}-99", f"{model}-99.9") and row["Scenario"] == scenario and row["Accelerator"] == accelerator
    )  # fmt: skip


H100, H200, B200 = "NVIDIA H100-SXM-80GB", "NVIDIA H200-SXM-141GB", "NVIDIA B200-SXM-180GB"
MI300X, MI325X, GB200 = "AMD Instinct MI300X 192GB HBM3", "AMD Instinct MI325X 256GB HBM3e", "NVIDIA GB200"


@pytest.mark.parametrize(
    ("model", "scenario", "accelerator", "tokens_per_second"),
    [
        ("llama2-70b", "Server", H100, 3821), ("llama2-70b", "Server", H200, 4274), ("llama2-70b", "Server", MI300X, 3108),
        ("llama2-70b", "Server", MI325X, 4017), ("llama2-70b", "Server", B200, 12_701), ("llama2-70b", "Server", GB200, 12_340),
        ("llama2-70b", "Interactive", H200, 2885), ("llama2-70b", "Interactive", B200, 7856),
        ("llama2-70b", "Interactive", MI325X, 2356), ("llama2-70b", "Interactive", GB200, 7436),
        ("llama2-70b", "Interactive", MI300X, 1105), ("llama3.1-405b", "Server", H100, 35.2),
        ("llama3.1-405b", "Server", H200, 36.9), ("llama3.1-405b", "Server", B200, 159.9), ("deepseek-r1", "Server", B200, 2324),
    ],
)  # fmt: skip
def test_throughput_of_a_gpu_is_a_cost_per_token(model: str, scenario: str, accelerator: str, tokens_per_second: float) -> None:
    rate = best(model, scenario, accelerator)
    assert rate == pytest.approx(tokens_per_second, rel=0.002)

    month = demand(input_tokens=0, cache_read_tokens=0, output_tokens=int(rate * MONTH), span_seconds=MONTH)
    rates = {"gpu": "x", "processed": rate, "log_sd": 0, "dated": "2025-09-09", "source": "MLPerf v5.1"}
    asked = case([rent(gpu="x", usd_per_gpu_hour=3.0)], month, capacity=[rates])
    cost = cost_of(asked, asked.options.option[0])
    assert cost.usd_per_month[0] / (int(rate * MONTH) / 1e6) == pytest.approx(3.0 / (rate * 0.0036), rel=1e-4)


def test_a_tight_objective_costs_more_for_the_same_tokens() -> None:
    taxes = {each: best("llama2-70b", "Server", each) / best("llama2-70b", "Interactive", each) for each in (H200, B200, MI325X, GB200)}
    assert all(1.45 < tax < 1.75 for tax in taxes.values())
    assert best("llama2-70b", "Server", MI300X) / best("llama2-70b", "Interactive", MI300X) == pytest.approx(2.8, abs=0.05)


@pytest.mark.parametrize(
    ("model", "watts", "per_second", "joules"), [("llama2-70b-99", 10_401, 102_909, 0.101), ("llama3.1-405b", 9_892, 1_637, 6.04)]
)
def test_wall_power_is_little_money(model: str, watts: float, per_second: float, joules: float) -> None:
    """At 10 cents and a PUE of 1.3 a million tokens of Llama-2-70B take a third of a cent of electricity."""
    row = next(
        row for row in rows()
        if row["Model"] == model and row["Scenario"] == "Offline" and row["has_power"] and row["Accelerator"] == B200
    )  # fmt: skip
    power, rate = float(row["Power_Result"]), float(row["Performance_Result"])
    assert (power, rate) == (pytest.approx(watts, rel=1e-4), pytest.approx(per_second, rel=1e-3))
    assert power / rate == pytest.approx(joules, rel=0.005)

    month = demand(input_tokens=0, cache_read_tokens=0, output_tokens=int(rate * MONTH), span_seconds=MONTH)
    rates = {"gpu": "b200", "gpus_per_replica": 8, "processed": rate, "log_sd": 0, "dated": "2025-09-09", "source": "MLPerf v5.1"}
    asked = case([own(gpu="b200", kw_per_gpu=power / 8000, draw_share=1)], month, capacity=[rates])
    spent = cost_of(asked, asked.options.option[0]).parts["power"][0] / (int(rate * MONTH) / 1e6)
    assert spent == pytest.approx(joules / 3.6 * 0.10 * 1.3, rel=0.005)
    if model == "llama2-70b-99":
        assert spent == pytest.approx(0.0036, abs=0.0001)


@pytest.mark.parametrize(("model", "scenario", "share"), [("llama2-70b-99", "Offline", 0.971), ("llama2-70b-99", "Server", 0.976),
                                                          ("llama3.1-405b", "Offline", 0.990), ("llama3.1-405b", "Server", 0.938)])  # fmt: skip
def test_a_hypervisor_takes_its_share_of_a_fleet(model: str, scenario: str, share: float) -> None:
    virtual, bare = best(model, scenario, f"Virtualized {H200}"), best(model, scenario, H200)
    assert virtual / bare == pytest.approx(share, abs=0.002)

    asked = case([rent(virtualisation_tax=1 - share), rent(name="bare")])
    taxed, plain = (each for each in asked.options.option if isinstance(each, Rent))
    fleet = asked.capacities["h100"]
    assert np.allclose(load(asked, taxed, fleet) * share, load(asked, plain, fleet))
