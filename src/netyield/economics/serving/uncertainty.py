"""How wrong may an iteration time be, and what does calibration leave of it? An error is lognormal: time taken over time said.

The constants are results of ``held_back`` on the shipped points: re-derived in the tests (roofline, measured cells) and by
``benchmarks/bench_service_time.py`` (aiconfigurator, which the tests do not have).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Median absolute error, and the standard deviation of its logarithm; ``basis``: how it is known."""

    median_error: float
    log_sd: float
    basis: str

    def factors(self, count: int, seed: int = 0) -> Floats:
        """How many times as slow the replica may be: draws of the lognormal with median 1."""
        return np.asarray(np.exp(np.random.default_rng(seed).normal(0.0, self.log_sd, count)), np.float64)

    def bound(self, quantile_sigmas: float) -> float:
        """The factor so many standard deviations away: 1.2816 is P90, -1.2816 P10."""
        return float(np.exp(self.log_sd * quantile_sigmas))


# (median error, log sd) by how many points calibrated it.
ROOFLINE = {0: (0.22, 0.39), 1: (0.155, 0.35), 3: (0.09, 0.28), 5: (0.07, 0.23)}
MEASURED = (0.055, 0.18)
# Of the iteration times taken from release 0.12.0, on its own silicon sample and so a lower bound.
AICONFIGURATOR = {0: (0.14, 0.37), 1: (0.09, 0.27), 3: (0.085, 0.30), 5: (0.06, 0.22)}
AICONFIGURATOR_ON = {"H100": (0.09, 0.18), "H200": (0.14, 0.34), "B200": (0.26, 0.45)}


def shrunk(table: dict[int, tuple[float, float]], points: int, basis: str) -> Uncertainty:
    """The error after calibration with so many points: that of the nearest smaller number measured."""
    used = max(each for each in table if each <= points)
    median, log_sd = table[used]
    words = f"{basis}, calibrated with {points} points" if points else basis
    return Uncertainty(median, log_sd, words)
