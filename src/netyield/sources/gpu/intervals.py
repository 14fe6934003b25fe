"""How long does each reading stand? The declared interval, or the usual gap between a device's own readings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

UNKNOWN_US = -1


@dataclass(slots=True)
class Intervals:
    """Microseconds per series. Without ``declared_us`` each is the median gap in the first block that shows one."""

    declared_us: int | None
    inferred: dict[int, int] = field(default_factory=dict)

    def of(self, count: int, series: NDArray[np.int64], us: NDArray[np.int64]) -> NDArray[np.int64]:
        """One interval for each of ``count`` series, given one block's readings; UNKNOWN_US where none shows."""
        if self.declared_us is not None:
            return np.full(count, self.declared_us, np.int64)
        if len(self.inferred) < count:
            self._infer(series, us)
        usual = int(np.median(list(self.inferred.values()))) if self.inferred else UNKNOWN_US
        return np.array([self.inferred.get(number, usual) for number in range(count)], np.int64)

    def _infer(self, series: NDArray[np.int64], us: NDArray[np.int64]) -> None:
        order = np.lexsort((us, series))
        s, t = series[order], us[order]
        gap = t[1:] - t[:-1]
        real = (s[1:] == s[:-1]) & (gap > 0)
        owner, gap = s[1:][real], gap[real]
        names, starts = np.unique(owner, return_index=True)
        for name, start, stop in zip(names, starts, [*starts[1:], owner.size], strict=False):
            self.inferred.setdefault(int(name), int(np.median(gap[start:stop])))
