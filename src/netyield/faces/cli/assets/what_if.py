"""``netyield assets what-if``: another useful life, residual value or method from a day on, beside the register's own."""

from __future__ import annotations

from typing import Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.assets.options import AssetPath, BookOption, GrainOption, GrainWord, KnownOn, known_on
from netyield.faces.cli.assets.posting import Accounts, Journal, accounts, write_journal
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json, ProjectPath, one_stdout

CHANGE = "The change"
LifeOption = Annotated[
    str | None, typer.Option("--useful-life", metavar="LIFE", help="In all, from in service: 4y, 54m.", rich_help_panel=CHANGE)
]
LeftOption = Annotated[
    str | None, typer.Option("--remaining-life", metavar="LIFE", help="From the change on: 18m.", rich_help_panel=CHANGE)
]
ResidualOption = Annotated[
    str | None, typer.Option("--residual", metavar="AMOUNT", help="Residual value of each asset.", rich_help_panel=CHANGE)
]
MethodOption = Annotated[
    str | None,
    typer.Option("--method", metavar="NAME", help="straight_line, declining, sum_of_years or units.", rich_help_panel=CHANGE),
]
FromDay = Annotated[str, typer.Option("--from", metavar="DAY", help="First day of the change: 2027-08-01.", rich_help_panel=CHANGE)]
Only = Annotated[str, typer.Option("--assets", metavar="GLOB", help="Which assets it is for.", rich_help_panel=CHANGE)]


def what_if(
    effective: FromDay,
    asset: AssetPath = None,
    useful_life: LifeOption = None,
    remaining_life: LeftOption = None,
    residual: ResidualOption = None,
    method: MethodOption = None,
    only: Only = "*",
    book: BookOption = None,
    by: GrainOption = GrainWord.MONTH,
    as_of: KnownOn = None,
    journal: Journal = None,
    account: Accounts = None,
    project: ProjectPath = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """A change of estimate, prospectively: what each later month would cost, and a useful token with it."""
    words = {"useful_life": useful_life, "remaining_life": remaining_life, "residual": residual, "method": method}
    said = {key: value for key, value in words.items() if value is not None}
    if not said:
        message = "there is nothing to change."
        raise WrongUse(message, "Give --useful-life, --remaining-life, --residual or --method.")

    from fnmatch import fnmatchcase

    from pydantic import ValidationError

    from netyield.answers import depreciation_what_if
    from netyield.economics.assets.journal import entries
    from netyield.economics.assets.what_if import what_if as work
    from netyield.faces.cli.assets.registers import opened
    from netyield.faces.cli.assets.show import show
    from netyield.faces.cli.output import exit_code
    from netyield.sources.bills.assets.terms import Change
    from netyield.sources.opened import Place

    one_stdout(json_out, csv_out, html)
    try:
        change = Change.model_validate({"effective": effective, **said})
    except ValidationError as error:
        first = error.errors()[0]
        message = f"--{str(first['loc'][0]).replace('_', '-')}: {str(first['msg']).removeprefix('Value error, ')}."
        raise WrongUse(message, "See netyield assets what-if --help.") from None
    found = opened(asset, project)
    chosen = book.value if book else found.book
    concerned = [each for each in found.assets if fnmatchcase(each.id, only)]
    place = Place("assets", found.name)
    day = known_on(as_of)
    rows, after, wrong = work(concerned, change, chosen, place, by.value, day)
    told = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in said.items()) + f" from {change.effective}"
    costs = found.unit_costs(chosen, day, after)
    wanted = depreciation_what_if.Wanted(told, costs)
    answer = depreciation_what_if.answer(rows, after, wanted, [*found.findings, *wrong])
    if journal is not None:
        write_journal(journal, entries(after.histories, accounts(account or [])))
    show(answer, [found.name, told], json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))
