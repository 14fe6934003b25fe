"""``netyield assets schedule``: depreciation by month, year, asset and book, with what it does to the cost of a token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.assets.options import AssetPath, BookOption, GrainOption, GrainWord, KnownOn, known_on
from netyield.faces.cli.assets.posting import GENERAL_LEDGER, Accounts, Journal, accounts, write_journal
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json, ProjectPath, one_stdout

if TYPE_CHECKING:
    from netyield.answers.depreciation import Ledger
    from netyield.economics.assets.schedule import Schedule

ByAsset = Annotated[bool, typer.Option("--each", help="Rows of each asset too, not only of all together.")]
Until = Annotated[str | None, typer.Option("--until", metavar="MONTH", help="First month not shown or booked: 2029-01.")]
TrialBalance = Annotated[
    Path | None,
    typer.Option("--trial-balance", metavar="FILE", help="Tie to a general ledger (CSV).", rich_help_panel=GENERAL_LEDGER),
]
YearFrom = Annotated[
    str | None,
    typer.Option(
        "--year-from", metavar="MONTH", rich_help_panel=GENERAL_LEDGER,
        help="First month of income and expenses in the trial balance (default: January of the year it is of).",
    ),
]


def schedule(
    asset: AssetPath = None,
    book: BookOption = None,
    by: GrainOption = GrainWord.MONTH,
    until: Until = None,
    each: ByAsset = False,
    as_of: KnownOn = None,
    journal: Journal = None,
    trial_balance: TrialBalance = None,
    year_from: YearFrom = None,
    account: Accounts = None,
    project: ProjectPath = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Depreciation and carrying amount of owned assets, row by row; with a project, of a useful token with and without it."""
    month = _month(until)

    from netyield.answers import depreciation
    from netyield.answers.depreciation_tables import BOOK_WORDS
    from netyield.economics.assets.schedule import schedule as work
    from netyield.faces.cli.assets.registers import opened
    from netyield.faces.cli.assets.show import show
    from netyield.faces.cli.output import exit_code

    one_stdout(json_out, csv_out, html)
    day = known_on(as_of)
    found = opened(asset, project)
    chosen = book.value if book else found.book
    made = work(found.assets, chosen, by.value, day)
    ledger = _general_ledger(made, month, _month(year_from, "--year-from"), journal, trial_balance, account or [])
    costs = found.unit_costs(chosen, day)
    answer = depreciation.answer(made, found.findings, depreciation.Shown(until, each, costs, ledger))
    show(
        answer, [found.name, BOOK_WORDS[chosen]], json_out=json_out, csv_out=csv_out, html=html,
        csv_view="asset_rows" if each else None,
    )  # fmt: skip
    raise typer.Exit(exit_code(answer.findings, fail_on))


def _month(text: str | None, option: str = "--until") -> int | None:
    from netyield.core.depreciation import month_number

    if text is None:
        return None
    try:
        number = month_number(text)
    except ValueError:
        number = -1
    if number < 0 or len(text) != len("2029-01"):
        message = f"{option} {text!r} is not a month."
        raise WrongUse(message, "Write it as 2029-01.")
    return number


def _general_ledger(
    made: Schedule, until: int | None, since: int | None, journal: Path | None, trial_balance: Path | None, words: list[str]
) -> Ledger | None:
    """Write the journal and compare the trial balance, when asked for."""
    if journal is None and trial_balance is None:
        return None
    from netyield.answers.depreciation import Ledger
    from netyield.core.depreciation import YEAR, first_day
    from netyield.economics.assets import journal as books
    from netyield.economics.assets import trial_balance as balances

    if trial_balance is not None and until is None:
        message = "a trial balance is of a day, and --until is not given."
        raise WrongUse(message, "Add --until, the first month that is not in it: 2027-01 for the end of 2026.")
    named = accounts(words)
    listed = books.entries(made.histories, named, until)
    if journal is not None:
        write_journal(journal, listed)
    if trial_balance is None or until is None:
        return None
    currencies = sorted({entry.currency for entry in listed})
    known, findings = balances.read_trial_balance(trial_balance, currencies[0] if len(currencies) == 1 else "")
    first = (until - 1) // YEAR * YEAR if since is None else since
    ties = balances.tie(listed, known, first_day(first), {named["cash"]})
    lines = balances.reconciled(ties, {named[role] for role in ("cost", "accumulated", "impaired")})
    return Ledger(tuple(ties), tuple(lines), (*findings, *balances.differences(ties, trial_balance.name)))
