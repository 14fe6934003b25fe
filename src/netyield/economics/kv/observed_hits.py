"""What did a running engine's prefix cache really hit, and how large a cache of the curve does that correspond to?

From the counters an engine exposes, all of them in tokens:

    vLLM    vllm:prefix_cache_queries, _hits            asked of and found in GPU memory
            vllm:external_prefix_cache_queries, _hits   asked of a connector (host memory, disk, a shared store) for what
                                                        GPU memory did not have, and found there
            vllm:gpu_prefix_cache_queries, _hits        the same as the first pair, in older versions
    SGLang  sglang:prompt_tokens, sglang:cached_tokens  all prompt tokens, and those found in any tier

Counters grow and fall back to zero when a process restarts: a drop counts from zero, and nothing is extrapolated past
the first or last reading. A process with queries but no growth, or none of these counters, has no hit rate: null.
Sources: docs.vllm.ai (design/metrics), docs.sglang.ai (production metrics).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from netyield.core.errors import WrongUse
from netyield.economics.kv.curve import Curve
from netyield.economics.kv.definition import Definition, Denominator, Match, Mean, Weight
from netyield.sources.gpu.engines import engine_series
from netyield.sources.gpu.openmetrics import parse

QUERIED, HIT, ASKED_OUTSIDE, HIT_OUTSIDE = "queried", "hit", "asked_outside", "hit_outside"
COUNTERS: Mapping[str, str] = {
    "vllm:prefix_cache_queries": QUERIED,
    "vllm:prefix_cache_hits": HIT,
    "vllm:gpu_prefix_cache_queries": QUERIED,
    "vllm:gpu_prefix_cache_hits": HIT,
    "vllm:external_prefix_cache_queries": ASKED_OUTSIDE,
    "vllm:external_prefix_cache_hits": HIT_OUTSIDE,
    "sglang:prompt_tokens": QUERIED,
    "sglang:cached_tokens": HIT,
}
# The definition a counter's ratio has, so that a curve is asked the same question.
AS_COUNTED = Definition(0.0, Weight.TOKENS, Match.PREFIX, Mean.SUM, Denominator.INPUT)
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class ObservedHits:
    """What one serving process counted in a window, in tokens. ``restarts``: drops of its counters."""

    replica: str
    namespace: str
    model: str
    first_us: int
    last_us: int
    queried: int
    hit: int
    asked_outside: int
    hit_outside: int
    restarts: int

    @property
    def local_ratio(self) -> float | None:
        """The share found in the engine's own memory; None when nothing was asked."""
        return min(self.hit / self.queried, 1.0) if self.queried else None

    @property
    def ratio(self) -> float | None:
        """The share found in any tier."""
        return min((self.hit + self.hit_outside) / self.queried, 1.0) if self.queried else None


@dataclass(frozen=True, slots=True)
class Effective:
    """The cache of the curve that would hit as much. ``capacity_blocks`` None: no capacity does; ``note`` says why."""

    ratio: float
    capacity_blocks: int | None
    capacity_ratio: float
    note: str


def observed_hits(engine_samples: pa.Table, window: tuple[int, int] | None = None) -> list[ObservedHits]:
    """The growth of every process's cache counters between its readings in [since, until) microseconds.

    ``engine_samples``: rows of that contract (replica, namespace, model, metric, labels, kind, value, event_time as a
    timestamp or ``t`` in microseconds). By replica, namespace and model, in that order.
    """
    series = _series(engine_samples, window)
    sums: dict[Key, dict[str, int]] = {}
    spans: dict[Key, tuple[int, int]] = {}
    restarts: dict[Key, int] = {}
    for (key, kind), readings in series.items():
        grown, drops = _growth(readings)
        held = sums.setdefault(key, dict.fromkeys((QUERIED, HIT, ASKED_OUTSIDE, HIT_OUTSIDE), 0))
        held[kind[0]] += grown
        restarts[key] = max(restarts.get(key, 0), drops)
        first, last = spans.get(key, (readings[0][0], readings[-1][0]))
        spans[key] = (min(first, readings[0][0]), max(last, readings[-1][0]))
    return [
        ObservedHits(
            *key, *spans[key], held[QUERIED], held[HIT], held[ASKED_OUTSIDE], held[HIT_OUTSIDE], restarts[key]
        )
        for key, held in sorted(sums.items())
    ]


