"""``netyield ingest``: read what every source has that the books do not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netyield.faces.cli.options import FailOn, FailOnOption, Json, ProjectPath

if TYPE_CHECKING:
    from netyield.ledger.ingest import Ingested
    from netyield.sources.contract import Probe

DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be booked, book nothing.")]


def ingest(
    dry_run: DryRun = False,
    json_out: Json = False,
    fail_on: FailOnOption = FailOn.ERROR,
    project: ProjectPath = None,
) -> None:
    """Read every source of the project into the books; repeating it changes nothing."""
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import exit_code, json_bytes, write_bytes
    from netyield.faces.cli.progress import Working

    opened = open_project(project)
    if dry_run:
        with Working("Looking at the sources"):
            probes = opened.probe()
        if json_out:
            write_bytes(json_bytes({"dry_run": True, "sources": {name: probe_object(p) for name, p in probes.items()}}))
        else:
            print_probes(probes)
        raise typer.Exit(exit_code((finding for probe in probes.values() for finding in probe.findings), fail_on))
    with Working("Reading the sources") as working:
        result = opened.ingest(working)
    if json_out:
        write_bytes(json_bytes(as_object(result)))
    else:
        print_ingested(result)
    raise typer.Exit(exit_code(result.findings, fail_on))


def as_object(result: Ingested) -> dict[str, Any]:
    """What one run did, as JSON."""
    from netyield.faces.cli.output import counts, finding_object

    booked = [
        {"source": record.source, "name": record.name, "kind": record.kind, "rows": dict(record.rows)}
        for record in result.booked
    ]
    return {
        "dry_run": False,
        "booked": booked,
        "known_already": result.skipped,
        "findings": counts(result.findings),
        "remarks": [finding_object(finding) for finding in result.findings],
    }


def print_ingested(result: Ingested) -> None:
    """Deliveries by source, then the findings."""
    from rich.table import Table
    from rich.text import Text

    from netyield.charts.formats import count
    from netyield.faces.cli.terminal import console, plain, print_findings, print_table

    out = console()
    many = len(result.booked)
    out.print(
        Text(f"Booked {count(many)} deliver{'y' if many == 1 else 'ies'}; {count(result.skipped)} known already.")
    )
    table = Table(box=None, header_style="bright_black", padding=(0, 2, 0, 0))
    for name in ("Source", "Delivery", "Rows"):
        table.add_column(name, justify="right" if name == "Rows" else "left", overflow="fold")
    for record in result.booked:
        rows = ", ".join(f"{count(number)} {name.replace('_', ' ')}" for name, number in record.rows.items())
        table.add_row(Text(plain(record.source)), Text(plain(record.name)), Text(rows))
    if result.booked:
        print_table(out, table)
    print_findings(out, result.findings)


def probe_object(probe: Probe) -> dict[str, Any]:
    """What a source would deliver, as JSON."""
    from netyield.core.period import iso
    from netyield.faces.cli.output import finding_object

    window = {"since": iso(probe.window.since), "until": iso(probe.window.until)} if probe.window else None
    return {
        "reachable": probe.reachable,
        "found": probe.found,
        "window": window,
        "rows": probe.rows,
        "bytes": probe.bytes,
        "tables": list(probe.tables),
        "remarks": [finding_object(finding) for finding in probe.findings],
    }


def print_probes(probes: Mapping[str, Probe], heading: str = "Nothing is booked. Reading now would find:") -> None:
    """One line per source: what reading it would bring; then the findings, if any."""
    from rich.table import Table
    from rich.text import Text

    from netyield.faces.cli.terminal import console, plain, print_findings, print_line, print_table

    out = console()
    print_line(out, Text(heading))
    table = Table(box=None, show_header=False, padding=(0, 3, 0, 0))
    for name, probe in probes.items():
        state = Text("found", style="green") if probe.reachable else Text("not found", style="bold red")
        table.add_row(Text(plain(name)), state, Text(plain(probe.found)))
    print_table(out, table)
    found = [finding for probe in probes.values() for finding in probe.findings]
    if found:
        print_findings(out, found)
