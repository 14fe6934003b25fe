"""``netyield kv explain``: why the hit rate of a trace is what it is, every input token under one reason."""

from __future__ import annotations

from typing import Annotated

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

Capacity = Annotated[
    int | None,
    typer.Option(
        "--capacity-blocks",
        metavar="N",
        help="Blocks the cache holds (default: as the engines' counters say, else everything).",
    ),
]


def explain(
    trace: TracePath = None,
    capacity_blocks: Capacity = None,
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
    """Show why the hit rate is what it is: shared prefixes, own history, evictions, first and only uses, block floor."""
    one_stdout(json_out, csv_out, html)
    if capacity_blocks is not None and capacity_blocks < 1:
        message = f"--capacity-blocks {capacity_blocks} is no cache."
        raise WrongUse(message, "Give 1 or more, or leave it out for an infinite one.")

    from netyield.answers import kv_explain
    from netyield.economics.kv.definition import Definition
    from netyield.faces.cli.kv.show import show
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.progress import Working

    filters = Filters(since=since, until=until, where=tuple(where or ()), as_of=as_of)
    words = TraceWords(
        trace, trace_format, block_size, order, interleave, tokenizer, time_unit, reuse, no_cache, from_ledger, filters, project
    )  # fmt: skip
    definition = Definition(warmup)
    with Working("Reading the trace") as working:
        read = words.read(working)
        found = kv_explain.answer(read, definition, capacity_blocks, engine_counts(counters, words))
    about = [read.name, f"{read.format}, {read.block_size} tokens per block", f"{read.requests:,} requests"]
    show(found, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(found.findings, fail_on))
