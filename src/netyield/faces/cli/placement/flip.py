"""``netyield placement flip``: what changes the verdict, and at which value, the nearest change first."""

from __future__ import annotations

import typer

from netyield.faces.cli.kv.trace_options import ColumnsOption, Reuse, TimeUnitOption
from netyield.faces.cli.options import AsOf, FailOn, FailOnOption, Filters, Json, ProjectPath, Since, Until, Where
from netyield.faces.cli.placement.asked import (
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
)


def flip(
    traffic: TrafficPath = None,
    model: Model = None,
    options: OptionsPath = None,
    slo: Slo = None,
    gpu: GpuName = "h100",
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
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """List what would change the verdict: which input, from today's value to which, and which option is cheapest then."""
    from netyield.answers import placement
    from netyield.faces.cli.output import exit_code, json_bytes, write_bytes
    from netyield.faces.cli.placement.show import print_flips
    from netyield.faces.cli.progress import Working

    filters = Filters(since=since, until=until, where=tuple(where or ()), as_of=as_of)
    asked = Asked(
        traffic, traffic_format, model, options, gpu, slo, draws, seed, from_ledger, filters, project, growth, burst, columns,
        time_unit, reuse,
    )  # fmt: skip
    with Working("Comparing", None) as working:
        case, findings, about = asked.case(working)
        found = placement.answer(case, findings, working.step, expect=working.expect)
    if json_out:
        kept = ("verdict", "leader", "flip", "measure_first", "definition")
        write_bytes(json_bytes({"answer": "flip"} | {key: found.body[key] for key in kept}))
    else:
        print_flips(found, about)
    raise typer.Exit(exit_code(found.findings, fail_on))
