"""Content ids: the tree from (block before, id), the ids themselves kept for position-independent reuse."""

from __future__ import annotations

from pathlib import Path

from tests.sources.traces.trace_files import mooncake, write_lines

from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Identity


def rag(seconds: str, tokens: int, system: list[int], passages: list[int], history: list[int], question: int) -> dict:  # type: ignore[type-arg]
    ids = {"sys_prompt": system, "passages_ids": passages, "history": history, "web_search": [], "user_input": [question]}
    return {"timestamp": seconds, "input_length": tokens, "output_length": 5, "hash_ids": ids, "session_id": "17-x"}


def test_prefix_tree_and_content(tmp_path: Path) -> None:
    lines = [
        rag("82", 3_112, [1, 2], [50, 51, 52], [90], 100),
        rag("93", 3_167, [1, 2], [51, 50, 52], [90], 101),  # the same passages in another order
        rag("125", 1_166, [1, 2], [50], [90], 100),
    ]
    trace = read_trace(write_lines(tmp_path / "0_trace.jsonl", lines))
    assert (trace.format, trace.identity, trace.findings) == ("content", Identity.CONTENT, ())
    assert trace.content is not None
    assert trace.content.tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 3, 2, 4, 5, 7, 0, 1, 2, 5, 6]
    assert trace.nodes.tolist() == [0, 1, 2, 3, 4, 5, 6, 0, 1, 7, 8, 9, 10, 11, 0, 1, 2, 12, 13]
    assert trace.parent[9] == 8
    assert trace.arrival_us.tolist() == [0, 11_000_000, 43_000_000]
    assert trace.block_tokens.tolist() == [445, 452, 233]  # round(3112 / 7), round(3167 / 7), round(1166 / 5)
    assert trace.last_tokens.tolist() == trace.block_tokens.tolist()
    assert trace.sessions == ("17-x",)
    assert "says no length" in trace.notes[0]


def test_no_id_stands_for_more_than_the_largest_block(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [rag("1", 9_000, [1], [2], [3], 4)])
    assert read_trace(path).block_tokens.tolist() == [512]
    assert read_trace(path, block_size=1_024).block_tokens.tolist() == [1_024]


def test_a_broken_chain_says_so_and_can_be_read_as_content(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t.jsonl", [
        mooncake(0, 1_024, [1, 2]), mooncake(1, 1_536, [1, 2, 3]), mooncake(2, 1_536, [1, 3, 2]), mooncake(3, 512, [2]),
    ])  # fmt: skip
    trace = read_trace(path)
    [found] = trace.findings
    assert (found.code, found.severity, found.row, found.count) == ("trace.broken_chain", "error", 3, 3)
    assert "--format content" in found.repair
    again = read_trace(path, format="content")
    assert again.findings == ()
    assert trace.nodes.tolist() == again.nodes.tolist() == [0, 1, 0, 1, 2, 0, 3, 4, 5]
    assert again.content is not None
    assert again.content.tolist() == [0, 1, 0, 1, 2, 0, 2, 1, 1]
