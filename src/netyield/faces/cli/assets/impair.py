"""``netyield assets impair``: what a unit of assets must be written down by, under IFRS and under US GAAP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json

CasePath = Annotated[Path, typer.Option("--case", metavar="FILE", help="The case (TOML): carrying amount, cash flows, fair value.")]
Scenario = Annotated[str | None, typer.Option("--scenario", metavar="NAME", help="A [[scenario]] of the case file.")]
MtokPerMonth = Annotated[
    float | None,
    typer.Option("--mtok-per-month", metavar="N", help="Million useful tokens a month, for a case with [output]."),
]


def impair(
    case: CasePath,
    scenario: Scenario = None,
    mtok_per_month: MtokPerMonth = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Test a unit of assets for impairment: IAS 36 and ASC 360, onerous contracts, side by side."""
    from decimal import Decimal

    from netyield.answers import impairment
    from netyield.economics.assets import cases
    from netyield.economics.assets.impairment_terms import Case
    from netyield.economics.assets.present_value import monthly_rate
    from netyield.faces.cli.assets.show import one_stdout, show
    from netyield.faces.cli.output import exit_code

    one_stdout(json_out, csv_out)
    terms = cases.read_terms(case, Case, scenario)
    ours, theirs = (cases.parts_of(terms, book, case.parent) for book in ("ifrs", "us_gaap"))
    flows: list[Decimal] = []
    if terms.output is not None:
        flows = cases.output_flows(terms.output, None if mtok_per_month is None else Decimal(repr(mtok_per_month)))
    rate = monthly_rate(terms.rate) if flows and terms.rate is not None else None
    answer = impairment.answer(impairment.Asked(terms, (ours[0], theirs[0]), flows, rate, tuple(ours[1]), scenario))
    show(answer, [terms.title or case.name, *([scenario] if scenario else [])], json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))
