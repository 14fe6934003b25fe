"""What does an answer look like on a terminal? A headline, its figures, the tables with bars, the findings.

In a pipe it is plain text of 120 columns. Everything that came from data is stripped of control characters, so that
a team's name cannot move the cursor or change a colour.
"""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netyield.charts import formats, theme
from netyield.core.finding import Finding, Severity, aggregate
from netyield.faces.cells import Cell
from netyield.faces.cli.failure import PipeClosed
from netyield.faces.headline import figures
from netyield.faces.report.terms import BASES
from netyield.faces.sections import Section, sections, view_section

if TYPE_CHECKING:
    from netyield.answers.answer import Answer

LEAD = "waterfall"
PIPE_COLUMNS = 120
BAR_COLUMNS = 28
FINDINGS_SHOWN = 12
VIEWS_SHOWN = ("unfilled", "unclassified", "pools", "by_day")  # in the report of one answer; the page has them all
SLICES_SHOWN = 25  # of one table in the whole report; the report of one answer shows them all
STYLES = {
    theme.USEFUL: "green",
    theme.MAYBE: "yellow",
    theme.WORK: "blue",
    theme.LOST: "red",
    theme.OUTSIDE: "bright_black",
    theme.BOOKS: "cyan",
}
SEVERITY_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "blue"}


class PipeConsole(Console):
    """A console that lets a closed pipe be seen by the program's end instead of exiting with 1 (our "findings")."""

    def on_broken_pipe(self) -> None:
        """A reader such as ``head`` has enough."""
        raise PipeClosed


def console() -> Console:
    """Stdout, with colour on a terminal only."""
    width = None if sys.stdout.isatty() else PIPE_COLUMNS
    return PipeConsole(file=sys.stdout, width=width, highlight=False, markup=False, emoji=False)


def plain(text: str) -> str:
    """The text without control characters (terminal escapes, line breaks, direction overrides)."""
    return "".join("?" if unicodedata.category(letter) in {"Cc", "Cf"} else letter for letter in text)


def print_report(out: Console, answers: Sequence[Answer], *, project: str, exact: bool) -> None:
    """The default report: headline, then one table per answer, then the findings."""
    lead = answers[0]
    print_heading(out, lead, project)
    print_figures(out, lead)
    for answer in answers:
        print_answer(out, answer, exact=exact, told=answer is lead, limit=SLICES_SHOWN if len(answers) > 1 else None)
    print_caveats(out, answers)
    print_findings(out, [finding for answer in answers for finding in answer.findings])


def print_line(out: Console, line: Text) -> None:
    """One line: wrapped to a terminal, whole in a pipe."""
    out.print(line, soft_wrap=not out.is_terminal)


def print_heading(out: Console, lead: Answer, project: str) -> None:
    """Whose books, which window, which money; then the headline sentence."""
    basis = BASES.get(lead.basis, lead.basis)
    parts = ["netyield", plain(project), formats.window(lead.window), lead.currency, basis]
    print_line(out, Text(" · ".join(part for part in parts if part), style="bright_black"))
    print_line(out, Text(f"books as of {formats.minute(lead.as_of)}", style="bright_black"))
    out.print()
    print_line(out, Text(plain(lead.description), style="bold"))


def print_figures(out: Console, lead: Answer) -> None:
    """The key figures, one a line; nothing when the answer's headline has none of them."""
    if not figures(lead):
        return
    table = _grid()
    table.add_column()
    table.add_column(style="bold")
    table.add_column(style="bright_black")
    for figure in figures(lead):
        table.add_row(figure.name, Text(figure.words), Text(figure.detail))
    out.print()
    print_table(out, table)


def print_answer(
    out: Console, answer: Answer, *, exact: bool = False, told: bool = False, limit: int | None = None
) -> None:
    """One answer's tables, under its sentence unless that is ``told`` already; the waterfall with bars and total.

    Above ``limit`` rows (never the waterfall's) the first are shown and the rest counted.
    """
    out.print()
    print_line(out, Text(plain(answer.title), style="bold"))
    if not told:
        print_line(out, Text(plain(answer.description), style="bright_black"))
    if not answer.table.num_rows:
        print_line(out, Text("Nothing in this window.", style="bright_black"))
        return
    first, *others = sections(answer)
    if answer.name == LEAD:
        print_table(out, _table(first, _bars(answer, out), exact))
    else:
        _print_first(out, first, exact, limit)
    views = [view_section(answer, name) for name in VIEWS_SHOWN if told and name in answer.views]
    for other in (*others, *(view for view in views if view.rows)):
        print_line(out, Text(other.title, style="bright_black"))
        _print_first(out, other, exact, limit)
    if answer.name == LEAD and "total" in answer.body:
        total = answer.body["total"]
        words = f"{total} {answer.currency}" if exact else formats.money(total, answer.currency)
        print_line(out, Text(f"Total {words}", style="bold"))


