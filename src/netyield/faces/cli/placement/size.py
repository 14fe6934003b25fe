"""``netyield placement size``: how many replicas a traffic needs at a latency objective, simulated."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.kv.trace_options import BlockSize, ColumnsOption, Reuse, TimeUnitOption
from netyield.faces.cli.options import (
    AsOf,
    Csv,
    FailOn,
    FailOnOption,
    Filters,
    Html,
    Json,
    ProjectPath,
    Since,
    Until,
    Where,
    one_stdout,
)
from netyield.faces.cli.placement.fleet_options import (
    ApartOption,
    Autoscale,
    Burst,
    ColdStart,
    Growth,
    Hold,
    Least,
    PoissonOption,
    Repair,
    Resample,
    Spare,
    Week,
    rule,
    scenario,
)

if TYPE_CHECKING:
    from netyield.economics.serving.service_time import ServiceTime, Wanted
    from netyield.economics.serving.traffic import Traffic
    from netyield.faces.cli.kv.trace_options import TraceWords
    from netyield.faces.cli.progress import Working

TRAFFIC, REPLICA = "Traffic", "Replica"


class RoutingWord(StrEnum):
    """How requests find replicas."""

    SHORTEST_QUEUE = "shortest_queue"
    PREFIX_AWARE = "prefix_aware"
    ROUND_ROBIN = "round_robin"


class ServiceTimeWord(StrEnum):
    """Where the time of an iteration comes from."""

    AUTO = "auto"
    MEASURED = "measured"
    AICONFIGURATOR = "aiconfigurator"
    ROOFLINE = "roofline"


def _replica(help_text: str, *names: str, metavar: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, metavar=metavar, help=help_text, rich_help_panel=REPLICA)
    return option


TrafficPath = Annotated[
    Path | None,
    typer.Option(
        "--traffic",
        metavar="PATH",
        help="Requests with times and lengths (.gz or not), or a trace.",
        rich_help_panel=TRAFFIC,
    ),
]
FormatWord = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="Format, where it is not found.", rich_help_panel=TRAFFIC)
]
FromLedger = Annotated[
    bool, typer.Option("--from-ledger", help="Take the project's own calls instead of a file.", rich_help_panel=TRAFFIC)
]
ModelOption = Annotated[str | None, _replica("Model name, or its config.json.", "--model", metavar="NAME")]
GpuOption = Annotated[str, _replica("GPU: a100, h100, h200, b200 ...", "--gpu", metavar="NAME")]
EngineOption = Annotated[
    str | None, _replica("Only points measured with it: vllm, sglang, trtllm.", "--engine", metavar="NAME")
]
Tp = Annotated[
    int | None, _replica("GPUs of a replica (default: measured ones, or the fewest that fit).", "--tp", metavar="N")
]
Weights = Annotated[str | None, _replica("Precision of the weights.", "--weights", metavar="NAME")]
CacheDtype = Annotated[str | None, _replica("Precision of the cache.", "--cache-dtype", metavar="NAME")]
ServiceTimeOption = Annotated[ServiceTimeWord, _replica("Where an iteration's time comes from.", "--service-time")]
Mfu = Annotated[float | None, _replica("Roofline: share of the peak prompts reach.", "--mfu", metavar="SHARE")]
Mbu = Annotated[float | None, _replica("Roofline: share of the bandwidth decoding reaches.", "--mbu", metavar="SHARE")]
Parameters = Annotated[
    float | None, _replica("Parameters of the model, in billions.", "--parameters", metavar="BILLION")
]
Active = Annotated[
    float | None, _replica("Parameters a token is computed with.", "--active-parameters", metavar="BILLION")
]
CalibrateFile = Annotated[
    Path | None, _replica("Your measured points (GuideLLM, vllm bench serve, CSV).", "--calibrate", metavar="FILE")
]
MaxBatch = Annotated[int, _replica("Requests a replica runs at once.", "--max-batch", metavar="N")]
Budget = Annotated[int, _replica("Tokens of an iteration.", "--budget-tokens", metavar="N")]
RoutingOption = Annotated[RoutingWord, _replica("How requests find replicas.", "--routing")]
Slo = Annotated[str, typer.Option("--slo", metavar="TEXT", help="What is promised.")]


def size(
    traffic: TrafficPath = None,
    model: ModelOption = None,
    gpu: GpuOption = "h100",
    slo: Slo = "ttft p99 < 2s, tpot p99 < 100ms",
    engine: EngineOption = None,
    tp: Tp = None,
    weights: Weights = None,
    cache_dtype: CacheDtype = None,
    service_time: ServiceTimeOption = ServiceTimeWord.AUTO,
    calibrate: CalibrateFile = None,
    mfu: Mfu = None,
    mbu: Mbu = None,
    parameters: Parameters = None,
    active_parameters: Active = None,
    max_batch: MaxBatch = 256,
    budget_tokens: Budget = 2048,
    routing: RoutingOption = RoutingWord.SHORTEST_QUEUE,
    spare: Spare = 1,
    repair_minutes: Repair = 60.0,
    autoscale: Autoscale = None,
    least: Least = 1,
    cold_start: ColdStart = 277.0,
    hold: Hold = 300.0,
    apart: ApartOption = False,
    growth: Growth = 1.0,
    burst: Burst = 1.0,
    week: Week = None,
    resample: Resample = 0,
    poisson: PoissonOption = False,
    trace_format: FormatWord = None,
    columns: ColumnsOption = None,
    time_unit: TimeUnitOption = None,
    block_size: BlockSize = None,
    reuse: Reuse = None,
    from_ledger: FromLedger = False,
    since: Since = None,
    until: Until = None,
    where: Where = None,
    as_of: AsOf = None,
    project: ProjectPath = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Find the fewest replicas that keep a latency objective on your own requests: simulated, with their utilisation."""
    one_stdout(json_out, csv_out, html)
    if not model:
        message = "There is no model to size for."
        raise WrongUse(message, "Give --model NAME, for example deepseek-ai/DeepSeek-V3, or its config.json.")
    if (traffic is None) != from_ledger:
        message = "A traffic comes from a file or from the ledger: from one of them."
        raise WrongUse(message, "Give --traffic FILE: requests with their times and lengths; or --from-ledger in a project.")
    from netyield.answers import sizing as told
    from netyield.economics.serving.fleet import Routing
    from netyield.economics.serving.objective import parse_objectives
    from netyield.economics.serving.service_time import Wanted
    from netyield.economics.serving.sizing import Search
    from netyield.economics.serving.sizing import size as sized
    from netyield.faces.cli.kv.trace_options import Order, TraceWords
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.placement.show import show_sizing
    from netyield.faces.cli.progress import Working

    if max_batch < 1 or budget_tokens < max_batch:
        message = f"--budget-tokens {budget_tokens} cannot hold a batch of {max_batch} requests."
        raise WrongUse(message, "Give --max-batch of 1 or more and at least as many --budget-tokens.")
    objectives = parse_objectives(slo)
    wanted = Wanted(
        model,
        gpu,
        engine,
        weights,
        cache_dtype,
        tp,
        service_time.value,
        mfu,
        mbu,
        parameters,
        active_parameters,
        max_batch,
    )
    filters = Filters(since=since, until=until, where=tuple(where or ()), as_of=as_of)
    words = TraceWords(
        traffic, format=trace_format, block_size=block_size, order=Order.TIME, time_unit=time_unit, reuse=reuse,
        from_ledger=from_ledger, filters=filters, project=project, columns=columns,
    )  # fmt: skip
    search = Search(
        max_batch, budget_tokens, spare, Routing(routing.value), compare_poisson=not poisson, down_s=repair_minutes * 60,
        autoscaling=rule(autoscale, least, cold_start, hold), apart=apart, windows=resample,
    )  # fmt: skip
    with Working("Reading the traffic") as working:
        load = scenario(_load(words, working), growth, burst, week, poisson)
        service = _service(wanted, load, calibrate)
        working("Simulating", 0)
        found = sized(load, service, objectives, search, lambda what: working(f"Simulating {what}", 0))
    answer = told.answer(load, found, objectives, search)
    machine = service.machine
    about = [load.name, f"{machine.model.name} on {machine.gpus} {machine.gpu.name}", str(objectives)]
    show_sizing(answer, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))


