"""``netyield placement calibrate``: what your own measured points make of a service time and its error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netyield.core.errors import WrongUse
from netyield.faces.cli.options import Csv, FailOn, FailOnOption, Html, Json
from netyield.faces.cli.placement.size import (
    Active,
    CacheDtype,
    EngineOption,
    GpuOption,
    ModelOption,
    Parameters,
    ServiceTimeOption,
    ServiceTimeWord,
    Tp,
    Weights,
)

Measured = Annotated[
    Path | None, typer.Option("--measured", metavar="FILE", help="GuideLLM or vllm bench serve JSON, or CSV.")
]


def calibrate(
    measured: Measured = None,
    model: ModelOption = None,
    gpu: GpuOption = "h100",
    engine: EngineOption = None,
    tp: Tp = None,
    weights: Weights = None,
    cache_dtype: CacheDtype = None,
    service_time: ServiceTimeOption = ServiceTimeWord.AUTO,
    parameters: Parameters = None,
    active_parameters: Active = None,
    json_out: Json = False,
    csv_out: Csv = None,
    html: Html = None,
    fail_on: FailOnOption = FailOn.ERROR,
) -> None:
    """Fit a replica's service time to three to five measured points, and tell the error that is left."""
    if measured is None or not model:
        message = "A calibration needs measurements and the model they are of."
        raise WrongUse(message, "Give --measured FILE and --model NAME.")
    from netyield.answers import calibration
    from netyield.economics.serving.measured_file import read_points
    from netyield.economics.serving.service_time import Wanted, calibrated
    from netyield.economics.serving.service_time import service_time as known
    from netyield.faces.cli.output import exit_code
    from netyield.faces.cli.placement.show import show_sizing

    points, findings = read_points(measured)
    if not points:
        message = f"{measured} holds no measured point."
        raise WrongUse(message, findings[0].line() if findings else "Give one record per steady run.")
    wanted = Wanted(
        model, gpu, engine, weights, cache_dtype, tp, service_time.value,
        parameters_billion=parameters, active_billion=active_parameters, max_batch=1024,
    )  # fmt: skip
    longest = int(max(each.input_tokens + each.output_tokens for each in points))
    before = known(wanted, longest)
    answer = calibration.answer(points, before, calibrated(before, points), findings)
    machine = before.machine
    about = [measured.name, f"{machine.model.name} on {machine.gpus} {machine.gpu.name}"]
    show_sizing(answer, about, json_out=json_out, csv_out=csv_out, html=html)
    raise typer.Exit(exit_code(answer.findings, fail_on))
