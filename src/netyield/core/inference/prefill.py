"""How long does a GPU take to compute a prompt? From its FLOPs, by depth, and how well the GPU is used.

    FLOPs(S new tokens after P cached) = 2 * N_active * S + 4 * sum over layers of width * positions seen
    positions seen                     = P*S + S^2/2, or no more than a window per token
    seconds                            = FLOPs / (MFU * peak * GPUs) + floor

``width`` is heads * head dimension of a layer. A saved token is worth more the deeper it stands in the prompt, because
attention grows with what is before it. Source: facts sheet 5.1; the published timings it names are in the tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import Gpu
from netyield.core.inference.model_config import Attention
from netyield.core.inference.models import Model

Floats = NDArray[np.float64]
DENSE_MFU, SPARSE_MFU = 0.5, 0.25  # where nobody measured: dense on one node; mixture of experts (0.15 to 0.3)


@dataclass(frozen=True, slots=True)
class Work:
    """FLOPs of a prompt of one model."""

    active_parameters: float
    attention: tuple[Attention, ...]

    def flops(self, new: float | Floats, cached: float | Floats = 0.0) -> Floats:
        """FLOPs to compute ``new`` tokens that follow ``cached`` ones."""
        s, p = np.asarray(new, dtype=np.float64), np.asarray(cached, dtype=np.float64)
        total = 2.0 * self.active_parameters * s
        for each in self.attention:
            total = total + 4.0 * each.layers * each.width * _seen(s, p, each.window)
        return np.asarray(total, dtype=np.float64)

    @property
    def even_at_tokens(self) -> float:
        """The prompt length at which attention costs as much as everything else (no windows counted)."""
        width = sum(each.layers * each.width for each in self.attention if each.window is None)
        return self.active_parameters / width if width else float("inf")


def _seen(new: Floats, cached: Floats, window: int | None) -> Floats:
    """Sum of positions seen by tokens cached..cached+new, each at most ``window``."""
    whole = cached * new + new * new / 2
    if window is None:
        return np.asarray(whole, dtype=np.float64)
    w = float(window)
    growing = np.clip(w - cached, 0.0, new)  # tokens that see fewer than a window
    return np.asarray(cached * growing + growing * growing / 2 + (new - growing) * w, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Prefill:
    """One replica's clock: ``gpus`` GPUs that reach ``mfu`` of ``peak_flops`` each. ``floor_seconds``: of any prompt."""

    work: Work
    peak_flops: float
    mfu: float
    gpus: int
    floor_seconds: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.mfu <= 1:
            message = f"an MFU of {self.mfu:g} is none;"
            raise WrongUse(message, "give the share of the peak your prefill reaches, more than 0 and at most 1.")

    def seconds(self, new: float | Floats, cached: float | Floats = 0.0) -> Floats:
        """Seconds to compute ``new`` tokens after ``cached``; nothing takes no time."""
        s = np.asarray(new, dtype=np.float64)
        spent = self.work.flops(s, cached) / (self.mfu * self.peak_flops * self.gpus)
        return np.asarray(spent + np.where(s > 0, self.floor_seconds, 0.0), dtype=np.float64)

    @property
    def tokens_per_gpu_second(self) -> float:
        """Prefill rate of a short prompt."""
        return self.mfu * self.peak_flops / (2.0 * self.work.active_parameters)


def prefill_of(
    model: Model, gpu: Gpu, gpus: int, *, weights: str = "bf16", mfu: float | None = None, floor_seconds: float = 0.0
) -> Prefill:
    """The clock of a model on a replica. Raises WrongUse when the model's parameters are not known."""
    if model.active_parameters is None or model.parameters is None:
        message = f"how many parameters {model.name} has is not known;"
        raise WrongUse(message, "give --parameters and, for a mixture of experts, --active-parameters (billions).")
    dense = model.active_parameters >= 0.9 * model.parameters
    used = mfu if mfu is not None else DENSE_MFU if dense else SPARSE_MFU
    return Prefill(Work(model.active_parameters, model.attention), gpu.peak_flops(weights), used, gpus, floor_seconds)


@dataclass(frozen=True, slots=True)
class Timing:
    """One measured prefill: new and cached tokens, seconds."""

    new_tokens: float
    cached_tokens: float
    seconds: float


def measured_mfu(work: Work, timing: Timing, peak_flops: float, gpus: int, floor_seconds: float = 0.0) -> float:
    """The MFU at which the model's clock gives a measured time."""
    flops = float(work.flops(timing.new_tokens, timing.cached_tokens))
    return flops / ((timing.seconds - floor_seconds) * peak_flops * gpus)


def calibrate(work: Work, timings: Sequence[Timing], peak_flops: float, gpus: int) -> tuple[float, float]:
    """(MFU, floor seconds) that fit measured prefills best: least squares of seconds over FLOPs, both at least 0.

    One timing, or several that contradict a floor, give the MFU alone. Raises WrongUse when none is usable.
    """
    usable = [each for each in timings if each.seconds > 0 and each.new_tokens > 0]
    if not usable:
        message = "no measured prefill has computed tokens and a time;"
        raise WrongUse(message, "let the engine serve some requests first, or give --mfu.")
    flops = np.array([float(work.flops(each.new_tokens, each.cached_tokens)) for each in usable])
    seconds = np.array([each.seconds for each in usable])
    floor = 0.0
    if len(usable) > 1 and np.ptp(flops) > 0:
        slope, floor = (float(value) for value in np.polyfit(flops, seconds, 1))
        if slope <= 0 or floor < 0:
            floor = 0.0
    rate = float(np.sum(flops) / np.sum(seconds - floor))
    mfu = rate / (peak_flops * gpus)
    if not 0 < mfu <= 1:
        message = f"the measured prefills need {mfu:.0%} of the GPUs' peak;"
        raise WrongUse(message, "check --gpu, --tp and that the tokens counted were computed, not read from the cache.")
    return mfu, floor
