"""``netyield init``: from a folder of files and addresses to a configured project and its first report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import NetyieldError, WrongUse
from netyield.faces.cli.options import FailOn, FailOnOption

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.faces.cli.setup.discover import Proposal
    from netyield.faces.cli.setup.given import Given
    from netyield.project import Project
    from netyield.sources.contract import Probe

SOURCES = "Sources (each may be skipped)"


def _option(help_text: str, metavar: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(metavar=metavar, help=help_text, rich_help_panel=SOURCES)
    return option


Folder = Annotated[Path, typer.Option("--folder", metavar="FOLDER", help="Where the project is made.")]
Bill = Annotated[str, _option("A bill: a file or glob, or openai or anthropic for a live cost report.", "PATH")]
MetricsUrl = Annotated[str, _option("A Prometheus server.", "URL")]
Bearer = Annotated[str, _option("Its bearer token, by reference: env:NAME.", "env:NAME")]
Basic = Annotated[str, _option("Its user and password, by reference: user:env:NAME.", "USER:env:NAME")]
Tenant = Annotated[str, _option("Its tenant (X-Scope-OrgID).", "NAME")]
Traffic = Annotated[str, _option("A request log: a file or glob.", "PATH")]
TrafficDsn = Annotated[str, _option("LiteLLM's PostgreSQL database, by reference: env:NAME.", "env:NAME")]
Outcomes = Annotated[str, _option("Outcome events: a file or glob.", "PATH")]
Rate = Annotated[list[str] | None, _option('Dollars per GPU-hour without a bill: "pool=*:2.00".', "POOL:USD")]
Name = Annotated[str, typer.Option("--name", metavar="TEXT", help="The project's name (default: the folder's).")]
Currency = Annotated[str | None, typer.Option("--currency", metavar="CODE", help="Currency of reports.")]
Timezone = Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Zone of days and months.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: read every file found and every option given.")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing netyield.toml.")]
NoReport = Annotated[bool, typer.Option("--no-report", help="Only write netyield.toml.")]


def init(
    folder: Folder = Path(),
    bill: Bill = "",
    metrics_url: MetricsUrl = "",
    metrics_bearer: Bearer = "",
    metrics_basic: Basic = "",
    metrics_tenant: Tenant = "",
    traffic: Traffic = "",
    traffic_dsn: TrafficDsn = "",
    outcomes: Outcomes = "",
    rate: Rate = None,
    name: Name = "",
    currency: Currency = None,
    timezone: Timezone = "UTC",
    yes: Yes = False,
    force: Force = False,
    no_report: NoReport = False,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Find or ask for a bill, metrics, traffic and outcomes; write netyield.toml; show a first report."""
    from netyield.faces.cli.opened import FILE_NAME
    from netyield.faces.cli.output import exit_code, say, write_file
    from netyield.faces.cli.setup.config_text import config_text
    from netyield.faces.cli.setup.given import Given

    file = folder / FILE_NAME
    if file.exists() and not force:
        message = f"{file} exists already."
        raise WrongUse(message, "Edit it, or replace it with --force; the books in .netyield stay.")
    given = Given(
        bill, metrics_url, metrics_bearer, metrics_basic, metrics_tenant, traffic, traffic_dsn, outcomes, rate or ()
    )
    chosen = sources(given, folder, ask_person=not yes)
    if not chosen:
        message = f"No source was given, and none was found in {folder}."
        raise WrongUse(message, "Give one, for example --bill FILE; or see an example with `netyield demo`.")
    findings = probe_all(chosen, folder)
    text = config_text(chosen, name=name or folder.resolve().name, currency=currency, timezone=timezone)
    write_file(file, text.encode("utf-8"))
    if no_report:
        say("Next: netyield ingest, then netyield report")
        raise typer.Exit(exit_code(findings, fail_on))
    raise typer.Exit(exit_code([*findings, *first_report(folder, ask_person=not yes)], fail_on))


def sources(given: Given, folder: Path, *, ask_person: bool) -> list[Proposal]:
    """The sources to configure: what was named, what was found in kinds not named, what a person answers."""
    from netyield.faces.cli.setup import discover, questions

    named = given.proposals(folder)
    kinds = {proposal.kind for proposal in named}
    found = [proposal for proposal in discover.discover(folder) if proposal.kind not in kinds]
    if not ask_person:
        return [*named, *found]
    chosen = [*named, *questions.choose(found, questions.ask)]
    known = {proposal.kind for proposal in chosen}
    answered = questions.missing(given, known, folder, questions.ask)
    return [*chosen, *(proposal for proposal in answered.proposals(folder) if proposal.kind not in known)]


