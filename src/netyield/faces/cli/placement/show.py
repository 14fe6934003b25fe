"""How does a placement come out? JSON, CSV or HTML as asked, else on the terminal, with the week's profile in letters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from netyield.faces.cli.tell import Manner, print_heading, tell
from netyield.faces.cli.terminal import console, print_findings, print_line, print_section
from netyield.faces.sections import view_section

if TYPE_CHECKING:
    from rich.console import Console

    from netyield.answers.answer import Answer

MARKS = " ▁▂▃▄▅▆▇█"
DAYS, DAY_HOURS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), 24
# The points of charts, and what JSON has; a week of hours is drawn.
HIDDEN_VIEWS = frozenset({"surface", "sways", "cost_parts", "assumptions", "bands", "utilisation_by_hour"})


def show(
    answers: Sequence[Answer], about: Sequence[str], *, json_out: bool = False, csv_out: str | None = None, html: Path | None = None
) -> None:
    """Print or write the first answer in the form asked for (the terminal's when none was); a page has all of them."""
    tell(answers, COMPARED, about, json_out=json_out, csv_out=csv_out, html=html)


def show_sizing(
    answer: Answer, about: Sequence[str], *, json_out: bool = False, csv_out: str | None = None, html: Path | None = None
) -> None:
    """Print or write a sizing or a calibration in the form asked for; the terminal's when none was."""
    tell([answer], SIZED, about, json_out=json_out, csv_out=csv_out, html=html)


def _print_week(out: Console, answer: Answer) -> None:
    """Demand of every recorded hour, a row of 24 for each day; a dot is an hour nobody recorded."""
    body = answer.body
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


COMPARED = Manner("netyield placement", hidden=HIDDEN_VIEWS, after=_print_week)
SIZED = Manner("netyield placement", hidden=frozenset({"utilisation_by_hour"}))


def print_flips(found: Answer, about: Sequence[str]) -> None:
    """Only what changes the verdict."""
    out = console()
    print_heading(out, found, "netyield placement flip", about)
    out.print()
    printed = view_section(found, "flips")
    if printed.rows:
        print_section(out, printed)
    else:
        print_line(out, Text("Nothing within a tenth to ten times of an input changes it."))
    print_findings(out, found.findings)
