"""Which traffic, which ways, for which objective? The words ``placement compare`` and ``placement flip`` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.options import Filters

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.economics.placement.capacity import Capacity
    from netyield.economics.placement.case import Case
    from netyield.economics.placement.options import Options
    from netyield.economics.serving.traffic import Traffic
    from netyield.faces.cli.progress import Working

TRAFFIC, WAYS = "Traffic", "Ways"
DEFAULT_SLO = "ttft p99 < 2s, tpot p99 < 100ms"
TrafficPath = Annotated[
    Path | None,
    typer.Option("--traffic", metavar="PATH", help="Requests with times and lengths (CSV, JSON lines, .gz).",
                 rich_help_panel=TRAFFIC),
]  # fmt: skip
FromLedger = Annotated[
    bool,
    typer.Option("--from-ledger", help="Take the requests from the project's own calls (--since, --until, --where, --project).",
                 rich_help_panel=TRAFFIC),
]  # fmt: skip
FormatWord = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="Format, where it is not found.", rich_help_panel=TRAFFIC)
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="The model that serves these requests.", rich_help_panel=WAYS)
]
OptionsPath = Annotated[
    Path | None,
    typer.Option("--options", metavar="FILE", help="The ways to compare, with their terms (TOML).", rich_help_panel=WAYS),
]
WriteOptions = Annotated[
    Path | None,
    typer.Option("--write-options", metavar="FILE", help="Write an annotated options file and stop.", rich_help_panel=WAYS),
]
GpuName = Annotated[
    str, typer.Option("--gpu", metavar="NAME", help="GPU of the ways made up without --options.", rich_help_panel=WAYS)
]
Slo = Annotated[
    str | None,
    typer.Option("--slo", metavar="TEXT", help='For example "ttft p99 < 2s, tpot p99 < 100ms".', rich_help_panel=WAYS),
]
DrawsOption = Annotated[
    int, typer.Option("--draws", metavar="N", min=50, max=100_000, help="Draws of every uncertain input.", rich_help_panel=WAYS)
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of those draws.", rich_help_panel=WAYS)]


@dataclass(frozen=True)
class Asked:
    """The words of one call."""

    traffic: Path | None
    format: str | None
    model: str | None
    options: Path | None
    gpu: str
    slo: str | None
    draws: int
    seed: int
    from_ledger: bool = False
    filters: Filters = field(default_factory=Filters)
    project: Path | None = None

    def case(self, working: Working) -> tuple[Case, tuple[Finding, ...], list[str]]:
        """The comparison, what is wrong with its traffic, and what was compared in a few words. Raises WrongUse."""
        from netyield.economics.serving.objective import parse_objectives
        from netyield.economics.serving.traffic import of_trace
        from netyield.faces.cli.kv.trace_options import Order, TraceWords
        from netyield.project.placement import case_of, demand_of_traffic

        def step(what: str) -> None:
            working(what, 0)

        if self.traffic is None and not self.from_ledger:
            message = "There is no traffic to decide on."
            raise WrongUse(message, "Give --traffic FILE: requests with their times and lengths; or --from-ledger in a project.")
        ways = self._ways()
        parse_objectives(ways.decision.slo or DEFAULT_SLO)
        model = self.model or ways.decision.model or ""
        words = TraceWords(
            self.traffic, self.format, order=Order.TIME, no_cache=True, from_ledger=self.from_ledger, filters=self.filters,
            project=self.project,
        )  # fmt: skip
        trace = words.read(working)
        if not trace.requests:
            message = f"No request is in {trace.name}."
            raise WrongUse(message, "Give a file of requests with times and lengths, or other --since, --until and --where.")
        traffic = of_trace(trace)
        capacities, findings = self._capacities(traffic, ways, model, step)
        demand = demand_of_traffic(traffic, model)
        found = case_of(demand, ways, capacities, datetime.now(UTC).date(), self.draws, self.seed)
        told = (*traffic.findings, *(each for each in findings if each not in traffic.findings))
        return found, told, [trace.name, model or "one model", f"{self.draws:,} draws"]

    def _capacities(
        self, traffic: Traffic, ways: Options, model: str, step: Callable[[str], None]
    ) -> tuple[dict[str, Capacity], list[Finding]]:
        """Fleets of every GPU that is asked for and was not load-tested, simulated; what cannot be is a finding."""
        from netyield.core.finding import Finding, Severity
        from netyield.economics.placement.options import Fleet
        from netyield.project.placement import simulated_capacity

        tested = {each.gpu.lower() for each in ways.capacity}
        wanted = dict.fromkeys(each.gpu.lower() for each in ways.option if isinstance(each, Fleet))
        slo = ways.decision.slo or DEFAULT_SLO
        found: dict[str, Capacity] = {}
        findings: list[Finding] = []
        for gpu in (each for each in wanted if each not in tested and traffic.requests):
            try:
                found[gpu], told = simulated_capacity(traffic, model, gpu, slo, step=step)
            except WrongUse as cannot:
                findings.append(Finding(f"placement.not_sized.{gpu}", Severity.ERROR, cannot.message, cannot.repair))
            else:
                findings += told
        return found, findings

    def _ways(self) -> Options:
        from netyield.core.inference.hardware import find_gpu
        from netyield.economics.placement.options import read_options
        from netyield.economics.placement.suggested import suggested_options

        if self.options is not None:
            read = read_options(self.options)
            return read.model_copy(update={"decision": read.decision.model_copy(update={"slo": self.slo})}) if self.slo else read
        if not self.model:
            message = "There is nothing to compare."
            raise WrongUse(message, "Give --options FILE (--write-options FILE writes one), or --model NAME.")
        find_gpu(self.gpu)
        return suggested_options(self.model, self.gpu, datetime.now(UTC).date(), self.slo)


def write_example(path: Path) -> None:
    """An annotated options file; never over one that is there. Raises WrongUse."""
    from netyield.economics.placement.suggested import EXAMPLE
    from netyield.faces.cli.output import write_file

    if path.exists():
        message = f"{path} is there already."
        raise WrongUse(message, "Choose another name.")
    write_file(path, EXAMPLE.encode("utf-8"))