def probe_all(chosen: Sequence[Proposal], folder: Path) -> list[Finding]:
    """Look at each source live; print what it found and which steps stay unmeasured. Returns the findings."""
    from rich.text import Text

    from netyield.faces.cli.ingest import print_probes
    from netyield.faces.cli.setup.unmeasured import gaps
    from netyield.faces.cli.terminal import console

    probes = {f"{each.options['type']}: {each.why}": probe(each, folder) for each in chosen}
    print_probes(probes, "Looking at the sources:")
    out = console()
    left = gaps(table for found in probes.values() if found.reachable for table in found.tables)
    if left:
        out.print()
        out.print(Text("Not measured yet, and what would fill it", style="bold"))
    for gap in left:
        out.print(Text(f"- {gap.steps}: {gap.filler}"))
    out.print()
    return [finding for found in probes.values() for finding in found.findings]


def probe(proposal: Proposal, folder: Path) -> Probe:
    """What a source finds; one that cannot be reached is a finding, not an end."""
    from netyield.core.finding import Finding, Severity
    from netyield.faces.cli.progress import Working
    from netyield.sources import registry
    from netyield.sources.contract import Probe

    try:
        with Working(f"Looking at {proposal.why}"):
            return registry.build(proposal.options, folder.resolve()).probe()
    except WrongUse:
        raise
    except NetyieldError as error:
        code = f"{proposal.options['type']}.unreachable"
        return Probe(False, error.message, findings=(Finding(code, Severity.ERROR, error.message, error.repair),))


def pools(project: Project, folder: Path, *, ask_person: bool) -> bool:
    """Print the pools the sources suggest and write them into netyield.toml, in force when a person says so."""
    from rich.table import Table
    from rich.text import Text

    from netyield.faces.cli.opened import FILE_NAME
    from netyield.faces.cli.output import say, write_file
    from netyield.faces.cli.setup import questions
    from netyield.faces.cli.setup.config_text import with_pools
    from netyield.faces.cli.terminal import console, plain, print_table

    proposals = project.pool_proposals()
    if not proposals:
        return False
    out = console()
    out.print()
    out.print(Text("Pools the sources suggest, by the names they share", style="bold"))
    table = Table(box=None, padding=(0, 3, 0, 0))
    for heading in ("pool", "bill lines", "nodes", "devices", "engine models", "gateway"):
        table.add_column(heading)
    for each in proposals:
        counts = (f"{each.bill_lines:,}", ", ".join(each.nodes), f"{each.devices:,}")
        words = (each.rule["name"], *counts, ", ".join(each.engines), ", ".join(each.gateway))
        table.add_row(*(Text(plain(str(word) or "-")) for word in words))
    print_table(out, table)
    confirmed = ask_person and questions.ask("Are these the pools? [y/N]").lower() in {"y", "yes"}
    file = folder / FILE_NAME
    text = with_pools(file.read_text(encoding="utf-8"), [each.rule for each in proposals], confirmed=confirmed)
    write_file(file, text.encode("utf-8"))
    if not confirmed:
        say(f"They stand in {file} as comments; remove the # signs of those that are right.")
    return confirmed


def first_report(folder: Path, *, ask_person: bool) -> list[Finding]:
    """Read the sources, propose pools, and show the window the sources cover together. Returns the findings."""
    from netyield.faces.cli.ingest import print_ingested
    from netyield.faces.cli.options import Filters
    from netyield.faces.cli.progress import Working
    from netyield.faces.cli.report import WHOLE, collect, show, title
    from netyield.project import Project

    project = Project.open(folder)
    with Working("Reading the sources") as working:
        result = project.ingest(working)
    print_ingested(result)
    if not project.manifest().deliveries:
        return list(result.findings)
    if pools(project, folder, ask_person=ask_person):
        project = Project.open(folder)
    filters = Filters()
    answers = collect(project, list(WHOLE), filters)
    show(answers, title(project), filters)
    return [*result.findings, *(finding for answer in answers for finding in answer.findings)]
