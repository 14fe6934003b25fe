"""``netyield kv curve`` as a person and a script run it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from fake_project import Run
from kv_traces import trace_path

CONVERSATION = trace_path("conversation")
LEDGER = """
[[source]]
type = "requests"
path = "calls.jsonl"
fingerprint_key = "env:NETYIELD_TEST_KEY"
prefix_block_tokens = 16

[source.columns]
time = "at"
request_id = "id"
model = "model"
input_tokens = "in"
output_tokens = "out"
customer = "who"
prompt = "prompt"

[[source]]
type = "metrics_text"
path = "metrics-*.om"
host = "node"
"""
COUNTERS = """\
# TYPE vllm:prefix_cache_queries counter
vllm:prefix_cache_queries_total{{engine="0",model_name="m"}} {queries} {at}
# TYPE vllm:prefix_cache_hits counter
vllm:prefix_cache_hits_total{{engine="0",model_name="m"}} {hits} {at}
# EOF
"""
EMPTY_HINT = "Give a file with requests."


def test_the_json_contract(run: Run) -> None:
    ran = run("kv", "curve", "--trace", CONVERSATION, "--format", "mooncake", "--policy", "lru",
              "--capacity-blocks", "1024,6553", "--warmup", "0.5", "--weight", "tokens", "--match", "prefix", "--json")  # fmt: skip
    assert (ran.code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert [(p["capacity_blocks"], p["hit_tokens"]) for p in found["points"]] == [
        (1_024, 3_194_814),
        (6_553, 10_394_228),
    ]
    assert found["ceiling_hit_tokens"] == 27_038_068


@pytest.mark.parametrize(("policy", "tokens"), [("fifo", 9_717_517), ("opt", 26_215_927)])
def test_other_policies(run: Run, policy: str, tokens: int) -> None:
    ran = run("kv", "curve", "--trace", CONVERSATION, "--policy", policy, "--capacity-blocks", "6553", "--json")
    assert json.loads(ran.out)["points"][0]["hit_tokens"] == tokens


def test_single_blocks_over_the_whole_trace(run: Run) -> None:
    ran = run("kv", "curve", "--trace", CONVERSATION, "--policy", "s3fifo", "--capacity-blocks", "5859", "--warmup", "0",
              "--weight", "blocks", "--match", "any", "--json")  # fmt: skip
    assert json.loads(ran.out)["points"][0]["hit_ratio"] == pytest.approx(0.157470, abs=5.1e-7)


def test_the_terminal_shows_the_curve_its_knee_and_the_definition(run: Run) -> None:
    ran = run("kv", "curve", "--trace", CONVERSATION)
    assert ran.code == 0
    assert "would hit 39.8% of the tokens" in ran.out
    assert "nearest to the knee" in ran.out
    assert "warmup: 0.5: the first 6,015 of 12,031 requests" in ran.out
    assert "█" in ran.out or "#" in ran.out
    assert max(len(line) for line in ran.out.splitlines() if "█" in line) <= 120


def test_gib_need_a_model_and_mean_its_blocks(run: Run) -> None:
    ran = run("kv", "curve", "--trace", CONVERSATION, "--capacity-gib", "512,1024", "--model",
              "meta-llama/Llama-3.1-70B", "--json")  # fmt: skip
    assert [p["capacity_blocks"] for p in json.loads(ran.out)["points"]] == [3_276, 6_553]
    refused = run("kv", "curve", "--trace", CONVERSATION, "--capacity-gib", "512")
    assert refused.code == 2
    assert "--model" in refused.err


def test_csv_has_every_digit(run: Run) -> None:
    ran = run("kv", "curve", "--trace", CONVERSATION, "--capacity-blocks", "6553", "--csv", "-")
    rows = list(csv.DictReader(io.StringIO(ran.out)))
    assert [(row["policy"], row["hit_tokens"]) for row in rows] == [("lru", "10394228")]
    assert float(rows[0]["hit_ratio"]) == 10_394_228 / 67_915_607


def test_the_page_is_complete_and_speaks_of_no_books(run: Run, tmp_path: Path) -> None:
    page = tmp_path / "curve.html"
    ran = run("kv", "curve", "--trace", CONVERSATION, "--policy", "lru,fifo", "--html", page)
    assert ran.code == 0
    text = page.read_text(encoding="utf-8")
    assert "mooncake_conversation_trace" in text
    assert "vega" in text
    assert "Table: The curve, point by point" in text
    assert "10,394,228" not in text  # not a listed capacity
    assert "24,161,208" in text
    for books in ("books as of", "Every dollar of the bill", "netyield export"):
        assert books not in text


@pytest.mark.parametrize(
    ("words", "repair"),
    [
        ((), "Give --trace PATH"),
        (("--trace", "/no/such/file"), "correct the path"),
        (("--trace", CONVERSATION, "--policy", "mru"), "lru, fifo, opt"),
        (("--trace", CONVERSATION, "--capacity-blocks", "10,x"), "positive numbers"),
        (("--trace", CONVERSATION, "--capacity-blocks", "0"), "positive numbers"),
        (("--trace", CONVERSATION, "--warmup", "1"), "less than 1"),
        (("--trace", CONVERSATION, "--sample", "half"), "16/64"),
        (("--trace", CONVERSATION, "--sample", "2/4"), "4 shards or more"),
        (("--trace", CONVERSATION, "--ttl", "-1"), "leave it out"),
        (("--trace", CONVERSATION, "--ttl", "60", "--policy", "fifo"), "leave it out"),
        (("--trace", CONVERSATION, "--policy", "lru,ttl"), "--ttl SECONDS"),
        (("--trace", CONVERSATION, "--sample", "8/16", "--nodes", "2"), "--by-tenant"),
        (("--trace", CONVERSATION, "--nodes", "2", "--router", "session"), "--router hash"),
        (("--trace", CONVERSATION, "--nodes", "0"), "1 or more"),
        (("--trace", CONVERSATION, "--model", "no-such-model", "--capacity-gib", "1"), "config.json"),
        (("--trace", CONVERSATION, "--json", "--csv", "-"), "--csv a file"),
    ],
)
def test_wrong_use_ends_with_the_repair(run: Run, words: tuple[object, ...], repair: str) -> None:
    ran = run("kv", "curve", *words)
    assert ran.code == 2
    assert ran.out == ""
    assert repair in ran.err


def test_an_empty_trace_is_a_finding(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    ran = run("kv", "curve", "--trace", empty, "--format", "mooncake")
    assert ran.code == 1
    assert EMPTY_HINT in ran.out
    assert run("kv", "curve", "--trace", empty, "--format", "mooncake", "--fail-on", "never").code == 0


def ingested(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project of three calls, the engine that served them, and its counters at two times."""
    monkeypatch.setenv("NETYIELD_TEST_KEY", "a secret of this test")
    said = ["You keep the lighthouse. " * 40]
    calls = [
        {"id": f"r{n}", "at": f"2026-03-01T10:0{n}:00Z", "who": who, "prompt": "".join([*said, "And then? " * 4 * n])}
        for n, who in enumerate(("acme", "acme", "zeta"))
    ]
    lines = "".join(json.dumps(c | {"model": "m", "in": 300, "out": 9}) + "\n" for c in calls)
    (folder / "calls.jsonl").write_text(lines, encoding="utf-8")
    for minute, (queries, hits) in enumerate(((0, 0), (900, 280))):
        page = COUNTERS.format(queries=queries, hits=hits, at=1_772_359_200 + 60 * minute)
        (folder / f"metrics-{minute}.om").write_text(page, encoding="utf-8")
    (folder / "netyield.toml").write_text(LEDGER, encoding="utf-8")
    assert run("ingest", "--project", folder).code == 0


