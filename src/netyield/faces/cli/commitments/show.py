"""How does an answer about commitments come out? As every answer does, but for the points of its charts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netyield.faces.cli.tell import Manner, tell

if TYPE_CHECKING:
    from netyield.answers.answer import Answer

MANNER = Manner("netyield commitments", hidden=frozenset({"demand_days", "coverage_days", "exit_values"}))


def show(
    answer: Answer,
    about: Sequence[str],
    *,
    json_out: bool = False,
    csv_out: str | None = None,
    html: Path | None = None,
) -> None:
    """Print or write an answer in the form asked for; the terminal's when none was."""
    tell([answer], MANNER, about, json_out=json_out, csv_out=csv_out, html=html)
