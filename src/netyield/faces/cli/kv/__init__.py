"""``netyield kv``: what a KV cache of each size, policy and tier would save on a request trace. Needs no project."""

from __future__ import annotations

import typer

from netyield.faces.cli.kv import curve, explain, observed, plan, prompt_cache

app = typer.Typer(
    name="kv",
    help="KV cache economics: from a request trace to what each cache would save.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS = (curve.curve, plan.plan, explain.explain, prompt_cache.prompt_cache, observed.observed)
for verb in VERBS:
    app.command()(verb)
