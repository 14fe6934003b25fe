"""``netyield demo``: an example company on disk, read, reported, and written as one HTML file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.options import Json

if TYPE_CHECKING:
    from netyield.answers.answer import Answer

Folder = Annotated[Path, typer.Option("--folder", metavar="FOLDER", help="Where the example company is written.")]
MARK = "truth.json"  # only the example company has it
REPORT = "report.html"
REAL = (
    "Real: request times and token counts (Azure LLM inference traces 2023, Microsoft, CC-BY-4.0); public list prices."
)
SIMULATED = (
    "Simulated: the company, its fleet, its bill, its outcomes, and the waste planted in them. See README.md there."
)


def demo(folder: Folder = Path("demo"), json_out: Json = False) -> None:
    """Make an example company, read it, and show its report; needs no account and no network."""
    from netyield.faces.cli.options import Filters
    from netyield.faces.cli.output import json_bytes, say, write_bytes, write_html
    from netyield.faces.cli.progress import Working
    from netyield.faces.cli.report import WHOLE, collect, title
    from netyield.project import Project

    generate_into(folder)
    project = Project.open(folder)
    with Working("Reading the example company") as working:
        project.ingest(working)
    answers = collect(project, list(WHOLE), Filters())
    if json_out:
        write_bytes(json_bytes(answers[0].body))
    else:
        _print(answers, title(project))
    write_html(folder / REPORT, answers, project=title(project), filters=())
    for line in (REAL, SIMULATED, f"Next: open {folder / REPORT}, then: {next_command(folder, answers[0])}"):
        say(line)


def generate_into(folder: Path) -> None:
    """Write the example company. Raises WrongUse for a folder that holds anything else."""
    from netyield.faces.cli.progress import Working
    from netyield.testing.example import generate

    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / MARK).exists())):
        message = f"{folder} exists and is not an example company."
        raise WrongUse(message, "Name another place with --folder.")
    fresh = not folder.exists() or not any(folder.iterdir())
    try:
        with Working("Making the example company"):
            generate(folder)
    except BaseException:  # Ctrl-C too: half a company would be refused as somebody else's folder next time
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def next_command(folder: Path, lead: Answer) -> str:
    """An explain command for the largest step, to try first."""
    import shlex

    rows = [row for row in lead.table.select(["step", "amount"]).to_pylist() if row["amount"] is not None]
    largest = max(rows, key=lambda row: row["amount"], default={"step": "idle"})
    figure = lead.drill.get(largest["step"], f"waterfall/{largest['step']}")
    return shlex.join(["netyield", "explain", figure, "--project", str(folder)])


def _print(answers: list[Answer], name: str) -> None:
    from netyield.faces.cli.terminal import console, print_report

    print_report(console(), answers, project=name, exact=False)
