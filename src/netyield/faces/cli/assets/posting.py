"""Words of the verbs that post: where the journal goes, and which accounts it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse

if TYPE_CHECKING:
    from netyield.economics.assets.journal import Entry

GENERAL_LEDGER = "General ledger"
Journal = Annotated[
    Path | None,
    typer.Option("--journal", metavar="FILE", help="Write the entries: .csv, or .beancount text.", rich_help_panel=GENERAL_LEDGER),
]
Accounts = Annotated[
    list[str] | None,
    typer.Option("--account", metavar="ROLE=NAME", help="Your account for cost, accumulated, depreciation ... May be repeated.",
                 rich_help_panel=GENERAL_LEDGER),
]  # fmt: skip


def accounts(words: Sequence[str]) -> dict[str, str]:
    """The accounts entries post to, with the user's own names. Raises WrongUse."""
    from netyield.economics.assets.case_journal import CASE_ACCOUNTS
    from netyield.economics.assets.journal import ACCOUNT, ACCOUNTS

    found = {**ACCOUNTS, **CASE_ACCOUNTS}
    for word in words:
        role, equals, name = word.partition("=")
        if not equals or role not in found:
            message = f"--account {word!r} is not ROLE=NAME."
            raise WrongUse(message, f"Roles: {', '.join(found)}.")
        if not ACCOUNT.match(name):
            message = f"--account {role}: {name!r} is no account name."
            raise WrongUse(message, "Write for example Assets:Gpus:Cost; it starts with Assets, Liabilities, Equity, Income or Expenses.")
        found[role] = name
    return found


def write_journal(path: Path, listed: Sequence[Entry]) -> None:
    """The entries in a file, as its name asks for. Raises WrongUse for a name it does not know."""
    from netyield.economics.assets.journal import as_beancount, as_csv
    from netyield.faces.cli.output import write_file

    write = {".csv": as_csv, ".beancount": as_beancount, ".bean": as_beancount}.get(path.suffix)
    if write is None:
        message = f"--journal {path}: there is no form for {path.suffix or 'a name without an ending'}."
        raise WrongUse(message, "Name it .csv or .beancount.")
    write_file(path, write(listed).encode("utf-8"))