def print_section(out: Console, printed: Section) -> None:
    """One table, all its rows."""
    print_table(out, _table(printed, [], exact=False))


def _print_first(out: Console, whole: Section, exact: bool, limit: int | None) -> None:
    """The first rows of a table, and how many there are."""
    shown = replace(whole, rows=whole.rows[:limit])
    print_table(out, _table(shown, [], exact))
    if len(shown.rows) < len(whole.rows):
        more = (
            f"first {len(shown.rows)} of {len(whole.rows):,}; all: netyield report {whole.name.removesuffix('_states')}"
        )
        print_line(out, Text(more, style="bright_black"))


def print_table(out: Console, table: Table) -> None:
    """A table without the spaces rich puts at the ends of its lines when no terminal reads them."""
    if out.is_terminal:
        out.print(table)
        return
    with out.capture() as captured:
        out.print(table)
    for line in captured.get().splitlines():
        out.out(line.rstrip(), highlight=False)


def print_caveats(out: Console, answers: Sequence[Answer]) -> None:
    """What a reader must know beside the figures."""
    caveats = dict.fromkeys(caveat for answer in answers for caveat in answer.caveats)
    if caveats:
        out.print()
        print_line(out, Text("Notes", style="bold"))
    for caveat in caveats:
        print_line(out, Text(f"- {plain(caveat)}"))


def print_findings(out: Console, found: Sequence[Finding]) -> None:
    """The worst findings and how many more there are."""
    findings = aggregate(dict.fromkeys(found))
    out.print()
    if not findings:
        print_line(out, Text("No findings.", style="bright_black"))
        return
    print_line(out, Text("Findings", style="bold"))
    for finding in findings[:FINDINGS_SHOWN]:
        print_line(out, finding_line(finding))
    if len(findings) > FINDINGS_SHOWN:
        print_line(out, Text(f"{len(findings) - FINDINGS_SHOWN} more: netyield check", style="bright_black"))


def finding_line(finding: Finding) -> Text:
    """``file:row: severity code: message``, the severity in its colour."""
    line = Text(plain(finding.line()))
    start = line.plain.find(str(finding.severity))
    line.stylize(SEVERITY_STYLES[finding.severity], start, start + len(str(finding.severity)))
    return line


def _grid() -> Table:
    return Table(box=None, show_header=False, padding=(0, 3, 0, 0))


def _table(printed: Section, bars: Sequence[Text], exact: bool) -> Table:
    table = Table(box=None, header_style="bright_black", padding=(0, 2, 0, 0))
    shown = [place for place, header in enumerate(printed.headers) if not header.secondary]
    for place in shown:
        header = printed.headers[place]
        table.add_column(Text(header.name), justify="right" if header.numeric else "left", overflow="fold")
        if bars and place == 0:
            table.add_column(Text(""), no_wrap=True, width=BAR_COLUMNS)
    for number, row in enumerate(printed.rows):
        cells = [_text(row[place], exact) for place in shown]
        if bars:
            cells.insert(1, bars[number])
        table.add_row(*cells)
    return table


def _text(cell: Cell, exact: bool) -> Text:
    words = cell.exact if exact and cell.numeric and cell.exact else cell.text
    return Text(plain(words), style="bright_black italic" if cell.missing else "")


def _bars(answer: Answer, out: Console) -> list[Text]:
    """The waterfall's ranged bars, ``lo`` and ``hi`` scaled to BAR_COLUMNS; dots where nothing measured it."""
    block, dots = ("█", "·") if can_print(out, "█·") else ("#", ".")
    rows = answer.table.select(["step", "lo", "hi", "measured"]).to_pylist()
    edges = [edge for row in rows for edge in (row["lo"], row["hi"]) if edge is not None]
    least, most = min([0.0, *edges]), max([0.0, *edges])
    per_column = (most - least) / BAR_COLUMNS or 1.0
    found = []
    for row in rows:
        if not row["measured"] or row["lo"] is None or row["hi"] is None:
            found.append(Text(dots * BAR_COLUMNS, style="bright_black"))
            continue
        low, high = sorted((row["lo"], row["hi"]))
        start = min(BAR_COLUMNS - 1, int((low - least) / per_column))
        length = max(1, round((high - low) / per_column)) if high > low else 0
        style = STYLES[theme.kind_of_step(str(row["step"]))]
        found.append(Text(" " * start + block * min(length, BAR_COLUMNS - start), style=style))
    return found


def can_print(out: Console, letters: str) -> bool:
    """Whether the output's encoding has these letters."""
    try:
        letters.encode(out.encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
