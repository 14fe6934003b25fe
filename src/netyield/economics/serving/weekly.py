"""How busy is a fleet in each hour of the week? The same utilisation as the sizing's, minute by minute.

    utilisation of a minute = work of the requests that ended in it / (replicas * 60 s)

Work of a request is its share of the traffic's work in always-full replicas, so that minutes average to the utilisation
of the whole window. An hour of the week has as many minutes as were recorded of it, over however many weeks; of the first
and the last minute more than half must be recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.economics.serving.simulator import Served
from netyield.economics.serving.step_time import StepTime
from netyield.economics.serving.traffic import MONDAY_S, Traffic

Floats = NDArray[np.float64]
MINUTE_S, HOUR_MINUTES, WEEK_HOURS = 60.0, 60, 168
MONDAY, RECORDING = "Monday 00:00 UTC", "the start of the recording"


@dataclass(frozen=True, slots=True)
class HourOfWeek:
    """An hour of the week, from 0; mean, median and 90th percentile over its ``minutes`` recorded ones."""

    hour_of_week: int
    utilisation: float
    utilisation_p50: float
    utilisation_p90: float
    minutes: int


def counted_from(traffic: Traffic) -> str:
    """What hour 0 is: a Monday where arrivals are dated, else where the recording began."""
    return RECORDING if traffic.start_us is None else MONDAY


def by_hour(traffic: Traffic, served: Served, step: StepTime, load: float, replicas: int) -> tuple[HourOfWeek, ...]:
    """Utilisation of these replicas in every hour of the week that was recorded. ``load``: mean work in full replicas."""
    ended = np.isfinite(served.end_s)
    if not ended.any() or traffic.window_s <= 0:
        return ()
    work = _work(traffic, served, step)[ended]
    origin = 0.0 if traffic.start_us is None else traffic.start_us / 1e6 - MONDAY_S
    first = int(origin // MINUTE_S)
    last = int((origin + float(traffic.arrival_s[-1])) // MINUTE_S)
    minute = np.minimum(((origin + served.end_s[ended]) // MINUTE_S).astype(np.int64), last) - first
    done = np.bincount(minute, work, last - first + 1) / work.sum() * load * traffic.window_s
    seconds = _recorded(origin, traffic.window_s, first, last)
    whole = seconds >= min(MINUTE_S / 2, seconds.max())
    share = done[whole] / (seconds[whole] * replicas)
    hours = (first + np.flatnonzero(whole)) // HOUR_MINUTES % WEEK_HOURS
    return tuple(_hour(int(hour), share[hours == hour]) for hour in np.unique(hours))


def _hour(hour: int, minutes: Floats) -> HourOfWeek:
    middle, high = np.quantile(minutes, (0.5, 0.9)).tolist()
    return HourOfWeek(hour, float(minutes.mean()), middle, high, len(minutes))


def _work(traffic: Traffic, served: Served, step: StepTime) -> Floats:
    """What each request asks of a replica, in seconds up to a factor: its prompt not cached, its tokens, its context."""
    fresh = traffic.input_tokens - served.cached_tokens
    each = float(step.decode_s[-1]) / step.max_batch
    context = traffic.input_tokens + traffic.output_tokens / 2
    prompt = step.per_prefill_token_s * fresh + step.per_prefill_pair_s * traffic.input_tokens * fresh / 2
    return np.asarray(prompt + traffic.output_tokens * (each + step.per_context_token_s * context), np.float64)


def _recorded(origin: float, window_s: float, first: int, last: int) -> Floats:
    """Seconds of each minute that lie within the window; the first and the last are rarely whole."""
    start = (first + np.arange(last - first + 1)) * MINUTE_S
    ends = np.minimum(start + MINUTE_S, origin + window_s)
    return np.asarray(ends - np.maximum(start, origin), np.float64)
