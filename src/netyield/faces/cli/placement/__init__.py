"""``netyield placement``: own, rent or call an API, and how many replicas a traffic needs. Needs no project."""

from __future__ import annotations

import typer

from netyield.faces.cli.placement import calibrate, compare, flip, size

app = typer.Typer(
    name="placement",
    help="Own, rent or call an API: sized and priced on your own traffic.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS = (compare.compare, size.size, flip.flip, calibrate.calibrate)
for verb in VERBS:
    app.command()(verb)
