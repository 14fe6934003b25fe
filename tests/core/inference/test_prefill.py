"""Prefill times against published measurements, and the attention sum against a loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import find_gpu
from netyield.core.inference.model_config import Attention
from netyield.core.inference.models import find_model
from netyield.core.inference.prefill import Prefill, Timing, Work, calibrate, measured_mfu, prefill_of

H100 = find_gpu("h100").peak_flops("bf16")


def work_of(name: str) -> Work:
    model = find_model(name)
    assert model.active_parameters is not None
    return Work(model.active_parameters, model.attention)


def test_llama_8b_of_20000_tokens_in_0_9_seconds_is_48_percent() -> None:
    work = work_of("Llama-3.1-8B")
    linear = 2 * work.active_parameters * 20_000

    assert linear == pytest.approx(321e12, rel=0.005)
    assert float(work.flops(20_000)) - linear == pytest.approx(105e12, rel=0.005)
    assert measured_mfu(work, Timing(20_000, 0, 0.9), H100, 1) == pytest.approx(0.48, abs=0.005)


@pytest.mark.parametrize(("tokens", "seconds", "mfu"), [(8_192, 0.212, 0.09), (32_768, 0.750, 0.14)])
def test_qwen3_8b_over_eight_gpus_is_far_below_its_peak(tokens: int, seconds: float, mfu: float) -> None:
    assert measured_mfu(work_of("Qwen3-8B"), Timing(tokens, 0, seconds), H100, 8) == pytest.approx(mfu, abs=0.006)


def test_two_timings_tell_the_floor_from_the_rate() -> None:
    work = work_of("Qwen3-8B")
    timings = [Timing(8_192, 0, 0.212), Timing(32_768, 0, 0.750)]

    mfu, floor = calibrate(work, timings, H100, 8)
    clock = Prefill(work, H100, mfu, 8, floor)

    assert floor > 0.05
    assert [float(clock.seconds(each.new_tokens)) for each in timings] == pytest.approx([0.212, 0.750], rel=1e-6)


def test_deepseek_computes_4000_tokens_a_second_and_gpu_at_15_percent() -> None:
    """73.7 k input tokens a second and node with 56.3 % from the cache, on 8 GPUs at 1,978 TFLOPS of FP8."""
    computed = 73_700 * (1 - 0.563) / 8

    assert computed == pytest.approx(4_000, rel=0.01)
    assert computed * 2 * 37e9 / find_gpu("h800").peak_flops("fp8") == pytest.approx(0.15, abs=0.005)


def test_the_published_disk_hits_priced_to_the_published_day() -> None:
    """226.75 nodes of 8 H800 at $2 an hour, 608 billion input tokens a day, 342 billion of them from the disk cache.

    At the rate the fleet computes at, the hits save half of what the day costs: without them it would be 1.54 days' money.
    """
    gpus, price = 226.75 * 8, 2.0
    day = gpus * price * 24
    hits, computed = 342e9, 608e9 - 342e9
    linear = Work(37e9, ())
    mfu = measured_mfu(linear, Timing(computed, 0.0, 86_400.0), find_gpu("h800").peak_flops("fp8"), int(gpus))
    clock = Prefill(linear, find_gpu("h800").peak_flops("fp8"), mfu, int(gpus))
    saved = float(clock.seconds(hits)) / 3600 * int(gpus) * price

    assert day == 87_072
    assert hits / 608e9 == pytest.approx(0.563, abs=0.001)
    # Were prefill all the fleet does, its hits would be worth day * hits / computed: the most they can be.
    assert saved == pytest.approx(day * hits / computed, rel=1e-3)
    assert mfu < 0.15  # below what prefill nodes reach, because decoding has its share of these GPUs
    prefill_only = hits / (73_700 * (1 - 0.563) / 8) / 3600 * price
    assert prefill_only == pytest.approx(47_200, rel=0.01)


def test_attention_equals_the_rest_where_the_sheet_says() -> None:
    assert work_of("Llama-3.1-8B").even_at_tokens == pytest.approx(61_000, rel=0.01)
    assert work_of("Llama-3.1-70B").even_at_tokens == pytest.approx(108_000, rel=0.01)


@given(st.integers(0, 300), st.integers(1, 300), st.one_of(st.none(), st.integers(1, 200)))
def test_positions_seen_are_what_a_loop_counts(cached: int, new: int, window: int | None) -> None:
    """Each token sees those before it and half of itself (the half of the causal square), no more than the window."""
    work = Work(0.0, (Attention(3, 16.0, window),))
    steps = np.linspace(cached, cached + new, 20 * new + 1)
    middle = (steps[1:] + steps[:-1]) / 2
    seen = middle if window is None else np.minimum(middle, window)

    assert float(work.flops(new, cached)) == pytest.approx(4 * 3 * 16 * float(seen.sum()) / 20, rel=1e-3)


@given(st.integers(1, 5_000), st.integers(1, 5_000))
def test_a_prompt_costs_the_same_in_two_parts(first: int, second: int) -> None:
    work = work_of("gpt-oss-120b")

    assert float(work.flops(first + second)) == pytest.approx(
        float(work.flops(first)) + float(work.flops(second, first)), rel=1e-12
    )


def test_the_default_mfu_depends_on_the_kind_of_model() -> None:
    h100 = find_gpu("H100")

    assert prefill_of(find_model("Llama-3.1-70B"), h100, 8).mfu == 0.5
    assert prefill_of(find_model("DeepSeek-V3"), h100, 8, weights="fp8").mfu == 0.25


def test_what_cannot_be_timed_says_what_to_give() -> None:
    h100 = find_gpu("H100")
    with pytest.raises(WrongUse, match="--active-parameters"):
        prefill_of(find_model("DeepSeek-V4-Pro"), h100, 8)
    with pytest.raises(WrongUse, match="MFU"):
        prefill_of(find_model("Llama-3.1-8B"), h100, 8, mfu=1.5)
    with pytest.raises(WrongUse, match="--weights"):
        prefill_of(find_model("Llama-3.1-8B"), find_gpu("a100"), 8, weights="fp8")
    with pytest.raises(WrongUse, match="peak"):
        calibrate(work_of("Llama-3.1-8B"), [Timing(20_000, 0, 0.01)], H100, 1)
    with pytest.raises(WrongUse, match="serve some requests"):
        calibrate(work_of("Llama-3.1-8B"), [], H100, 1)
    with pytest.raises(WrongUse, match="H100"):
        find_gpu("h1000")
