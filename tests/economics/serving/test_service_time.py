"""Service times against what was measured: published rows re-derived, errors reproduced, and what is refused."""

from __future__ import annotations

import csv
import io
import math
from importlib import resources

import numpy as np
import pytest

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import find_gpu
from netyield.core.inference.models import find_model
from netyield.economics.serving import fitting
from netyield.economics.serving.held_back import evaluate, evaluate_fits, nested, summary
from netyield.economics.serving.points import Point, points_of, shipped, shipped_until
from netyield.economics.serving.roofline import Machine, roofline
from netyield.economics.serving.service_time import Wanted, calibrated, service_time
from netyield.economics.serving.step_time import StepTime, linear
from netyield.economics.serving.uncertainty import MEASURED, ROOFLINE, Uncertainty

DATA = resources.files("netyield.economics.serving").joinpath("data")


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(DATA.joinpath(name).read_text(encoding="utf-8"), newline="")))


def test_every_row_of_the_vllm_measurements_re_derives() -> None:
    table = rows("vllm_cost_meter.csv")
    assert len(table) == 140
    most: dict[str, float] = {}
    for row in table:
        most[row["config"]] = max(most.get(row["config"], 0.0), float(row["tps_output"]))
    for row in table:
        hour, rate = float(row["gpu_cost_hr"]), float(row["tps_output"])  # dollars of all GPUs of the row
        effective, naive = hour / (rate * 0.0036), hour / (most[row["config"]] * 0.0036)
        assert effective == pytest.approx(float(row["c_eff_per_mtok"]), rel=1e-9)
        assert naive == pytest.approx(float(row["c_naive_per_mtok"]), rel=1e-9)
        assert effective / naive == pytest.approx(float(row["underutil_penalty"]), rel=1e-9)


def test_every_row_of_them_is_a_point_of_256_tokens_that_littles_law_explains() -> None:
    points = [each for each in shipped() if each.source.startswith("vllm-cost-meter")]
    assert len(points) == 140
    for point, row in zip(points, rows("vllm_cost_meter.csv"), strict=True):
        assert point.output_tokens == pytest.approx(256, rel=0.01)
        whole = float(row["request_throughput"]) * float(row["e2el_p50_ms"]) / 1e3  # requests in the system
        assert point.decoding <= max(1.0, whole * 1.25)
        assert point.gpus == int(row["gpus"])


def test_the_newest_shipped_run_has_its_own_day() -> None:
    days = {words.rpartition("measured ")[2] for words in (point.source for point in shipped()) if "measured 2" in words}
    assert shipped_until() == max(days)


@pytest.mark.parametrize(
    ("model", "scenario", "accelerator", "rate"),
    [
        ("llama2-70b-99", "Server", "H100-SXM", 3821), ("llama2-70b-99", "Server", "NVIDIA H200-SXM", 4274),
        ("llama2-70b-99", "Server", "MI300X", 3108), ("llama2-70b-99", "Server", "MI325X", 4017),
        ("llama2-70b-99", "Server", "B200-SXM", 12701), ("llama2-70b-99", "Server", "GB200", 12340),
        ("llama2-70b-99", "Interactive", "NVIDIA H200-SXM", 2885), ("llama2-70b-99", "Interactive", "B200-SXM", 7856),
        ("llama2-70b-99", "Interactive", "MI325X", 2356), ("llama2-70b-99", "Interactive", "GB200", 7436),
        ("llama2-70b-99", "Interactive", "MI300X", 1105), ("llama3.1-405b", "Server", "H100-SXM", 35.2),
        ("llama3.1-405b", "Server", "NVIDIA H200-SXM", 36.9), ("llama3.1-405b", "Server", "B200-SXM", 159.9),
        ("deepseek-r1", "Server", "B200-SXM", 2324),
    ],
)  # fmt: skip
def test_published_mlperf_rates_per_gpu(model: str, scenario: str, accelerator: str, rate: float) -> None:
    found = [
        float(row["tokens_per_second"]) / (int(row["accelerators_per_node"]) * int(row["nodes"]))
        for row in rows("mlperf_v5_1.csv")
        if (row["model"], row["scenario"]) == (model, scenario)
        and accelerator in row["accelerator"]
        and not row["accelerator"].startswith("Virtualized")
    ]
    assert max(found) == pytest.approx(rate, rel=0.002)


