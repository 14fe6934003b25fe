"""How wrong is an iteration time? Its error on measured points that it did not see, and what calibration leaves of it.

Measured over every shipped point whose model and GPU are in the catalogues (``evaluate``); the constants are its results,
re-derived in the tests and printed by ``benchmarks/bench_serving.py``. An error is lognormal: time taken over time said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import find_gpu
from netyield.core.inference.models import find_model
from netyield.economics.serving.fitting import calibrated, explained, fit, predicted
from netyield.economics.serving.points import Point
from netyield.economics.serving.roofline import Machine, roofline
from netyield.economics.serving.step_time import StepTime

Floats = NDArray[np.float64]
LARGEST_BATCH = 1024


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


# (median error, log sd) by method and by how many points calibrated it.
ROOFLINE = {0: (0.22, 0.39), 1: (0.16, 0.31), 3: (0.13, 0.32), 5: (0.11, 0.27)}
MEASURED = (0.07, 0.19)
# Medians measured on its own silicon sample with release 0.12.0; the calibrated spread is in proportion to them.
AICONFIGURATOR = {0: (0.18, 0.37), 1: (0.161, 0.33), 3: (0.138, 0.28), 5: (0.127, 0.26)}


def shrunk(table: dict[int, tuple[float, float]], points: int, basis: str) -> Uncertainty:
    """The error after calibration with so many points: that of the nearest smaller number measured."""
    used = max(each for each in table if each <= points)
    median, log_sd = table[used]
    words = f"{basis}, calibrated with {points} points" if points else basis
    return Uncertainty(median, log_sd, words)


def cells(points: Sequence[Point]) -> dict[tuple[str, str, str, str, int], list[Point]]:
    """Points of one model, GPU, engine, precision and number of GPUs."""
    found: dict[tuple[str, str, str, str, int], list[Point]] = defaultdict(list)
    for each in points:
        found[each.model, each.gpu, each.engine, each.precision, each.gpus].append(each)
    return dict(found)


def prior_of(cell: tuple[str, str, str, str, int]) -> StepTime | None:
    """The roofline of a cell; None when its model or GPU is not in the catalogues."""
    model, gpu, _, precision, gpus = cell
    try:
        machine = Machine(find_model(model), find_gpu(gpu), gpus, precision, "bf16" if precision == "bf16" else "fp8")
        return roofline(machine, LARGEST_BATCH)
    except WrongUse:
        return None


def evaluate(points: Sequence[Point], seen: int, seed: int = 0) -> Floats:
    """Said over measured, for every point, by the roofline calibrated with ``seen`` other points of its cell."""
    rng = np.random.default_rng(seed)

    def said(held: list[Point], known: list[Point], prior: StepTime) -> Floats:
        step = calibrated(prior, known) if known else prior
        return np.array([predicted(step, each) / each.tpot_s for each in held])

    def split(cell: list[Point]) -> list[tuple[list[Point], list[Point]]]:
        order = rng.permutation(len(cell))
        return [([cell[i] for i in order[seen:]], [cell[i] for i in order[:seen]])]

    return _over_cells(points, split, said, seen + 1)


def evaluate_fits(points: Sequence[Point], folds: int = 5, seed: int = 0) -> Floats:
    """Said over measured for held-back points of cells that are fitted with the others (cross-validation)."""
    rng = np.random.default_rng(seed)

    def split(cell: list[Point]) -> list[tuple[list[Point], list[Point]]]:
        order = rng.permutation(len(cell))
        return [
            ([cell[i] for i in order[fold::folds]], [cell[i] for n, i in enumerate(order) if n % folds != fold])
            for fold in range(folds)
        ]

    return _over_cells(points, split, lambda held, known, prior: explained(fit(known, prior), held), folds)


def _over_cells(
    points: Sequence[Point],
    split: Callable[[list[Point]], list[tuple[list[Point], list[Point]]]],
    said: Callable[[list[Point], list[Point], StepTime], Floats],
    least: int,
) -> Floats:
    found: list[Floats] = []
    for key, cell in cells(points).items():
        prior = prior_of(key)
        if prior is None or len(cell) < least:
            continue
        found += [said(held, known, prior) for held, known in split(cell)]
    return np.concatenate(found)


def summary(ratios: Floats) -> tuple[float, float]:
    """(median absolute error, standard deviation of the logarithm)."""
    return float(np.median(np.abs(ratios - 1))), float(np.std(np.log(ratios)))
