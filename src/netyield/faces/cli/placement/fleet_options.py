"""What if the traffic or the fleet were another? The options of ``placement size`` that say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from netyield.economics.serving.fleet import Autoscaling
    from netyield.economics.serving.traffic import Traffic

WHATIF, FLEET = "What if", "Fleet"


def _what_if(help_text: str, name: str, metavar: str | None = None, **more: Any) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        name, metavar=metavar, help=help_text, rich_help_panel=WHATIF, **more
    )
    return option


def _fleet(help_text: str, name: str, metavar: str | None = None, **more: Any) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar=metavar, help=help_text, rich_help_panel=FLEET, **more)
    return option


Growth = Annotated[float, _what_if("So many times the requests.", "--growth", "TIMES")]
Burst = Annotated[float, _what_if("Bursts so many times as strong.", "--burst", "TIMES")]
Week = Annotated[
    Path | None,
    _what_if(
        "A week of the recording: CSV of hour_of_week and times (1 = as busy as the recording).", "--week", "FILE"
    ),
]
Resample = Annotated[
    int, _what_if("Size so many other windows of blocks drawn from the recording.", "--resample", "N", min=0, max=1000)
]
PoissonOption = Annotated[bool, _what_if("Independent arrivals at the mean rate (under-sizes bursts).", "--poisson")]
Spare = Annotated[
    int, _fleet("Replicas that may fail (N+1): their loss in the busiest minute is simulated.", "--spare", "N", min=0)
]
Repair = Annotated[float, _fleet("How long a failed replica is down.", "--repair-minutes", "MINUTES", min=0)]
Autoscale = Annotated[
    float | None,
    _fleet("Autoscale on outstanding requests: so many for each replica.", "--autoscale", "REQUESTS", min=0.01),
]
Least = Annotated[int, _fleet("Autoscaling: replicas that stay on at least.", "--least", "N", min=1)]
ColdStart = Annotated[
    float, _fleet("Autoscaling: from the decision to the first request.", "--cold-start", "SECONDS", min=0)
]
Hold = Annotated[float, _fleet("Autoscaling: a surplus must last so long.", "--hold", "SECONDS", min=1)]
ApartOption = Annotated[bool, _fleet("Size prompts and output on replicas of their own as well.", "--apart")]


def rule(target: float | None, least: int, cold_start_s: float, hold_s: float) -> Autoscaling | None:
    """The autoscaling asked for; None without a target."""
    from netyield.economics.serving.fleet import Autoscaling

    return None if target is None else Autoscaling(target, least, cold_start_s, hold_s)


def scenario(load: Traffic, growth: float, burst: float, week: Path | None, smooth: bool) -> Traffic:
    """The traffic that was asked for, made from the recorded one. Raises WrongUse or SourceError."""
    from netyield.economics.serving import scenarios

    if burst != 1:
        load = scenarios.burstier(load, burst)
    if week is not None:
        from netyield.sources.traces.week_profile import read_week

        load = scenarios.week_of(load, read_week(week))
    if growth != 1:
        load = scenarios.grown(load, growth)
    return scenarios.poisson(load, 0) if smooth else load
