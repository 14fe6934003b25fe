"""``netyield check``: is anything wrong with the project and its data? One line per finding, an exit code for CI."""

from __future__ import annotations

import typer

from netyield.faces.cli.options import FailOn, FailOnOption, Json, ProjectPath


def check(json_out: Json = False, fail_on: FailOnOption = FailOn.ERROR, project: ProjectPath = None) -> None:
    """List every finding as file:row: message, worst first."""
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import counts, exit_code, finding_object, json_bytes, say, write_bytes
    from netyield.faces.cli.progress import Working

    opened = open_project(project)
    with Working("Checking the project"):
        findings = opened.check()
    tally = counts(findings)
    if json_out:
        remarks = [finding_object(finding) for finding in findings]
        write_bytes(json_bytes({"findings": tally, "remarks": remarks}))
    else:
        from netyield.faces.cli.terminal import console, finding_line, print_line

        out = console()
        for finding in findings:
            print_line(out, finding_line(finding))
        say(", ".join(f"{number} {name}" for name, number in tally.items()) if findings else "No findings.")
    raise typer.Exit(exit_code(findings, fail_on))
