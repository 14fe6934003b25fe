"""How does an answer about assets come out? JSON, CSV or HTML as asked, else on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from netyield.faces.cli.output import json_bytes, write_bytes, write_csv, write_file
from netyield.faces.cli.terminal import console, plain, print_caveats, print_findings, print_line, print_section
from netyield.faces.sections import Section, section, view_section

if TYPE_CHECKING:
    from netyield.answers.answer import Answer

ROWS_SHOWN = 120


def show(
    answer: Answer,
    about: Sequence[str],
    *,
    json_out: bool = False,
    csv_out: str | None = None,
    html: Path | None = None,
    csv_view: str | None = None,
) -> None:
    """Print or write an answer in the form asked for; the terminal's when none was. ``csv_view``: the table of the CSV."""
    if html is not None:
        from netyield.faces.report.page import page

        write_file(html, page([answer], about=about).encode("utf-8"))
    if csv_out is not None:
        write_csv(csv_out, answer.views[csv_view][0] if csv_view else answer.table)
    if json_out:
        write_bytes(json_bytes(answer.body))
    elif csv_out is None:
        print_answer(console(), answer, about)


def print_answer(out: Console, answer: Answer, about: Sequence[str]) -> None:
    """Heading, tables, notes and findings."""
    print_line(out, Text(" · ".join(["netyield assets", *map(plain, about)]), style="bright_black"))
    out.print()
    print_line(out, Text(plain(answer.description), style="bold"))
    for printed in (section(answer), *(view_section(answer, name) for name in answer.views)):
        if not printed.rows:
            continue
        out.print()
        print_line(out, Text(plain(printed.title), style="bold"))
        print_section(out, _first(printed))
        if len(printed.rows) > ROWS_SHOWN:
            print_line(out, Text(f"first {ROWS_SHOWN} of {len(printed.rows):,}; all: --csv FILE", style="bright_black"))
    print_caveats(out, [answer])
    print_findings(out, answer.findings)


def _first(printed: Section) -> Section:
    return replace(printed, rows=printed.rows[:ROWS_SHOWN])
