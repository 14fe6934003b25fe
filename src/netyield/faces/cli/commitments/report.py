"""``netyield commitments report``: coverage, utilisation, savings, expiry ladder, unused by owner."""

from __future__ import annotations

import typer

from netyield.faces.cli.commitments.contracts import Contracts
from netyield.faces.cli.options import (
    AsOf,
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
    one_stdout,
)


def report(
    since: Since = None,
    until: Until = None,
    currency: Currency = None,
    as_of: AsOf = None,
    contracts: Contracts = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
    project: ProjectPath = None,
) -> None:
    """Show what is locked in: utilisation, coverage, savings, when each ends, and who answers for what nobody used."""
    one_stdout(json_out, csv_out, html)
    from netyield.answers import coverage
    from netyield.charts import formats
    from netyield.faces.cli.commitments.contracts import told_of
    from netyield.faces.cli.commitments.show import show
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.progress import Working
    from netyield.project.commitment_contracts import known_commitments
    from netyield.project.commitments import commitment_books

    opened = open_project(project)
    told, findings = told_of(contracts)
    with Working("Reading the books") as working:
        working("Reading the commitments", 0)
        books = commitment_books(opened, Filters(since=since, until=until, currency=currency, as_of=as_of).query(opened))
        known = known_commitments(opened, books, told, as_of)
    answer = coverage.answer(
        books.rows, books.days.to_pylist(), books.terms, known.commitments, window=books.window, currency=books.currency,
        as_of=books.as_of, waterfall_pico=books.waterfall_pico, findings=(*findings, *known.findings, *books.findings),
    )  # fmt: skip
    about = [opened.config.project.name or opened.root.name, formats.window(books.window), books.currency]
    show(answer, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))
