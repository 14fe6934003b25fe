"""How does an answer about a trace come out? JSON, CSV or HTML as asked, else on the terminal.

It is told as the reports of a project are, but for the books: a trace has no bill, no day and no currency of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netyield.charts import formats
from netyield.faces.cli.output import json_bytes, write_bytes, write_csv, write_file
from netyield.faces.cli.terminal import (
    can_print,
    console,
    plain,
    print_caveats,
    print_findings,
    print_line,
    print_section,
    print_table,
)
from netyield.faces.sections import sections, view_section

if TYPE_CHECKING:
    from netyield.answers.answer import Answer

PLOT_COLUMNS = 40
HIDDEN_VIEWS = frozenset({"drawn", "tried"})  # the points of a chart


def show(
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
    elif csv_out is None:
        print_answer(console(), answer, about)


def print_answer(out: Console, answer: Answer, about: Sequence[str]) -> None:
    """Heading, plot, tables, notes and findings."""
    print_line(out, Text(" · ".join(["netyield kv", *map(plain, about)]), style="bright_black"))
    out.print()
    print_line(out, Text(plain(answer.description), style="bold"))
    if answer.name == "kv_curve" and answer.body["measured_tokens"]:
        out.print()
        print_table(out, plot(answer, out))
    for section in sections(answer) if answer.name != "kv_curve" else ():
        out.print()
        print_section(out, section)
    for name in answer.views:
        printed = view_section(answer, name)
        if printed.rows and name not in HIDDEN_VIEWS:
            out.print()
            print_line(out, Text(printed.title, style="bold"))
            print_section(out, printed)
    print_caveats(out, [answer])
    print_findings(out, answer.findings)


def plot(answer: Answer, out: Console) -> Table:
    """The curve as one bar per capacity, the ceiling at the bars' end."""
    block, rest = ("█", "·") if can_print(out, "█·") else ("#", ".")
    table = Table(box=None, header_style="bright_black", padding=(0, 2, 0, 0))
    several = len(answer.body["policies"]) > 1
    sized = "capacity_gib" in answer.table.column_names
    names = ["Policy"] * several + ["Blocks"] + ["GiB"] * sized
    for name in names:
        table.add_column(name, justify="left" if name == "Policy" else "right")
    table.add_column(f"of the ceiling, {formats.share(answer.body['ceiling_hit_ratio'])}", no_wrap=True)
    table.add_column("Hit ratio", justify="right")
    table.add_column("Hit tokens", justify="right")
    table.add_column("")
    for row in answer.table.to_pylist():
        filled = round(PLOT_COLUMNS * min(1.0, row["of_ceiling"] or 0.0))
        bar = Text(block * filled, style="green").append(rest * (PLOT_COLUMNS - filled), style="bright_black")
        cells: list[Any] = [row["policy"]] * several + [formats.count(row["capacity_blocks"])]
        cells += [formats.count(row["capacity_gib"])] if sized else []
        ratio = formats.share(row["hit_ratio"])
        if row.get("standard_error") is not None:
            ratio += f" ± {formats.share(row['standard_error'])}"
        table.add_row(*cells, bar, ratio, formats.count(row["hit_tokens"]), Text(row["note"], style="yellow"))
    return table
