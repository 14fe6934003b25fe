"""``netyield kv curve``: the hit ratio of a KV cache of every size on a request trace, its ceiling and its knee."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.kv.trace_options import (
    COUNTING,
    BlockSize,
    DenominatorOption,
    DenominatorWord,
    FormatWord,
    FromLedger,
    Interleave,
    MatchOption,
    MatchWord,
    MeanOption,
    MeanWord,
    NoCache,
    Order,
    OrderOption,
    Reuse,
    TimeUnitOption,
    Tokenizer,
    TracePath,
    TraceWords,
    Warmup,
    WeightOption,
    WeightWord,
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
    from netyield.answers.answer import Answer
    from netyield.sources.traces.trace import Trace

CACHE = "Cache"
POLICIES = ("lru", "fifo", "opt", "lfu", "s3fifo", "arc", "ttl")


class RouterWord(StrEnum):
    """How requests reach the nodes."""

    ROUND_ROBIN = "round_robin"
    SESSION = "session"
    HASH = "hash"


class SampleWord(StrEnum):
    """What a sample keeps whole."""

    TREE = "tree"
    SESSION = "session"


PolicyOption = Annotated[
    str,
    typer.Option("--policy", metavar="NAMES", help=f"One or more of {','.join(POLICIES)}.", rich_help_panel=CACHE),
]
CapacityBlocks = Annotated[
    str | None,
    typer.Option(metavar="N,N,...", help="Capacities in blocks (default: powers of two).", rich_help_panel=CACHE),
]
CapacityGib = Annotated[
    str | None,
    typer.Option("--capacity-gib", metavar="X,X,...", help="Capacities in GiB, for --model.", rich_help_panel=CACHE),
]
ModelOption = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="A model's name or its config.json.", rich_help_panel=CACHE),
]
Dtype = Annotated[
    str, typer.Option(metavar="NAME", help="Precision of the cache: bf16, fp8, ...", rich_help_panel=CACHE)
]
Ttl = Annotated[
    float | None,
    typer.Option("--ttl", metavar="SECONDS", help="Blocks unused so long leave: policy ttl (or lru, alone).", rich_help_panel=CACHE),
]
Nodes = Annotated[
    int, typer.Option(metavar="N", help="Also each of N nodes with a cache of its own.", rich_help_panel=CACHE)
]
RouterOption = Annotated[
    RouterWord, typer.Option("--router", help="How requests reach the nodes.", rich_help_panel=CACHE)
]
ByTenant = Annotated[
    bool, typer.Option("--by-tenant", help="Also a cache of its own for every tenant.", rich_help_panel=CACHE)
]
Sample = Annotated[
    str | None,
    typer.Option(
        metavar="N/M", help="Look at N of M hash shards only; figures get an error.", rich_help_panel=COUNTING
    ),
]
SampleBy = Annotated[
    SampleWord, typer.Option("--sample-by", help="Keep prompt trees or sessions whole.", rich_help_panel=COUNTING)
]


def curve(
    trace: TracePath = None,
    trace_format: FormatWord = None,
    block_size: BlockSize = None,
    order: OrderOption = Order.FILE,
    interleave: Interleave = "together",
    tokenizer: Tokenizer = "approximate",
    time_unit: TimeUnitOption = None,
    reuse: Reuse = None,
    no_cache: NoCache = False,
    policy: PolicyOption = "lru",
    capacity_blocks: CapacityBlocks = None,
    capacity_gib: CapacityGib = None,
    model: ModelOption = None,
    dtype: Dtype = "bf16",
    ttl: Ttl = None,
    nodes: Nodes = 1,
    router: RouterOption = RouterWord.HASH,
    by_tenant: ByTenant = False,
    warmup: Warmup = 0.5,
    weight: WeightOption = WeightWord.TOKENS,
    match: MatchOption = MatchWord.PREFIX,
    mean: MeanOption = MeanWord.SUM,
    denominator: DenominatorOption = DenominatorWord.INPUT,
    sample: Sample = None,
    sample_by: SampleBy = SampleWord.TREE,
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
    """Show what a KV cache of each size would hit on a request trace, up to the ceiling, and where the curve bends."""
    one_stdout(json_out, csv_out, html)
    policies = chosen_policies(policy)
    shards = shares(sample)
    blocks = numbers("--capacity-blocks", capacity_blocks)
    sizes = numbers("--capacity-gib", capacity_gib)
    if sizes and not model:
        message = "--capacity-gib says nothing about blocks without a model."
        raise WrongUse(message, "Give --model as well, or --capacity-blocks.")
    _check_ttl(ttl, policies, match)

    from netyield.answers import kv_curve as answers
    from netyield.economics.kv.definition import Definition, Denominator, Match, Mean, Weight
    from netyield.economics.kv.parts import Router
    from netyield.economics.kv.replay import Policy
    from netyield.economics.kv.sampling import SampleBy as By
    from netyield.faces.cli.kv.show import show
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.progress import Working

    definition = Definition(warmup, Weight(weight), Match(match), Mean(mean), Denominator(denominator))
    filters = Filters(since=since, until=until, where=tuple(where or ()), as_of=as_of)
    words = TraceWords(
        trace, trace_format, block_size, order, interleave, tokenizer, time_unit, reuse, no_cache, from_ledger, filters, project
    )  # fmt: skip
    with Working("Reading the trace") as working:
        read = words.read(working)
        per_token = bytes_per_token(read, model, dtype) if model else None
        found = answers.answer(
            read,
            answers.Question(
                policies=tuple(Policy(name) for name in policies),
                capacities=(*map(int, blocks), *(blocks_of(gib, per_token, read) for gib in sizes)),
                definition=definition,
                ttl_seconds=ttl,
                nodes=nodes,
                router=Router(router),
                by_tenant=by_tenant,
                shards=shards,
                sample_by=By(sample_by),
                model=f"{model}, {dtype}" if model else "",
                bytes_per_token=per_token,
                progress=lambda what: working(what, 0),
            ),
        )
    show(found, about(found), json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(found.findings, fail_on))


def _check_ttl(seconds: float | None, policies: tuple[str, ...], match: MatchWord) -> None:
    """The policy ttl needs --ttl, and --ttl the policy ttl, or lru alone. Raises WrongUse."""
    if seconds is None and "ttl" in policies:
        message = "--policy ttl does not say after how long an unused block leaves."
        raise WrongUse(message, "Give --ttl SECONDS as well.")
    if seconds is None:
        return
    if not 0 < seconds < math.inf or match is not MatchWord.PREFIX or not ("ttl" in policies or policies == ("lru",)):
        message = "--ttl is a positive number of seconds, for --policy ttl (or lru alone) with --match prefix."
        raise WrongUse(message, "Correct it, add ttl to --policy, or leave it out.")


def chosen_policies(words: str) -> tuple[str, ...]:
    """The policies named, each once. Raises WrongUse with the known ones."""
    names = tuple(dict.fromkeys(word.strip().lower() for word in words.split(",") if word.strip()))
    unknown = [name for name in names if name not in POLICIES]
    if unknown or not names:
        message = f"There is no policy {', '.join(unknown) or words!r}."
        raise WrongUse(message, f"Policies: {', '.join(POLICIES)}.")
    return names


def numbers(option: str, words: str | None) -> tuple[float, ...]:
    """Positive numbers separated by commas; whole ones for blocks. Raises WrongUse."""
    found = []
    for word in (words or "").replace("_", "").split(",") if words is not None else ():
        try:
            value = float(word)
        except ValueError:
            value = 0.0
        if not 0 < value < 2**62 or (option == "--capacity-blocks" and value != int(value)):
            message = f"{option} {word.strip()!r} is no capacity."
            raise WrongUse(message, f"Write positive numbers with commas between, for example {option} 1024,6553.")
        found.append(value)
    return tuple(found)


def shares(words: str | None) -> tuple[int, int] | None:
    """``N/M`` as two numbers. Raises WrongUse."""
    if words is None:
        return None
    looked, _, of = words.partition("/")
    if not (looked.strip().isdigit() and of.strip().isdigit()):
        message = f"--sample {words!r} is not N/M."
        raise WrongUse(message, "Write for example --sample 16/64.")
    return int(looked), int(of)


def bytes_per_token(trace: Trace, model: str, dtype: str) -> float:
    """Bytes of cache per token of the model at the trace's mean prompt length (it may depend on the length)."""
    from netyield.core.inference.models import find_model

    mean = float(trace.input_tokens.mean()) if trace.requests else 1.0
    return float(find_model(model).layout.bytes(max(mean, 1.0), dtype)) / max(mean, 1.0)


def blocks_of(gib: float, per_token: float | None, trace: Trace) -> int:
    """Whole blocks in so many GiB, at least one. Raises WrongUse when not even one fits."""
    blocks = int(gib * 2**30 / ((per_token or 1.0) * trace.block_size))
    if blocks < 1:
        message = f"{gib:g} GiB hold no block of {trace.block_size} tokens of this model."
        raise WrongUse(message, "Give a larger --capacity-gib.")
    return blocks


def about(found: Answer) -> list[str]:
    """The trace in a few words, for headings."""
    trace = found.body["trace"]
    return [
        trace["name"],
        f"{trace['format']}, {trace['block_size']} tokens per block",
        f"{found.body['requests']:,} requests",
        f"{trace['input_tokens']:,} input tokens in {trace['span_seconds']:,.0f} s",
    ]
