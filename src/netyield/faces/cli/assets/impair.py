"""``netyield assets impair``: what a unit of assets must be written down by, under IFRS and under US GAAP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.assets.options import BookOption, BookWord
from netyield.faces.cli.assets.posting import Accounts, Journal, accounts, write_journal
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json, ProjectPath, one_stdout

if TYPE_CHECKING:
    from decimal import Decimal

    from netyield.answers.impairment import Asked

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
    project: ProjectPath = None,
    book: BookOption = None,
    journal: Journal = None,
    account: Accounts = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Test a unit of assets for impairment: IAS 36 and ASC 360, onerous contracts, side by side."""
    from netyield.answers import impairment
    from netyield.economics.assets import cases
    from netyield.economics.assets.impairment_terms import Case
    from netyield.economics.assets.present_value import monthly_rate
    from netyield.faces.cli.assets.show import show
    from netyield.faces.cli.output import exit_code

    one_stdout(json_out, csv_out, html)
    terms = cases.read_terms(case, Case, scenario)
    ours, theirs = (cases.parts_of(terms, book, case.parent) for book in ("ifrs", "us_gaap"))
    flows: list[Decimal] = []
    origin = ""
    if terms.output is not None:
        tokens, origin = _tokens(mtok_per_month, project) if terms.output.mtok_per_month is None else (None, "")
        flows = cases.output_flows(terms.output, tokens)
    rate = monthly_rate(terms.rate) if flows and terms.rate is not None else None
    asked = impairment.Asked(terms, (ours[0], theirs[0]), flows, rate, tuple(ours[1]), scenario, origin)
    answer = impairment.answer(asked)
    if journal is not None:
        _post(asked, book or BookWord.IFRS, journal, account or [])
    show(answer, [terms.title or case.name, *([scenario] if scenario else [])], json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))


def _tokens(given: float | None, project: Path | None) -> tuple[Decimal | None, str]:
    """Million useful tokens a month: as given, else the ledger's own of the project named."""
    from decimal import Decimal

    if given is not None:
        return Decimal(repr(given)), f"{given:g} million useful tokens a month as given"
    if project is None:
        return None, ""
    from netyield.faces.cli.opened import open_project
    from netyield.project.owned_assets import useful_mtok_per_month

    return useful_mtok_per_month(open_project(project))


def _post(asked: Asked, book: BookWord, journal: Path, words: list[str]) -> None:
    """Write the entries of the write-down in a book."""
    from netyield.answers.impairment import measured
    from netyield.economics.assets.case_journal import impairment_entries

    if asked.case.at is None:
        message = "a journal needs a day: the case has no at."
        raise WrongUse(message, "Add at = 2027-12-31.")
    result, provision = measured(asked)[book.value]
    write_journal(journal, impairment_entries(asked.case, result, provision, asked.case.at, accounts(words)))
