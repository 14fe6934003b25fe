"""The alias table: every name has one meaning, and a unit that never comes from the values."""

from __future__ import annotations

import csv
from fractions import Fraction
from importlib import resources

import pytest

from netyield.core.contract import contract
from netyield.sources.gpu.aliases import SIGNALS, aliases, factor_for, names_of

NEW_LABEL = {"DCGM_FI_SYSTEM_DRIVER_VERSION": "590.48.01"}
OLD_LABEL = {"DCGM_FI_DRIVER_VERSION": "570.10"}


def test_the_table_names_each_metric_once_and_only_signals_of_the_contract() -> None:
    text = resources.files("netyield.sources.gpu").joinpath("data", "metric_aliases.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    names = [row["name"] for row in rows]
    assert len(names) == len(set(names))
    described = next(column for column in contract("gpu_samples").own if column.name == "metric").description
    assert {row["metric"] for row in rows} == set(SIGNALS)
    assert all(signal in described for signal in SIGNALS)
    assert all(row["source"] and row["labels"] in {"dcgm", "nvidia_smi", "triton", "amd"} for row in rows)


@pytest.mark.parametrize(
    ("name", "signal", "reading", "canonical"),
    [
        ("DCGM_FI_DEV_GPU_UTIL", "gpu_util_percent", 43, 43),
        ("dcgm_gpu_utilization", "gpu_util_percent", 43, 43),
        ("nvidia_smi_utilization_gpu_ratio", "gpu_util_percent", 0.43, 43),
        ("GPU_GFX_ACTIVITY", "gpu_util_percent", 43, 43),
        ("amd_gpu_gfx_activity", "gpu_util_percent", 43, 43),
        ("gpu_umc_activity", "dram_active_ratio", 43, 0.43),
        ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "engine_active_ratio", 0.5, 0.5),
        ("DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO", "engine_active_ratio", 0.5, 0.5),
        ("dcgm_fi_prof_gr_engine_active", "engine_active_ratio", 0.5, 0.5),
        ("DCGM_FI_PROF_SM_UTIL_RATIO", "sm_active_ratio", 0.5, 0.5),
        ("DCGM_FI_DEV_BOARD_POWER_WATTS", "power_watts", 700, 700),
        ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "energy_joules", 1500, 1.5),
        ("DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL", "energy_joules", 1.5, 1.5),
        ("gpu_energy_consumed", "energy_joules", 1_500_000, 1.5),
        ("DCGM_FI_DEV_FB_USED", "memory_used_bytes", 2, 2 * 2**20),
        ("DCGM_FI_DEV_FB_USED_BYTES", "memory_used_bytes", 2, 2),
        ("DCGM_FI_DEV_FB_CAPACITY_BYTES", "memory_total_bytes", 2, 2),
    ],
)
def test_units(name: str, signal: str, reading: float, canonical: float) -> None:
    alias = aliases()[name]
    factor = factor_for(alias, {})
    assert alias.metric == signal
    assert factor is not None
    assert Fraction(str(reading)) * factor == Fraction(str(canonical))


@pytest.mark.parametrize(
    ("labels", "help_text", "setting", "factor"),
    [
        (NEW_LABEL, "", None, 100),  # dcgm-exporter 4.9.0: 0 to 1
        (OLD_LABEL, "", None, 1),  # DCGM 4.6: field 203 under its new name, still percent
        ({}, "GPU utilization (in %).", None, 1),
        ({}, "Ratio of time the GPU was busy.", None, 100),
        ({}, "GPU utilization from 0.0 to 1.0", None, 100),
        ({}, "GPU utilization.", None, None),
        ({}, "Ratio of time (in %).", None, None),  # says both: nobody can know
        (NEW_LABEL, "GPU utilization (in %).", None, 100),
        (NEW_LABEL, "", "percent", 1),
        ({}, "", "ratio", 100),
    ],
)
def test_the_ratio_name_is_decided_by_setting_label_or_help(labels, help_text, setting, factor) -> None:
    alias = aliases()["DCGM_FI_DEV_GPU_UTIL_RATIO"]
    assert factor_for(alias, labels, help_text, setting) == factor


def test_the_setting_also_covers_a_classic_name_that_a_platform_re_exports_as_ratio() -> None:
    assert factor_for(aliases()["DCGM_FI_DEV_GPU_UTIL"], {}, "", "ratio") == 100
    assert factor_for(aliases()["nvidia_smi_utilization_gpu_ratio"], {}, "", "percent") == 100
    assert factor_for(aliases()["DCGM_FI_PROF_SM_ACTIVE"], {}, "", "percent") == 1


def test_names_of_a_signal_keep_the_order_of_the_table() -> None:
    assert names_of("power_watts")[:2] == ("DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_BOARD_POWER_WATTS")
