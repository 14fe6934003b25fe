"""Progress: silent for two seconds, then on stderr, and never on stdout."""

from __future__ import annotations

import io
import sys
import time

import pytest

from netyield.faces.cli import progress
from netyield.faces.cli.progress import Working


def test_quick_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Working("Reading") as working:
        working("bill", 1_000)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_long_work_in_a_pipe_is_plain_lines_on_stderr(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr(progress, "PLAIN_SECONDS", 0.0)
    with Working("Reading", 3) as working:
        working.step("waterfall")
        time.sleep(0.2)
        working("bill", 1_234_567)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines()[-2:] == ["waterfall (1 of 3) ...", "bill: 1,234,567 rows (1 of 3) ..."]


def test_lines_in_a_log_are_far_apart(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.01)
    with Working("Reading") as working:
        time.sleep(0.2)
        for rows in range(2, 100):
            working("bill", rows)
    assert capsys.readouterr().err == "Reading ...\n"


def test_on_a_terminal_it_is_a_bar_that_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.01)
    with Working("Reading [bold]", 2) as working:
        working.step("waterfall [1]")
        time.sleep(0.3)
        working("bill", 5_000)
        time.sleep(0.2)
    shown = terminal.getvalue()
    assert "waterfall [1]" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the line is erased at the end


def test_work_that_fails_stops_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.01)
    working = Working("Reading")
    with pytest.raises(ZeroDivisionError), working:
        raise ZeroDivisionError
    assert not working._timer.is_alive() or working._left
