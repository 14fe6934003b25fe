"""Outcome events: words, numbers and shares become verdicts; keys by the ladder; grades never claimed too high."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.core.contract import contract
from netyield.core.errors import ConfigError
from netyield.core.finding import Finding
from netyield.sources.outcomes.events import LADDER, OutcomeEvents
from netyield.sources.outcomes.verdicts import known_verdicts, words_for
from netyield.sources.registry import build
from netyield.testing.conformance import check_bad_bytes, check_source

NOW = datetime(2026, 11, 20, tzinfo=UTC)


def make(root: Path, path: str, **options: Any) -> OutcomeEvents:
    source = OutcomeEvents(OutcomeEvents.Settings(type="outcomes", path=path, **options), root)
    source.clock = lambda: NOW
    return source


class Read:
    def __init__(self, source: OutcomeEvents) -> None:
        self.rows: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        self.findings: list[Finding] = []
        for delivery in source.deliveries({}):
            for chunk in delivery.chunks():
                for table in chunk.tables.values():
                    self.rows += table.to_pylist()
                self.rejected += [] if chunk.rejected is None else chunk.rejected.to_pylist()
                self.findings += chunk.findings

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.rows]

    def codes(self) -> dict[str, str]:
        return {finding.code: str(finding.severity) for finding in self.findings}


def write(folder: Path, lines: Iterable[str], name: str = "events.csv") -> str:
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def test_the_vocabulary_knows_every_verdict_of_the_contract() -> None:
    column = next(column for column in contract("outcomes").own if column.name == "verdict")
    assert set(known_verdicts()) == set(column.description.split(" | "))
    assert set(words_for("grade_of_verdict")) == set(known_verdicts())
    keys = next(column for column in contract("outcomes").own if column.name == "key_type")
    assert list(LADDER) == keys.description.split(" (")[0].split(" | ")


def test_words_numbers_and_shares(tmp_path: Path) -> None:
    lines = [
        "time,verdict,score,share,request_id,signal",
        "2026-11-01T10:00:00Z,Thumbs Up,,,r1,thumb",
        "2026-11-01T10:00:01Z,👎,,,r2,thumb",
        "2026-11-01T10:00:02Z,,0.9,,r3,llm-judge",
        "2026-11-01T10:00:03Z,0.5,,,r4,llm-judge",
        "2026-11-01T10:00:04Z,,,0.2500001,r5,code_edit",
        "2026-11-01T10:00:05Z,,,0,r6,code_edit",
        "2026-11-01T10:00:06Z,accepted,,1,r7,ticket",
        "2026-11-01T10:00:07Z,retry,,,r8,client",
    ]
    read = Read(make(tmp_path, write(tmp_path, lines), positive_above=0.5, verdicts={"retry": "superseded"}))
    assert read.findings == []
    assert read.column("verdict") == [
        "accepted", "rejected", "accepted", "rejected", "accepted", "rejected", "accepted", "superseded",
    ]
    assert read.column("accepted_ppm") == [None, None, None, None, 250_000, 0, 1_000_000, None]
    assert read.column("grade") == [4, 4, 2, 2, 4, 4, 4, 3]
    assert read.column("row_number") == list(range(2, 10))


def test_the_first_given_key_of_the_ladder_counts(tmp_path: Path) -> None:
    lines = [
        "time,verdict,response_id,trace_id,span_id,request_id,conversation_id,turn,agent_run_id,event_key",
        "2026-11-01T10:00:00Z,good,resp,t,s,req,c,1,run,e",
        "2026-11-01T10:00:00Z,good,,t,s,req,c,1,run,e",
        "2026-11-01T10:00:00Z,good,,t,,req,c,1,run,e",
        "2026-11-01T10:00:00Z,good,,,,,c,1,run,e",
        "2026-11-01T10:00:00Z,good,,,,,c,,run,e",
        "2026-11-01T10:00:00Z,good,,,,,,,,e",
        "2026-11-01T10:00:00Z,good,,,,,,,,",
    ]
    read = Read(make(tmp_path, write(tmp_path, lines), set={"signal": "thumbs"}))
    assert list(zip(read.column("key_type"), read.column("key"), strict=True)) == [
        ("response_id", "resp"), ("span", "t/s"), ("request_id", "req"), ("turn", "c/1"), ("agent_run_id", "run"),
        ("event_key", "e"),
    ]
    assert [(row["row_number"], row["code"]) for row in read.rejected] == [(8, "outcomes.no_key")]


@pytest.mark.parametrize(
    ("options", "grades", "remarked"),
    [
        ({}, [3, 3, 1, 2], True),
        ({"grade": 4}, [4, 4, 4, 2], False),
        ({"set": {"grade": "E2"}}, [2, 2, 2, 2], False),
        ({"grades": {"house survey": 4}}, [4, 3, 1, 2], True),
    ],
)
def test_a_grade_is_given_configured_or_modest(
    tmp_path: Path, options: dict[str, Any], grades: list[int], remarked: bool
) -> None:
    lines = [
        "time,verdict,request_id,signal,grade",
        "2026-11-01T10:00:00Z,accepted,r1,house survey,",
        "2026-11-01T10:00:00Z,rejected,r2,,",
        "2026-11-01T10:00:00Z,duplicate,r3,,",
        "2026-11-01T10:00:00Z,accepted,r4,,judge",
    ]
    read = Read(make(tmp_path, write(tmp_path, lines), **options))
    assert read.column("grade") == grades
    assert ("outcomes.grade_assumed" in read.codes()) is remarked
    assert set(read.codes().values()) <= {"info"}


def test_what_says_nothing_clear_waits_in_quarantine(tmp_path: Path) -> None:
    lines = [
        "time,verdict,score,share,request_id,grade,note",
        "2026-11-01T10:00:00Z,it was CANARY nice,,,r1,4,CANARY",
        "2026-11-01T10:00:00Z,,,,r2,4,CANARY",
        "2026-11-01T10:00:00Z,,4,,r3,4,CANARY",
        "2026-11-01T10:00:00Z,good,,1.5,r4,4,CANARY",
        "2026-11-01T10:00:00Z,good,,,r5,9,CANARY",
        "yesterday,good,,,r6,4,CANARY",
        "2026-12-24T10:00:00Z,good,,,r7,4,CANARY",
        "2026-11-01T10:00:00Z,good,,,r8,4,CANARY",
    ]
    read = Read(make(tmp_path, write(tmp_path, lines)))
    assert read.column("key") == ["r8"]
    assert {(row["row_number"], row["code"]) for row in read.rejected} == {
        (2, "outcomes.unknown_verdict"), (3, "outcomes.no_verdict"), (4, "outcomes.score_without_threshold"),
        (5, "outcomes.bad_share"), (6, "outcomes.bad_grade"), (7, "outcomes.bad_time"), (8, "outcomes.future_time"),
    }
    assert read.codes()["outcomes.future_time"] == "warning"
    assert read.codes()["outcomes.unknown_verdict"] == "error"
    assert "CANARY" not in str(read.rows) + str(read.rejected) + str(read.findings)


def test_scores_between_the_thresholds_say_neither(tmp_path: Path) -> None:
    scores = ["1", "2", "3", "4", "5"]
    lines = ["time,score,request_id", *[f"2026-11-01T10:00:00Z,{score},r{score}" for score in scores]]
    read = Read(make(tmp_path, write(tmp_path, lines), positive_above=3, negative_below=3, grade=4))
    assert list(zip(read.column("key"), read.column("verdict"), strict=True)) == [
        ("r1", "rejected"), ("r2", "rejected"), ("r4", "accepted"), ("r5", "accepted"),
    ]
    assert read.codes() == {"outcomes.neutral_score": "warning"}


def test_an_outcome_id_is_its_identity_and_without_one_the_content_is(tmp_path: Path) -> None:
    with_id = ["time,verdict,request_id,outcome_id", "2026-11-01T10:00:00Z,good,r,o-1", "2026-11-02T10:00:00Z,bad,r,o-1"]
    keys = Read(make(tmp_path, write(tmp_path, with_id), grade=4)).column("event_key")
    assert keys == ["o-1", "o-1"]  # a later version of the same outcome
    without = ["time,verdict,request_id", *["2026-11-01T10:00:00Z,good,r"] * 2, "2026-11-01T10:00:00Z,bad,r"]
    first = Read(make(tmp_path, write(tmp_path, without), grade=4)).column("event_key")
    assert len(set(first)) == 3
    assert Read(make(tmp_path, write(tmp_path, without), grade=4)).column("event_key") == first


def test_jsonl_with_usual_names(tmp_path: Path) -> None:
    events = [
        {"timestamp": "2026-11-01T10:00:00Z", "feedback": "thumbs_up", "ids": {"call": "r1"}, "comment": "CANARY"},
        {"timestamp": "2026-11-01T10:00:01Z", "feedback": "thumbs_down", "ids": {"call": "r2"}, "kind": "thumb"},
    ]
    name = write(tmp_path, map(json.dumps, events), "events.jsonl")
    columns = {"time": "timestamp", "verdict": "feedback", "litellm_call_id": "ids.call", "signal": "kind"}
    read = Read(make(tmp_path, name, columns=columns))
    assert read.column("key") == ["r1", "r2"]
    assert read.column("key_type") == ["request_id"] * 2
    assert read.column("grade") == [3, 4]
    plain = write(tmp_path, ["timestamp,feedback,run_id", "2026-11-01T10:00:00Z,merged,run-7"])
    assert Read(make(tmp_path, plain, columns={})).column("key_type") == ["agent_run_id"]


@given(st.integers(0, 1_000_000))
def test_a_share_is_exact_to_the_millionth(tmp_path_factory: pytest.TempPathFactory, ppm: int) -> None:
    folder = tmp_path_factory.mktemp("share")
    share = f"{ppm // 1_000_000}.{ppm % 1_000_000:06d}"
    lines = ["time,verdict,share,request_id", f"2026-11-01T10:00:00Z,accepted,{share},r"]
    assert Read(make(folder, write(folder, lines), grade=4)).column("accepted_ppm") == [ppm]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"verdicts": {"x": "fine"}}, "accepted"),
        ({"columns": {"verdikt": "x"}}, "verdict"),
        ({"grade": 5}, "grade"),
        ({"positive_above": "high"}, "positive_above"),
    ],
)
def test_a_wrong_setting_names_the_right_one(tmp_path: Path, options: dict[str, Any], part: str) -> None:
    with pytest.raises(ConfigError) as error:
        build({"type": "outcomes", "path": "x.csv", **options}, tmp_path)
    assert part in str(error.value)


def test_what_must_be_mapped(tmp_path: Path) -> None:
    name = write(tmp_path, ["time,request_id", "2026-11-01T10:00:00Z,r1"])
    assert [f.code for f in Read(make(tmp_path, name)).findings] == ["outcomes.missing_column"]
    constant = Read(make(tmp_path, name, set={"verdict": "failed", "signal": "ci"}))
    assert constant.column("verdict") == ["failed"]
    keyless = write(tmp_path, ["time,verdict", "2026-11-01T10:00:00Z,good"])
    assert [f.code for f in Read(make(tmp_path, keyless)).findings] == ["outcomes.missing_column"]


def test_it_conforms(tmp_path: Path) -> None:
    good = b"time,verdict,request_id\n2026-11-01T10:00:00Z,good,r1\n2026-11-01T10:00:00Z,bad,r2\n"
    (tmp_path / "events.csv").write_bytes(good)
    read = check_source(lambda: make(tmp_path, "events.csv"))
    assert sum(delivery.rows for delivery in read) == 2
    check_bad_bytes(lambda path: make(path.parent, path.name), good, tmp_path / "damaged.csv")
    lines = b'{"time": "2026-11-01T10:00:00Z", "verdict": "good", "request_id": "r"}\n'
    check_bad_bytes(lambda path: make(path.parent, path.name), lines, tmp_path / "damaged.jsonl")
