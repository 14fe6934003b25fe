"""Writes golden/report.txt from the sample answers; run it by hand after a wanted change, and read the difference."""

from __future__ import annotations

import io
from pathlib import Path

import sample_answers as sample

from netyield.faces.cli.terminal import PIPE_COLUMNS, PipeConsole, print_report


def write() -> None:
    stream = io.StringIO()
    out = PipeConsole(file=stream, width=PIPE_COLUMNS, highlight=False, markup=False, emoji=False)
    print_report(out, sample.every_answer(), project="Acme", exact=False)
    lines = [line.rstrip() for line in stream.getvalue().splitlines()]
    Path(__file__).with_name("golden").joinpath("report.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
