"""Which contracts? Those of a file, or those declared in the project. The same words in ``report`` and ``exit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.economics.commitments.contract import Commitment
    from netyield.project import Project

CONTRACTS = "Contracts"
Contracts = Annotated[
    Path | None,
    typer.Option(
        "--contracts", metavar="PATH", rich_help_panel=CONTRACTS,
        help="TOML with [[commitment]], or CSV of FOCUS Contract Commitments (default: those of the project).",
    ),
]  # fmt: skip


def contracts_of(path: Path | None, opened: Project | None) -> tuple[list[Commitment], list[Finding]]:
    """The contracts of the file, else of the project's netyield.toml."""
    from netyield.economics.commitments.contract_file import checked, read_contracts

    if path is not None:
        return read_contracts(path)
    if opened is None:
        return [], []
    return checked([rule.contract() for rule in opened.config.commitment])


def one_of(contracts: list[Commitment], wanted: str, findings: list[Finding]) -> Commitment:
    """The contract of an id, or of the one id that ends or starts with the word. Raises WrongUse."""
    import difflib

    found = [one for one in contracts if one.id == wanted] or [
        one for one in contracts if one.id.endswith(wanted) or one.id.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    bad = next((finding for finding in findings if finding.message.startswith(wanted)), None)
    if bad is not None:
        message = f"{bad.message}."
        raise WrongUse(message, bad.repair)
    near = difflib.get_close_matches(wanted, [one.id for one in contracts], n=1)
    message = f"There is no commitment {wanted!r}." if not found else f"{wanted!r} may be any of {len(found)} commitments."
    if not contracts:
        raise WrongUse(message, "Declare it with [[commitment]] in netyield.toml, or give --contracts FILE.")
    raise WrongUse(message, f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(one.id for one in contracts[:8])}.")
