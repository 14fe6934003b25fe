"""What engines' caches hit, beside the curve: the answer, the command, and the way through a project's books."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_rows import START, make_project

from netyield.answers.books import Query
from netyield.answers.kv_observed import answer
from netyield.economics.kv.curve import lru_curve
from netyield.economics.kv.observed_hits import AS_COUNTED, ObservedHits
from netyield.faces.cli.main import call
from netyield.project.kv_counts import engine_hits
from netyield.sources.traces.read import read_trace

TRACE = Path(__file__).parents[1] / "data" / "kv" / "mooncake_conversation_trace.jsonl.gz"
PAGE = """\
# TYPE vllm:prefix_cache_queries counter
vllm:prefix_cache_queries_total{{engine="0",model_name="m"}} {queries}
# TYPE vllm:prefix_cache_hits counter
vllm:prefix_cache_hits_total{{engine="0",model_name="m"}} {hits}
# TYPE vllm:external_prefix_cache_hits counter
vllm:external_prefix_cache_hits_total{{engine="0",model_name="m"}} {outside}
"""


def process(queried: int, hit: int, outside: int = 0) -> ObservedHits:
    return ObservedHits("r", "n", "m", 0, 60_000_000, queried, hit, queried - hit, outside, 0)


def test_the_effective_capacity_hits_as_much_as_the_engine() -> None:
    trace = read_trace(TRACE)
    curve = lru_curve(trace, AS_COUNTED)
    queried = int(trace.input_tokens.sum())
    found = answer([process(queried, curve.hit_tokens(1_024), curve.hit_tokens(6_553) - curve.hit_tokens(1_024))], trace, "x")
    effective = found.body["effective"]
    assert effective["own"]["capacity_blocks"] <= 1_024
    assert curve.hit_tokens(effective["own"]["capacity_blocks"]) == curve.hit_tokens(1_024)
    assert curve.hit_tokens(effective["all_tiers"]["capacity_blocks"]) == curve.hit_tokens(6_553)
    assert "blocks" in found.description
    assert found.findings == ()


def test_an_engine_that_hits_more_than_the_trace_allows_is_a_warning() -> None:
    found = answer([process(1_000, 900)], read_trace(TRACE), "x")
    assert [one.code for one in found.findings] == ["kv.trace_of_other_traffic"]
    assert found.body["effective"]["all_tiers"]["capacity_blocks"] is None


def test_no_counter_is_an_error_and_no_figure() -> None:
    found = answer([], None, "x")
    assert [(one.code, str(one.severity)) for one in found.findings] == [("kv.no_counters", "error")]
    assert found.body["hit_ratio"] is None


def engine_rows(values: list[tuple[float, float]], model: str = "m", replica: str = "a") -> list[dict[str, object]]:
    return [
        {
            "event_time": START + timedelta(minutes=minute), "event_key": f"{model}{replica}{minute}{metric}",
            "replica": replica, "namespace": "prod", "engine": "vllm", "model": model, "metric": f"vllm:{metric}",
            "labels": None, "kind": "counter", "value": value, "hold_us": 0,
        }
        for minute, pair in enumerate(values)
        for metric, value in zip(("prefix_cache_queries", "prefix_cache_hits"), pair, strict=True)
    ]  # fmt: skip


def test_books_to_hit_rates(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows = engine_rows([(100, 10), (1_100, 310), (50, 5), (150, 55)]) + engine_rows([(0, 0), (400, 400)], "other", "b")
    project = make_project(tmp_path / "p", engine_samples=rows)
    first, second = engine_hits(project, Query())
    assert (first.queried, first.hit, first.restarts) == (1_000 + 50 + 100, 300 + 5 + 50, 1)
    assert (second.model, second.ratio) == ("other", 1.0)
    assert [one.model for one in engine_hits(project, Query(where={"model": "oth*"}))] == ["other"]
    assert call(["kv", "observed", "--project", str(tmp_path / "p"), "--json", "--where", "model=m"]) == 0
    body = json.loads(capfd.readouterr().out)
    assert body["hit_ratio"] == pytest.approx(355 / 1_150)
    assert body["effective"]["own"] is None


def test_saved_pages_of_an_engine(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pages = [tmp_path / "1.txt", tmp_path / "2.txt"]
    for page, (queries, hits, outside) in zip(pages, ((1_000, 100, 0), (5_000, 1_100, 500)), strict=True):
        page.write_text(PAGE.format(queries=queries, hits=hits, outside=outside), encoding="utf-8")
    assert call(["kv", "observed", "--counters", str(pages[1]), "--json"]) == 0
    alone = json.loads(capfd.readouterr().out)
    assert (alone["own_hit_ratio"], alone["hit_ratio"]) == (0.22, 0.32)
    words = ["kv", "observed", "--counters", str(pages[0]), "--counters", str(pages[1]), "--trace", str(TRACE), "--json"]
    assert call(words) == 0
    both = json.loads(capfd.readouterr().out)
    assert (both["own_hit_ratio"], both["hit_ratio"]) == (0.25, 0.375)
    assert both["requests"] == 12_031
    pages[0].write_text("nothing_here 1\n", encoding="utf-8")
    assert call(["kv", "observed", "--counters", str(pages[0])]) == 2
    assert "no prefix-cache counter" in capfd.readouterr().err
