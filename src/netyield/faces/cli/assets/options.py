"""Words the asset verbs share: the register, the book, the day it was known."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse

if TYPE_CHECKING:
    from netyield.sources.bills.assets.register import Register

REGISTER = "Register"


class BookWord(StrEnum):
    """Whose rules a schedule follows."""

    IFRS = "ifrs"
    US_GAAP = "us_gaap"


class GrainWord(StrEnum):
    """How long a row is."""

    MONTH = "month"
    YEAR = "year"


AssetPath = Annotated[
    Path | None,
    typer.Option(
        "--asset", metavar="FILE", rich_help_panel=REGISTER,
        help="Asset register, TOML or CSV (default: those of the project's sources).",
    ),
]  # fmt: skip
BookOption = Annotated[
    BookWord | None,
    typer.Option("--book", help="Whose rules (default: the register's own book).", rich_help_panel=REGISTER),
]
KnownOn = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DAY", help="Only what was recorded by this day: 2026-11-30.", rich_help_panel=REGISTER
    ),
]
GrainOption = Annotated[GrainWord, typer.Option("--by", help="Rows per month or calendar year.")]


def known_on(text: str | None) -> date | None:
    """The day of ``--as-of``. Raises WrongUse."""
    if text is None:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        message = f"--as-of {text!r} is not a day."
        raise WrongUse(message, "Write it as 2026-11-30.") from None


def read(path: Path) -> Register:
    """The register of a file. Raises WrongUse when there is no such file."""
    from netyield.sources.bills.assets.register import read_register

    if not path.is_file():
        message = f"there is no file {path}."
        raise WrongUse(message, "Give --asset an asset register (TOML or CSV); docs/assets.md has one to start from.")
    return read_register(path)
