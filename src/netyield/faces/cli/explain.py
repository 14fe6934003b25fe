"""``netyield explain``: any figure, with its formula, its evidence, and the source file and rows behind it."""

from __future__ import annotations

from typing import Annotated

import typer

from netyield.faces.cli.options import (
    AsOf,
    Basis,
    BasisOption,
    By,
    Csv,
    Currency,
    Filters,
    Json,
    ProjectPath,
    Since,
    Until,
    Where,
)

Figure = Annotated[str, typer.Argument(metavar="FIGURE", help="ANSWER/ROW, for example waterfall/idle.")]


def explain(
    figure: Figure,
    since: Since = None,
    until: Until = None,
    by: By = None,
    where: Where = None,
    basis: BasisOption = Basis.EFFECTIVE,
    currency: Currency = None,
    as_of: AsOf = None,
    json_out: Json = False,
    csv_out: Csv = None,
    project: ProjectPath = None,
) -> None:
    """Show how a figure is known: formula, evidence, and the source rows behind it."""
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import json_bytes, write_bytes, write_csv
    from netyield.faces.cli.progress import Working

    filters = Filters(since, until, by, tuple(where or ()), basis, currency, as_of)
    filters.conditions()
    opened = open_project(project)
    with Working(f"Explaining {figure}") as working:
        answer = opened.explain(figure, filters.query(opened, by), working)
    if csv_out is not None:
        write_csv(csv_out, answer.table)
    if json_out:
        write_bytes(json_bytes(answer.body))
    elif csv_out is None:
        from netyield.faces.cli.terminal import console
        from netyield.faces.cli.terminal_explain import print_explanation

        print_explanation(console(), answer)