def _load(words: TraceWords, working: Working) -> Traffic:
    """The traffic as recorded, in the file or in the ledger. Raises WrongUse with what is wrong where none is."""
    from netyield.core.finding import Severity
    from netyield.economics.serving.traffic import of_trace

    if words.from_ledger and words.path is None:
        from netyield.faces.cli.opened import open_project
        from netyield.project.ledger_traffic import ledger_traffic

        working("Reading the ledger", 0)
        opened = open_project(words.project)
        ledger = ledger_traffic(opened, words.filters.query(opened))
        load = ledger.traffic.replaced(findings=(*ledger.traffic.findings, *ledger.findings))
    else:
        load = of_trace(words.read(working))
    if not load.requests or load.window_s <= 0:
        wrong = next((each for each in load.findings if each.severity is Severity.ERROR), None)
        if wrong:
            raise WrongUse(wrong.message, wrong.repair)
        message = f"{load.name} has no two requests with arrival times, so no rate follows."
        raise WrongUse(message, "Give a file with times and lengths (--traffic), or other --since and --until.")
    return load


def _service(wanted: Wanted, load: Traffic, file: Path | None) -> ServiceTime:
    from netyield.economics.serving.measured_file import read_points
    from netyield.economics.serving.service_time import service_time

    points, findings = read_points(file) if file else ([], [])
    if findings:
        raise WrongUse(findings[0].line(), "Check them with: netyield placement calibrate --measured FILE.")
    return service_time(wanted, int((load.input_tokens + load.output_tokens).max()), points)
