"""``netyield commitments``: what is locked in, what it is worth, how much to commit, when to let go."""

from __future__ import annotations

import typer

from netyield.faces.cli.commitments import buy, exit, report

app = typer.Typer(
    name="commitments",
    help="Commitments: what is locked in, how much to commit, when to let go.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("report")(report.report)
app.command("exit")(exit.exit_)
app.command("buy")(buy.buy)
