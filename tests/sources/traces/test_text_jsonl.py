"""Prompts in the log: what is shared is seen, and no text comes out."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from tests.sources.traces.trace_files import write_lines
from tokenizers import Tokenizer, models, pre_tokenizers

from netyield.core.errors import SourceError, WrongUse
from netyield.sources.traces import cached
from netyield.sources.traces.cached import entry, keep, signature
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Trace

SYSTEM = {"role": "system", "content": "You answer in rhymes. " * 20}
ASK = {"role": "user", "content": "Tell me of the xylophone secret in the orchard."}
REPLY = {"role": "assistant", "content": "The orchard keeps it under pears."}
AGAIN = {"role": "user", "content": [{"type": "text", "text": "And in winter?"}]}


def shared(trace: Trace, one: int, two: int) -> int:
    a, b = (trace.nodes[trace.first[r] : trace.first[r + 1]] for r in (one, two))
    size = min(len(a), len(b))
    same = a[:size] == b[:size]
    return int(size if same.all() else np.argmin(same))


def chats(path: Path) -> Path:
    return write_lines(path, [
        {"timestamp": "2026-05-01T10:00:00Z", "session_id": "s1", "tenant": "red", "messages": [SYSTEM, ASK],
         "usage": {"completion_tokens": 12}},
        {"timestamp": "2026-05-01T10:00:07.250Z", "session_id": "s1", "tenant": "red", "messages": [SYSTEM, ASK, REPLY, AGAIN]},
        {"timestamp": "2026-05-01T10:00:09Z", "session_id": "s2", "tenant": "blue", "messages": [SYSTEM, AGAIN],
         "output": "Pears."},
    ])  # fmt: skip


def test_a_longer_conversation_shares_the_whole_of_the_shorter(tmp_path: Path) -> None:
    trace = read_trace(chats(tmp_path / "log.jsonl"), block_size=4)
    assert (trace.format, trace.findings) == ("text", ())
    full = int(trace.input_tokens[0]) // 4
    assert shared(trace, 0, 1) == full
    system = len("\0system\n" + "You answer in rhymes. " * 20 + "\n") // 16
    assert system <= shared(trace, 0, 2) <= system + 1
    assert trace.arrival_us.tolist() == [0, 7_250_000, 9_000_000]
    assert trace.output_tokens.tolist() == [12, -1, 2]
    assert [trace.tenants[i] for i in trace.tenant] == ["red", "red", "blue"]
    assert "tokenizer approximate:4" in trace.notes[0]
    assert (trace.last_tokens <= 4).all()


def test_no_text_comes_out(tmp_path: Path) -> None:
    path = chats(tmp_path / "log.jsonl")
    trace = read_trace(path, block_size=4)
    place = entry(tmp_path / "cache", path, {})
    keep(place, path, trace, signature(path))
    written = place.read_bytes() + pickle.dumps([getattr(trace, name) for name in trace.__slots__])
    for word in (b"rhymes", b"xylophone", b"orchard", b"pears", b"winter"):
        assert word not in written


def test_the_secret_makes_the_fingerprints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = chats(tmp_path / "log.jsonl")
    with pytest.raises(SourceError, match="NETYIELD_TEST_SECRET"):
        read_trace(path, secret="env:NETYIELD_TEST_SECRET")
    monkeypatch.setenv("NETYIELD_TEST_SECRET", "one")
    assert read_trace(path, secret="env:NETYIELD_TEST_SECRET").nodes.tolist() == read_trace(path).nodes.tolist()


def test_known_token_numbers_need_no_tokenizer(tmp_path: Path) -> None:
    lines = [{"timestamp": t, "prompt_token_ids": list(range(n))} for t, n in ((0, 40), (1, 48), (2, 33))]
    trace = read_trace(write_lines(tmp_path / "t.jsonl", lines), block_size=16)
    assert trace.input_tokens.tolist() == [40, 48, 33]
    assert trace.nodes.tolist() == [0, 1, 2, 0, 1, 3, 0, 1, 4]
    assert trace.last_tokens.tolist() == [8, 16, 1]


def test_a_tokenizer_from_its_file(tmp_path: Path) -> None:
    words = Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.save(str(tmp_path / "tokenizer.json"))
    lines = [{"timestamp": 0, "prompt": "a b a b b"}, {"timestamp": 1, "text": "a  b\na b a a"}]
    path = write_lines(tmp_path / "t.jsonl", lines)
    trace = read_trace(path, block_size=2, tokenizer=f"file:{tmp_path / 'tokenizer.json'}")
    assert trace.input_tokens.tolist() == [5, 6]
    assert trace.nodes.tolist() == [0, 1, 2, 0, 1, 3]
    assert "tokenizer file:tokenizer.json:" in trace.notes[0]
    with pytest.raises(WrongUse, match=r"tokenizer\.json"):
        read_trace(path, tokenizer=f"file:{path}")
    with pytest.raises(WrongUse, match="approximate"):
        read_trace(path, tokenizer="gpt")


def test_lines_without_prompt_or_time_are_findings(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"prompt": "hello " * 40}) + '\n{"prompt": ""}\n{"timestamp": "soon", "prompt": "x"}\n', "utf-8")
    trace = read_trace(path)
    assert trace.requests == 1
    assert [(f.code, f.row, f.count) for f in trace.findings] == [("trace.bad_line", 2, 2), ("trace.no_time", 1, 1)]


def test_another_tokenizer_in_the_same_file_is_not_taken_from_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cached, "LEAST_ACCESSES", 1)
    path = write_lines(tmp_path / "t.jsonl", [{"timestamp": 0, "prompt": "a b a b b"}])
    place = tmp_path / "tokenizer.json"
    lengths = []
    for splitter in (pre_tokenizers.Whitespace(), pre_tokenizers.Split("b", "removed")):
        made = Tokenizer(models.WordLevel({"a": 0, "b": 1, "?": 2}, unk_token="?"))
        made.pre_tokenizer = splitter
        made.save(str(place))
        trace = read_trace(path, tokenizer=f"file:{place}", cache=tmp_path / "cache")
        lengths.append(int(trace.input_tokens[0]))
    assert lengths == [5, 3]


def test_messages_of_refused_lines_repeat_nothing(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [{"time": "the canary", "prompt": "x"}, {"prompt": {"canary": 1}}])
    assert "canary" not in str(read_trace(path).findings)
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n1,the canary,3\nthe canary,4,5\n", encoding="utf-8")
    trace = read_trace(path)
    assert "canary" not in str(trace.findings)
    assert [f.count for f in trace.findings if f.code == "trace.bad_line"] == [2]
