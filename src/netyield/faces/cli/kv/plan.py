"""``netyield kv plan``: the cheapest KV cache that keeps a latency objective on a request trace, in dollars."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.kv.trace_options import (
    BlockSize,
    Counters,
    FormatWord,
    FromLedger,
    Interleave,
    NoCache,
    Order,
    OrderOption,
    Reuse,
    TimeUnitOption,
    Tokenizer,
    TracePath,
    TraceWords,
    Warmup,
    engine_counts,
)
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

if TYPE_CHECKING:
    from netyield.core.inference.hardware import Gpu
    from netyield.core.inference.models import Model
    from netyield.economics.kv.prepare import Machines
    from netyield.economics.kv.tiers import Tiers
    from netyield.sources.traces.trace import Trace

MACHINES, SEARCH = "Machines", "Search"
POLICIES = ("lru", "fifo", "lfu", "s3fifo", "arc")


class CopiesWord(StrEnum):
    """Whether tiers hold copies of what faster tiers hold."""

    BOTH = "both"
    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


class RoutingWord(StrEnum):
    """How requests reach replicas."""

    AFFINITY = "affinity"
    ROUND_ROBIN = "round_robin"


def _machine(help_text: str, *names: str, metavar: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(*names, metavar=metavar, help=help_text, rich_help_panel=MACHINES)
    return option


ModelOption = Annotated[str | None, _machine("Model name, or its config.json.", "--model", metavar="NAME")]
GpuOption = Annotated[str, _machine("GPU: a100, h100, h200, b200 ...", "--gpu", metavar="NAME")]
Gpus = Annotated[str, _machine("How many; several with commas are all tried (8,16,32).", "--gpus", metavar="N,N,...")]
TiersPath = Annotated[Path | None, _machine("Tiers below HBM and their prices (TOML).", "--tiers", metavar="FILE")]
WriteTiers = Annotated[
    Path | None, _machine("Write an annotated tiers file and stop.", "--write-tiers", metavar="FILE")
]
GpuPrice = Annotated[float | None, _machine("US dollars a GPU costs an hour.", "--usd-per-gpu-hour", metavar="USD")]
Slo = Annotated[
    str,
    typer.Option("--slo", metavar="TEXT", help="For example: ttft p95 < 2s.", rich_help_panel=SEARCH),
]
Tp = Annotated[int | None, _machine("GPUs that serve a request together.", "--tp", metavar="N")]
Weights = Annotated[str, _machine("Precision of the weights.", "--weights", metavar="NAME")]
CacheDtype = Annotated[str, _machine("Precision of the cache.", "--cache-dtype", metavar="NAME")]
Mfu = Annotated[float | None, _machine("Share of the peak your prefill reaches.", "--mfu", metavar="SHARE")]
Calibrate = Annotated[
    list[Path] | None,
    _machine(
        "Saved /metrics page of a vLLM engine: take the MFU from it. May be repeated.", "--calibrate", metavar="FILE"
    ),
]
Parameters = Annotated[
    float | None, _machine("Parameters of the model, in billions.", "--parameters", metavar="BILLION")
]
ActiveParameters = Annotated[
    float | None, _machine("Parameters a token is computed with.", "--active-parameters", metavar="BILLION")
]
TokenTime = Annotated[float, _machine("Milliseconds an output token takes.", "--ms-per-token", metavar="MS")]
HbmCache = Annotated[float | None, _machine("HBM for cached prefixes per replica.", "--hbm-cache-gib", metavar="GIB")]
Overlap = Annotated[bool, _machine("Loads overlap the prefill, layer by layer.", "--overlap")]
RoutingOption = Annotated[RoutingWord, _machine("How requests reach replicas.", "--routing")]
Rate = Annotated[
    float, typer.Option("--rate", metavar="TIMES", help="Arrivals so many times as fast.", rich_help_panel=SEARCH)
]
PerSecond = Annotated[
    float | None,
    typer.Option("--requests-per-second", metavar="N", help="Evenly spaced arrivals.", rich_help_panel=SEARCH),
]
Copies = Annotated[
    CopiesWord, typer.Option("--copies", help="Tiers hold copies, or take what is evicted.", rich_help_panel=SEARCH)
]
Policies = Annotated[
    str,
    typer.Option("--policy", metavar="NAMES", help=f"Evictions to try: {','.join(POLICIES)}.", rich_help_panel=SEARCH),
]
Reclaim = Annotated[
    bool,
    typer.Option(
        "--reclaim", help="Count GPU time saved as money (GPUs are given up or filled).", rich_help_panel=SEARCH
    ),
]


def plan(
    trace: TracePath = None,
    model: ModelOption = None,
    gpu: GpuOption = "h100",
    gpus: Gpus = "8",
    usd_per_gpu_hour: GpuPrice = None,
    tiers: TiersPath = None,
    slo: Slo = "ttft p95 < 2s",
    write_tiers: WriteTiers = None,
    tp: Tp = None,
    weights: Weights = "bf16",
    cache_dtype: CacheDtype = "bf16",
    mfu: Mfu = None,
    calibrate: Calibrate = None,
    parameters: Parameters = None,
    active_parameters: ActiveParameters = None,
    ms_per_token: TokenTime = 30.0,
    hbm_cache_gib: HbmCache = None,
    overlap: Overlap = False,
    routing: RoutingOption = RoutingWord.AFFINITY,
    rate: Rate = 1.0,
    requests_per_second: PerSecond = None,
    copies: Copies = CopiesWord.BOTH,
    policy: Policies = "lru,fifo,lfu,arc",
    reclaim: Reclaim = False,
    trace_format: FormatWord = None,
    block_size: BlockSize = None,
    order: OrderOption = Order.FILE,
    interleave: Interleave = "together",
    tokenizer: Tokenizer = "approximate",
    time_unit: TimeUnitOption = None,
    reuse: Reuse = None,
    no_cache: NoCache = False,
    warmup: Warmup = 0.5,
    from_ledger: FromLedger = False,
    counters: Counters = None,
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
    """Find the cheapest HBM, DRAM and NVMe arrangement that keeps a latency objective, and what would flip it."""
    if write_tiers is not None:
        _write_example(write_tiers)
        return
    one_stdout(json_out, csv_out, html)
    if not model:
        message = "There is no model to plan for."
        raise WrongUse(message, "Give --model NAME, for example meta-llama/Llama-3.1-70B, or its config.json.")
    _positive("--usd-per-gpu-hour", usd_per_gpu_hour)
    _positive("--rate", rate)
    _positive("--ms-per-token", ms_per_token)
    _positive("--requests-per-second", requests_per_second)
    _positive("--hbm-cache-gib", hbm_cache_gib)
    counts = gpu_counts(gpus)
    policies = chosen_policies(policy)

    from netyield.answers import kv_plan
    from netyield.core.inference.hardware import find_gpu
    from netyield.core.inference.memory import element_bytes
    from netyield.core.inference.models import find_model
    from netyield.economics.kv.definition import Definition
    from netyield.economics.kv.prepare import Machines
    from netyield.economics.kv.replay import Policy
    from netyield.economics.kv.routing import Routing
    from netyield.economics.kv.slo import parse_objective
    from netyield.faces.cli.kv.show import show
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.progress import Working

    objective = parse_objective(slo)
    found_gpu = find_gpu(gpu)
    found_gpu.peak_flops(weights)
    element_bytes(cache_dtype)
    found_model = find_model(model, parameters_billion=parameters, active_billion=active_parameters)
    settings = _tiers(tiers, found_gpu, usd_per_gpu_hour)
    machines = Machines(
        found_model, found_gpu, counts, settings, tp, weights, cache_dtype, mfu, 0.0, ms_per_token / 1e3,
        Routing(routing.value), overlap, rate, requests_per_second, hbm_cache_gib, Definition(warmup),
    )  # fmt: skip
    if calibrate:
        machines = _calibrated(machines, calibrate)
    filters = Filters(since=since, until=until, where=tuple(where or ()), as_of=as_of)
    words = TraceWords(
        trace, trace_format, block_size, order, interleave, tokenizer, time_unit, reuse, no_cache, from_ledger, filters, project
    )  # fmt: skip
    apart = {"both": (False, True), "inclusive": (False,), "exclusive": (True,)}[copies.value]
    with Working("Reading the trace") as working:
        read = words.read(working)
        answer = kv_plan.answer(
            read,
            kv_plan.Question(
                machines, objective, reclaim, tiers is not None, tuple(map(Policy, policies)), apart,
                engine_counts(counters, words), lambda what: working(f"Working out {what}", 0),
            ),
        )  # fmt: skip
    show(answer, about(read, found_model, found_gpu, counts, slo), json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))


def gpu_counts(words: str) -> tuple[int, ...]:
    """``8`` or ``8,16,32``, the smallest first. Raises WrongUse."""
    found = set()
    for word in words.split(","):
        if not word.strip().isdigit() or not int(word):
            message = f"--gpus {words!r} is no number of GPUs."
            raise WrongUse(message, "Write for example --gpus 8, or --gpus 8,16,32 to try several.")
        found.add(int(word))
    return tuple(sorted(found))


def chosen_policies(words: str) -> tuple[str, ...]:
    """Policies to try beside LRU. Raises WrongUse with the known ones."""
    names = tuple(dict.fromkeys(word.strip().lower() for word in words.split(",") if word.strip()))
    unknown = [name for name in names if name not in POLICIES]
    if unknown or not names:
        message = f"There is no policy {', '.join(unknown) or words!r} to plan with."
        raise WrongUse(message, f"Policies: {', '.join(POLICIES)}; lru is always tried.")
    return tuple(name for name in names if name != "lru")


def about(trace: Trace, model: Model, gpu: Gpu, gpus: tuple[int, ...], slo: str) -> list[str]:
    """What was planned for, in a few words."""
    return [trace.name, model.name, f"{' or '.join(map(str, gpus))} {gpu.name}", slo]


def _positive(option: str, value: float | None) -> None:
    if value is not None and not 0 < value < 1e12:
        message = f"{option} {value:g} means nothing."
        raise WrongUse(message, "Give a number above 0.")


def _tiers(path: Path | None, gpu: Gpu, usd_per_gpu_hour: float | None) -> Tiers:
    """The tiers of the file or those assumed; a GPU price on the command line goes before the file's."""
    from netyield.economics.kv.tiers import default_tiers, read_tiers

    found = default_tiers(gpu) if path is None else read_tiers(path)
    if usd_per_gpu_hour is None:
        return found
    return found.model_copy(update={"gpu": found.gpu.model_copy(update={"usd_per_hour": usd_per_gpu_hour})})


def _calibrated(machines: Machines, paths: list[Path]) -> Machines:
    """The machines at the MFU their engine's counters show."""
    from dataclasses import replace

    from netyield.core.inference.prefill import calibrate, prefill_of
    from netyield.economics.kv.calibration import measured_prefill

    if machines.mfu is not None:
        message = "--mfu and --calibrate both say how well prefill uses the GPUs."
        raise WrongUse(message, "Give one of them.")
    tp = machines.replica_gpus()
    clock = prefill_of(machines.model, machines.gpu, tp, weights=machines.weights)
    mfu, floor = calibrate(clock.work, measured_prefill(paths), clock.peak_flops, tp)
    return replace(machines, mfu=mfu, floor_seconds=floor, calibrated=True)


def _write_example(path: Path) -> None:
    from netyield.economics.kv.tiers import EXAMPLE
    from netyield.faces.cli.output import write_file

    if path.exists():
        message = f"{path} is there already."
        raise WrongUse(message, "Choose another name; nothing was written.")
    write_file(path, EXAMPLE.encode("utf-8"))
