"""The command ``netyield``: one verb per file; heavy imports wait until a verb runs.

Exit codes: 0 good, 1 findings at or above --fail-on, 2 wrong use, 3 a fault of Netyield itself.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer
import typer.exceptions

from netyield import __version__
from netyield.faces.cli import check, close, demo, doctor, explain, export, ingest, report
from netyield.faces.cli.assets import app as assets
from netyield.faces.cli.commitments import app as commitments
from netyield.faces.cli.failure import GOOD, INTERRUPTED, WRONG_USE, PipeClosed, explain_failure, leave_quietly
from netyield.faces.cli.kv import app as kv
from netyield.faces.cli.placement import app as placement
from netyield.faces.cli.setup import init

app = typer.Typer(
    name="netyield",
    help="FinOps for AI: what a useful token costs, and where the rest of every dollar went.",
    epilog="Exit codes: 0 good, 1 findings at or above --fail-on, 2 wrong use, 3 a fault of Netyield itself.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
VERBS = (
    init.init,
    ingest.ingest,
    report.report,
    explain.explain,
    check.check,
    close.close,
    export.export,
    demo.demo,
    doctor.doctor,
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(kv, name="kv")
app.add_typer(commitments, name="commitments")
app.add_typer(assets, name="assets")
app.add_typer(placement, name="placement")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"netyield {__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]


@app.callback()
def start(version: Version = False) -> None:
    """FinOps for AI: what a useful token costs, and where the rest of every dollar went."""


def run() -> None:
    """The entry point: runs a verb and exits with its code; shows a repair, never a traceback."""
    sys.exit(call(sys.argv[1:]))


def call(words: list[str]) -> int:
    """Run the command with these words and return the exit code."""
    try:
        code = typer.main.get_command(app).main(words, prog_name="netyield", standalone_mode=False)
        sys.stdout.flush()
    except typer.Abort:
        return INTERRUPTED
    except typer.exceptions.TyperException as wrong:
        return _wrong_words(wrong)
    except (PipeClosed, BrokenPipeError):
        return leave_quietly()
    except Exception as error:  # the last door: a person never sees a traceback
        return explain_failure(error)
    return code if isinstance(code, int) else GOOD


def _wrong_words(wrong: typer.exceptions.TyperException) -> int:
    """What was wrong with the words, and where their help is; without any words, the help itself."""
    show = getattr(wrong, "show", None)
    if show is None:
        typer.echo(f"netyield: {wrong.message}", err=True)
    else:
        show()
    return WRONG_USE


__all__ = ["app", "call", "run"]
