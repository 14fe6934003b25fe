"""How is an explanation printed? Its sentence, then its lines, each kind named once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netyield.charts import formats
from netyield.faces.cells import exact, table_rows
from netyield.faces.cli.terminal import plain, print_findings, print_line, print_table
from netyield.faces.headline import key_figure

if TYPE_CHECKING:
    from netyield.answers.answer import Answer


def print_explanation(out: Console, answer: Answer) -> None:
    """The explanation of one figure."""
    print_line(out, Text(plain(answer.title), style="bold"))
    name = str(answer.headline.get("figure", "")).partition("/")[2]
    if (found := key_figure(name, answer.headline, answer.currency)) is not None:
        print_line(out, Text(f"{found.name}: {found.words} ({found.detail})", style="bold"))
    out.print(
        Text(
            f"{formats.window(answer.window)} · {answer.currency} · books as of {formats.minute(answer.as_of)}",
            style="bright_black",
        )
    )
    out.print()
    print_line(out, Text(plain(answer.description)))
    out.print()
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bright_black", no_wrap=True)
    table.add_column(overflow="fold", ratio=1)
    table.add_column(justify="right", overflow="fold")
    previous = ""
    for row in table_rows(answer.table):
        kind = str(row.get("kind") or "").replace("_", " ")
        place = ": ".join(str(row[name]) for name in ("file", "rows") if row.get(name))
        words = " · ".join(part for part in (str(row.get("text") or ""), place) if part)
        table.add_row(
            Text(plain(kind) if kind != previous else ""), Text(plain(words)), Text(plain(exact(row.get("amount"))))
        )
        previous = kind
    print_table(out, table)
    for caveat in answer.caveats:
        print_line(out, Text(f"- {plain(caveat)}"))
    if answer.findings:
        print_findings(out, answer.findings)
