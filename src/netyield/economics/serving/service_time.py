"""How fast does a replica of this model run on this GPU? One answer from the best source there is, with its error.

In this order: the user's own measured points (fitted when there are three, else they scale what follows); the shipped
measured points of the model, GPU and precision; aiconfigurator where it is installed and asked for; the roofline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import Gpu, find_gpu
from netyield.core.inference.memory import BYTES_PER_ELEMENT
from netyield.core.inference.models import Model, find_model
from netyield.economics.serving import aiconfigurator, fitting
from netyield.economics.serving.points import Point, plain_name, points_of, shipped
from netyield.economics.serving.roofline import MBU, MFU, SPARSE_MFU, Machine, fitting_gpus, roofline
from netyield.economics.serving.step_time import StepTime
from netyield.economics.serving.uncertainty import (
    AICONFIGURATOR,
    AICONFIGURATOR_ON,
    MEASURED,
    ROOFLINE,
    Uncertainty,
    shrunk,
)

ENGINES = ("vllm", "sglang", "trtllm")
SOURCES = ("auto", "measured", "aiconfigurator", "roofline")
ENOUGH_POINTS = 5  # below, a cell's own fit is no better than the roofline scaled by it


@dataclass(frozen=True)
class Wanted:
    """What is asked for; None = chosen. ``weights`` and ``cache``: precisions; ``gpus``: of a replica."""

    model: str
    gpu: str
    engine: str | None = None
    weights: str | None = None
    cache: str | None = None
    gpus: int | None = None
    source: str = "auto"
    mfu: float | None = None
    mbu: float | None = None
    parameters_billion: float | None = None
    active_billion: float | None = None
    max_batch: int = 256


@dataclass(frozen=True)
class ServiceTime:
    """One replica's iteration time, the machine it is of, how it is known, and how wrong it may be."""

    machine: Machine
    step: StepTime
    method: str
    source: str
    uncertainty: Uncertainty
    points: int = 0

    @property
    def words(self) -> str:
        """Method, source and error in one line."""
        return f"{self.method} ({self.source}); median error {self.uncertainty.median_error:.0%}"


def service_time(wanted: Wanted, longest_tokens: int, calibration: Sequence[Point] = ()) -> ServiceTime:
    """The iteration time of a replica that can hold requests of ``longest_tokens``.

    Raises WrongUse for an unknown model, GPU or source, for a cell that the asked source does not know, and for a model
    that does not fit.
    """
    if wanted.source not in SOURCES:
        message = f"{wanted.source!r} is no source of service times;"
        raise WrongUse(message, f"give one of {', '.join(SOURCES)}.")
    _check(wanted)
    model = find_model(wanted.model, parameters_billion=wanted.parameters_billion, active_billion=wanted.active_billion)
    gpu = find_gpu(wanted.gpu)
    measured = _measured_points(wanted, model, gpu)
    machine, cell = _machine(wanted, model, gpu, measured, longest_tokens)
    found = _uncalibrated(wanted, machine, cell)
    return calibrated(found, calibration) if calibration else found


def _check(wanted: Wanted) -> None:
    """Raises WrongUse for words and numbers that mean nothing, before anything is computed from them."""
    for what, word, known in (
        ("precision of weights", wanted.weights, tuple(BYTES_PER_ELEMENT)), ("engine", wanted.engine, ENGINES),
    ):  # fmt: skip
        if word is not None and word not in known:
            message = f"{word!r} is no {what};"
            raise WrongUse(message, f"give one of {', '.join(known)}.")
    for what, number in (("GPUs of a replica", wanted.gpus), ("billion parameters", wanted.parameters_billion),
                         ("billion active parameters", wanted.active_billion)):  # fmt: skip
        if number is not None and not 0 < number < 1e6:
            message = f"{number:g} {what} mean nothing;"
            raise WrongUse(message, "give a number above 0.")


def _measured_points(wanted: Wanted, model: Model, gpu: Gpu) -> list[Point]:
    if wanted.source not in ("auto", "measured"):
        return []
    names = dict.fromkeys(plain_name(name) for name in (wanted.model, model.name, model.repository))
    found: list[Point] = []
    for name in names:
        found = found or points_of(shipped(), name, gpu.name, wanted.engine, wanted.weights)
    return found


