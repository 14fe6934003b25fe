"""The two published Mooncake traces; the scanner against the general reader; Bailian; what is no request."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.sources.traces.prefix_jsonl import parse
from netyield.sources.traces.read import content, read_trace
from netyield.sources.traces.trace import Identity, Trace

DATA = Path(__file__).parents[2] / "data" / "kv"
PUBLISHED = {  # requests, input tokens, accesses, distinct blocks, output tokens, longest request, span
    "conversation": (12_031, 144_793_823, 288_500, 182_790, 4_122_048, 247, 3_536.999),
    "synthetic": (3_993, 61_194_628, 121_877, 43_924, 595_432, 374, 1_022.025),
}
SHA256 = {
    "conversation": "b8cbb061a85206d729d91cdc2981f43c9e0d99209dce588d3af5f7934408b9df",
    "synthetic": "bd070915a98fc0ed264d7cfef2ce746002eb3076a695ec31ba2674c0111ec131",
}
COLUMNS = ("time_us", "input_tokens", "output_tokens", "first", "ids", "row", "tenant", "session")


def block_tokens(trace: Trace) -> np.ndarray[Any, np.dtype[np.int64]]:
    blocks = np.diff(trace.first)
    tokens = trace.block_tokens.astype(np.int64) * (blocks - 1) + trace.last_tokens
    return np.where(blocks > 0, tokens, 0)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name: str) -> None:
    path = DATA / f"mooncake_{name}_trace.jsonl.gz"
    assert sha256(content(path)).hexdigest() == SHA256[name]
    trace = read_trace(path)
    longest = int(np.diff(trace.first).max())
    figures = (
        trace.requests, int(trace.input_tokens.sum()), trace.accesses, trace.unique_blocks,
        int(trace.output_tokens.sum()), longest, trace.span_seconds,
    )  # fmt: skip
    assert figures == PUBLISHED[name]
    assert (trace.format, trace.identity, trace.block_size) == ("mooncake", Identity.PREFIX, 512)
    assert trace.findings == ()
    assert (block_tokens(trace) == trace.input_tokens).all()
    assert int(trace.block_tokens.max()) <= 512
    assert (trace.parent < np.arange(trace.unique_blocks)).all()


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_scanner_reads_what_the_general_reader_reads(name: str) -> None:
    text = gzip.decompress((DATA / f"mooncake_{name}_trace.jsonl.gz").read_bytes())
    one, two = parse(text, "x", scanned=True), parse(text, "x", scanned=False)
    for column in COLUMNS:
        assert (getattr(one, column) == getattr(two, column)).all(), column


names = st.text(max_size=6) | st.sampled_from(["a b", 'quote"', "back\\slash", "ü"])
numbers = st.integers(-(2**63), 2**64 - 1) | st.integers(0, 50)
records = st.fixed_dictionaries(
    {
        "timestamp": st.integers(-5, 10**12) | st.floats(0, 1e9, allow_subnormal=False),
        "input_length": st.integers(0, 100_000),
        "hash_ids": st.lists(numbers, max_size=8),
    },
    optional={
        "output_length": st.integers(0, 5_000),
        "chat_id": st.integers(0, 9),
        "parent_chat_id": st.integers(-1, 9),
        "session_id": st.integers(0, 9) | names,
        "tenant": names,
        "type": names | st.booleans() | st.none() | st.lists(st.integers()) | st.dictionaries(names, st.integers()),
    },
)
broken = st.sampled_from(
    ["{", "[]", "nothing", '{"timestamp": 1}', '{"timestamp": 1, "input_length": 3, "hash_ids": [1,]}', "", "  ",
     '{"timestamp": 01, "input_length": 3, "hash_ids": [1]}', '{"timestamp": 1, "input_length": 3.0, "hash_ids": []}',
     '{"timestamp": 1, "input_length": 3, "hash_ids": [1]} x', '{"timestamp": 1, "input_length": -, "hash_ids": [1]}',
     '{"timestamp": 1e3, "input_length": 3, "hash_ids": [-4, 2 ,3]}', '{"timestamp":1,"input_length":3,"hash_ids":[ ]}\r']
)  # fmt: skip
written = st.tuples(records, st.sampled_from([(", ", ": "), (",", ":"), (" ,\t", " : ")]), st.booleans())


@settings(max_examples=150, deadline=None)
@given(st.lists(written.map(lambda x: json.dumps(x[0], separators=x[1], ensure_ascii=x[2])) | broken, max_size=12))
def test_scanner_and_general_reader_agree_on_anything(lines: list[str]) -> None:
    text = "\n".join(lines).encode("utf-8", "surrogatepass")
    one, two = parse(text, "x", scanned=True), parse(text, "x", scanned=False)
    for column in COLUMNS:
        assert (getattr(one, column) == getattr(two, column)).all(), column
    assert (one.tenants, one.sessions) == (two.tenants, two.sessions)
    assert [(f.code, f.row, f.count) for f in one.findings] == [(f.code, f.row, f.count) for f in two.findings]
    kept = len(two.row) + sum(f.count for f in two.findings)
    assert kept == sum(1 for line in lines if line.strip(" \t\r"))


def test_bailian(tmp_path: Path) -> None:
    lines = [
        {"chat_id": 7, "parent_chat_id": -1, "timestamp": 61.114, "input_length": 40, "output_length": 5, "type": "text",
         "turn": 1, "hash_ids": [11, 12, 13]},
        {"chat_id": 9, "parent_chat_id": 7, "timestamp": 62.5, "input_length": 64, "output_length": 6, "type": "text",
         "turn": 2, "hash_ids": [11, 12, 14, 15]},
        {"chat_id": 3, "parent_chat_id": -1, "timestamp": 63.0, "input_length": 16, "output_length": 1, "type": "image",
         "turn": 1, "hash_ids": [20]},
    ]  # fmt: skip
    path = tmp_path / "qwen.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    trace = read_trace(path)
    assert (trace.format, trace.block_size, trace.findings) == ("bailian", 16, ())
    assert trace.arrival_us.tolist() == [0, 1_386_000, 1_886_000]
    assert trace.nodes.tolist() == [0, 1, 2, 0, 1, 3, 4, 5]
    assert trace.parent.tolist() == [-1, 0, 1, 1, 3, -1]
    assert trace.last_tokens.tolist() == [8, 16, 16]
    assert [trace.sessions[i] for i in trace.session] == ["7", "7", "3"]


def test_lines_that_are_no_requests(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(
        '{"timestamp": 0, "input_length": 600, "output_length": 1, "hash_ids": [1, 2]}\n'
        "oops\n\n"
        '{"timestamp": 5, "input_length": "many", "hash_ids": [1]}\n'
        '{"timestamp": 9, "input_length": 512, "output_length": 1, "hash_ids": [1]}\n',
        encoding="utf-8",
    )
    trace = read_trace(path)
    assert trace.requests == 2
    [found] = trace.findings
    assert (found.code, found.row, found.count, found.severity) == ("trace.bad_line", 2, 2, "error")
    assert found.repair
