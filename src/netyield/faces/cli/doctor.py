"""``netyield doctor``: is this installation whole, and is this project healthy?

Each line is good, a remark or a fault; a fault makes the exit code 1.
"""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from netyield.core.errors import NetyieldError
from netyield.faces.cli.failure import FINDINGS, GOOD
from netyield.faces.cli.options import Json, ProjectPath

if TYPE_CHECKING:
    from netyield.store.collection import Collectable

OK, REMARK, FAULT = "ok", "remark", "fault"
PACKAGES = ("netyield", "duckdb", "pyarrow", "pydantic", "altair", "vl-convert-python", "genai-prices", "typer", "rich")
LEAST_FREE_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Line:
    """One thing looked at: ``state`` is ok, remark or fault; ``repair`` says what to do."""

    state: str
    what: str
    found: str
    repair: str = ""


def doctor(json_out: Json = False, project: ProjectPath = None) -> None:
    """Look at the environment, the versions and the health of the project."""
    from netyield.faces.cli.output import json_bytes, write_bytes
    from netyield.faces.cli.progress import Working

    with Working("Looking"):
        lines = [*environment(), *health(project)]
    if json_out:
        write_bytes(
            json_bytes(
                {"healthy": all(line.state != FAULT for line in lines), "lines": [asdict(line) for line in lines]}
            )
        )
    else:
        _print(lines)
    raise typer.Exit(FINDINGS if any(line.state == FAULT for line in lines) else GOOD)


def environment() -> Iterator[Line]:
    """Python, packages, disk and terminal."""
    yield Line(OK, "python", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    for package in PACKAGES:
        try:
            yield Line(OK, package, metadata.version(package))
        except metadata.PackageNotFoundError:
            yield Line(FAULT, package, "not installed", f'Run: pip install "{package}"')
    free = shutil.disk_usage(Path.cwd()).free
    enough = free >= LEAST_FREE_BYTES
    repair = "" if enough else "Make room: a project keeps its raw input and its books on disk."
    yield Line(OK if enough else REMARK, "disk", f"{free / 1e9:,.1f} GB free", repair)
    encoding = sys.stdout.encoding or "none"
    utf8 = encoding.lower().replace("-", "") == "utf8"
    yield Line(
        OK if utf8 else REMARK, "terminal", encoding, "" if utf8 else "Set PYTHONUTF8=1 for bars and currency signs."
    )


def health(path: Path | None) -> Iterator[Line]:
    """The project's configuration, books and sources; one remark when there is no project here."""
    from netyield.faces.cli.opened import locate, open_project

    try:
        found = locate(path)
    except NetyieldError as error:
        yield Line(FAULT if path else REMARK, "project", error.message, error.repair)
        return
    try:
        project = open_project(found)
        probes = project.probe()
        manifest = project.manifest()
        history = project.history()
    except NetyieldError as error:
        yield Line(FAULT, "project", error.message, error.repair)
        return
    yield Line(OK, "project", f"{found}: {project.config.project.name or 'no name'}, {len(probes)} sources")
    booked = len(manifest.deliveries)
    yield Line(OK if booked else REMARK, "books", f"{booked} deliveries", "" if booked else "Run `netyield ingest`.")
    yield _history(history, project.config.project.history_days)
    for name, probe in probes.items():
        repair = "; ".join(finding.repair for finding in probe.findings)
        yield Line(OK if probe.reachable else FAULT, f"source {name}", probe.found, repair)


def _history(history: Collectable, days: int) -> Line:
    """How far back --as-of reaches, and what waits to be collected."""
    reach = f"since {history.since:%Y-%m-%d}" if history.since else "from the beginning"
    found = f"--as-of answers {reach}; states are kept for {days} days"
    if history.empty:
        return Line(OK, "history", found)
    old = f"{len(history.manifests)} older states and {len(history.segments)} replaced files ({history.size_bytes / 1e6:,.1f} MB) wait"
    return Line(REMARK, "history", f"{found}; {old}.", "The next `netyield ingest` removes them; raise project.history_days to keep them.")


def _print(lines: list[Line]) -> None:
    from rich.table import Table
    from rich.text import Text

    from netyield.faces.cli.terminal import console, plain, print_table

    styles = {OK: "green", REMARK: "yellow", FAULT: "bold red"}
    table = Table(box=None, show_header=False, padding=(0, 3, 0, 0))
    for line in lines:
        words = f"{line.found} {line.repair}".strip()
        table.add_row(Text(line.state, style=styles[line.state]), Text(plain(line.what)), Text(plain(words)))
    print_table(console(), table)
