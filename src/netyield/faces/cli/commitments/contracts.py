"""Which contracts? Those of a file, else those the project knows. The same words in ``report`` and ``exit``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.economics.commitments.contract import Commitment
    from netyield.economics.commitments.known_terms import Known, Told

CONTRACTS = "Contracts"
Contracts = Annotated[
    Path | None,
    typer.Option(
        "--contracts", metavar="PATH", rich_help_panel=CONTRACTS,
        help="TOML with [[commitment]], or FOCUS Contract Commitments as CSV or Parquet (default: netyield.toml).",
    ),
]  # fmt: skip


def told_of(path: Path | None) -> tuple[Told | None, list[Finding]]:
    """What the file of --contracts says; None without one."""
    from netyield.economics.commitments.contract_file import told_by_file

    return (None, []) if path is None else told_by_file(path)


def one_of(found: Known, wanted: str) -> Commitment:
    """The commitment of an id, or of the one id that ends or starts with the word. Raises WrongUse."""
    import difflib

    ids = list(dict.fromkeys((*(one.id for one in found.commitments), *found.missing)))
    exact = [name for name in ids if name == wanted] or [name for name in ids if name.endswith(wanted) or name.startswith(wanted)]
    if len(exact) == 1 and exact[0] in found.missing:
        lacking = ", ".join(found.missing[exact[0]])
        message = f"{exact[0]}: nothing says its {lacking}."
        raise WrongUse(message, f"Declare {lacking} with [[commitment]] in netyield.toml, or give --contracts FILE.")
    if len(exact) == 1:
        return next(one for one in found.commitments if one.id == exact[0])
    bad = next((finding for finding in found.findings if finding.message.startswith(wanted)), None)
    if bad is not None:
        message = f"{bad.message}."
        raise WrongUse(message, bad.repair)
    near = difflib.get_close_matches(wanted, ids, n=1)
    message = f"There is no commitment {wanted!r}." if not exact else f"{wanted!r} may be any of {len(exact)} commitments."
    if not ids:
        raise WrongUse(message, "Declare it with [[commitment]] in netyield.toml, or give --contracts FILE.")
    raise WrongUse(message, f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(ids[:8])}.")
