"""Sizing: objectives, scenarios, and what is said of traffic that cannot be judged or objectives nobody keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netyield.core.errors import WrongUse
from netyield.economics.serving import scenarios
from netyield.economics.serving.fewest import fewest
from netyield.economics.serving.fleet import Fleet
from netyield.economics.serving.objective import parse_objectives
from netyield.economics.serving.service_time import Wanted, service_time
from netyield.economics.serving.simulator import simulate
from netyield.economics.serving.sizing import Search, size
from netyield.economics.serving.step_time import linear
from netyield.economics.serving.traffic import Traffic, of_trace
from netyield.sources.traces.read import read_trace

DATA = Path(__file__).parents[2] / "data"
GOLDEN = linear(23.0e-3, 0.0673e-3, 2.27e-8, 0.0411e-3)
SLO = parse_objectives("ttft p99 < 1s, tpot p99 < 100ms")


@pytest.fixture(scope="module")
def code() -> Traffic:
    return of_trace(read_trace(DATA / "serving" / "azure2023_AzureLLMInferenceTrace_code.csv.gz"))


@pytest.mark.parametrize(("name", "variation", "peaks"), [("code", 13.2, (12.8, 4.2, 1.6)), ("conv", 1.09, (1.8, 1.5, 1.3))])
def test_the_published_burstiness_of_the_azure_traces(name: str, variation: float, peaks: tuple[float, ...]) -> None:
    traffic = of_trace(read_trace(DATA / "serving" / f"azure2023_AzureLLMInferenceTrace_{name}.csv.gz"))
    assert traffic.gap_variation() == pytest.approx(variation, rel=0.01)
    assert [round(traffic.peak_to_mean(width) or 0, 1) for width in (10, 60, 300)] == list(peaks)


def test_resampled_blocks_stay_bursty_and_poisson_does_not(code: Traffic) -> None:
    peak = code.peak_to_mean(10) or 0
    drawn = [scenarios.resampled(code, seed).peak_to_mean(10) or 0 for seed in range(5)]
    assert min(drawn) > 0.5 * peak
    smooth = scenarios.poisson(code, 0)
    assert (smooth.peak_to_mean(10) or 0) < 0.35 * peak
    assert "Poisson" in smooth.arrivals
    assert "as asked" in smooth.arrivals


def test_growth_keeps_window_and_bursts(code: Traffic) -> None:
    more = scenarios.grown(code, 2.5)
    assert more.requests == pytest.approx(2.5 * code.requests, rel=0.02)
    assert more.window_s == code.window_s
    assert more.peak_to_mean(10) == pytest.approx(code.peak_to_mean(10), rel=0.1)
    assert np.all(np.diff(more.arrival_s) >= 0)


def test_bursts_can_be_made_stronger_with_the_same_requests(code: Traffic) -> None:
    strong, weak = scenarios.burstier(code, 1.5), scenarios.burstier(code, 0.5)
    assert strong.requests == code.requests
    assert (weak.peak_to_mean(60) or 0) < (code.peak_to_mean(60) or 0) < (strong.peak_to_mean(60) or 0)
    assert np.all(np.diff(strong.arrival_s) >= -1e-9)
    assert strong.arrival_s[-1] <= code.window_s + 1e-6


def test_a_week_of_the_recording_is_as_busy_as_its_profile_says(code: Traffic) -> None:
    profile = [2.5 if 9 <= hour % 24 < 17 and hour < 120 else 0.1 for hour in range(168)]
    week = scenarios.week_of(code, profile)
    assert week.window_s == 168 * 3600
    by_hour = np.bincount((week.arrival_s // 3600).astype(int), minlength=168) / (code.requests_per_second * 3600)
    work = np.array(profile) > 1
    assert by_hour[work].mean() == pytest.approx(2.5, rel=0.1)
    assert by_hour[~work].mean() == pytest.approx(0.1, rel=0.25)
    assert np.all(np.diff(week.arrival_s) >= 0)
    at_work = week.arrival_s[(week.arrival_s >= 9 * 3600) & (week.arrival_s < 10 * 3600)]
    gaps = np.diff(at_work)
    assert gaps.std() / gaps.mean() > 5  # the bursts of the recording (13), not Poisson's 1
    assert "a week of 300 s blocks" in week.arrivals
    assert [each.code for each in week.obstacles()] == []
    with pytest.raises(WrongUse, match="above 0"):
        scenarios.week_of(code, [0.0] * 168)


def test_fewest_is_the_fewest(code: Traffic) -> None:
    fleet = Fleet(GOLDEN, 1, 10**9)
    found = fewest(code, fleet, SLO)
    assert found.meets_slo
    below = simulate(code, Fleet(GOLDEN, found.replicas - 1, 10**9))
    assert not SLO.kept(SLO.reached(below, code.arrival_s))
    assert found.utilisation < 0.1  # bursts, not work, decide: the sheet's 4 %


def test_a_mean_objective_hides_what_the_99th_percentile_shows(code: Traffic) -> None:
    fleet = Fleet(GOLDEN, 1, 10**9)
    mean = fewest(code, fleet, parse_objectives("ttft mean < 1s, tpot mean < 100ms"))
    assert mean.replicas < fewest(code, fleet, SLO).replicas


def test_prefix_reuse_of_a_trace_needs_fewer_replicas() -> None:
    trace = of_trace(read_trace(DATA / "kv" / "mooncake_conversation_trace.jsonl.gz"))
    fleet = Fleet(GOLDEN, 4, 2_000_000)
    cold = trace.replaced(tree=type(trace.tree)(np.zeros(trace.requests + 1, np.int64), *[np.zeros(0, np.int64)] * 2, 0))
    warm, without = simulate(trace, fleet), simulate(cold, fleet)
    assert 0.1 < warm.cached_tokens.sum() / trace.input_tokens.sum() < 0.4  # the trace's ceiling is about 0.37
    assert without.cached_tokens.sum() == 0
    assert warm.busy_s.sum() < without.busy_s.sum()


def test_tokens_the_file_calls_cached_are_not_computed_again(tmp_path: Path) -> None:
    rows = "".join(f"{n * 0.2},2000,1800,100\n" for n in range(3000))
    path = tmp_path / "cached.csv"
    path.write_text("timestamp,input_tokens,cached_tokens,output_tokens\n" + rows, encoding="utf-8")
    warm = of_trace(read_trace(path))
    cold = warm.replaced(cached_tokens=np.zeros(warm.requests, np.int64))
    fleet = Fleet(GOLDEN, 2, 10**9)
    assert simulate(warm, fleet).cached_tokens.sum() == 3000 * 1800
    assert simulate(warm, fleet).busy_s.sum() < simulate(cold, fleet).busy_s.sum()
    assert fewest(warm, fleet, SLO).utilisation < fewest(cold, fleet, SLO).utilisation
    assert any("what the traffic says was cached" in note for note in warm.notes)


def test_sizing_tells_an_interval_other_demands_and_what_poisson_would_have_said(code: Traffic) -> None:
    service = service_time(Wanted("Qwen3-32B", "h100"), int((code.input_tokens + code.output_tokens).max()))
    found = size(code, service, SLO, Search(demands=(2.0,)))
    assert found.low <= found.chosen.replicas
    assert found.high is None or found.high >= found.chosen.replicas
    assert found.deployed == found.chosen.replicas + 1
    assert found.demands[0][1].replicas >= found.chosen.replicas
    assert found.poisson is not None
    assert found.poisson < found.chosen.replicas
    assert [each.code for each in found.findings] == ["traffic.less_than_a_week"]
    assert found.failure is not None
    assert found.failure.meets_slo
    assert found.failure.replicas == found.deployed


def test_an_objective_nobody_keeps_is_a_finding_without_a_number(code: Traffic) -> None:
    service = service_time(Wanted("Qwen3-32B", "h100"), 8000)
    found = size(code, service, parse_objectives("ttft p99 < 1ms"))
    assert not found.chosen.meets_slo
    assert found.high is None
    assert "sizing.impossible" in [each.code for each in found.findings]


def test_traffic_too_short_to_judge_is_a_finding(code: Traffic) -> None:
    few = code.replaced(
        arrival_s=code.arrival_s[:50], input_tokens=code.input_tokens[:50], cached_tokens=code.cached_tokens[:50],
        output_tokens=code.output_tokens[:50], window_s=20.0,
    )  # fmt: skip
    assert [each.code for each in few.obstacles()] == ["traffic.too_short"]


def test_requests_that_fit_into_no_replica_are_a_finding_and_miss_the_objective(code: Traffic) -> None:
    service = service_time(Wanted("Qwen3-32B", "h100", gpus=1, weights="fp8", source="roofline"), 8000)
    long = code.replaced(input_tokens=np.where(np.arange(code.requests) % 50 == 0, 10**7, code.input_tokens))
    found = size(long, service, SLO)
    assert not found.chosen.meets_slo
    assert {"sizing.too_long", "sizing.impossible"} <= {each.code for each in found.findings}


@pytest.mark.parametrize("words", ["", "ttft < 2s", "ttft p99 < 0s", "speed p99 < 2s", "ttft p99 < 2s, ttft p99 < 3s"])
def test_an_objective_that_means_nothing_is_refused(words: str) -> None:
    with pytest.raises(WrongUse, match=r"Write for example|twice"):
        parse_objectives(words)


def test_an_objective_is_read_in_seconds() -> None:
    assert str(parse_objectives("TTFT p99 < 2000ms, tpot mean<=0.1s")) == "ttft p99 < 2s, tpot mean < 0.1s"
