"""What is promised? ``ttft p99 < 2s, tpot p99 < 100ms`` read into quantiles and limits, all of which must be kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse
from netyield.economics.serving.simulator import Served

Floats = NDArray[np.float64]
_WORDS = re.compile(
    r"(ttft|tpot|e2e)\s+(p50|p90|p95|p99|p99\.9|mean)\s*<=?\s*([0-9]*\.?[0-9]+)\s*(ms|s)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Limit:
    """A statistic of a latency and the seconds it must stay within. tpot: seconds per output token after the first."""

    latency: str
    statistic: str
    seconds: float

    def __str__(self) -> str:
        return f"{self.latency} {self.statistic} < {self.seconds:g}s"

    def of(self, times: Floats) -> float:
        """The statistic of these times (percentiles by linear interpolation); NaN of nothing. Unserved count as endless."""
        if not len(times):
            return float("nan")
        if self.statistic == "mean":
            return float(np.mean(times))
        share = float(self.statistic[1:]) / 100
        upper = int(np.ceil(share * (len(times) - 1)))
        if np.isinf(np.partition(times, upper)[upper]):
            return float("inf")
        return float(np.quantile(times, share))


@dataclass(frozen=True, slots=True)
class Objectives:
    """All limits of a promise."""

    limits: tuple[Limit, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.limits))

    def reached(self, served: Served, arrival_s: Floats) -> dict[str, float]:
        """The value of each limit's statistic, by the limit's words."""
        return {str(limit): limit.of(latencies(served, arrival_s, limit.latency)) for limit in self.limits}

    def kept(self, reached: dict[str, float]) -> bool:
        """Whether every statistic is within its limit (nothing to measure is kept: outputs of one token have no TPOT)."""
        return all(not reached[str(limit)] > limit.seconds for limit in self.limits)

    def good_share(self, served: Served, arrival_s: Floats) -> float:
        """Goodput: the share of requests of which each is within every limit by itself."""
        good = np.isfinite(served.end_s)
        for limit in self.limits:
            times = _per_request(served, arrival_s, limit.latency)
            good &= ~(times > limit.seconds)
        return float(good.mean())


def latencies(served: Served, arrival_s: Floats, latency: str) -> Floats:
    """Times of one kind of the requests that have it; requests that were never served have endless ones."""
    times = _per_request(served, arrival_s, latency)
    lost = np.isnan(served.end_s)
    times = np.where(lost, np.inf, times)
    return np.asarray(times[~np.isnan(times)], np.float64)


def _per_request(served: Served, arrival_s: Floats, latency: str) -> Floats:
    if latency == "ttft":
        return served.ttft_s
    return served.tpot_s if latency == "tpot" else np.asarray(served.end_s - arrival_s, np.float64)


def parse_objectives(text: str) -> Objectives:
    """The promise in words, limits separated by commas. Raises WrongUse."""
    limits: list[Limit] = []
    for part in text.split(","):
        found = _WORDS.fullmatch(part.strip())
        value = float(found[3]) / (1000.0 if found[4].lower() == "ms" else 1.0) if found else 0.0
        if not found or value <= 0:
            message = f"The objective {part.strip()!r} is not understood."
            example = '"ttft p99 < 2s, tpot p99 < 100ms"'
            raise WrongUse(message, f"Write for example {example}: ttft, tpot or e2e, p50 to p99 or mean, <, s or ms.")
        limits.append(Limit(found[1].lower(), found[2].lower(), value))
    return Objectives(_each_once(limits))


def _each_once(limits: Sequence[Limit]) -> tuple[Limit, ...]:
    names = [(limit.latency, limit.statistic) for limit in limits]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        message = f"The objective names {' '.join(twice)} twice."
        raise WrongUse(message, "Give each statistic once.")
    return tuple(limits)
