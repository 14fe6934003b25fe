"""How long does it take to load cached blocks over a link? Latency, and a bandwidth that depends on the size.

    seconds(bytes) = latency + bytes / bandwidth

which by itself makes small transfers slow: with 0.4 ms and 150 GB/s it fits the published rates of eight RoCE links
(36.5 GB/s at 20 MB, 142 at 4.5 GB) within 12 %. A measured table of (bytes, GB/s) takes its place where it is given,
straight between its points in the logarithm of the size, flat outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
GB = 1e9


@dataclass(frozen=True, slots=True)
class Link:
    """One link: ``latency_seconds`` of every transfer, ``gb_per_second`` of large ones, or what was ``measured``."""

    latency_seconds: float
    gb_per_second: float
    measured: tuple[tuple[float, float], ...] = ()

    def seconds(self, size_bytes: Floats) -> Floats:
        """Seconds of transfers of these sizes; nothing takes no time."""
        size = np.asarray(size_bytes, dtype=np.float64)
        spent = self.latency_seconds + size / (self.bandwidth(size) * GB)
        return np.asarray(np.where(size > 0, spent, 0.0), dtype=np.float64)

    def bandwidth(self, size_bytes: Floats) -> Floats:
        """GB/s once the transfer runs, without the latency."""
        size = np.asarray(size_bytes, dtype=np.float64)
        if not self.measured:
            return np.full_like(size, self.gb_per_second)
        sizes, rates = (np.array(column, dtype=np.float64) for column in zip(*sorted(self.measured), strict=True))
        return np.asarray(np.interp(np.log(np.maximum(size, 1.0)), np.log(sizes), rates), dtype=np.float64)

    def effective_gb_per_second(self, size_bytes: float) -> float:
        """GB/s of a whole transfer, latency included."""
        return size_bytes / float(self.seconds(np.array([size_bytes]))[0]) / GB

    def times(self, factor: float) -> Link:
        """The same link with its bandwidth multiplied."""
        table: Sequence[tuple[float, float]] = [(size, rate * factor) for size, rate in self.measured]
        return Link(self.latency_seconds, self.gb_per_second * factor, tuple(table))
