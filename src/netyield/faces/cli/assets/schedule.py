"""``netyield assets schedule``: depreciation by month, year, asset and book, with what it does to the cost of a token."""

from __future__ import annotations

from typing import Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.assets.options import (
    AssetPath,
    BookOption,
    GrainOption,
    GrainWord,
    KnownOn,
    known_on,
    read,
)
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json

ByAsset = Annotated[bool, typer.Option("--each", help="Rows of each asset too, not only of all together.")]
Until = Annotated[str | None, typer.Option("--until", metavar="MONTH", help="First month not shown: 2029-01.")]


def schedule(
    asset: AssetPath = None,
    book: BookOption = None,
    by: GrainOption = GrainWord.MONTH,
    until: Until = None,
    each: ByAsset = False,
    as_of: KnownOn = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Depreciation and carrying amount of owned assets, row by row."""
    from netyield.answers import depreciation
    from netyield.economics.assets.schedule import schedule as work
    from netyield.faces.cli.assets.show import one_stdout, show
    from netyield.faces.cli.output import exit_code

    one_stdout(json_out, csv_out)
    day = known_on(as_of)
    if asset is None:
        message = "There is no register."
        raise WrongUse(message, "Give --asset FILE.")
    register = read(asset)
    chosen = book.value if book else register.terms.book
    found = work(register.assets, chosen, by.value, day)
    shown = depreciation.Shown(until, each)
    answer = depreciation.answer(found, register.findings, shown)
    show(
        answer, [asset.name, depreciation.BOOK_WORDS[chosen]], json_out=json_out, csv_out=csv_out, html=html,
        csv_view="asset_rows" if each else None,
    )  # fmt: skip
    raise typer.Exit(exit_code(answer.findings, fail_on))
