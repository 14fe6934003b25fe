"""How wrong is an iteration time on measured points that it did not see? Said over measured, over every shipped cell.

A cell is what one replica is: model, GPU, engine, precision and number of GPUs. Public runs repeat one another on other
days, so that points of one load (lengths, and requests at once within a fifth) are never on both sides of a split.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import find_gpu
from netyield.core.inference.models import find_model
from netyield.economics.serving.fitting import PULL, calibrated, explained, fit, predicted
from netyield.economics.serving.points import Point
from netyield.economics.serving.roofline import Machine, roofline
from netyield.economics.serving.step_time import StepTime

Floats = NDArray[np.float64]
Cell = tuple[str, str, str, str, int]  # model, GPU, engine, precision, GPUs of a replica
Prior = Callable[[Cell], StepTime | None]
Split = Callable[[list[Point]], Iterator[tuple[list[Point], list[Point]]]]
LARGEST_BATCH = 1024
PULLS = (0.001, 0.003, 0.01, 0.03, 0.1)


def cells(points: Sequence[Point]) -> dict[Cell, list[Point]]:
    """Points of one model, GPU, engine, precision and number of GPUs."""
    found: dict[Cell, list[Point]] = defaultdict(list)
    for each in points:
        found[each.cell].append(each)
    return dict(found)


def machine_of(cell: Cell) -> Machine:
    """The replica a cell's points were measured on. Raises WrongUse when its model or GPU is not in the catalogues."""
    model, gpu, _, precision, gpus = cell
    return Machine(find_model(model), find_gpu(gpu), gpus, precision, "bf16" if precision == "bf16" else "fp8")


def prior_of(cell: Cell) -> StepTime | None:
    """The roofline of a cell; None when its model or GPU is not in the catalogues."""
    try:
        return roofline(machine_of(cell), LARGEST_BATCH)
    except WrongUse:
        return None


def evaluate(points: Sequence[Point], seen: int, prior: Prior = prior_of, pull: float = PULL, draws: int = 3) -> Floats:
    """Said over measured, for points of other loads, by a prior (the roofline) calibrated with ``seen`` loads of the cell.

    Which loads are seen is drawn so many times (once where none is).
    """
    rng = np.random.default_rng(0)

    def split(cell: list[Point]) -> Iterator[tuple[list[Point], list[Point]]]:
        for _ in range(draws if seen else 1):
            loads = _loads(cell, rng)
            if len(loads) > seen:
                yield [each for one in loads[seen:] for each in one], [one[0] for one in loads[:seen]]

    def said(held: list[Point], known: list[Point], step: StepTime) -> Floats:
        found = calibrated(step, known, pull) if known else step
        return np.array([predicted(found, each) / each.tpot_s for each in held])

    return _over_cells(points, split, said, prior)


def evaluate_fits(points: Sequence[Point], folds: int = 5, seed: int = 0, pull: float = PULL) -> Floats:
    """Said over measured for held-back loads of cells that are fitted with the others (cross-validation)."""
    rng = np.random.default_rng(seed)

    def split(cell: list[Point]) -> Iterator[tuple[list[Point], list[Point]]]:
        loads = _loads(cell, rng)
        for fold in range(folds if len(loads) >= folds else 0):
            held = [each for one in loads[fold::folds] for each in one]
            yield held, [each for at, one in enumerate(loads) if at % folds != fold for each in one]

    return _over_cells(points, split, lambda held, known, step: explained(fit(known, step, pull), held), prior_of)


def nested(
    points: Sequence[Point], seen: int, prior: Prior = prior_of, draws: int = 3
) -> tuple[Floats, dict[str, float]]:
    """The errors where the pull was chosen on the other GPUs' points, and which it was for each GPU.

    Chosen is the pull with the least mean absolute logarithm of the error.
    """
    gpus = sorted({each.gpu for each in points})
    by_gpu = {gpu: [each for each in points if each.gpu == gpu] for gpu in gpus}
    errors = {(gpu, pull): evaluate(by_gpu[gpu], seen, prior, pull, draws) for gpu in gpus for pull in PULLS}
    chosen = {}
    for gpu in gpus:
        others = {pull: np.concatenate([errors[each, pull] for each in gpus if each != gpu]) for pull in PULLS}
        chosen[gpu] = min(PULLS, key=lambda pull: float(np.mean(np.abs(np.log(others[pull])))))
    return np.concatenate([errors[gpu, pull] for gpu, pull in chosen.items()]), chosen


def summary(ratios: Floats) -> tuple[float, float]:
    """(median absolute error, standard deviation of the logarithm)."""
    return float(np.median(np.abs(ratios - 1))), float(np.std(np.log(ratios)))


def _loads(cell: Sequence[Point], rng: np.random.Generator) -> list[list[Point]]:
    """The points of each load, loads and points in random order."""
    found: dict[tuple[float, float, int], list[Point]] = defaultdict(list)
    for at in rng.permutation(len(cell)).tolist():
        each = cell[at]
        found[each.input_tokens, each.output_tokens, round(4 * math.log2(each.decoding))].append(each)
    return list(found.values())


def _over_cells(
    points: Sequence[Point], split: Split, said: Callable[[list[Point], list[Point], StepTime], Floats], prior: Prior
) -> Floats:
    found: list[Floats] = [np.zeros(0)]
    for key, cell in cells(points).items():
        step = prior(key)
        if step is not None:
            found += [said(held, known, step) for held, known in split(cell)]
    return np.concatenate(found)
