"""``netyield placement compare``: what each way of serving this traffic costs, and which wins."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from netyield.faces.cli.kv.trace_options import ColumnsOption, Reuse, TimeUnitOption
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
from netyield.faces.cli.placement.asked import (
    WAYS,
    Asked,
    Burst,
    DrawsOption,
    FormatWord,
    FromLedger,
    GpuName,
    Growth,
    Model,
    OptionsPath,
    Seed,
    Slo,
    TrafficPath,
    WriteOptions,
    write_example,
)

BreakEven = Annotated[
    bool, typer.Option("--break-even", help="The volume from which each fleet pays, by peak over mean.", rich_help_panel=WAYS)
]


def compare(
    traffic: TrafficPath = None,
    model: Model = None,
    options: OptionsPath = None,
    write_options: WriteOptions = None,
    slo: Slo = None,
    gpu: GpuName = "h100",
    break_even: BreakEven = False,
    traffic_format: FormatWord = None,
    columns: ColumnsOption = None,
    time_unit: TimeUnitOption = None,
    reuse: Reuse = None,
    draws: DrawsOption = 1000,
    seed: Seed = 20261122,
    growth: Growth = None,
    burst: Burst = None,
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
    """Compare owning, renting and calling an API on your own requests, with intervals and what would flip the verdict."""
    if write_options is not None:
        write_example(write_options)
        return
    one_stdout(json_out, csv_out, html)

    from netyield.answers import break_even as curve
    from netyield.answers import placement
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.placement.show import show
    from netyield.faces.cli.progress import Working

    filters = Filters(since=since, until=until, where=tuple(where or ()), as_of=as_of)
    asked = Asked(
        traffic, traffic_format, model, options, gpu, slo, draws, seed, from_ledger, filters, project, growth, burst, columns,
        time_unit, reuse,
    )  # fmt: skip
    with Working("Comparing", None) as working:
        case, findings, about = asked.case(working)
        found = (curve if break_even else placement).answer(case, findings, working.step, expect=working.expect)
        shown = [found]
        if html is not None and not break_even:  # the page has both; findings stand once
            drawn = curve.answer(case, (), working.step, working.expect)
            shown += [replace(drawn, findings=())] if drawn.table.num_rows else []
    show(shown, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(found.findings, fail_on))
