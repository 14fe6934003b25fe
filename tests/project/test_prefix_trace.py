"""From a log with prompts to a trace of the ledger, with no prompt anywhere in the project folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from netyield.answers.books import Query
from netyield.core.errors import WrongUse
from netyield.project import Project
from netyield.sources.traces.read import read_trace

SYSTEM = "You are the quartermaster of the lighthouse. " * 60
WORDS = ("quartermaster", "lighthouse", "marmalade", "gullible", "periscope")
CONFIG = """
[[source]]
type = "requests"
path = "calls.jsonl"
fingerprint_key = "env:NETYIELD_TEST_KEY"
prefix_block_tokens = 16
{more}

[source.columns]
time = "at"
request_id = "id"
model = "model"
input_tokens = "usage.prompt_tokens"
cached_tokens = "usage.cached"
output_tokens = "usage.completion_tokens"
customer = "who"
conversation_id = "chat"
{prompt}
"""
PROMPT = 'prompt = "messages"'


def call(number: int, minute: int, turns: list[str], **more: Any) -> dict[str, Any]:
    messages = [{"role": "system", "content": SYSTEM}]
    messages += [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(turns)]
    tokens = sum(len(m["content"]) for m in messages) // 4 + 3
    usage = {"prompt_tokens": tokens, "completion_tokens": 20, "cached": number * 2}
    return {"id": f"r{number}", "at": f"2026-03-01T10:{minute:02d}:00Z", "model": "m", "messages": messages, "usage": usage,
            "who": "acme", "chat": "c1", **more}  # fmt: skip


CALLS = [
    call(1, 0, ["Where is the marmalade, and what would a gullible gull do with it? " * 4]),
    call(2, 1, ["Where is the marmalade, and what would a gullible gull do with it? " * 4, "Beneath the periscope. " * 8, "Why?"]),
    call(3, 2, ["Something else entirely about a periscope. " * 5], who="zeta", chat="c2"),
    call(4, 3, ["No times"], at="never"),  # refused: its record must not show the prompt either
]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETYIELD_TEST_KEY", "a secret of this test")


def opened(folder: Path, calls: list[dict[str, Any]] = CALLS, prompt: str = PROMPT, more: str = "") -> Project:
    (folder / "calls.jsonl").write_text("".join(json.dumps(one) + "\n" for one in calls), encoding="utf-8")
    (folder / "netyield.toml").write_text(CONFIG.format(prompt=prompt, more=more), encoding="utf-8")
    project = Project.open(folder)
    project.ingest()
    return project


def test_log_to_trace_without_a_word_kept(tmp_path: Path) -> None:
    project = opened(tmp_path)
    trace = project.prefix_trace(Query())
    assert (trace.format, trace.block_size, trace.requests, trace.findings) == ("ledger", 16, 3, ())
    assert trace.input_tokens.tolist() == [one["usage"]["prompt_tokens"] for one in CALLS[:3]]
    assert trace.output_tokens.tolist() == [20, 20, 20]
    assert [trace.tenants[i] for i in trace.tenant] == ["acme", "acme", "zeta"]
    assert [trace.sessions[i] for i in trace.session] == ["c1", "c1", "c2"]
    assert trace.arrival_us.tolist() == [0, 60_000_000, 120_000_000]
    blocks = np.diff(trace.first)
    tokens = trace.block_tokens.astype(np.int64) * (blocks - 1) + trace.last_tokens
    assert (tokens == trace.input_tokens).all()

    everything = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "calls.jsonl"]
    assert len(everything) > 3
    for path in everything:
        packed = path.suffix == ".parquet"
        content = str(pq.read_table(path).to_pylist()) if packed else path.read_bytes().decode("utf-8", "replace")
        assert not any(word in content for word in WORDS), path
    assert any(path.suffix == ".parquet" and "r3" in str(pq.read_table(path).to_pylist()) for path in everything)
    quarantined = project.folder.manifest().of("quarantine")
    assert quarantined


def test_the_ledger_shares_what_the_prompts_share(tmp_path: Path) -> None:
    project = opened(tmp_path)
    ledger = project.prefix_trace(Query())
    lines = [{"timestamp": n, "messages": one["messages"]} for n, one in enumerate(CALLS[:3])]
    (tmp_path / "text.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines), encoding="utf-8")
    direct = read_trace(tmp_path / "text.jsonl", block_size=16)
    assert ledger.nodes.tolist() == direct.nodes.tolist()
    assert ledger.parent.tolist() == direct.parent.tolist()


def test_windows_and_filters(tmp_path: Path) -> None:
    project = opened(tmp_path)
    assert project.prefix_trace(Query(where={"customer": "z*"})).requests == 1
    assert project.prefix_trace(Query(where={"tenant": "acme"})).requests == 2
    assert project.prefix_trace(Query(since="2026-03-01T10:01:00Z", until="2026-03-01T10:02:00Z")).requests == 1
    with pytest.raises(WrongUse, match="Known: provider"):
        project.prefix_trace(Query(where={"colour": "red"}))


def test_another_key_is_another_fingerprint_and_no_other_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = opened(tmp_path)
    before = project.prefix_trace(Query())
    monkeypatch.setenv("NETYIELD_TEST_KEY", "another secret")
    later = opened(tmp_path, [*CALLS, call(5, 9, ["Where is the marmalade?"])])
    after = later.prefix_trace(Query())
    assert after.requests == before.requests + 1
    assert after.nodes[: before.accesses].tolist() == before.nodes.tolist()
    assert not set(after.nodes[before.accesses :].tolist()) & set(before.nodes.tolist())


def test_without_a_key_no_prompt_is_read(tmp_path: Path) -> None:
    (tmp_path / "netyield.toml").write_text(
        CONFIG.format(prompt="", more="").replace("fingerprint_key", "#").replace("prefix_block_tokens", "#"), "utf-8"
    )
    (tmp_path / "calls.jsonl").write_text("".join(json.dumps(one) + "\n" for one in CALLS), encoding="utf-8")
    project = Project.open(tmp_path)
    project.ingest()
    trace = project.prefix_trace(Query())
    assert trace.requests == 0
    assert ("trace.no_fingerprints", "error") in [(f.code, f.severity) for f in trace.findings]
    assert "fingerprint_key" in trace.findings[0].repair


def test_hashes_the_log_brings_itself(tmp_path: Path) -> None:
    calls = [{**call(n, n, ["x"]), "messages": None, "hashes": hashes, "size": 128} for n, hashes in enumerate(
        (["a1", "b2"], "a1,b2,c3", "You are the quartermaster", ["d4"])
    )]  # fmt: skip
    project = opened(tmp_path, calls, 'prefix_blocks = "hashes"\nprefix_block_tokens = "size"')
    trace = project.prefix_trace(Query())
    assert trace.nodes.tolist() == [0, 1, 0, 1, 2, 3]
    assert [f.code for f in trace.findings] == ["trace.no_fingerprints"]
    assert any(f.code == "requests.bad_prefix_blocks" for f in project.check())


def test_a_ledger_without_attempts(tmp_path: Path) -> None:
    trace = opened(tmp_path, []).prefix_trace(Query())
    assert [f.code for f in trace.findings] == ["trace.empty"]
