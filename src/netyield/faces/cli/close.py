"""``netyield close``: close a month, so that later corrections are dated entries and its figures never change."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.options import Json, ProjectPath

Month = Annotated[str, typer.Argument(metavar="MONTH", help="The month to close, for example 2026-10.")]


def close(month: Month, json_out: Json = False, project: ProjectPath = None) -> None:
    """Close a month: its figures stay; what arrives later is posted as a dated correction."""
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import json_bytes, write_bytes

    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        message = f"{month!r} is not a month."
        raise WrongUse(message, "Write it as 2026-10.")
    open_project(project).close_month(month)
    if json_out:
        write_bytes(json_bytes({"closed": month}))
        return
    from rich.text import Text

    from netyield.faces.cli.terminal import console

    console().print(Text(f"Closed {month}. Later deliveries for it are posted as dated corrections."))