@pytest.mark.parametrize(
    ("gpu", "gpus", "accelerator"),
    [("H100", 2, "H100-SXM"), ("H200", 1, "NVIDIA H200-SXM"), ("MI300X", 1, "MI300X"), ("MI325X", 1, "MI325X")],
)
def test_the_roofline_is_as_wrong_on_mlperf_as_it_says(gpu: str, gpus: int, accelerator: str) -> None:
    # Llama-2-70B is Llama-3.1-70B but for its vocabulary; OpenOrca has about 200 tokens in and 294 out (unverified).
    machine = Machine(find_model("Llama-3.1-70B"), find_gpu(gpu), gpus, "fp8", "fp8")
    said = roofline(machine, 512).requests_per_second(200, 294) * 294 / gpus
    measured = max(
        float(row["tokens_per_second_per_gpu"])
        for row in rows("mlperf_v5_1.csv")
        if (row["model"], row["scenario"]) == ("llama2-70b-99", "Server")
        and accelerator in row["accelerator"]
        and not row["accelerator"].startswith("Virtualized")
    )
    error = Uncertainty(*ROOFLINE[0], "")
    assert error.bound(-1.2816) < said / measured < error.bound(1.2816)  # its P10 and P90


@pytest.mark.parametrize(("model", "joules"), [("llama2-70b-99", 0.101), ("llama3.1-405b", 6.04)])
def test_published_power_of_a_token(model: str, joules: float) -> None:
    found = [
        float(row["power_watts"]) / float(row["tokens_per_second"])
        for row in rows("mlperf_v5_1.csv")
        if row["model"] == model and row["scenario"] == "Offline" and row["power_units"] == "Watts"
    ]
    assert min(found) == pytest.approx(joules, rel=0.005)


def test_inferencex_rows_give_the_throughput_the_sheet_derives() -> None:
    measured = points_of(shipped(), "openai/gpt-oss-120b", "B200", "vllm", "fp4")
    one = [p for p in measured if p.gpus == 1 and p.input_tokens == 8192]
    rates = [p.decoding / p.tpot_s for p in one]
    for published in (1041, 3221, 5822):  # output tokens a second at concurrency 4, 32, 128
        assert min(abs(rate / published - 1) for rate in rates) < 0.06


@pytest.mark.parametrize(("concurrency", "tpot_ms", "rate"), [(4, 11.3, 43), (16, 20.4, 95), (64, 50.2, 153)])
def test_deepseek_on_h200_gives_the_throughput_the_sheet_derives(concurrency: int, tpot_ms: float, rate: float) -> None:
    measured = points_of(shipped(), "deepseek-ai/DeepSeek-R1", "H200", "sglang", "fp8")
    (point,) = [
        each
        for each in measured
        if (each.gpus, each.input_tokens, each.output_tokens) == (8, 8192, 1024)
        and each.decoding == pytest.approx(concurrency, rel=0.05)
    ]
    assert point.tpot_s * 1e3 == pytest.approx(tpot_ms, abs=0.05)
    assert point.decoding / point.tpot_s / 8 == pytest.approx(rate, rel=0.01)  # output tokens a second and GPU


def test_a_run_told_twice_is_one_point() -> None:
    points = [each for each in shipped() if not each.source.startswith("vllm-cost-meter")]
    told = [(each.cell, each.input_tokens, each.output_tokens, each.tpot_s, each.ttft_s) for each in points]
    assert len(told) == len(set(told))
    assert len({(each.model, each.gpu) for each in points}) > 15


def test_the_stated_errors_are_those_of_the_shipped_points() -> None:
    points = shipped()
    for seen in (0, 1, 3):
        assert summary(evaluate(points, seen)) == pytest.approx(ROOFLINE[seen], rel=0.05)
    assert summary(evaluate_fits(points)) == pytest.approx(MEASURED, rel=0.05)


def test_five_points_bring_the_median_error_of_held_back_rows_to_13_percent() -> None:
    ratios, pulls = nested(shipped(), 5, draws=1)  # the pull is chosen on the rows of the other GPUs
    assert summary(ratios)[0] <= 0.13
    assert summary(ratios) == pytest.approx(ROOFLINE[5], rel=0.1)
    assert fitting.PULL in pulls.values()
    assert max(pulls.values()) <= 3 * fitting.PULL


def test_loads_that_were_seen_are_not_judged() -> None:
    twice = [Point("llama-3.1-8b", "H100", 1, "vllm", "1", "bf16", 512, 256, d, 0.01, 0.1, "") for d in (8.0, 8.1, 64.0)]
    judged = len(evaluate(twice, 1, draws=20))
    assert 20 < judged < 40  # one or two a draw; always two if the repeat of a seen load were judged
    assert len(evaluate(twice, 2)) == 0  # two loads: after two seen ones none is left


