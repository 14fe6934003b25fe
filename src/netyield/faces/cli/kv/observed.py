"""``netyield kv observed``: what the running engines' own caches hit, beside the curve of their traffic."""

from __future__ import annotations

import typer

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


def observed(
    trace: TracePath = None,
    trace_format: FormatWord = None,
    block_size: BlockSize = None,
    order: OrderOption = Order.FILE,
    interleave: Interleave = "together",
    tokenizer: Tokenizer = "approximate",
    time_unit: TimeUnitOption = None,
    reuse: Reuse = None,
    no_cache: NoCache = False,
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
    """Show what running engines' prefix caches hit, and how large a cache of a trace that corresponds to."""
    one_stdout(json_out, csv_out, html)
    filters = Filters(since=since, until=until, where=tuple(where or ()), as_of=as_of)

    from netyield.answers import kv_observed as answers
    from netyield.economics.kv.observed_hits import observed_hits, scraped
    from netyield.faces.cli.kv.show import show
    from netyield.faces.cli.opened import open_project
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.progress import Working
    from netyield.project.kv_counts import engine_hits

    of_trace = (filters, project) if from_ledger else (Filters(), None)
    words = TraceWords(
        trace,
        trace_format,
        block_size,
        order,
        interleave,
        tokenizer,
        time_unit,
        reuse,
        no_cache,
        from_ledger,
        *of_trace,
    )
    with Working("Reading the counters") as working:
        if counters:
            processes, source = observed_hits(scraped(counters)), ", ".join(path.name for path in counters)
        else:
            opened = open_project(project)
            processes, source = engine_hits(opened, filters.query(opened)), opened.config.project.name
        read = words.read(working) if trace is not None or from_ledger else None
        found = answers.answer(processes, read, source)
    about = [source, f"{len(processes)} process{'' if len(processes) == 1 else 'es'}", *([read.name, f"{read.requests:,} requests"] if read else [])]
    show(found, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(found.findings, fail_on))
