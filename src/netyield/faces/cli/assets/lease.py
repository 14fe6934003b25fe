"""``netyield assets lease``: a reserved cluster that is a lease, under IFRS 16 and ASC 842."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.assets.options import BookOption, BookWord
from netyield.faces.cli.assets.posting import Accounts, Journal, accounts, write_journal
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json, one_stdout

if TYPE_CHECKING:
    from netyield.economics.assets.lease_terms import Lease

CasePath = Annotated[Path, typer.Option("--case", metavar="FILE", help="The lease (TOML): payments, timing, rate.")]


def lease(
    case: CasePath,
    book: BookOption = None,
    journal: Journal = None,
    account: Accounts = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Measure a lease: liability, right of use and cost per period in both books, with what changes on the way."""
    from netyield.answers import lease as leases
    from netyield.economics.assets.cases import read_terms
    from netyield.economics.assets.lease_terms import Lease
    from netyield.faces.cli.assets.show import show
    from netyield.faces.cli.output import exit_code

    one_stdout(json_out, csv_out, html)
    terms = read_terms(case, Lease)
    try:
        answer = leases.answer(terms, str(case))
    except ValueError as error:
        message = f"{case}: {error}."
        raise WrongUse(message, "Check liability and payments.") from None
    if journal is not None:
        _post(terms, book or BookWord.IFRS, journal, account or [])
    show(answer, [terms.title or case.name], json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))


def _post(terms: Lease, book: BookWord, journal: Path, words: list[str]) -> None:
    """Write the lease's entries in a book."""
    from netyield.economics.assets.case_journal import lease_entries
    from netyield.economics.assets.leases import measured

    if terms.start is None or terms.months_per_period is None:
        message = "a journal needs days: the case has no start and months_per_period."
        raise WrongUse(message, "Add start = 2026-01-01 and months_per_period = 12.")
    listed = lease_entries(terms, measured(terms, book.value), terms.start, terms.months_per_period, accounts(words))
    write_journal(journal, listed)
