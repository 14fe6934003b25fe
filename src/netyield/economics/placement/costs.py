"""What does one way cost a month, in every draw? Money by part, GPUs paid for, and what utilisation that comes to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from netyield.core.finding import Finding, Severity
from netyield.economics.placement.uncertain import Float64

MILLION = 1e6


@dataclass
class Cost:
    """Monthly dollars by part, per draw. ``missing``: why no figure can be given; then there are none.

    ``training_room`` are GPU-hours serving leaves over; ``training_hours`` those training uses of them, of
    ``training_wanted``; ``training_usd`` is what all of it would cost elsewhere.
    """

    parts: dict[str, Float64] = field(default_factory=dict)
    replicas: Float64 | None = None
    gpus: Float64 | None = None
    utilisation: Float64 | None = None
    meets_slo: bool | None = None
    kilowatts: Float64 | None = None
    rack_units: Float64 | None = None
    training_room: Float64 | None = None
    training_hours: Float64 | None = None
    training_wanted: Float64 | None = None
    training_usd: Float64 | None = None
    missing: list[Finding] = field(default_factory=list)
    notes: list[Finding] = field(default_factory=list)

    @property
    def usd_per_month(self) -> Float64:
        """All parts together."""
        return np.asarray(np.sum(list(self.parts.values()), axis=0), np.float64)

    @property
    def serving_usd_per_month(self) -> Float64:
        """The same without the training that shares the bill, at what it would cost by itself."""
        return self.usd_per_month if self.training_usd is None else self.usd_per_month - self.training_usd

    def for_useful(self, ratio: Float64 | float) -> Float64:
        """Dollars a month for as many useful answers as today's: serving grows where fewer are useful, training does not."""
        serving = self.serving_usd_per_month / ratio
        return serving if self.training_usd is None else serving + self.training_usd

    @property
    def known(self) -> bool:
        """Whether there is a figure."""
        return not self.missing and bool(self.parts)


def finding(code: str, severity: Severity, message: str, repair: str) -> Finding:
    """A remark of this room."""
    return Finding(f"placement.{code}", severity, message, repair)
