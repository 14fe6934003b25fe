"""``netyield assets lease``: a reserved cluster that is a lease, under IFRS 16 and ASC 842."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json

CasePath = Annotated[Path, typer.Option("--case", metavar="FILE", help="The lease (TOML): payments, timing, rate.")]


def lease(
    case: CasePath,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Measure a lease: liability, right of use and cost per period in both books, partial returns under IFRS 16."""
    from netyield.answers import lease as leases
    from netyield.economics.assets.cases import read_terms
    from netyield.economics.assets.lease_terms import Lease
    from netyield.faces.cli.assets.show import one_stdout, show
    from netyield.faces.cli.output import exit_code

    one_stdout(json_out, csv_out)
    terms = read_terms(case, Lease)
    try:
        answer = leases.answer(terms, str(case))
    except ValueError as error:
        message = f"{case}: {error}."
        raise WrongUse(message, "Check liability and payments.") from None
    show(answer, [terms.title or case.name], json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))
