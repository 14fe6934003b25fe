"""Published fleets and studies: their own inputs give their own figures, within the stated tolerance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from placement_cases import MONTH, api, case, demand, levels, own, rent

from netyield.economics.placement.case import Case
from netyield.economics.placement.compare import compare, cost_of
from netyield.economics.placement.fleet_size import size
from netyield.economics.placement.flips import flips

DAYS = 730 / 24  # days in a month
DEEPSEEK = api(name="DeepSeek API", input=0.55, cache_read=0.14, output=2.19, dated="2025-02-27", source="open-infra-index, day 6")
H800 = rent(name="H800", gpu="h800", usd_per_gpu_hour=2.0, minimum_gpus=8, dated="2025-02-27")
H800_RATES = {
    "gpu": "h800", "gpus_per_replica": 8, "prefill": 73_700, "decode": 14_800, "log_sd": 0, "dated": "2025-02-27", "source": "day 6",
}  # fmt: skip


def deepseek() -> Case:
    """27 and 28 February 2025: 608 billion input tokens of which 342 from the cache, 168 billion output, in a day."""
    day = demand(
        model="deepseek-r1", input_tokens=608_000_000_000, cache_read_tokens=342_000_000_000, output_tokens=168_000_000_000,
        span_seconds=86_400.0, rate=np.ones(1440),
    )  # fmt: skip
    return case([DEEPSEEK, H800], day, capacity=[H800_RATES], traffic={"growth": 1, "weekly_peak_to_mean": 1, "source": "day 6"})


def test_deepseeks_day_closes() -> None:
    asked = deepseek()
    fleet, bill = cost_of(asked, asked.options.option[1]), cost_of(asked, asked.options.option[0])

    sized = size(asked, asked.options.option[1], asked.capacities["h800"])  # type: ignore[arg-type]
    assert sized.busy[0] == pytest.approx(226.9, abs=0.05)
    assert sized.busy[0] == pytest.approx(226.75, rel=0.002)
    assert fleet.usd_per_month[0] / DAYS == pytest.approx(87_072, rel=0.002)
    assert bill.usd_per_month[0] / DAYS == pytest.approx(562_027, rel=0.001)
    margin = bill.usd_per_month[0] / fleet.usd_per_month[0] - 1
    assert margin == pytest.approx(5.45, abs=0.02)


def test_deepseeks_unit_costs() -> None:
    asked = deepseek()
    fleet = cost_of(asked, asked.options.option[1]).usd_per_month[0] / DAYS
    assert fleet / 168_000 == pytest.approx(0.518, rel=0.003)  # all of it over the output tokens
    busy = asked.capacities["h800"]
    # Apart: prefill nodes over the input, decode nodes over the output, never both over the same tokens.
    prefill, decode = 608e9 / 86_400 / 73_700, 168e9 / 86_400 / 14_800
    assert prefill + decode == pytest.approx(busy.busy(np.ones(1))[0])
    assert prefill * 384 / 608_000 == pytest.approx(0.060, abs=0.0005)
    assert decode * 384 / 168_000 == pytest.approx(0.300, abs=0.0005)
    kept_all_day = 278 * 384 / 168_000
    assert kept_all_day == pytest.approx(0.635, abs=0.001)


@pytest.mark.parametrize(("prefill_nodes", "decode_nodes", "usd_per_mtok"), [(3, 9, 0.266), (4, 9, 0.288)])
def test_sglang_per_node_with_its_prefill_nodes(prefill_nodes: int, decode_nodes: int, usd_per_mtok: float) -> None:
    """52.3 thousand in and 22.3 thousand out tokens per second and node: 0.199 a million is the decode nodes alone."""
    output = 22_300 * decode_nodes
    month = demand(
        input_tokens=int(52_300 * prefill_nodes * MONTH), cache_read_tokens=0, output_tokens=int(output * MONTH), span_seconds=MONTH
    )
    rates = {"gpu": "h100", "gpus_per_replica": 8, "prefill": 52_300, "decode": 22_300, "log_sd": 0, "dated": "2025-05-05", "source": "lmsys"}
    asked = case([rent(usd_per_gpu_hour=2.0)], month, capacity=[rates])
    cost = cost_of(asked, asked.options.option[0])

    assert cost.replicas is not None
    assert cost.replicas[0] == prefill_nodes + decode_nodes
    assert cost.usd_per_month[0] / (output * MONTH / 1e6) == pytest.approx(usd_per_mtok, abs=0.001)
    assert pytest.approx(0.199, abs=0.0005) == 2.0 * 8 / (22_300 * 3600 / 1e6)


CLINE_RATES = {
    "gpu": "b200", "gpus_per_replica": 4, "processed": 26_600, "log_sd": 0, "dated": "2026-06-01", "source": "inference-math, ch. 6 and 7",
}  # fmt: skip
KIMI = {"kind": "api", "name": "API", "blended": 0.317, "price_change": 1, "dated": "2026-06-01", "source": "inference-math"}
TP4 = rent(name="static", gpu="b200", usd_per_gpu_hour=6.0, minimum_gpus=4, dated="2026-06-01")
SPILL = {"kind": "hybrid", "name": "trough and spill", "base": "static", "spill": "API"}


def cline(options: list[dict[str, Any]], **changes: Any) -> Case:
    """Kimi K2.6: 583 billion tokens a month; trough 110, P50 222, P90 290, P99 327 thousand tokens a second."""
    at = np.linspace(0, 1, 4001)
    second = np.interp(at, [0, 0.5, 0.9, 0.99, 1.0], [110e3, 222e3, 290e3, 327e3, 330e3])
    words: dict[str, Any] = {"rate": second / (583e9 / MONTH), "span_seconds": MONTH} | changes
    tokens = 583_000_000_000 * words["span_seconds"] / MONTH
    month = demand(
        model="kimi-k2.6", requests=5_000_000, input_tokens=int(tokens * 0.97), cache_read_tokens=None, output_tokens=int(tokens * 0.03),
        source="ch. 6", **words,
    )  # fmt: skip
    terms = {"growth": 1, "cache_read_share": 0, "source": "ch. 6", **({"weekly_peak_to_mean": 3.5} if changes else {})}
    return case(options, month, capacity=[CLINE_RATES], traffic=terms)


def test_cline_saves_ten_per_cent_with_a_trough_and_a_spill() -> None:
    found = compare(cline([KIMI, TP4, SPILL]))
    costs = {way.name: float(np.median(way.cost.usd_per_month)) for way in found.ways}

    assert costs["API"] == pytest.approx(184_811, rel=0.0005)
    assert costs["trough and spill"] == pytest.approx(166_252, rel=0.001)
    hybrid = found.ways[2].cost
    assert hybrid.replicas is not None
    assert hybrid.replicas[0] == 4
    assert hybrid.utilisation is not None
    assert hybrid.utilisation[0] == pytest.approx(1.0)
    assert found.winner == "trough and spill"


@pytest.mark.parametrize(("rule", "replicas", "usd_per_mtok"), [(0.9, 11, 0.331), (0.99, 13, 0.391)])
def test_clines_verdict_flips_when_sized_for_the_peak(rule: float, replicas: int, usd_per_mtok: float) -> None:
    found = compare(cline([KIMI, TP4 | {"size_for": rule}]))
    static = found.ways[1].cost

    assert static.replicas is not None
    assert static.replicas[0] == replicas
    assert static.usd_per_month[0] / 583_000 == pytest.approx(usd_per_mtok, abs=0.0005)
    assert found.winner == "API"


def test_clines_flip_list_names_the_sizing_rule() -> None:
    listed = {(flip.input, flip.to): flip.then for flip in flips(compare(cline([KIMI, TP4, SPILL])))}
    assert listed[("trough and spill: sized for", "P90")] == "API"
    assert listed[("trough and spill: sized for", "P99")] == "API"


@pytest.mark.parametrize(
    ("price", "kilowatts", "usd_per_gpu_hour"), [(33_000, 1.275, 1.80), (42_000, 1.275, 2.15), (62_000, 1.79, 3.09)]
)
def test_the_roll_up_of_ownership(price: float, kilowatts: float, usd_per_gpu_hour: float) -> None:
    """H100, H200, B200 of a large owner over four years: capital, hall, power, maintenance, staff of 11.5 cents, 97 % up."""
    fleet = levels(gpus_per_replica=8)
    staff = {"minimum_fte": 0.115 * 8760 * 40 / 220_000, "staff_usd_per_year": 220_000, "gpus_per_fte": 1e6}
    asked = case([own(usd_per_gpu=price, kw_per_gpu=kilowatts, **staff)], capacities=[fleet])
    cost = cost_of(asked, asked.options.option[0])
    assert cost.gpus is not None
    assert cost.gpus[0] == 40
    assert cost.usd_per_month[0] / 40 / 730 / 0.97 == pytest.approx(usd_per_gpu_hour, abs=0.015)


@pytest.mark.parametrize(
    ("usd_per_gpu_hour", "tokens_per_second", "usd_per_mtok"),
    [
        (1.74, 43, 11.3),  # InferenceX R1 FP8 8xH200 SGLang 8k/1k at 4, 16 and 64 requests at once
        (1.74, 95, 5.1),
        (1.74, 153, 3.2),
        (6.98, 255, 7.60),  # vLLM 0.19, one H100, Llama-8B 512/256 at one request a second
        (6.98, 6238, 0.31),  # the same, saturated
    ],
)
def test_a_full_gpu_costs_what_benchmarks_say(usd_per_gpu_hour: float, tokens_per_second: float, usd_per_mtok: float) -> None:
    """Their formula is ours with a load that never changes: no cache, every hour full."""
    seconds = int(tokens_per_second * MONTH)
    month = demand(input_tokens=0, cache_read_tokens=0, output_tokens=seconds, span_seconds=MONTH)
    rates = {"gpu": "h200", "processed": tokens_per_second, "log_sd": 0, "dated": "2026-04-01", "source": "InferenceX"}
    asked = case([rent(gpu="h200", usd_per_gpu_hour=usd_per_gpu_hour)], month, capacity=[rates])
    cost = cost_of(asked, asked.options.option[0])
    assert cost.usd_per_month[0] / (seconds / 1e6) == pytest.approx(usd_per_mtok, rel=0.02)
    assert cost.utilisation is not None
    assert cost.utilisation[0] == pytest.approx(1.0, abs=0.001)


def test_vllm_cost_meters_full_gpu_costs_a_multiple_at_ten_requests_a_second() -> None:
    """C1: 0.31 a million when full, 0.79 at ten requests a second, 7.60 at one: the GPU is paid for either way."""
    rates = {"gpu": "h100", "processed": 6238 * 3, "log_sd": 0, "dated": "2026-06-01", "source": "vllm-cost-meter, C1"}
    paid = {}
    for tokens_per_second in (255, 2454, 6238):  # 512 tokens in and 256 out: two of three tokens are input
        month = demand(
            input_tokens=int(2 * tokens_per_second * MONTH), cache_read_tokens=0, output_tokens=int(tokens_per_second * MONTH),
            span_seconds=MONTH,
        )  # fmt: skip
        asked = case([rent(usd_per_gpu_hour=6.98)], month, capacity=[rates])
        paid[tokens_per_second] = cost_of(asked, asked.options.option[0]).usd_per_month[0] / (tokens_per_second * MONTH / 1e6)
    assert paid[6238] == pytest.approx(0.311, abs=0.001)
    assert paid[2454] == pytest.approx(0.79, abs=0.005)
    assert paid[255] == pytest.approx(7.60, abs=0.01)
    assert paid[255] / paid[6238] == pytest.approx(24.4, abs=0.1)
