"""``netyield assets impair``: what a unit of assets must be written down by, under IFRS and under US GAAP."""

from __future__ import annotations

from dataclasses import dataclass
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
    from netyield.core.finding import Finding
    from netyield.economics.assets.impairment_terms import Output

CasePath = Annotated[Path, typer.Option("--case", metavar="FILE", help="The case (TOML): carrying amount, cash flows, fair value.")]
Scenario = Annotated[str | None, typer.Option("--scenario", metavar="NAME", help="A [[scenario]] of the case file.")]
MtokPerMonth = Annotated[
    float | None,
    typer.Option("--mtok-per-month", metavar="N", help="Million useful tokens a month, for a case with [output], instead of its own."),
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
    from netyield.sources.bills.assets.terms import BOOKS

    one_stdout(json_out, csv_out, html)
    terms = cases.read_terms(case, Case, scenario)
    assets, findings = cases.held_assets(terms, case.parent)
    ours, theirs = (cases.parts_of(terms, name, assets) for name in BOOKS)
    forecast = None if terms.output is None else _forecast(terms.output, terms.currency, mtok_per_month, project)
    flows = forecast.flows if forecast else []
    rate = monthly_rate(terms.rate) if flows and terms.rate is not None else None
    findings = [*findings, *(forecast.findings if forecast else ())]
    asked = impairment.Asked(terms, (ours, theirs), flows, rate, findings, scenario, forecast.words if forecast else {}, assets)
    answer = impairment.answer(asked)
    if journal is not None:
        _post(asked, book or BookWord.IFRS, journal, account or [])
    show(answer, [terms.title or case.name, *([scenario] if scenario else [])], json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))


@dataclass(frozen=True)
class Forecast:
    """Cash flows of a case with [output]; none where nobody knows the output. ``words``: where tokens and prices are from."""

    flows: list[Decimal]
    words: dict[str, str]
    findings: tuple[Finding, ...] = ()


def _forecast(output: Output, currency: str, given: float | None, project: Path | None) -> Forecast:
    """From tokens as given, else the ledger's own, at prices as given, else those of its price list. Raises WrongUse."""
    from decimal import Decimal

    from netyield.economics.assets.cases import output_flows, price_words
    from netyield.faces.cli.opened import open_project

    held = open_project(project) if project is not None else None
    told = Decimal(repr(given)) if given is not None else output.mtok_per_month
    if held is None and (told is None or output.price_of is not None):
        message = "[output] does not say how many million useful tokens a month brings, or what one costs."
        raise WrongUse(message, "Add mtok_per_month and price_per_mtok, or run it with --project to take the ledger's own.")
    findings: tuple[Finding, ...] = ()
    origin = "" if told is None else f"{told:f} million useful tokens a month as given"
    if held is not None:
        from netyield.project.owned_output import priced, useful_output

        if output.price_of is not None:
            output = priced(held, output, currency)
        if told is None:
            useful = useful_output(held, output.where)
            told, origin, findings = useful.mtok_per_month, useful.words, useful.findings
    words = {"useful output": origin, "price": price_words(output)}
    return Forecast([] if told is None else output_flows(output, told), words, findings)


def _post(asked: Asked, book: BookWord, journal: Path, words: list[str]) -> None:
    """Write the entries of the write-down in a book."""
    from netyield.answers.impairment import measured
    from netyield.economics.assets.case_journal import impairment_entries

    if asked.case.at is None:
        message = "a journal needs a day: the case has no at."
        raise WrongUse(message, "Add at = 2027-12-31.")
    result, provision = measured(asked)[book.value]
    write_journal(journal, impairment_entries(asked.case, result, provision, asked.case.at, accounts(words)))
