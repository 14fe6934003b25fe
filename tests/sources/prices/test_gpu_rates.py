"""The shipped GPU-hour list prices: complete, exact, with source, term and licence."""

from __future__ import annotations

from decimal import Decimal

from netyield.sources.prices.gpu_rates import find_rates, gpu_rates


def test_sixteen_on_demand_rates_and_the_spot_rates_of_four_of_them() -> None:
    rates = gpu_rates()
    assert [sum(rate.term == term for rate in rates) for term in ("on_demand", "spot")] == [16, 4]
    assert len({(rate.provider, rate.instance, rate.term) for rate in rates}) == 20
    assert all(rate.licence == "Apache-2.0" and "commit" in rate.source for rate in rates)
    assert all(rate.read_in == "2026-11" and rate.currency == "USD" for rate in rates)


def test_known_rates_are_exact() -> None:
    by_instance = {(rate.instance, rate.term): rate for rate in gpu_rates()}
    assert by_instance["gpu_8x_h100_sxm5", "on_demand"].rate_per_gpu_hour == Decimal("3.99")
    assert by_instance["gpu-l40s-a_1gpu-8vcpu-32gb", "on_demand"].rate_per_gpu_hour == Decimal("1.5484")
    assert by_instance["gpu-h200-sxm_8gpu-128vcpu-1600gb", "spot"].rate_per_gpu_hour == Decimal("1.45")
    whole = by_instance["gpu_8x_b200_sxm6", "on_demand"]
    assert whole.rate_per_gpu_hour * whole.gpus == Decimal("53.52")


def test_a_device_name_finds_its_rates_cheapest_first() -> None:
    found = find_rates("NVIDIA H100 80GB HBM3")
    assert [rate.rate_per_gpu_hour for rate in found][:3] == [Decimal("2.95"), Decimal("2.95"), Decimal("3.99")]
    assert {rate.gpu for rate in found} == {"H100"}
    assert [rate.rate_per_gpu_hour for rate in find_rates("H200", term="spot")] == [Decimal("1.45"), Decimal("1.45")]
    assert find_rates("TPU v5e") == []


def test_a_rate_makes_a_rate_card_entry() -> None:
    rate = find_rates("GH200")[0]
    assert rate.rate_card("gh*", "2026-01-01") == {
        "pool": "gh*", "currency": "USD", "per_gpu_hour": "2.29", "since": "2026-01-01"
    }
    assert rate.price_source.endswith("read 2026-11")
