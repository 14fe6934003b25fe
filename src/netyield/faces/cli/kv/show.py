"""How does an answer about a trace come out? As every answer does; a curve is drawn as bars."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from netyield.charts import formats
from netyield.faces.cli.tell import Manner, tell
from netyield.faces.cli.terminal import can_print, print_table

if TYPE_CHECKING:
    from netyield.answers.answer import Answer

PLOT_COLUMNS = 40


def show(
    answer: Answer,
    about: Sequence[str],
    *,
    json_out: bool = False,
    csv_out: str | None = None,
    html: Path | None = None,
) -> None:
    """Print or write an answer in the form asked for; the terminal's when none was."""
    tell([answer], MANNER, about, json_out=json_out, csv_out=csv_out, html=html)


def _print_plot(out: Console, answer: Answer) -> None:
    if answer.body["measured_tokens"]:
        out.print()
        print_table(out, plot(answer, out))


MANNER = Manner("netyield kv", hidden=frozenset({"drawn", "tried"}), leads={"kv_curve": _print_plot})


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