def together(processes: Iterable[ObservedHits]) -> ObservedHits | None:
    """All processes as one; None when none counted anything."""
    counted = [one for one in processes if one.queried]
    if not counted:
        return None
    models = {one.model for one in counted}
    return ObservedHits(
        "", "", models.pop() if len(models) == 1 else "", min(one.first_us for one in counted),
        max(one.last_us for one in counted), sum(one.queried for one in counted), sum(one.hit for one in counted),
        sum(one.asked_outside for one in counted), sum(one.hit_outside for one in counted),
        sum(one.restarts for one in counted),
    )  # fmt: skip


def effective_capacity(curve: Curve, ratio: float) -> Effective:
    """The smallest LRU capacity whose hit ratio is at least the observed one, on a curve of ``AS_COUNTED``."""
    ratios = curve.ratios(np.arange(len(curve.tokens)))
    ceiling = float(ratios[-1])
    if ratio > ceiling + 1e-12:
        note = (
            f"the engine hits {ratio:.1%}, an infinite cache on this trace {ceiling:.1%}: the trace does not show what the"
            " engine serves (another window, other traffic, or shared prefixes missing)"
        )
        return Effective(ratio, None, ceiling, note)
    place = int(np.searchsorted(ratios, ratio - 1e-12))
    if place == 0:
        return Effective(ratio, 0, 0.0, "the engine hits nothing: is prefix caching on, and is the block size below the prompts?")
    note = "the smallest LRU cache that hits as much; caches of other policies, or split over replicas, are larger"
    return Effective(ratio, place, float(ratios[place]), note)


def _series(samples: pa.Table, window: tuple[int, int] | None) -> dict[tuple[Key, tuple[str, str]], list[tuple[int, int]]]:
    """(process, (kind, series)) -> readings (time, count) by time; what is no count is left out."""
    names = samples.column_names
    times = (
        samples.column("t").to_pylist()
        if "t" in names
        else samples.column("event_time").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_pylist()
    )
    wanted = ("replica", "namespace", "model", "metric", "labels", "kind", "value")
    columns = [samples.column(name).to_pylist() for name in wanted]
    found: dict[tuple[Key, tuple[str, str]], dict[int, int]] = {}
    for at, replica, namespace, model, metric, labels, kind, value in zip(times, *columns, strict=True):
        what = COUNTERS.get(metric)
        inside = window is None or window[0] <= at < window[1]
        if what is None or kind != "counter" or not inside or value is None or not 0 <= value < 2**53:
            continue
        key = (replica, namespace or "", model or "")
        readings = found.setdefault((key, (what, f"{metric}|{labels or ''}")), {})
        readings[at] = max(readings.get(at, 0), int(value))
    return {key: sorted(readings.items()) for key, readings in found.items()}


def _growth(readings: list[tuple[int, int]]) -> tuple[int, int]:
    """(growth from the first reading to the last, drops); after a drop the counter starts at zero."""
    grown = drops = 0
    for (_, before), (_, now) in pairwise(readings):
        drops += now < before
        grown += now - before if now >= before else now
    return grown, drops


def scraped(paths: Iterable[Path]) -> pa.Table:
    """Saved /metrics pages of engines, in the order they were taken, as rows ``observed_hits`` reads.

    One page counts from the start of the process (a reading of zero stands before it); of several the growth from the
    first to the last counts, and a drop between them is a restart. Raises WrongUse for a page without these counters.
    """
    rows: list[dict[str, object]] = []
    listed = list(paths)
    for order, path in enumerate(listed, start=1):
        try:
            page = parse(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValueError) as error:
            message = f"The counters {str(path)!r} cannot be read ({getattr(error, 'strerror', None) or error})."
            raise WrongUse(message, "Save the engine's /metrics page to a file, and give that.") from None
        found = [engine_series(one.name, dict(one.labels), path.stem) for one in page.samples]
        kept = [
            (series, one.value)
            for series, one in zip(found, page.samples, strict=True)
            if series is not None and series.metric in COUNTERS
        ]
        if not kept:
            message = f"{path.name} has no prefix-cache counter of vLLM or SGLang."
            raise WrongUse(message, f"Give the engine's /metrics page; looked for {', '.join(COUNTERS)}.")
        for series, value in kept:
            row = {
                "replica": "" if len(listed) > 1 else series.replica, "namespace": series.namespace, "model": series.model,
                "metric": series.metric, "labels": series.labels, "kind": "counter",
            }  # fmt: skip
            rows += [row | {"value": 0.0, "t": 0}] if len(listed) == 1 else []
            rows.append(row | {"value": value, "t": order})
    return pa.Table.from_pylist(rows)
