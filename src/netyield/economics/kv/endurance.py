"""How fast does a cache wear its drives, and how many does that take?

    drives for wear = bytes written per day / (drive size * drive writes per day)

Write-through writes every block once when it is new (and again whenever it returns after eviction). Admission on the
second touch writes a block only when it is asked for again: far fewer writes, one more miss per block.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from netyield.sources.traces.trace import Trace

TB, DAY_SECONDS = 1e12, 86_400.0


@dataclass(frozen=True, slots=True)
class Wear:
    """Bytes written over a span, and what they mean per hour, day and drive."""

    written_bytes: float
    seconds: float

    @property
    def tb(self) -> float:
        """Terabytes (10^12) over the span."""
        return self.written_bytes / TB

    @property
    def tb_per_hour(self) -> float:
        """Terabytes per hour; 0 for a trace without a span."""
        return self.tb / self.seconds * 3600.0 if self.seconds else 0.0

    @property
    def tb_per_day(self) -> float:
        """Terabytes per day."""
        return self.tb / self.seconds * DAY_SECONDS if self.seconds else 0.0

    def drives(self, drive_tb: float, writes_per_day: float) -> float:
        """Drives that wear as their maker allows, not rounded."""
        return self.tb_per_day / (drive_tb * writes_per_day)

    def whole_drives(self, drive_tb: float, writes_per_day: float) -> int:
        """Drives to buy for wear alone."""
        return math.ceil(self.drives(drive_tb, writes_per_day) - 1e-9)


def write_through(trace: Trace, block_bytes: float) -> Wear:
    """Every distinct block written once: what a drive that never evicts takes."""
    return Wear(trace.unique_blocks * block_bytes, trace.span_seconds)


def second_touch(trace: Trace, block_bytes: float) -> Wear:
    """Only blocks that are asked for at least twice."""
    touches = np.bincount(trace.nodes, minlength=trace.unique_blocks)
    return Wear(int((touches > 1).sum()) * block_bytes, trace.span_seconds)
