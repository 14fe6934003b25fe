"""How does a placement come out? JSON, CSV or HTML as asked, else on the terminal, with the week's profile in letters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from netyield.faces.cli.output import json_bytes, write_bytes, write_csv, write_file
from netyield.faces.cli.terminal import console, plain, print_caveats, print_findings, print_line, print_section
from netyield.faces.sections import sections, view_section

if TYPE_CHECKING:
    from rich.console import Console

    from netyield.answers.answer import Answer

MARKS = " ▁▂▃▄▅▆▇█"
DAYS, DAY_HOURS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), 24
HIDDEN_VIEWS = frozenset({"surface", "sways", "cost_parts", "assumptions", "bands", "utilisation_by_hour"})  # the points of charts, and what JSON has


def show(
    answers: Sequence[Answer], about: Sequence[str], *, json_out: bool = False, csv_out: str | None = None, html: Path | None = None
) -> None:
    """Print or write the first answer in the form asked for (the terminal's when none was); a page has all of them."""
    if html is not None:
        from netyield.faces.report.page import page

        write_file(html, page(list(answers), about=about).encode("utf-8"))
    if csv_out is not None:
        write_csv(csv_out, answers[0].table)
    if json_out:
        write_bytes(json_bytes(answers[0].body))
    elif csv_out is None:
        _print(answers[0], about)


def _print(found: Answer, about: Sequence[str]) -> None:
    out = console()
    print_line(out, Text(" · ".join(["netyield placement", *map(plain, about)]), style="bright_black"))
    out.print()
    print_line(out, Text(plain(found.description), style="bold"))
    for section in sections(found):
        out.print()
        print_section(out, section)
    for name in found.views:
        printed = view_section(found, name)
        if printed.rows and name not in HIDDEN_VIEWS:
            out.print()
            print_line(out, Text(printed.title, style="bold"))
            print_section(out, printed)
    _print_week(out, found.body)
    print_caveats(out, [found])
    print_findings(out, found.findings)


def _print_week(out: Console, body: Mapping[str, Any]) -> None:
    """Demand of every recorded hour, a row of 24 for each day; a dot is an hour nobody recorded."""
    hours = {row["hour_of_week"]: row["demand"] for row in body.get("utilisation_by_hour", ())}
    if not hours:
        return
    dated = body["hours_from"].startswith("Monday")
    most = max(hours.values())
    out.print()
    print_line(out, Text(f"Demand by hour, from {body['hours_from']}: {MARKS[-1]} is {most:.3g} times the mean", style="bold"))
    for day in sorted({hour // DAY_HOURS for hour in hours}):
        marks = "".join(_mark(hours.get(day * DAY_HOURS + hour), most) for hour in range(DAY_HOURS))
        print_line(out, Text(f"{DAYS[day] if dated else f'day {day + 1}':6}{marks}"))


def _mark(demand: float | None, most: float) -> str:
    return "." if demand is None else MARKS[round(demand / most * (len(MARKS) - 1))] if most > 0 else MARKS[0]


def print_flips(found: Answer, about: Sequence[str]) -> None:
    """Only what changes the verdict."""
    out = console()
    print_line(out, Text(" · ".join(["netyield placement flip", *map(plain, about)]), style="bright_black"))
    out.print()
    print_line(out, Text(plain(found.description), style="bold"))
    out.print()
    printed = view_section(found, "flips")
    if printed.rows:
        print_section(out, printed)
    else:
        print_line(out, Text("Nothing within a tenth to ten times of an input changes it."))
    print_findings(out, found.findings)
