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
    from netyield.charts import formats
    from netyield.faces.cli.commitments.contracts import told_of
    from netyield.faces.cli.commitments.show import show
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.progress import Working
    from netyield.project.coverage import coverage_answer

    opened = open_project(project)
    told, findings = told_of(contracts)
    with Working("Reading the books") as working:
        working("Reading the commitments", 0)
        query = Filters(since=since, until=until, currency=currency, as_of=as_of).query(opened)
        answer = coverage_answer(opened, query, told, tuple(findings))
    about = [opened.config.project.name or opened.root.name, formats.window(answer.window), answer.currency]
    show(answer, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))
