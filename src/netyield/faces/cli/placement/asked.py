"""Which traffic, which ways, for which objective? The words ``placement compare`` and ``placement flip`` share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.options import Filters

if TYPE_CHECKING:
    from netyield.core.finding import Finding
    from netyield.economics.placement.capacity import Capacity
    from netyield.economics.placement.case import Case
    from netyield.economics.placement.options import Options
    from netyield.economics.serving.traffic import Traffic
    from netyield.faces.cli.kv.trace_options import TimeUnit
    from netyield.faces.cli.progress import Working
    from netyield.project.ledger_traffic import LedgerTraffic

TRAFFIC, WAYS = "Traffic", "Ways"
TOLD_OTHERWISE = ("traffic.less_than_a_week", "traffic.too_short")  # a comparison says both in its own words
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
Growth = Annotated[
    float | None,
    typer.Option("--growth", metavar="TIMES", min=0.001, max=1e6, rich_help_panel=TRAFFIC,
                 help="So many times the requests, instead of the options file's growth."),
]  # fmt: skip
Burst = Annotated[
    float | None,
    typer.Option("--burst", metavar="TIMES", min=0.001, max=1e3, rich_help_panel=TRAFFIC,
                 help="Bursts so many times as strong: busy minutes that far from the mean."),
]  # fmt: skip
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
    growth: float | None = None
    burst: float | None = None
    columns: str | None = None
    time_unit: TimeUnit | None = None
    reuse: str | None = None

    def case(self, working: Working) -> tuple[Case, tuple[Finding, ...], list[str]]:
        """The comparison, what is wrong with its traffic, and what was compared in a few words. Raises WrongUse."""
        from netyield.economics.placement.options import serving
        from netyield.economics.serving.objective import parse_objectives
        from netyield.project.placement import case_of, demand_of_traffic

        if self.traffic is None and not self.from_ledger:
            message = "There is no traffic to decide on."
            raise WrongUse(message, "Give --traffic FILE: requests with their times and lengths; or --from-ledger in a project.")
        ways, told = self._ways()
        parse_objectives(ways.decision.slo or DEFAULT_SLO)
        traffic, ledger = self._traffic(working)
        if not traffic.requests:
            message = f"No request is in {traffic.name}."
            raise WrongUse(message, "Give a file of requests with times and lengths, or other --since, --until and --where.")
        if traffic.window_s <= 0:
            message = f"{traffic.name} has no two requests at different times, so no rate follows."
            raise WrongUse(message, "Give a week of requests, or other --since and --until.")
        known = ledger.models[0] if ledger and len(ledger.models) == 1 else ""
        model = self.model or ways.decision.model or known
        ways = serving(ways, model)
        capacities, findings = self._capacities(traffic, ways, model, working)
        demand = demand_of_traffic(traffic, known or model, ledger)  # the ledger knows whose answers were useful
        found = case_of(demand, ways, capacities, datetime.now(UTC).date(), self.draws, self.seed)
        heard = (*traffic.findings, *(ledger.findings if ledger else ()), *told, *findings)
        kept = tuple(dict.fromkeys(each for each in heard if each.code not in TOLD_OTHERWISE))
        return found, kept, [traffic.name, model or "one model", f"{self.draws:,} draws"]

    def _traffic(self, working: Working) -> tuple[Traffic, LedgerTraffic | None]:
        """The requests of the file or the ledger, with their bursts as asked."""
        from netyield.economics.serving.scenarios import burstier
        from netyield.economics.serving.traffic import of_trace
        from netyield.faces.cli.kv.trace_options import Order, TraceWords

        ledger = None
        if self.from_ledger and self.traffic is None:
            from netyield.faces.cli.opened import open_project
            from netyield.project.ledger_traffic import ledger_traffic

            working("Reading the ledger", 0)
            opened = open_project(self.project)
            ledger = ledger_traffic(opened, self.filters.query(opened))
            traffic = ledger.traffic
        else:
            words = TraceWords(
                self.traffic, self.format, order=Order.TIME, time_unit=self.time_unit, reuse=self.reuse, no_cache=True,
                from_ledger=self.from_ledger, filters=self.filters, project=self.project, columns=self.columns,
            )  # fmt: skip
            traffic = of_trace(words.read(working))
        return (burstier(traffic, self.burst) if self.burst is not None and traffic.requests else traffic), ledger

    def _capacities(
        self, traffic: Traffic, ways: Options, model: str, working: Working
    ) -> tuple[dict[str, Capacity], list[Finding]]:
        """Fleets of every GPU that is asked for and was not load-tested, simulated; what cannot be is a finding."""
        from netyield.core.finding import Finding, Severity
        from netyield.economics.placement.ways import Fleet
        from netyield.project.placement import SIZING_STEPS, simulated_capacity

        tested = {each.gpu.lower() for each in ways.capacity}
        wanted = dict.fromkeys(each.gpu.lower() for each in ways.option if isinstance(each, Fleet))
        slo = ways.decision.slo or DEFAULT_SLO
        found: dict[str, Capacity] = {}
        findings: list[Finding] = []
        sized = [each for each in wanted if each not in tested and traffic.requests]
        working.expect(len(sized) * SIZING_STEPS)
        for gpu in sized:
            try:
                found[gpu], told = simulated_capacity(traffic, model, gpu, slo, step=working.step)
            except WrongUse as cannot:
                findings.append(Finding(f"placement.not_sized.{gpu}", Severity.ERROR, cannot.message, cannot.repair))
            else:
                findings += told
        return found, findings

    def _ways(self) -> tuple[Options, tuple[Finding, ...]]:
        """The options, with what asset registers say of them, and what is wrong with those."""
        from netyield.core.inference.hardware import find_gpu
        from netyield.economics.placement.options import read_options
        from netyield.economics.placement.suggested import not_suggested, suggested_options
        from netyield.faces.cli.opened import open_project
        from netyield.project.placement_assets import with_registers

        held = open_project(self.project) if self.from_ledger and self.traffic is None else None
        if self.options is not None:
            return with_registers(self._asked_of(read_options(self.options)), self.options.parent, held)
        if not self.model:
            message = "There is nothing to compare."
            raise WrongUse(message, "Give --options FILE (--write-options FILE writes one), or --model NAME.")
        find_gpu(self.gpu)
        ways = self._asked_of(suggested_options(self.model, self.gpu, datetime.now(UTC).date()))
        return with_registers(ways, Path(), held)[0], not_suggested(ways, self.gpu)

    def _asked_of(self, ways: Options) -> Options:
        """What the command line says goes before the file."""
        from netyield.economics.placement.uncertain import Uncertain

        today = datetime.now(UTC).date().isoformat()
        changed: dict[str, Any] = {}
        if self.slo:
            changed["decision"] = ways.decision.model_copy(update={"slo": self.slo})
        if self.growth is not None:
            said = Uncertain(self.growth, self.growth, self.growth, source="--growth", dated=today)
            changed["traffic"] = ways.traffic.model_copy(update={"growth": said})
        return ways.model_copy(update=changed)


def write_example(path: Path) -> None:
    """An annotated options file; never over one that is there. Raises WrongUse."""
    from netyield.economics.placement.suggested import EXAMPLE
    from netyield.faces.cli.output import write_file

    if path.exists():
        message = f"{path} is there already."
        raise WrongUse(message, "Choose another name.")
    write_file(path, EXAMPLE.encode("utf-8"))
