"""Break-even bandwidths and keep-times against the published table, from its inputs."""

from __future__ import annotations

import pytest

from netyield.core.inference.hardware import find_gpu
from netyield.core.inference.models import find_model
from netyield.economics.kv.break_even import break_even, hbm_usd_per_gb_hour
from netyield.economics.kv.prices import LIFE_HOURS, price_of

# model, weights, GB/s, prefill tokens/s, $ per million, T* in HBM (min), DRAM (h), NVMe (days): as printed.
TABLE = [
    ("Llama-3.1-8B", "bf16", "4.04", "30,791", "0.027", "0.3", "0.5", "0.6"),
    ("Llama-3.1-70B", "bf16", "1.15", "3,502", "0.234", "1.2", "1.7", "2.1"),
    ("Qwen3-235B-A22B", "fp8", "4.29", "22,275", "0.037", "0.3", "0.5", "0.6"),
    ("DeepSeek-V3", "fp8", "0.94", "13,365", "0.061", "1.4", "2.1", "2.6"),
    ("gpt-oss-120b", "bf16", "1.79", "48,480", "0.017", "0.7", "1.1", "1.4"),
]


def figures(name: str, weights: str, kv: str = "bf16") -> tuple[str, ...]:
    model, gpu = find_model(name), find_gpu("h100")
    per_hour = price_of("gpu:H100").usd
    assert model.active_parameters is not None
    found = break_even(
        kv_bytes_per_token=model.layout.growth_per_token(kv),
        active_parameters=model.active_parameters,
        peak_flops=gpu.peak_flops(weights),
        mfu=0.5,
        usd_per_gpu_hour=per_hour,
        usd_per_gb_hour={
            "hbm": hbm_usd_per_gb_hour(per_hour, 80),
            "dram": price_of("dram").usd / LIFE_HOURS,
            "nvme": price_of("nvme").usd / LIFE_HOURS,
        },
    )
    return (
        f"{found.load_gb_per_second:.2f}",
        f"{found.prefill_tokens_per_second:,.0f}",
        f"{found.recompute_usd_per_mtok:.3f}",
        f"{found.keep_seconds['hbm'] / 60:.1f}",
        f"{found.keep_seconds['dram'] / 3600:.1f}",
        f"{found.keep_seconds['nvme'] / 86400:.1f}",
    )


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_the_published_table_to_its_printed_digits(row: tuple[str, ...]) -> None:
    assert figures(row[0], row[1]) == row[2:]


def test_halving_weights_and_cache_together_changes_only_the_dollars() -> None:
    half = figures("Llama-3.1-70B", "fp8", "fp8")

    assert half[0] == "1.15"
    assert half[2] == "0.117"
    assert half[3:] == ("1.2", "1.7", "2.1")
