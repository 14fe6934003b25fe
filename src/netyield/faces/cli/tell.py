"""How does an answer about a file, a trace or a contract come out? JSON, CSV or HTML as asked, else on the terminal.

It is told as the reports of a project are, but for the books: it has no bill, no window and no currency of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from netyield.faces.cli.output import json_bytes, write_bytes, write_csv, write_file
from netyield.faces.cli.terminal import console, plain, print_caveats, print_findings, print_line, print_section
from netyield.faces.sections import Section, sections, view_section

if TYPE_CHECKING:
    from rich.console import Console

    from netyield.answers.answer import Answer

Printed = Callable[["Console", "Answer"], None]


@dataclass(frozen=True)
class Manner:
    """What differs between verbs on the terminal.

    ``hidden``: views that are the points of charts, or are for JSON. ``most_rows``: of one table. ``leads``: prints the
    answers of these names in place of their own table. ``after``: prints what comes after the tables.
    """

    verb: str
    hidden: frozenset[str] = frozenset()
    most_rows: int | None = None
    leads: Mapping[str, Printed] = field(default_factory=dict)
    after: Printed | None = None


def tell(
    answers: Sequence[Answer],
    manner: Manner,
    about: Sequence[str],
    *,
    json_out: bool = False,
    csv_out: str | None = None,
    html: Path | None = None,
    csv_view: str | None = None,
) -> None:
    """Print or write the first answer in the form asked for, the terminal's when none was; a page has all of them.

    ``csv_view``: the view that the CSV has, in place of the answer's own table.
    """
    if html is not None:
        from netyield.faces.report.page import page

        write_file(html, page(list(answers), about=about).encode("utf-8"))
    answer = answers[0]
    if csv_out is not None:
        write_csv(csv_out, answer.views[csv_view][0] if csv_view else answer.table)
    if json_out:
        write_bytes(json_bytes(answer.body))
    elif csv_out is None:
        print_answer(console(), answer, manner, about)


def print_answer(out: Console, answer: Answer, manner: Manner, about: Sequence[str]) -> None:
    """Heading, tables, notes and findings."""
    print_heading(out, answer, manner.verb, about)
    lead = manner.leads.get(answer.name)
    if lead is not None:
        lead(out, answer)
    else:
        for section in sections(answer):
            _print_table(out, section, manner)
    for name in answer.views:
        if name not in manner.hidden:
            _print_table(out, view_section(answer, name), manner, titled=True)
    if manner.after is not None:
        manner.after(out, answer)
    print_caveats(out, [answer])
    print_findings(out, answer.findings)


def print_heading(out: Console, answer: Answer, verb: str, about: Sequence[str]) -> None:
    """What was asked of what, and the answer in one sentence."""
    print_line(out, Text(" · ".join([verb, *map(plain, about)]), style="bright_black"))
    out.print()
    print_line(out, Text(plain(answer.description), style="bold"))


def _print_table(out: Console, printed: Section, manner: Manner, titled: bool = False) -> None:
    if not printed.rows:
        return
    out.print()
    if titled:
        print_line(out, Text(plain(printed.title), style="bold"))
    print_section(out, replace(printed, rows=printed.rows[: manner.most_rows]))
    if manner.most_rows is not None and len(printed.rows) > manner.most_rows:
        print_line(out, Text(f"first {manner.most_rows} of {len(printed.rows):,}; all: --csv FILE", style="bright_black"))
