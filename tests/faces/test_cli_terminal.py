"""The terminal report, word for word, and what data may not do to a terminal."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import sample_answers as sample
from fake_project import SAMPLES, FakeProject, Run

from netyield.faces.cli.terminal import PipeConsole, plain, print_answer

GOLDEN = Path(__file__).with_name("golden") / "report.txt"


def test_the_report_is_the_golden_text(run: Run, fake: FakeProject) -> None:
    """After a wanted change: netyield's output of the sample replaces the file (see golden/README.md)."""
    ran = run("report")
    assert [line.rstrip() for line in ran.out.splitlines()] == GOLDEN.read_text(encoding="utf-8").splitlines()
    assert ran.err == ""


def test_no_table_is_wider_than_the_pipe_and_no_sentence_is_broken(run: Run, fake: FakeProject) -> None:
    lines = run("report").out.splitlines()
    assert sample.SENTENCE in lines
    assert max(len(line) for line in lines if "  " in line) <= 120


def test_exact_amounts_have_all_their_digits(run: Run, fake: FakeProject) -> None:
    out = run("report", "waterfall", "--exact").out
    assert "2200.123456789012" in out
    assert "Total 106060.223456789012 USD" in out


def test_unmeasured_is_said_and_never_zero(run: Run, fake: FakeProject) -> None:
    line = next(line for line in run("report").out.splitlines() if line.startswith("Fragmented"))
    assert line.count("not measured") == 2
    assert "0.0%" not in line


def test_a_long_table_is_cut_aloud_in_the_whole_report_and_whole_on_its_own(
    run: Run, fake: FakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = sample.usefulness()
    long = replace(short, table=pa.concat_tables([short.table] * 20))
    monkeypatch.setitem(SAMPLES, "usefulness", lambda query: long)
    whole, alone = run("report").out, run("report", "usefulness").out
    assert whole.count("unproven  no outcome yet") == 5
    assert "first 25 of 100; all: netyield report usefulness" in whole
    assert alone.count("unproven  no outcome yet") == 20


def shown(label: str, encoding: str = "utf-8") -> str:
    answer = sample.waterfall()
    hostile = answer.table.set_column(1, "label", pa.array([label] * answer.table.num_rows))
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    print_answer(PipeConsole(file=stream, width=120, markup=False, highlight=False), replace(answer, table=hostile))
    stream.flush()
    data = stream.buffer
    assert isinstance(data, io.BytesIO)
    return data.getvalue().decode(encoding)


@pytest.mark.parametrize("label", ["\x1b[31mred", "two\nlines", "bell\a", "[bold]x[/bold]", ":smile:", "\u202eevil"])
def test_names_cannot_move_the_cursor_or_change_a_colour(label: str) -> None:
    out = shown(label)
    assert "\x1b" not in out
    assert "\a" not in out
    assert "\u202e" not in out
    assert plain(label) in out


def test_bars_fall_back_to_ascii() -> None:
    assert "####" in shown("Idle", "ascii")
    assert "████" in shown("Idle")


def test_an_empty_answer_says_so() -> None:
    answer = sample.usefulness()
    stream = io.StringIO()
    print_answer(PipeConsole(file=stream, width=120), replace(answer, table=answer.table.slice(0, 0)))
    assert "Nothing in this window." in stream.getvalue()
