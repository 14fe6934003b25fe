"""Where does more cache begin to pay less? The knee of a hit curve, by a named method.

Kneedle (Satopää, Albrecht, Irwin and Raghavan, ICDCS 2011) on linear axes: the capacity at which the curve stands
highest above the straight line from no cache to the smallest cache that reaches the ceiling. Up to it a block earns
more than the average block of a full cache, beyond it less.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

METHOD = "kneedle: greatest distance above the line from no cache to the smallest cache that reaches the ceiling"


@dataclass(frozen=True, slots=True)
class Knee:
    """The capacity, its hit ratio, and the part of the ceiling it reaches."""

    capacity_blocks: int
    ratio: float
    ceiling_share: float


def knee(capacities: NDArray[np.integer], ratios: NDArray[np.floating]) -> Knee | None:
    """The knee of a curve given at rising capacities, no cache first or not; None when nothing is ever hit."""
    if not len(ratios) or ratios.max() <= 0:
        return None
    full = int(np.argmax(ratios >= ratios.max()))
    sizes, parts = capacities[: full + 1].astype(float), ratios[: full + 1] / ratios[full]
    at = int(np.argmax(parts - sizes / max(sizes[-1], 1.0)))
    return Knee(int(capacities[at]), float(ratios[at]), float(parts[at]))
