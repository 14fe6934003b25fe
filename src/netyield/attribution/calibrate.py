"""What does a computed input token cost beside an output token, on this replica's own counters?

Least squares without intercept over slots: active microseconds = a * computed prompt tokens + b * generated tokens.
Used when both are positive and R2 reaches the configured floor; else the declared weights stand. Counter deltas are
reset-aware: a drop starts a new segment whose first value counts from zero (never ``increase()``, which extrapolates).
Source: facts sheet on GPU telemetry sections 3 and 7.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
SCALE = 1000  # weights are whole thousandths of a microsecond per token
FEWEST_SLOTS = 12


@dataclass(frozen=True, slots=True)
class Fit:
    """Microseconds of active GPU time per computed input token and per output token, and how well they explain it."""

    prefill_us_per_token: float
    decode_us_per_token: float
    r_squared: float
    slots: int

    @property
    def weights(self) -> tuple[int, int]:
        """Whole-number weights in the same proportion, at least 1 each."""
        return max(1, round(self.prefill_us_per_token * SCALE)), max(1, round(self.decode_us_per_token * SCALE))


def deltas(times_us: Ints, values: Floats, slot_us: int) -> dict[int, float]:
    """Counter growth per slot (start in microseconds); growth between two samples belongs to the later one's slot.

    Readings further apart than two slots do not say in which of them the counter grew: the slots they lie in are left out.
    """
    order = np.argsort(times_us, kind="stable")
    times, series = times_us[order], values[order]
    if len(series) < 2:
        return {}
    step = np.diff(series)
    growth = np.where(step >= 0, step, series[1:])
    slots = (times[1:] - 1) // slot_us * slot_us
    starts, where = np.unique(slots, return_inverse=True)
    sums = np.bincount(where, weights=growth)
    far = np.diff(times) > 2 * slot_us
    vague = {*slots[far].tolist(), *(times[:-1][far] // slot_us * slot_us).tolist()}
    return {int(start): float(total) for start, total in zip(starts, sums, strict=True) if int(start) not in vague}


def fit(active_us: Mapping[int, int], prefill: Mapping[int, float], decode: Mapping[int, float]) -> Fit | None:
    """The fit over the slots all three cover, or None when there are too few or a weight is not positive."""
    slots = sorted(set(active_us) & (set(prefill) | set(decode)))
    if len(slots) < FEWEST_SLOTS:
        return None
    work = np.array([[prefill.get(s, 0.0), decode.get(s, 0.0)] for s in slots])
    busy = np.array([float(active_us[s]) for s in slots])
    solution, _, rank, _ = np.linalg.lstsq(work, busy, rcond=None)
    if rank < 2 or min(solution) <= 0:
        return None
    residual = float(np.sum((busy - work @ solution) ** 2))
    spread = float(np.sum((busy - busy.mean()) ** 2))
    r_squared = 1.0 - residual / spread if spread > 0 else 0.0
    return Fit(float(solution[0]), float(solution[1]), r_squared, len(slots))
