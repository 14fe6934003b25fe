"""``netyield assets``: owned hardware, its depreciation, write-downs and leases."""

from __future__ import annotations

import typer

from netyield.faces.cli.assets import impair, lease, schedule, what_if

app = typer.Typer(
    name="assets",
    help="Owned hardware: depreciation, write-downs, leases, and what they do to the cost of a useful token.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS = (schedule.schedule, impair.impair, what_if.what_if, lease.lease)
for verb in VERBS:
    app.command()(verb)
