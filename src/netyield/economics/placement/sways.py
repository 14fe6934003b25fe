"""How far does each input sway the choice? The leader's saving over the cheapest other, one input at its P10 and its P90.

The input is set in all draws and everything else stays as drawn, so that what an input does not touch it does not sway.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.economics.placement.compare import Comparison
from netyield.economics.placement.flips import Asking, asking

LEAST_SHARE = 1e-4  # of the leader's cost: less is not worth a line


@dataclass(frozen=True, slots=True)
class Sway:
    """The leader's saving in dollars a month where the input is low and where it is high; negative: another is cheaper."""

    input: str
    low: float
    high: float


def sways(found: Comparison) -> list[Sway]:
    """Every uncertain input that moves the saving, the farthest first; nothing where there is no other option."""
    if len(found.ranked) < 2 or found.leader is None:
        return []
    asked = asking(found)
    least = LEAST_SHARE * asked.base[found.leader]
    listed = []
    for key, used in found.case.inputs.used.items():
        if used.value.exact or key not in found.contended:
            continue
        ends = np.percentile(found.case.inputs.draws.value(key, used.value), (10, 90))
        low, high = (_saving(asked, found.leader, key, float(value)) for value in ends)
        if abs(high - low) > least:
            listed.append(Sway(key, low, high))
    return sorted(listed, key=lambda sway: -abs(sway.high - sway.low))


def _saving(asked: Asking, leader: str, key: str, value: float) -> float:
    medians = asked.medians(key, value)
    return min(amount for name, amount in medians.items() if name != leader) - medians[leader]
