"""Lengths alone give no blocks; a declared model gives the blocks it says, and the answer says so too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.core.errors import WrongUse
from netyield.sources.traces.lengths import Reuse, modelled
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Identity

AZURE = Path(__file__).parents[2] / "data" / "traffic" / "azure_2023_conv_head.csv"


def test_lengths_have_no_blocks_and_a_finding_says_so() -> None:
    trace = read_trace(AZURE)
    assert (trace.format, trace.identity, trace.requests) == ("lengths", Identity.NONE, 200)
    assert (trace.accesses, trace.unique_blocks) == (0, 0)
    assert (trace.input_tokens[0], trace.output_tokens[0]) == (374, 44)
    assert trace.arrival_us[:3].tolist() == [0, 4_314_579, 4_541_877]
    assert [(f.code, f.severity) for f in trace.findings] == [("trace.lengths_only", "error")]
    assert "--reuse" in trace.findings[0].repair


def test_a_declared_model_is_named() -> None:
    trace = read_trace(AZURE, reuse="shared:160+conversations:8", block_size=16)
    assert trace.identity is Identity.PREFIX
    assert "reuse is modelled, not measured: shared:160+conversations:8" in trace.notes
    assert [(f.code, f.severity) for f in trace.findings] == [("trace.modelled_reuse", "warning")]
    begin = trace.nodes[trace.first[:-1]]
    assert ((begin == 0) == (trace.input_tokens >= 16)).all()
    with pytest.raises(WrongUse, match="shared:TOKENS"):
        read_trace(AZURE, reuse="half")


@given(
    st.lists(st.integers(1, 200), max_size=40),
    st.integers(1, 20),
    st.builds(Reuse, st.integers(0, 90), st.integers(0, 5)),
)
def test_the_model_shares_what_it_declares_and_nothing_else(tokens: list[int], size: int, model: Reuse) -> None:
    counts, ids = modelled(np.array(tokens, np.int64), size, model)
    assert counts.tolist() == [-(-one // size) for one in tokens]
    ends = np.cumsum(counts)
    paths = [ids[end - count : end].tolist() for end, count in zip(ends, counts, strict=True)]
    for r, path in enumerate(paths):
        for q in range(r):
            same = next((d for d, (a, b) in enumerate(zip(path, paths[q], strict=False)) if a != b), min(len(path), len(paths[q])))
            assert not set(path[same:]) & set(paths[q][same:])  # prefixes only
            together = min(tokens[r], tokens[q]) // size
            of_one = model.conversations and (r - q) % model.conversations == 0
            grows = of_one and tokens[r - model.conversations] // size <= tokens[r] // size
            least = min(model.shared_tokens // size, together)
            if grows and q == r - model.conversations:
                least = together
            assert same >= least
            if not of_one:
                assert same == least


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "inputs", "cached"),
    [
        ("timestamp,input_tokens,cached_tokens,output_tokens\n0,100,40,5\n1,80,0,5\n", [100, 80], [40, 0]),
        ("timestamp,prompt_tokens,cached_input_tokens,completion_tokens\n0,100,40,5\n1,80,0,5\n", [100, 80], [40, 0]),
        # Anthropic counts beside one another what was read, written and neither.
        ("timestamp,input_tokens,cache_read_input_tokens,cache_creation_input_tokens,output_tokens\n0,50,40,10,5\n1,80,0,0,5\n",
         [100, 80], [40, 0]),
        ('{"timestamp": 0, "input_length": 100, "num_cached_tokens": 40}\n{"timestamp": 1, "input_length": 80, "num_cached_tokens": 0}\n',
         [100, 80], [40, 0]),
        ("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,1087,230,1317,API\n",
         [472, 1087], None),
    ],
    ids=["own", "openai", "anthropic", "json", "burstgpt"],
)  # fmt: skip
def test_cached_tokens_are_part_of_the_input_whatever_they_are_called(
    tmp_path: Path, text: str, inputs: list[int], cached: list[int] | None
) -> None:
    trace = read_trace(written(tmp_path / "requests.csv", text))
    assert trace.input_tokens.tolist() == inputs
    assert (None if trace.cached_tokens is None else trace.cached_tokens.tolist()) == cached


def test_columns_are_those_that_are_named(tmp_path: Path) -> None:
    text = "when,Prompt,answer,HIT,input_tokens\n3,100,7,30,9\n1,50,8,0,9\n"
    trace = read_trace(written(tmp_path / "mine.csv", text), columns="time=when,input=prompt,output=answer,cached=hit", order="time")
    assert trace.input_tokens.tolist() == [50, 100]
    assert trace.output_tokens.tolist() == [8, 7]
    assert trace.cached_tokens is not None
    assert trace.cached_tokens.tolist() == [0, 30]
    assert trace.arrival_us.tolist() == [0, 2_000_000]


@pytest.mark.parametrize(
    ("columns", "said"),
    [("time", "maps no column"), ("size=n", "time, input, output, cached"), ("time=when,time=when", "at most once"),
     ("input=length", "has no column 'length'")],
    ids=["no name", "no role", "twice", "not there"],
)  # fmt: skip
def test_a_column_that_cannot_be_is_refused(tmp_path: Path, columns: str, said: str) -> None:
    with pytest.raises(WrongUse) as refused:
        read_trace(written(tmp_path / "mine.csv", "when,prompt\n1,2\n"), columns=columns)
    assert said in f"{refused.value.message} {refused.value.repair}"


def test_more_cached_than_asked_is_no_request_and_silence_is_told(tmp_path: Path) -> None:
    text = "timestamp,input_tokens,cached_tokens\n0,100,101\n1,80,\n2,80,8\n"
    trace = read_trace(written(tmp_path / "odd.csv", text))
    assert trace.requests == 2
    assert [(each.code, each.row, each.count) for each in trace.findings if each.code != "trace.lengths_only"] == [
        ("trace.bad_line", 2, 1), ("trace.cached_unknown", None, 1),
    ]  # fmt: skip


def test_a_request_without_a_time_is_left_out_where_others_have_one(tmp_path: Path) -> None:
    dates = "timestamp,input_tokens\n2026-11-16 10:00:00,5\n,6\n2026-11-16 10:00:09,7\n"
    trace = read_trace(written(tmp_path / "dates.csv", dates))
    assert trace.input_tokens.tolist() == [5, 7]
    assert trace.span_seconds == 9
    assert trace.start_us == 1_794_823_200_000_000
    assert [(each.row, each.count) for each in trace.findings if each.code == "trace.bad_line"] == [(3, 1)]
    none = read_trace(written(tmp_path / "none.csv", "input_tokens\n5\n6\n"))
    assert (none.requests, none.start_us) == (2, None)
