"""``netyield placement size`` and ``calibrate`` as a person and a script run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_project import Run

DATA = Path(__file__).parents[3] / "data" / "serving"
CODE = DATA / "azure2023_AzureLLMInferenceTrace_code.csv.gz"
CONTRACT = {
    "objective", "meets_slo", "replicas", "replicas_p10", "replicas_p90", "deployed", "gpus", "gpus_per_replica",
    "utilisation", "utilisation_deployed", "busy_share", "goodput_share", "reached", "preempted", "cached_share",
    "replicas_if_poisson", "levels", "traffic", "service_time", "definition", "findings",
    "utilisation_by_hour", "hours_from", "designs", "replicas_resampled", "judged",
}  # fmt: skip


def sized(run: Run, *words: str, code: int = 0) -> dict[str, object]:
    outcome = run("placement", "size", "--traffic", str(CODE), "--json", *words)
    assert outcome.code == code, outcome.err
    found: dict[str, object] = json.loads(outcome.out)
    return found


def test_the_json_is_the_contract_and_utilisation_is_a_result(run: Run) -> None:
    found = sized(run, "--model", "deepseek-ai/DeepSeek-V3", "--gpu", "h200")
    assert set(found) == CONTRACT
    assert found["meets_slo"] is True
    assert 0 < found["utilisation"] < 0.5  # type: ignore[operator]
    assert found["deployed"] == found["replicas"] + 1  # type: ignore[operator]
    assert found["replicas_if_poisson"] < found["replicas"]  # type: ignore[operator]
    assert found["service_time"]["method"] == "measured"  # type: ignore[index]
    assert found["hours_from"] == "Monday 00:00 UTC"
    assert [each["hour_of_week"] for each in found["utilisation_by_hour"]] == [90, 91]  # type: ignore[attr-defined]
    assert [level["demand"] for level in found["levels"]] == [0.5, 1.0, 2.0]  # type: ignore[attr-defined]


def test_utilisation_cannot_be_given(run: Run) -> None:
    outcome = run("placement", "size", "--traffic", str(CODE), "--model", "DeepSeek-V3", "--utilisation", "0.9")
    assert outcome.code == 2


def test_poisson_is_named_where_it_was_asked_for(run: Run) -> None:
    found = sized(run, "--model", "Qwen3-32B", "--poisson")
    assert "Poisson" in found["definition"]["arrivals"]  # type: ignore[index]


def test_growth_and_bursts_are_named_in_the_definition(run: Run) -> None:
    found = sized(run, "--model", "Qwen3-32B", "--growth", "2", "--burst", "1.2")
    assert found["definition"]["arrivals"] == "as recorded, bursts 1.2 times as strong, grown 2 times"  # type: ignore[index]


def test_the_fleet_is_told_as_it_would_be_run_otherwise(run: Run) -> None:
    words = ("--autoscale", "20", "--least", "2", "--cold-start", "60", "--hold", "120", "--apart", "--repair-minutes", "10")
    found = sized(run, "--model", "Qwen3-32B", "--resample", "3", *words)
    names = [str(each["design"]).partition(" ")[0] for each in found["designs"]]  # type: ignore[attr-defined]
    assert names == ["always", "always", "autoscaled:", "apart:"]
    static, lost, scaled, apart = found["designs"]  # type: ignore[misc]
    assert "1 lost for 10 minutes" in lost["design"]
    assert lost["replicas"] == found["deployed"]
    assert "cold start 60 s" in scaled["design"]
    assert scaled["paid"] <= static["paid"] == found["replicas"]
    assert apart["meets_slo"]
    assert len(found["replicas_resampled"]) == 3  # type: ignore[arg-type]


def test_a_week_is_made_of_the_recording(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "week.csv"
    path.write_text("hour_of_week,times\n" + "".join(f"{h},{0.02 if h >= 120 else 0.06}\n" for h in range(168)), encoding="utf-8")
    found = sized(run, "--model", "Qwen3-32B", "--week", str(path))
    assert found["traffic"]["hours"] == 168  # type: ignore[index]
    hours = found["utilisation_by_hour"]
    assert [each["hour_of_week"] for each in hours] == list(range(168))  # type: ignore[attr-defined]
    assert hours[10]["utilisation"] > hours[130]["utilisation"] > 0  # type: ignore[index]
    assert "traffic.less_than_a_week" not in [each["code"] for each in found["findings"]]  # type: ignore[attr-defined]
    assert "a week of 300 s blocks" in found["definition"]["arrivals"]  # type: ignore[index]


def test_an_objective_nobody_keeps_fails_without_a_number(run: Run) -> None:
    found = sized(run, "--model", "Qwen3-32B", "--slo", "ttft p99 < 1ms", code=1)
    assert found["replicas"] is None
    assert found["utilisation"] is None
    assert found["meets_slo"] is False


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--model", "no-such"), "not known"), (("--model", "Qwen3-32B", "--gpu", "h2000"), "Did you mean H200"),
        (("--model", "Qwen3-32B", "--slo", "fast"), "not understood"), ((), "no model"),
        (("--model", "Qwen3-32B", "--max-batch", "0"), "--budget-tokens"),
        (("--model", "Qwen3-32B", "--week", "none.csv"), "cannot be read"),
        (("--model", "Qwen3-32B", "--growth", "0"), "above 0"), (("--model", "Qwen3-32B", "--burst", "nan"), "above 0"),
        (("--model", "Qwen3-32B", "--autoscale", "0"), "autoscale"),
        (("--model", "Qwen3-32B", "--tp", "0"), "above 0"), (("--model", "Qwen3-32B", "--parameters", "nan"), "above 0"),
        (("--model", "Qwen3-32B", "--weights", "fp99"), "no precision of weights"),
        (("--model", "Qwen3-32B", "--engine", "none"), "vllm, sglang, trtllm"),
    ],
)  # fmt: skip
def test_wrong_use_is_told_with_its_repair(run: Run, words: tuple[str, ...], said: str) -> None:
    outcome = run("placement", "size", "--traffic", str(CODE), *words)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.split())


@pytest.mark.parametrize("words", [[], ["--traffic", str(CODE), "--from-ledger"]], ids=["neither", "both"])
def test_traffic_comes_from_one_place(run: Run, words: list[str]) -> None:
    outcome = run("placement", "size", "--model", "Qwen3-32B", *words)
    assert outcome.code == 2
    assert "--traffic FILE" in " ".join(outcome.err.split())


def test_requests_in_any_order_are_the_same_traffic(run: Run, tmp_path: Path) -> None:
    lines = [f"{n * 1.3},500,{50 + n % 90}\n" for n in range(1500)]
    for name, rows in (("sorted.csv", lines), ("mixed.csv", lines[::-1])):
        (tmp_path / name).write_text("timestamp,input_tokens,output_tokens\n" + "".join(rows), encoding="utf-8")
    found = [
        json.loads(run("placement", "size", "--traffic", str(tmp_path / name), "--model", "Qwen3-32B", "--json").out)
        for name in ("sorted.csv", "mixed.csv")
    ]
    assert found[0]["reached"] == found[1]["reached"]
    assert [each["code"] for each in found[1]["findings"]] == ["traffic.less_than_a_week"]


def test_too_few_requests_are_a_finding(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text(
        "timestamp,input_tokens,output_tokens\n" + "".join(f"{n},500,100\n" for n in range(20)), encoding="utf-8"
    )
    outcome = run("placement", "size", "--traffic", str(path), "--model", "Qwen3-32B", "--json")
    assert outcome.code == 1
    found = json.loads(outcome.out)
    assert "traffic.too_short" in [each["code"] for each in found["findings"]]
    assert found["judged"] is False
    assert {found[name] for name in ("replicas", "replicas_p90", "deployed", "gpus", "utilisation", "replicas_if_poisson")} == {None}
    assert "Too little traffic" in run("placement", "size", "--traffic", str(path), "--model", "Qwen3-32B").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no request"), ("hello\nworld\n", "no known trace format"), ("timestamp,prompt_tokens,completion_tokens\n", "no request"),
        ("timestamp,prompt_tokens\n" + "".join(f"{n},100\n" for n in range(2000)), "how long answers were"),
        ("timestamp,prompt_tokens,completion_tokens\n" + "5,100,10\n" * 2000, "no two requests with arrival times"),
    ],
    ids=["empty", "garbage", "header", "no outputs", "one moment"],
)  # fmt: skip
def test_a_file_that_gives_no_rate_says_why_and_gives_no_number(run: Run, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(text, encoding="utf-8")
    outcome = run("placement", "size", "--traffic", str(path), "--model", "Qwen3-32B")
    assert outcome.code == 2, outcome.out
    assert said in " ".join(outcome.err.split())


def test_an_average_as_objective_warns(run: Run) -> None:
    found = sized(run, "--model", "Qwen3-32B", "--slo", "ttft mean < 1s")
    assert "sizing.average" in [each["code"] for each in found["findings"]]  # type: ignore[attr-defined]
    strict = sized(run, "--model", "Qwen3-32B", "--slo", "ttft p99 < 1s")
    assert strict["replicas"] > found["replicas"]  # type: ignore[operator]
    assert "sizing.average" not in [each["code"] for each in strict["findings"]]  # type: ignore[attr-defined]


@pytest.mark.parametrize("gpu", ["h100", "h200", "b200"])
def test_points_of_ones_own_calibrate_a_measured_cell_too(run: Run, tmp_path: Path, gpu: str) -> None:
    path = tmp_path / "mine.csv"
    lines = [f"{c},1000,200,{9 + 0.2 * c},{50 + c}" for c in (1, 8, 32, 64)]
    path.write_text("concurrency,input_tokens,output_tokens,tpot_ms,ttft_ms\n" + "\n".join(lines), encoding="utf-8")
    for model in ("Qwen/Qwen3-32B", "deepseek-ai/DeepSeek-V3", "openai/gpt-oss-120b"):
        outcome = run("placement", "calibrate", "--measured", str(path), "--model", model, "--gpu", gpu, "--json")
        assert outcome.code == 0, outcome.err
        for point in json.loads(outcome.out)["points"]:
            assert point["after_ms"] == pytest.approx(point["measured_ms"], rel=0.25)

def test_columns_of_any_name_are_mapped(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows = "".join(f"{n * 1500},500,100,400\n" for n in range(1500))
    path.write_text("ts,question,answer,hit\n" + rows, encoding="utf-8")
    words = ["--traffic", str(path), "--model", "Qwen3-32B", "--columns", "time=ts,input=question,output=answer,cached=hit"]
    outcome = run("placement", "size", *words, "--time-unit", "ms", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["cached_share"] == pytest.approx(0.8)
    assert found["traffic"]["requests_per_second"] == pytest.approx(1 / 1.5)


def test_the_page_and_the_terminal_tell_it(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "sizing.html"
    outcome = run("placement", "size", "--traffic", str(CODE), "--model", "Qwen3-32B", "--html", str(page))
    assert outcome.code == 0, outcome.err
    assert "Poisson arrivals would have said" in " ".join(outcome.out.split())
    assert "replicas" in page.read_text(encoding="utf-8")


def test_calibration_tells_the_error_that_is_left(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    lines = [f"{c},1000,200,{8 + 0.12 * c}" for c in (1, 8, 32, 64, 128)]
    path.write_text("decoding,input_tokens,output_tokens,tpot_ms\n" + "\n".join(lines), encoding="utf-8")
    outcome = run("placement", "calibrate", "--measured", str(path), "--model", "Qwen3-14B", "--gpu", "h200", "--json")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["after"]["median_error"] <= 0.13 < found["before"]["median_error"]
    for point in found["points"]:
        assert point["after_ms"] == pytest.approx(point["measured_ms"], rel=0.1)


def test_load_generators_are_read(run: Run, tmp_path: Path) -> None:
    mean = {
        "prompt_token_count": 1000,
        "output_token_count": 200,
        "time_to_first_token_ms": 90,
        "inter_token_latency_ms": 12,
    }
    metrics = {name: {"successful": {"mean": value}} for name, value in mean.items()}
    metrics["request_concurrency"] = {"successful": {"mean": 16}}
    guide = tmp_path / "guidellm.json"
    guide.write_text(json.dumps({"benchmarks": [{"metrics": metrics}]}), encoding="utf-8")
    serve = tmp_path / "vllm.json"
    run_of_vllm = {
        "completed": 100, "total_input_tokens": 100_000, "total_output_tokens": 20_000, "mean_tpot_ms": 12.0, "mean_ttft_ms": 90.0,
        "output_throughput": 1300.0, "max_concurrency": 16,
    }  # fmt: skip
    serve.write_text(json.dumps(run_of_vllm), encoding="utf-8")
    for path in (guide, serve):
        outcome = run(
            "placement", "calibrate", "--measured", str(path), "--model", "Qwen3-14B", "--gpu", "h200", "--json"
        )
        assert outcome.code == 0, outcome.err
        found = json.loads(outcome.out)
        (point,) = found["points"]
        assert point["decoding"] == pytest.approx(15.5, rel=0.02)
        assert point["after_ms"] == pytest.approx(12.0)
        assert [each["code"] for each in found["findings"]] == ["calibration.few_points"]


def test_a_measurement_without_a_time_is_refused_with_its_row(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("decoding,input_tokens,output_tokens\n1,1000,200\n", encoding="utf-8")
    outcome = run("placement", "calibrate", "--measured", str(path), "--model", "Qwen3-14B")
    assert outcome.code == 2
    assert "bad.csv:1" in " ".join(outcome.err.split())


def test_the_page_draws_replicas_by_demand_and_what_poisson_would_have_said(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "sizing.html"
    assert (
        run(
            "placement", "size", "--traffic", str(CODE), "--model", "DeepSeek-V3", "--gpu", "h200", "--html", str(page)
        ).code
        == 0
    )
    told = page.read_text(encoding="utf-8")
    assert "Replicas by demand" in told
    assert "With Poisson arrivals" in told
    assert "Utilisation over the week: 2 of 168 hours were recorded." in told
    assert "median minute, Thu 18:00:" in told
