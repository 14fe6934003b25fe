"""Formats are found from the content; options that are wrong say so; traces that make figures doubtful have findings."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sources.traces.trace_files import call, mooncake, session, write_lines

from netyield.core.errors import SourceError, WrongUse
from netyield.sources.traces.build import possible_sizes
from netyield.sources.traces.detect import detect
from netyield.sources.traces.read import read_trace


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ('{"timestamp": 1, "input_length": 3, "hash_ids": [1]}', "mooncake"),
        ('{"chat_id": 4, "timestamp": 1.5, "input_length": 3, "hash_ids": [1]}', "bailian"),
        ('\ufeff\n{"timestamp": "1", "input_length": 3, "hash_ids": {"sys_prompt": [1]}}', "content"),
        ('{"id": "a",\n "requests": [\n]}', "sessions"),
        ('{"messages": [{"role": "user", "content": "hi"}]}', "text"),
        ('{"input": "hi", "output": "ho", "session_id": "3", "timestamp": 17}', "text"),
        ('{"timestamp": 3, "input_length": 99}', "lengths"),
        ("TIMESTAMP,ContextTokens,GeneratedTokens\n", "lengths"),
        ("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n", "lengths"),
        ("arrived_at,num_prefill_tokens,num_decode_tokens\n", "lengths"),
        ("day,dollars\n", None),
        ('{"day": 4}', None),
        ("\x00\x01", None),
        ("", None),
    ],
)
def test_detection(text: str, format: str | None) -> None:
    assert detect(text.encode()) == format


def codes(path: Path, **options: object) -> list[tuple[str, int | None, int]]:
    trace = read_trace(path, **options)  # type: ignore[arg-type]
    assert all(finding.repair and finding.message for finding in trace.findings)
    return [(finding.code, finding.row, finding.count) for finding in trace.findings]


def test_negative_and_backward_times(tmp_path: Path) -> None:
    lines = [mooncake(t, 512, [n]) for n, t in enumerate((5, -1, 7, 6))]
    path = write_lines(tmp_path / "t.jsonl", lines)
    assert codes(path) == [("trace.negative_time", 2, 1), ("trace.time_backwards", 2, 2)]
    assert read_trace(path).arrival_us.tolist() == [6_000, 0, 8_000, 7_000]
    sorted_by_time = read_trace(path, order="time")
    assert sorted_by_time.arrival_us.tolist() == [0, 6_000, 7_000, 8_000]
    assert [finding.code for finding in sorted_by_time.findings] == ["trace.negative_time"]


def test_empty_and_unknown(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    assert codes(tmp_path / "empty.jsonl") == [("trace.empty", None, 1)]
    (tmp_path / "poem.txt").write_bytes(b"roses are red\n")
    assert codes(tmp_path / "poem.txt") == [("trace.unknown_format", 1, 1)]
    assert read_trace(tmp_path / "empty.jsonl").span_seconds == 0.0


def test_blocks_larger_than_every_prompt(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [mooncake(0, 240, [1]), mooncake(1, 240, [1])])
    found = read_trace(path, block_size=784).findings
    assert [f.code for f in found] == ["trace.block_exceeds_prompts"]
    assert "240 tokens" in found[0].message
    assert "at most 240" in found[0].repair


def test_ids_that_do_not_make_the_prompt(tmp_path: Path) -> None:
    lines = [mooncake(0, 1_024, [1, 2]), mooncake(1, 700, [1, 2, 3, 4]), mooncake(2, 5_000, [1, 2])]
    path = write_lines(tmp_path / "t.jsonl", lines)
    assert codes(path) == [("trace.block_size", 2, 2)]
    trace = read_trace(path)
    assert (trace.block_tokens * 3 + trace.last_tokens)[1] == 700
    assert trace.last_tokens[2] == 512


def test_block_size_found_from_the_lengths(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [mooncake(0, 100, [1, 2, 3, 4]), mooncake(1, 129, [1, 2, 3, 5, 6])])
    trace = read_trace(path)
    assert (trace.block_size, trace.findings) == (32, ())
    assert trace.notes == ("block size 32, found from lengths and numbers of ids",)
    assert codes(path, block_size=16) == [("trace.block_size", 1, 2)]


@given(st.integers(1, 600), st.lists(st.integers(1, 5_000), min_size=1, max_size=20), st.booleans())
def test_possible_sizes_are_exactly_those_that_fit(size: int, tokens: list[int], full: bool) -> None:
    lengths = np.array(tokens, np.int64)
    blocks = lengths // size if full else -(-lengths // size)
    found = possible_sizes(lengths, blocks, full)
    some = blocks > 0
    for other in range(1, 700):
        fits = (lengths // other if full else -(-lengths // other))[some].tolist() == blocks[some].tolist()
        if some.any() and other <= lengths[some].max():
            assert fits == (found.low <= other <= found.high)


def test_wrong_use(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [mooncake(0, 512, [1])])
    for options, hint in (
        ({"format": "moon"}, "mooncake, bailian"), ({"block_size": 0}, "1 or more"), ({"order": "random"}, "file, time"),
        ({"time_unit": "days"}, "s, ms"),
    ):  # fmt: skip
        with pytest.raises(WrongUse, match=hint):
            read_trace(path, **options)  # type: ignore[arg-type]
    with pytest.raises(WrongUse, match="correct the path"):
        read_trace(tmp_path / "nothing.jsonl")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x" * 999)[:20])
    with pytest.raises(SourceError, match="damaged gzip"):
        read_trace(tmp_path / "cut.gz")


def test_a_format_can_be_forced(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [mooncake(0, 40, [1, 2, 3]), mooncake(2, 33, [1, 2, 4])])
    trace = read_trace(path, format="bailian")
    assert (trace.format, trace.block_size, trace.arrival_us.tolist()) == ("bailian", 16, [0, 2_000_000])
    assert read_trace(path, time_unit="us").arrival_us.tolist() == [0, 2]


def test_requests_without_blocks_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    write_lines(path, [session([call(0, 30, []), call(1, 64, [1])])])
    trace = read_trace(path)
    assert trace.first.tolist() == [0, 0, 1]
    assert trace.findings == ()


def test_a_negative_length_is_left_out_with_its_row(tmp_path: Path) -> None:
    path = tmp_path / "negative.jsonl"
    lines = [(0, 600, [1, 2]), (5, -3, [1]), (9, 1_000, [1, 3])]
    path.write_text(
        "".join(json.dumps({"timestamp": t, "input_length": n, "hash_ids": ids}) + "\n" for t, n, ids in lines)
    )
    trace = read_trace(path)
    assert trace.input_tokens.tolist() == [600, 1_000]
    assert trace.accesses == 4
    assert [(one.code, one.row) for one in trace.findings] == [("trace.negative_length", 2)]


def test_files_that_vanish_and_tokenizers_that_are_not_there_end_with_a_repair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sessions").mkdir()
    (tmp_path / "sessions" / "one.json").write_text("{}")
    trace = tmp_path / "trace.jsonl"
    trace.write_text('{"messages": [{"role": "user", "content": "hi"}]}\n')
    with pytest.raises(WrongUse, match=r"gone\.json"):
        read_trace(trace, tokenizer="file:gone.json", cache=tmp_path / "cache")

    def vanished(_self: Path, _pattern: str) -> list[Path]:
        raise FileNotFoundError(2, "No such file or directory", "two.json")

    monkeypatch.setattr(Path, "rglob", vanished)
    for cache in (None, tmp_path / "cache"):
        with pytest.raises(WrongUse, match=r"two\.json.*cannot be read"):
            read_trace(tmp_path / "sessions", cache=cache)