def _machine(
    wanted: Wanted, model: Model, gpu: Gpu, measured: Sequence[Point], longest_tokens: int
) -> tuple[Machine, list[Point]]:
    """The replica, and the measured points of exactly it: the size with most points among those that fit."""
    groups = Counter((each.engine, each.precision, each.gpus) for each in measured)
    for (engine, precision, gpus), count in groups.most_common():
        if count < ENOUGH_POINTS or wanted.gpus not in (None, gpus):
            continue
        machine = Machine(model, gpu, gpus, precision, wanted.cache or ("bf16" if precision == "bf16" else "fp8"))
        if machine.kv_tokens(longest_tokens) >= longest_tokens:
            return machine, [p for p in measured if (p.engine, p.precision, p.gpus) == (engine, precision, gpus)]
    if wanted.source == "measured":
        message = f"no {ENOUGH_POINTS} measured points of {model.name} on {gpu.name} ship with Netyield that fit these lengths;"
        raise WrongUse(message, "give your own (--calibrate FILE), or leave out --service-time.")
    weights = wanted.weights or ("fp8" if "fp8" in gpu.tflops else "bf16")
    cache = wanted.cache or "bf16"
    gpus = wanted.gpus or fitting_gpus(model, gpu, weights, cache, longest_tokens)
    machine = Machine(model, gpu, gpus, weights, cache)
    if machine.kv_tokens(longest_tokens) < longest_tokens:
        message = f"{model.name} in {weights} with a request of {longest_tokens:,} tokens does not fit into {gpus} {gpu.name};"
        raise WrongUse(message, "give more GPUs a replica (--tp), a smaller precision (--weights), or leave out --tp.")
    return machine, []


def _uncalibrated(wanted: Wanted, machine: Machine, cell: Sequence[Point]) -> ServiceTime:
    prior = roofline(machine, wanted.max_batch, wanted.mfu, wanted.mbu)
    if cell:
        step = fitting.step_of(fitting.fit(cell, prior), wanted.max_batch)
        first = cell[0]
        known = sorted({each.source.partition(",")[0].partition(" at ")[0] for each in cell})
        source = f"{len(cell)} points of {first.engine} in {first.precision}: {'; '.join(known[:3])}"
        basis = "cross-validation over the shipped points"
        return ServiceTime(machine, step, "measured", source, Uncertainty(*MEASURED, basis), len(cell))
    if wanted.source == "aiconfigurator":
        step, source = aiconfigurator.step_time(machine, wanted.engine or "vllm", wanted.max_batch)
        where = "on" if machine.gpu.name in AICONFIGURATOR_ON else "which has no"
        basis = f"its own silicon sample, {where} {machine.gpu.name}; a lower bound"
        error = Uncertainty(*AICONFIGURATOR_ON.get(machine.gpu.name, AICONFIGURATOR[0]), basis)
        return ServiceTime(machine, step, "aiconfigurator", source, error)
    dense = (machine.model.active_parameters or 0.0) >= 0.9 * (machine.model.parameters or 1.0)
    mfu = wanted.mfu if wanted.mfu is not None else MFU if dense else SPARSE_MFU
    source = f"MFU {mfu:g}, MBU {wanted.mbu if wanted.mbu is not None else MBU:g} of {machine.gpu.name}'s peaks"
    elsewhere = "" if machine.gpu.name in {each.gpu for each in shipped()} else f"; none of them is of {machine.gpu.name}"
    error = shrunk(ROOFLINE, 0, f"shipped points of other cells{elsewhere}")
    return ServiceTime(machine, prior, "roofline", source, error)


def calibrated(found: ServiceTime, points: Sequence[Point]) -> ServiceTime:
    """The same replica as measured by its user: a fit with three points or more, else scaled by their median ratio."""
    step = fitting.calibrated(found.step, points)
    table = AICONFIGURATOR if found.method == "aiconfigurator" else ROOFLINE
    error = shrunk(table, len(points), found.uncertainty.basis)
    if found.uncertainty.log_sd < error.log_sd:  # measured points of the cell said more than so few of the user's
        error = Uncertainty(found.uncertainty.median_error, found.uncertainty.log_sd, error.basis)
    source = f"{found.source}; your {len(points)} points"
    return ServiceTime(found.machine, step, f"{found.method}, calibrated", source, error, found.points)
