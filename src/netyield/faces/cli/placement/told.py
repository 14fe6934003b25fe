"""How does a sizing or a calibration come out? JSON, CSV or HTML as asked, else on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from netyield.faces.cli.output import json_bytes, write_bytes, write_csv, write_file
from netyield.faces.cli.terminal import console, plain, print_caveats, print_findings, print_line, print_section
from netyield.faces.sections import sections, view_section

if TYPE_CHECKING:
    from netyield.answers.answer import Answer

DRAWN_VIEWS = frozenset({"utilisation_by_hour"})  # a week of hours: drawn on the page, and in JSON


def show_sizing(
    answer: Answer,
    about: Sequence[str],
    *,
    json_out: bool = False,
    csv_out: str | None = None,
    html: Path | None = None,
) -> None:
    """Print or write an answer in the form asked for; the terminal's when none was."""
    if html is not None:
        from netyield.faces.report.page import page

        write_file(html, page([answer], about=about).encode("utf-8"))
    if csv_out is not None:
        write_csv(csv_out, answer.table)
    if json_out:
        write_bytes(json_bytes(answer.body))
        return
    if csv_out is not None:
        return
    out = console()
    print_line(out, Text(" · ".join(["netyield placement", *map(plain, about)]), style="bright_black"))
    out.print()
    print_line(out, Text(plain(answer.description), style="bold"))
    views = (view_section(answer, name) for name in answer.views if name not in DRAWN_VIEWS)
    for section in (*sections(answer), *views):
        if section.rows:
            out.print()
            print_section(out, section)
    print_caveats(out, [answer])
    print_findings(out, answer.findings)