def test_a_fit_finds_the_iteration_time_that_made_the_points() -> None:
    truth = linear(8e-3, 4e-5, 3e-9, 2e-5)
    made = [
        Point("", "", 1, "", "", "", inputs, outputs, d, fitting.predicted(truth, at), 0.1, "")
        for d, inputs, outputs in [(1, 500, 200), (16, 500, 200), (64, 4000, 100), (200, 200, 400), (128, 8000, 1000)]
        for at in [Point("", "", 1, "", "", "", inputs, outputs, d, 1.0, 0.1, "")]
    ]
    found = fitting.calibrated(linear(20e-3, 8e-5, 6e-9, 4e-5), made)
    for point in made:
        assert fitting.predicted(found, point) == pytest.approx(point.tpot_s, rel=0.02)


def test_least_squares_without_negative_numbers() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        left, right = rng.normal(size=(12, 4)), rng.normal(size=12)
        found = fitting.not_negative(left, right)
        slope = left.T @ (left @ found - right)  # the conditions of Karush, Kuhn and Tucker
        assert (found >= 0).all()
        assert (slope > -1e-9).all()
        assert abs(slope @ found) < 1e-9


def test_measured_points_go_first_and_name_their_source() -> None:
    found = service_time(Wanted("deepseek-ai/DeepSeek-V3", "h200"), 8000)
    assert found.method == "measured"
    assert found.points >= 5
    assert "silicon sample" in found.source
    assert found.machine.gpus == 8
    assert found.uncertainty.log_sd == MEASURED[1]


def test_without_measured_points_the_roofline_states_its_shares_and_its_larger_error() -> None:
    found = service_time(Wanted("Qwen3-14B", "h200"), 8000)
    assert found.method == "roofline"
    assert "MFU 0.5, MBU 0.6" in found.source
    assert found.uncertainty.log_sd > MEASURED[1]
    told = service_time(Wanted("Qwen3-14B", "h200", mfu=0.25, mbu=0.3), 8000)
    assert told.step.per_prefill_token_s == pytest.approx(2 * found.step.per_prefill_token_s)
    assert told.step.decode_s[1] > found.step.decode_s[1]


def test_calibration_shrinks_the_error_and_scales_by_the_users_points() -> None:
    before = service_time(Wanted("Qwen3-14B", "h200"), 8000)
    point = Point("", "", 1, "", "", "", 1000, 200, 32, 2 * fitting.predicted(before.step, _at(32)), 0.1, "mine")
    after = calibrated(before, [point])
    assert fitting.predicted(after.step, _at(32)) == pytest.approx(point.tpot_s)
    assert after.uncertainty.log_sd < before.uncertainty.log_sd
    assert "your 1 points" in after.source


def _at(decoding: float) -> Point:
    return Point("", "", 1, "", "", "", 1000, 200, decoding, 1.0, 0.1, "")


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted("no-such-model", "h200"), "not known"),
        (Wanted("Qwen3-14B", "h2000"), "no known GPU"),
        (Wanted("Qwen3-14B", "h200", source="measured"), "give your own"),
        (Wanted("Qwen3-14B", "h200", source="guess"), "roofline"),
        (Wanted("DeepSeek-V3", "h100", gpus=1, source="roofline"), "does not fit"),
        (Wanted("Qwen3-14B", "h200", mfu=1.5), "MFU"),
    ],
)
def test_what_is_not_known_is_refused_with_a_repair(wanted: Wanted, words: str) -> None:
    with pytest.raises(WrongUse, match=words):
        service_time(wanted, 8000)


def test_aiconfigurator_says_how_to_install_it_where_it_is_not() -> None:
    with pytest.raises(WrongUse, match=r"netyield\[sizing\]"):
        service_time(Wanted("Qwen3-14B", "h200", source="aiconfigurator"), 8000)


def test_a_prompt_uses_the_arithmetic_that_decoding_leaves() -> None:
    step = StepTime(np.array([0.01, 0.01]), np.array([0.004, 0.004]), 0.0, 1e-5)
    assert step.seconds(1, 100, 400) == pytest.approx(0.01)
    assert step.seconds(1, 100, 1000) == pytest.approx(0.016)
    assert math.isclose(step.scaled(2).seconds(1, 100, 1000), 0.032)
