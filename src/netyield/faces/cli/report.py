"""``netyield report``: where the money went, what a useful token costs, and what that rests on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.options import (
    AsOf,
    Basis,
    BasisOption,
    By,
    Csv,
    Currency,
    FailOn,
    FailOnOption,
    Filters,
    Html,
    Json,
    ProjectPath,
    Since,
    Until,
    Where,
    one_stdout,
)

if TYPE_CHECKING:
    from netyield.answers.answer import Answer
    from netyield.project import Project

ANSWERS = ("waterfall", "unit_cost", "fleet", "allocation", "usefulness", "reconciliation", "mapping", "coverage", "depreciation")
LEAD = "waterfall"
# What the whole report shows, with the dimension unit costs are cut by.
WHOLE = (
    (LEAD, None),
    ("unit_cost", "model"),
    ("unit_cost", "team"),
    ("fleet", None),
    ("usefulness", None),
    ("reconciliation", None),
    ("mapping", None),
)
Name = Annotated[
    str | None,
    typer.Argument(metavar="[ANSWER]", help=f"One of {', '.join(ANSWERS)}; without it the whole report."),
]
Exact = Annotated[bool, typer.Option("--exact", help="Print amounts with all their digits.")]


def report(
    answer: Name = None,
    since: Since = None,
    until: Until = None,
    by: By = None,
    where: Where = None,
    basis: BasisOption = Basis.EFFECTIVE,
    currency: Currency = None,
    as_of: AsOf = None,
    exact: Exact = False,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
    project: ProjectPath = None,
) -> None:
    """Show where every dollar went, down to the cost of a useful token."""
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import exit_code

    name = known_answer(answer) if answer else None
    one_stdout(json_out, csv_out, html)
    filters = Filters(since, until, by, tuple(where or ()), basis, currency, as_of)
    filters.conditions()
    opened = open_project(project)
    only_lead = (json_out or csv_out is not None) and html is None
    wanted: list[tuple[str, str | None]] = [(name, by)] if name else list(WHOLE[:1] if only_lead else WHOLE)
    answers = collect(opened, wanted, filters)
    show(answers, title(opened), filters, json_out=json_out, csv_out=csv_out, html=html, exact=exact)
    raise typer.Exit(exit_code((finding for each in answers for finding in each.findings), fail_on))


def known_answer(name: str) -> str:
    """The answer's name, ``unit-cost`` being ``unit_cost``. Raises WrongUse with the nearest known one."""
    import difflib

    wanted = name.replace("-", "_")
    if wanted in ANSWERS:
        return wanted
    near = difflib.get_close_matches(wanted, ANSWERS, n=1)
    message = f"There is no answer {name!r}."
    raise WrongUse(message, f"Did you mean {near[0]}?" if near else f"Answers: {', '.join(ANSWERS)}.")


def title(opened: Project) -> str:
    """The project's name, for headings."""
    return opened.config.project.name


def collect(opened: Project, wanted: list[tuple[str, str | None]], filters: Filters) -> list[Answer]:
    """The answers, with a bar when they take longer than two seconds; ``--by`` replaces the report's own cuts."""
    from netyield.faces.cli.progress import Working

    wanted = list(dict.fromkeys((name, by and (filters.by or by)) for name, by in wanted))
    found = []
    with Working("Reading the books", len(wanted)) as working:
        for name, by in wanted:
            working.step(name.replace("_", " "))
            found.append(opened.answer(name, filters.query(opened, by), working))
    return found


def show(
    answers: list[Answer],
    project: str,
    filters: Filters,
    *,
    json_out: bool = False,
    csv_out: str | None = None,
    html: Path | None = None,
    exact: bool = False,
) -> None:
    """Print or write the answers in the form asked for; the terminal's when none was."""
    from netyield.faces.cli.output import json_bytes, write_bytes, write_csv, write_html

    if html is not None:
        write_html(html, answers, project=project, filters=filters.words())
    if csv_out is not None:
        write_csv(csv_out, answers[0].table)
    if json_out:
        write_bytes(json_bytes(answers[0].body))
        return
    if csv_out is not None:
        return
    from netyield.faces.cli.terminal import console, print_report

    print_report(console(), answers, project=project, exact=exact)
