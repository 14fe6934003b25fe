"""How many replicas does a demand need? Plain values of a simulation or a load test, interpolated, never a utilisation.

``levels`` say how many replicas keep the latency objective when the whole measured window comes ``demand`` times as
often; its bursts are in them. ``held_per_replica`` is what one busy replica carries within the objective, as a multiple of
the window's mean demand: for a fleet that follows the load (time of day, a trough with the rest spilled to an API).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.economics.placement.demand import Demand
from netyield.economics.placement.uncertain import Float64

MODELLED, RATED = "simulated", "rated"


@dataclass(frozen=True, slots=True)
class Level:
    """One demand: replicas that keep the objective, how busy they are, and whether the objective is kept at all."""

    demand: float
    replicas: int
    utilisation: float
    meets_slo: bool = True


@dataclass(frozen=True)
class Capacity:
    """Replicas of one GPU type and engine for one window. ``log_sd`` is the spread of the service-time model, known from
    ``error_source``; ``error_assumed``: nobody measured it for this replica. ``model``: which was simulated."""

    gpu: str
    gpus_per_replica: int
    levels: tuple[Level, ...]
    log_sd: float
    source: str
    evidence: str = MODELLED
    measured_on: str = ""
    gpu_memory_gib: float | None = None
    error_source: str = ""
    error_assumed: bool = False
    model: str = ""

    @property
    def meets_slo(self) -> bool:
        """Whether any size of fleet keeps the objective at the measured demand."""
        near = min(self.levels, key=lambda level: abs(np.log(level.demand)))
        return near.meets_slo

    @property
    def held_per_replica(self) -> float:
        """The most demand per replica any level reached within the objective."""
        kept = [level for level in self.levels if level.meets_slo] or list(self.levels)
        return max(level.demand / level.replicas for level in kept)

    def replicas(self, demand: Float64) -> Float64:
        """Whole replicas for demands; beyond the largest level in proportion to it, at least one for any demand."""
        levels = sorted(self.levels, key=lambda level: level.demand)
        at = np.array([0.0, *(level.demand for level in levels)])
        # More demand never needs fewer replicas: the envelope takes out what is noise of one simulation.
        need = np.maximum.accumulate(np.array([0.0, *(float(level.replicas) for level in levels)]))
        inside = np.interp(demand, at, need)
        beyond = need[-1] * demand / at[-1]
        return np.maximum(1.0, np.ceil(np.where(demand > at[-1], beyond, inside) - 1e-9))

    def busy(self, demand: Float64) -> Float64:
        """Replicas' worth of work in a demand: replicas times utilisation of the levels."""
        levels = sorted(self.levels, key=lambda level: level.demand)
        at = [0.0, *(level.demand for level in levels)]
        work = [0.0, *(level.replicas * level.utilisation for level in levels)]
        beyond = work[-1] * demand / at[-1]
        return np.where(demand > at[-1], beyond, np.interp(demand, at, work))

    def following(self, demand: Float64) -> Float64:
        """Whole replicas for the demand of single bins: what a fleet that follows the load runs in each."""
        return np.maximum(1.0, np.ceil(demand / self.held_per_replica - 1e-9))


@dataclass(frozen=True, slots=True)
class Rated:
    """What a load test says one replica does within the objective, in tokens per second.

    Either ``processed`` (input and output together, of a replica that does both), or ``prefill`` and ``decode``: the input
    rate of a replica that only prefills, and the output rate of one that only decodes. One of the two alone is refused
    where it is read: a decode rate leaves the prefill out of the cost.
    """

    processed: float | None = None
    prefill: float | None = None
    decode: float | None = None

    def load(self, demand: Demand) -> float:
        """Replicas kept busy all the time by the window's mean demand."""
        if self.processed:
            return demand.processed_tokens / demand.span_seconds / self.processed
        prefill, decode = self.prefill or np.inf, self.decode or np.inf
        return (demand.input_tokens / prefill + demand.output_tokens / decode) / demand.span_seconds


def rated(
    gpu: str, gpus_per_replica: int, rates: Rated, demand: Demand, log_sd: float, source: str, measured_on: str = ""
) -> Capacity:
    """Capacity from a load test: the busiest bin of the window decides, not its mean. Queueing inside a bin is not seen."""
    load = rates.load(demand)
    peak = demand.peak_to_mean
    levels = []
    for times in (2.0**power for power in range(-4, 8)):
        need = max(1, int(np.ceil(load * times * peak - 1e-9)))
        levels.append(Level(times, need, load * times / need))
    found = Capacity(gpu, gpus_per_replica, tuple(levels), log_sd, source, RATED, measured_on)
    return _ExactCapacity(**{name: getattr(found, name) for name in found.__dataclass_fields__}, load=load, peak=peak)


@dataclass(frozen=True)
class _ExactCapacity(Capacity):
    """Capacity in proportion to the demand: nothing is interpolated."""

    load: float = 1.0
    peak: float = 1.0

    @property
    def held_per_replica(self) -> float:
        return 1.0 / self.load

    def replicas(self, demand: Float64) -> Float64:
        return np.maximum(1.0, np.ceil(self.load * self.peak * demand - 1e-9))

    def busy(self, demand: Float64) -> Float64:
        return self.load * demand
