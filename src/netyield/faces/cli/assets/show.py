"""How does an answer about assets come out? As every answer does, with the first rows of long tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netyield.faces.cli.tell import Manner, tell

if TYPE_CHECKING:
    from netyield.answers.answer import Answer

MANNER = Manner("netyield assets", most_rows=120)


def show(
    answer: Answer,
    about: Sequence[str],
    *,
    json_out: bool = False,
    csv_out: str | None = None,
    html: Path | None = None,
    csv_view: str | None = None,
) -> None:
    """Print or write an answer in the form asked for; the terminal's when none was. ``csv_view``: the table of the CSV."""
    tell([answer], MANNER, about, json_out=json_out, csv_out=csv_out, html=html, csv_view=csv_view)
