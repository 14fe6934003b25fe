"""What is not known exactly? An input as an interval, and the same random draws of it every time.

A number is exact. ``[low, mid, high]`` is triangular: never below low, never above high, most likely mid. ``lognormal``
is a factor around 1 with a standard deviation of its logarithm: errors of a model, paths of a price. Each input draws from
its own stream, seeded by its name, so that adding an option moves no other option's figures and options that share an
input (growth, the price path of GPUs) share its draws.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]
DRAWS, SEED = 1000, 20261122
PERCENTILES = (10.0, 50.0, 90.0)


@dataclass(frozen=True, slots=True)
class Uncertain:
    """An input: triangular over (low, mid, high), or a lognormal factor (``log_sd`` > 0, mid its median).

    ``source`` and ``dated``: whose word this very number is, where it was written beside it.
    """

    low: float
    mid: float
    high: float
    log_sd: float = 0.0
    source: str = ""
    dated: str = ""

    @property
    def exact(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high and not self.log_sd

    @property
    def words(self) -> str:
        """``2.35``, ``1.9 to 3.5, likely 2.4`` or ``1 with a spread of 0.18``."""
        if self.log_sd:
            return f"{self.mid:.6g}, lognormal with sd {self.log_sd:.3g}"
        return f"{self.mid:.6g}" if self.exact else f"{self.low:.6g} to {self.high:.6g}, likely {self.mid:.6g}"

    def plain(self) -> Any:
        """The input as JSON: a number, a list of three, or an object."""
        if self.log_sd:
            return {"median": self.mid, "log_sd": self.log_sd}
        return self.mid if self.exact else [self.low, self.mid, self.high]


def exactly(value: float) -> Uncertain:
    """A number that is known."""
    return Uncertain(value, value, value)


def within(low: float, mid: float, high: float) -> Uncertain:
    """A triangular interval."""
    return Uncertain(low, mid, high)


def lognormal(log_sd: float, mid: float = 1.0) -> Uncertain:
    """A factor whose logarithm has this standard deviation; bounds are two of them, for reading only."""
    return Uncertain(mid * float(np.exp(-2 * log_sd)), mid, mid * float(np.exp(2 * log_sd)), log_sd)


@dataclass
class Draws:
    """``count`` draws of every input by its key. ``fixed`` replaces an input in all draws (what-if, flips).

    ``asked`` fills with the inputs used: what an answer lists, and what a flip is looked for in.
    """

    count: int = DRAWS
    seed: int = SEED
    fixed: Mapping[str, float] = field(default_factory=dict)
    asked: dict[str, Uncertain] = field(default_factory=dict)
    _noise: dict[tuple[str, str], Float64] = field(default_factory=dict)
    _values: dict[str, Float64] = field(default_factory=dict)

    def value(self, key: str, of: Uncertain) -> Float64:
        """``count`` draws of an input."""
        self.asked.setdefault(key, of)
        if key in self.fixed:
            return np.full(self.count, self.fixed[key])
        found = self._values.get(key)
        if found is None:
            found = self._values[key] = self._drawn(key, of)
        return found

    def normal(self, key: str, columns: int) -> Float64:
        """(count, columns) standard normal noise: the steps of a path."""
        kept = self._noise.get((key, str(columns)))
        if kept is None:
            kept = self._noise[(key, str(columns))] = self._stream(key).standard_normal((self.count, columns))
        return kept

    def with_fixed(self, key: str, value: float) -> Draws:
        """The same draws with one input at a value."""
        return replace(self, fixed={**self.fixed, key: value}, asked=dict(self.asked))

    def _stream(self, key: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(key.encode("utf-8"))])

    def _drawn(self, key: str, of: Uncertain) -> Float64:
        if of.exact:
            return np.full(self.count, of.mid)
        if of.log_sd:
            return of.mid * np.exp(of.log_sd * self._stream(key).standard_normal(self.count))
        return self._stream(key).triangular(of.low, of.mid, of.high, self.count)


def percentiles(values: Float64) -> tuple[float, float, float]:
    """P10, P50 and P90."""
    low, middle, high = np.percentile(values, PERCENTILES)
    return float(low), float(middle), float(high)
