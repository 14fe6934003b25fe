"""How answers about files come out, beside the verbs' own tests: what is left out, what is cut, and what stands in place."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
import sample_answers as sample
from rich.console import Console
from rich.text import Text

from netyield.answers.answer import Answer
from netyield.faces.cli.tell import Manner, print_answer, tell
from netyield.faces.cli.terminal import PipeConsole, print_line


def printed(answer: Answer, manner: Manner) -> str:
    stream = io.StringIO()
    print_answer(PipeConsole(file=stream, width=200, markup=False, highlight=False), answer, manner, ["bill.csv", "may"])
    return stream.getvalue()


def test_heading_sentence_tables_and_findings_in_this_order() -> None:
    answer = sample.fleet()
    out = printed(answer, Manner("netyield kv"))
    assert out.startswith("netyield kv · bill.csv · may\n\n" + answer.description)
    first_pool = str(answer.table.column("pool")[0])
    places = [out.index(answer.description), out.index(first_pool), *(out.index(f.code) for f in answer.findings)]
    assert places == sorted(places)


def test_hidden_views_and_further_rows_are_left_to_the_csv() -> None:
    answer = sample.fleet()
    (name, *_) = answer.views
    assert printed(answer, Manner("v", hidden=frozenset(answer.views))) != printed(answer, Manner("v"))
    assert name in answer.views
    short = printed(sample.waterfall(), Manner("v", most_rows=3))
    assert f"first 3 of {sample.waterfall().table.num_rows}; all: --csv FILE" in short
    assert "--csv FILE" not in printed(sample.waterfall(), Manner("v", most_rows=sample.waterfall().table.num_rows))


def test_a_lead_stands_in_place_of_the_table_and_something_may_follow() -> None:
    def lead(out: Console, answer: Answer) -> None:
        print_line(out, Text(f"drawn {answer.name}"))

    def after(out: Console, answer: Answer) -> None:
        print_line(out, Text("and last"))

    answer = replace(sample.waterfall(), views={})
    out = printed(answer, Manner("v", leads={answer.name: lead}, after=after))
    assert f"drawn {answer.name}" in out
    assert "Idle while allocated" not in out
    assert out.index("drawn") < out.index("and last")


def test_json_is_the_first_answer_alone_and_the_page_has_all(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    answers = [sample.waterfall(), sample.fleet()]
    tell(answers, Manner("v"), ["x"], json_out=True, csv_out=str(tmp_path / "rows.csv"), html=tmp_path / "page.html")
    assert json.loads(capfdbinary.readouterr().out) == json.loads(json.dumps(answers[0].body, default=str))
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == answers[0].table.num_rows + 1
    page = (tmp_path / "page.html").read_text()
    assert answers[0].title in page
    assert answers[1].title in page
