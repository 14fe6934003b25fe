"""The verbs ``kv plan`` and ``kv explain`` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from netyield.faces.cli.main import call

DATA = Path(__file__).parents[2] / "data" / "kv"
TRACE = str(DATA / "mooncake_conversation_trace.jsonl.gz")
PLAN = ["kv", "plan", "--trace", TRACE, "--no-cache", "--model", "meta-llama/Llama-3.1-70B", "--gpu", "h100"]


def test_a_plan_that_keeps_the_objective(capfd: pytest.CaptureFixture[str]) -> None:
    assert call([*PLAN, "--gpus", "16", "--slo", "ttft p50 < 1.5s", "--json"]) == 0

    body = json.loads(capfd.readouterr().out)
    assert body["met"]
    assert body["chosen"]["gpus"] == 16
    assert body["apply"]["sglang"].startswith("# SGLang")


def test_an_impossible_objective_ends_with_1_and_says_what_it_takes(capfd: pytest.CaptureFixture[str]) -> None:
    assert call([*PLAN, "--gpus", "8", "--slo", "ttft p95 < 2s"]) == 1

    shown = capfd.readouterr().out
    assert "No plan on 8 H100 keeps ttft p95 < 2s" in shown
    assert "48 H100 would keep it" in shown


def test_tiers_are_written_read_and_never_overwritten(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    tiers = tmp_path / "tiers.toml"
    assert call(["kv", "plan", "--write-tiers", str(tiers)]) == 0
    assert call(["kv", "plan", "--write-tiers", str(tiers)]) == 2
    csv = tmp_path / "plan.csv"
    words = [*PLAN, "--gpus", "16,24", "--slo", "ttft p50 < 1.5s", "--tiers", str(tiers), "--csv", str(csv)]
    assert call([*words, "--copies", "inclusive", "--policy", "lru", "--mfu", "0.45"]) == 0

    header, first, *_ = csv.read_text().splitlines()
    assert header.startswith("mark,gpus,sizes")
    assert "chosen" in first
    assert "there already" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--model", "gpt-9"], "--model path/to/config.json"),
        (["--gpus", "eight"], "--gpus 8,16,32"),
        (["--gpu", "h1000"], "Did you mean H100?"),
        (["--slo", "fast"], "ttft p95 < 2s"),
        (["--policy", "magic"], "Policies:"),
        (["--mfu", "1.2"], "MFU"),
        (["--rate", "0"], "above 0"),
        (["--tp", "3"], "multiple of --tp"),
        (["--weights", "int3"], "--weights"),
        (["--cache-dtype", "bf17"], "bf16"),
        (["--tiers", "/nonexistent/tiers.toml"], "--write-tiers"),
        (["--calibrate", "/nonexistent/metrics"], "/metrics"),
        (["--model", "DeepSeek-V4-Pro"], "--active-parameters"),
        (["--gpu", "b200"], "usd_per_hour"),
    ],
)
def test_wrong_words_end_with_2_and_the_repair(words: list[str], told: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert call([*PLAN, *words]) == 2

    shown = capfd.readouterr().err
    assert told in shown
    assert "Traceback" not in shown


def test_without_a_model_or_a_trace(capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["kv", "plan", "--trace", TRACE]) == 2
    assert call(["kv", "plan", "--model", "Llama-3.1-70B"]) == 2
    assert "--trace PATH" in capfd.readouterr().err


def test_explain_shows_every_reason(capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["kv", "explain", "--trace", TRACE, "--no-cache", "--capacity-blocks", "6553"]) == 0

    shown = capfd.readouterr().out
    assert "serves 15.3%" in shown
    for reason in ("own history hit", "shared prefix hit", "evicted", "first seen reused", "one shot", "block floor"):
        assert reason in shown


def test_explain_as_json_and_wrong_capacity(capfd: pytest.CaptureFixture[str]) -> None:
    assert call(["kv", "explain", "--trace", TRACE, "--no-cache", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["hit_tokens"] == 27_038_068
    assert call(["kv", "explain", "--trace", TRACE, "--capacity-blocks", "0"]) == 2


def test_a_gpu_without_a_known_price_takes_one_from_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    words = [*PLAN, "--gpu", "h200", "--gpus", "16", "--slo", "ttft p50 < 10s", "--json"]
    assert call(words) == 2
    assert "--usd-per-gpu-hour" in capfd.readouterr().err
    assert call([*words, "--usd-per-gpu-hour", "3.5"]) == 0
    assert json.loads(capfd.readouterr().out)["chosen"]["gpu_usd_per_hour"] == pytest.approx(16 * 3.5)


def test_a_trace_comes_from_a_file_or_from_the_ledger(capfd: pytest.CaptureFixture[str]) -> None:
    assert call([*PLAN, "--from-ledger"]) == 2
    assert call(["kv", "explain", "--trace", TRACE, "--since", "2026-11"]) == 2
    assert "--from-ledger" in capfd.readouterr().err


def test_a_plan_says_that_its_mfu_is_from_the_engines_counters(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "metrics.txt"
    page.write_text(
        "vllm:request_prefill_time_seconds_sum 1800\nvllm:request_prefill_time_seconds_count 2000\n"
        "vllm:prompt_tokens_total 24000000\nvllm:prefix_cache_hits_total 8000000\n"
    )
    words = [*PLAN, "--gpus", "48", "--slo", "ttft p50 < 10s", "--copies", "inclusive", "--policy", "lru", "--json"]
    assert call([*words, "--calibrate", str(page)]) == 0
    definition = json.loads(capfd.readouterr().out)["definition"]
    assert "counters" in definition["mfu"]
    assert "at 18% of 989 TFLOPS" in definition["prefill"]
    assert call([*words, "--calibrate", str(page), "--mfu", "0.5"]) == 2
    assert "Give one of them" in capfd.readouterr().err