def test_the_calls_of_a_project_are_a_trace_too(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ingested(run, tmp_path, monkeypatch)
    words = ("kv", "curve", "--from-ledger", "--project", tmp_path, "--warmup", "0", "--by-tenant", "--json")
    found = json.loads(run(*words).out)
    assert (found["requests"], found["trace"]["format"], found["measured_tokens"]) == (3, "ledger", 900)
    assert 0 < found["ceiling_hit_tokens"] < 600
    assert [tenant["tenant"] for tenant in found["tenants"]] == ["acme", "zeta"]
    one = json.loads(run(*words, "--where", "customer=acme").out)
    assert one["requests"] == 2


def test_explain_and_plan_of_a_project_know_what_its_engines_hit(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingested(run, tmp_path, monkeypatch)
    ledger = ("--from-ledger", "--project", tmp_path, "--warmup", "0", "--json")
    found = json.loads(run("kv", "explain", *ledger).out)
    assert (found["requests"], found["measured_tokens"], found["trace"]["format"]) == (3, 900, "ledger")
    assert found["observed"]["hit_ratio"] == pytest.approx(280 / 900)
    assert found["capacity_blocks"] == found["observed"]["effective_capacity_blocks"] > 0
    assert found["hit_ratio"] >= 280 / 900
    whole = json.loads(run("kv", "explain", *ledger, "--capacity-blocks", "10000").out)
    assert (whole["capacity_blocks"], whole["observed"]["hit_ratio"]) == (10_000, found["observed"]["hit_ratio"])
    acme = json.loads(run("kv", "explain", *ledger, "--where", "customer=acme").out)
    assert (acme["requests"], acme["observed"]) == (2, None)  # counters know no customers
    none = json.loads(run("kv", "explain", *ledger, "--since", "2026-03-02", "--until", "2026-03-03").out)
    assert (none["requests"], none["observed"]) == (0, None)

    ran = run("kv", "plan", *ledger, "--model", "Llama-3.1-8B", "--gpus", "1", "--slo", "ttft p95 < 5s")
    assert ran.code == 0
    plan = json.loads(ran.out)
    assert (plan["met"], plan["trace"]["format"]) == (True, "ledger")
    assert plan["observed"]["hit_ratio"] == pytest.approx(280 / 900)
    assert plan["observed"]["modelled_hit_ratio"] == pytest.approx(plan["present"]["hit_ratio"])  # no warm-up here
    text = run("kv", "plan", *ledger[:-1], "--model", "Llama-3.1-8B", "--gpus", "1", "--slo", "ttft p95 < 5s").out
    assert "The engines hit 31.1%" in text
    assert "kv_plan.present_differs" in text


def test_a_trace_is_of_a_file_or_of_the_ledger(run: Run, tmp_path: Path) -> None:
    both = run("kv", "curve", "--trace", CONVERSATION, "--from-ledger")
    assert (both.code, "not from both" in both.err) == (2, True)
    stray = run("kv", "curve", "--trace", CONVERSATION, "--where", "customer=acme")
    assert (stray.code, "--from-ledger" in stray.err) == (2, True)


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys; from netyield.faces.cli.main import call; call(['kv', 'curve', '--help']);"
        "print(sorted({'numba', 'numpy', 'pyarrow', 'altair', 'duckdb'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
