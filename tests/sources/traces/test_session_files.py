"""Session folders: ids local to a file, sub-agents inside, and the interleaving that is an input."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from tests.sources.traces.trace_files import agent, call, session, write_lines

from netyield.core.errors import WrongUse
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Trace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sessions = tmp_path / "sessions"
    sessions.mkdir()
    one = session([
        call(0.0, 150, [1, 2]),
        agent(5.0, [call(5.0, 64, [9]), call(30.0, 130, [9, 10])]),
        call(20.0, 200, [1, 2, 3]),
    ])  # fmt: skip
    two = session([call(0.0, 150, [1, 2]), call(10.0, 256, [1, 2, 3, 4])])
    (sessions / "a.json").write_text(json.dumps(one), encoding="utf-8")
    (sessions / "b.json.gz").write_bytes(gzip.compress(json.dumps(two).encode()))
    (sessions / "notes.txt").write_text("no session", encoding="utf-8")
    return sessions


def order(trace: Trace) -> list[tuple[str, int]]:
    return [(trace.sessions[s][0], t // 1_000_000) for s, t in zip(trace.session, trace.arrival_us.tolist(), strict=True)]


def test_ids_are_local_to_their_file_and_sub_agents_belong_to_it(folder: Path) -> None:
    trace = read_trace(folder)
    assert (trace.format, trace.block_size, trace.findings) == ("sessions", 64, ())
    assert trace.requests == 6
    assert trace.unique_blocks == 5 + 4
    assert (trace.parent == -1).sum() == 3  # the two sessions and the sub-agent of one share no prefix
    paths = [trace.nodes[a:b].tolist() for a, b in zip(trace.first, trace.first[1:], strict=False)]
    of_b = [path for path, s in zip(paths, trace.session, strict=True) if trace.sessions[s].startswith("b")]
    assert of_b[1][:2] == of_b[0]


def test_full_blocks_only_leave_the_rest_of_the_prompt_without_id(folder: Path) -> None:
    trace = read_trace(folder)
    blocks = np.diff(trace.first)
    assert (blocks == trace.input_tokens // 64).all()
    assert set(trace.last_tokens.tolist()) == {64}
    assert int(trace.input_tokens.sum()) == 150 + 64 + 130 + 200 + 150 + 256


@pytest.mark.parametrize(
    ("interleave", "expected"),
    [
        ("together", [("a", 0), ("b", 0), ("a", 5), ("b", 10), ("a", 20), ("a", 30)]),
        ("sequence", [("a", 0), ("a", 5), ("a", 20), ("a", 30), ("b", 30), ("b", 40)]),
        ("every:8", [("a", 0), ("a", 5), ("b", 8), ("b", 18), ("a", 20), ("a", 30)]),
    ],
)
def test_interleaving_is_an_option_and_is_named(folder: Path, interleave: str, expected: list[tuple[str, int]]) -> None:
    trace = read_trace(folder, interleave=interleave)
    assert order(trace) == expected
    assert any(note.startswith(f"interleaving {interleave}: ") for note in trace.notes)


def test_a_sub_agent_may_count_from_its_own_start(tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(json.dumps(session([call(0, 64, [1]), agent(50.0, [call(0, 64, [2]), call(4, 64, [2])])])), "utf-8")
    assert read_trace(path).arrival_us.tolist() == [0, 50_000_000, 54_000_000]


def test_global_ids_are_shared_and_kept_apart_from_local_ones(tmp_path: Path) -> None:
    lines = [
        session([call(0, 128, [5, 6])], hash_id_scope="global"),
        session([call(0, 128, [5, 6])]),
        session([call(0, 128, [5, 7])], hash_id_scope="global"),
    ]
    trace = read_trace(write_lines(tmp_path / "sessions.jsonl", lines))
    assert trace.format == "sessions"
    assert trace.nodes.tolist() == [0, 1, 2, 3, 0, 4]
    assert trace.findings == ()


def test_broken_and_negative_sessions_are_findings(folder: Path) -> None:
    (folder / "c.json").write_text("{", encoding="utf-8")
    (folder / "d.json").write_text(json.dumps(session([call(-3, 64, [1])], block_size=32)), encoding="utf-8")
    trace = read_trace(folder)
    found = {(finding.code, finding.file): finding for finding in trace.findings}
    assert {("trace.bad_session", "c.json"), ("trace.negative_time", "d.json")} <= set(found)
    assert ("trace.mixed_block_sizes", "sessions") in found
    assert all(finding.repair for finding in trace.findings)


def test_wrong_use(folder: Path) -> None:
    with pytest.raises(WrongUse, match="together, sequence or every:SECONDS"):
        read_trace(folder, interleave="sideways")
    with pytest.raises(WrongUse, match="folder"):
        read_trace(folder, format="mooncake")


def test_a_folder_without_sessions_is_empty(tmp_path: Path) -> None:
    trace = read_trace(tmp_path)
    assert trace.requests == 0
    assert [finding.code for finding in trace.findings] == ["trace.empty"]
