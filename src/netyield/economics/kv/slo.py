"""What is promised? ``ttft p95 < 2s`` read into a quantile and a limit."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse

Floats = NDArray[np.float64]
STATISTICS = ("p50", "p90", "p95", "p99", "mean")
_WORDS = re.compile(r"^\s*ttft\s+(p50|p90|p95|p99|mean)\s*<=?\s*([0-9]*\.?[0-9]+)\s*(ms|s)\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Objective:
    """A statistic of the time to first token, and the seconds it must stay under."""

    statistic: str
    seconds: float

    def __str__(self) -> str:
        return f"ttft {self.statistic} < {self.seconds:g}s"

    def of(self, seconds: Floats) -> float:
        """The statistic of these times (nearest rank)."""
        return statistic(seconds, self.statistic)

    def met_by(self, seconds: float) -> bool:
        """Whether a value keeps the promise."""
        return seconds < self.seconds


def parse_objective(text: str) -> Objective:
    """The objective in words. Raises WrongUse."""
    found = _WORDS.match(text)
    if not found:
        message = f"The objective {text!r} is not understood."
        raise WrongUse(message, 'Write for example "ttft p95 < 2s": ttft, one of p50 p90 p95 p99 mean, <, and s or ms.')
    value = float(found[2]) / (1000.0 if found[3].lower() == "ms" else 1.0)
    if value <= 0:
        message = f"The objective {text!r} allows no time at all."
        raise WrongUse(message, "Give a limit above 0.")
    return Objective(found[1].lower(), value)


def statistic(seconds: Floats, name: str) -> float:
    """Mean, or a percentile by nearest rank (a time that occurred); NaN of nothing."""
    if not len(seconds):
        return float("nan")
    if name == "mean":
        return float(np.mean(seconds))
    rank = -(-int(name.removeprefix("p")) * len(seconds) // 100) - 1  # ceil of the share, from 0
    return float(np.partition(seconds, rank)[rank])
