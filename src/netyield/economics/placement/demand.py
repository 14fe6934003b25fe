"""What is asked for? The requests of a measured window, scaled to a month of 730 hours, and how they move in time.

Token classes are disjoint: an input token is computed, read from the provider's cache or written to it, once. ``rate`` is
the demand of every bin of the window as a multiple of the window's mean, by processed tokens; it is measured, so that
utilisation follows from it and is never put in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from netyield.economics.placement.uncertain import Float64, Uncertain, exactly, within

HOURS_PER_MONTH = 730.0
WEEK_SECONDS = 604_800.0
BIN_SECONDS = 60.0
SHAPE_POINTS = 100
DAY_SECONDS = 86_400.0
LEAST_REQUESTS = 1000  # as for a p99: below, it rests on ten requests or on one busy spell
LEAST_SECONDS = 1800.0
# Weekly peak over mean of two production services, one-minute bins over a week: chat about 1.9, code about 3.5.
WEEKLY_PEAK = within(1.0, 1.9, 3.5)
WEEKLY_SOURCE = "Azure LLM inference traces of a week in 2024: peak over mean about 1.9 (chat) and 3.5 (code), 1-minute bins"
# A window of whole days lacks at most the weekend: five days of seven, nothing on the others, is 1.4.
DAYS_PEAK = within(1.0, 1.15, 1.4)
DAYS_SOURCE = "assumption: days were measured, the weekend was not; at most 7/5 of the weekly mean when it is empty"


@dataclass(frozen=True)
class Demand:
    """A window of traffic. Tokens are those of the window; ``useful_share`` is of its output, None without outcomes.

    ``reusable_share``: of its input, what an unlimited cache would read, where the prompts' own blocks tell; None else.
    ``cache_write_long_tokens``: of the written, those kept an hour or more. ``above``: for a number of input tokens the
    shares of (input, output) in requests at least so long: what a price list with tiers by length asks. ``start_us``: when
    the window began, since 1970 (UTC), where that is known.
    """

    model: str
    requests: int
    input_tokens: int
    cache_read_tokens: int | None
    cache_write_tokens: int
    output_tokens: int
    span_seconds: float
    rate: Float64
    useful_share: Uncertain | None = None
    source: str = ""
    useful_source: str = ""
    measured_on: str = ""
    cache_write_long_tokens: int = 0
    above: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    start_us: int | None = None
    reusable_share: float | None = None

    def longer(self, tokens: int) -> tuple[float, float]:
        """Shares of input and output in requests of at least so many input tokens; where nobody counted, by their mean."""
        whole = float(tokens <= self.input_tokens / max(1, self.requests))
        return self.above.get(tokens, (whole, whole))

    @cached_property
    def profile(self) -> Float64:
        """Demand of equal parts of the window from the quietest to the busiest, as multiples of its mean."""
        found = np.quantile(self.rate, (np.arange(SHAPE_POINTS) + 0.5) / SHAPE_POINTS)
        return np.asarray(found / found.mean(), np.float64)

    @property
    def window_months(self) -> float:
        """The window as a part of a month."""
        return self.span_seconds / 3600.0 / HOURS_PER_MONTH

    @property
    def processed_tokens(self) -> int:
        """Input and output tokens of the window, each once."""
        return self.input_tokens + self.output_tokens

    @property
    def peak_to_mean(self) -> float:
        """Of the bins of the window."""
        return float(self.rate.max()) if len(self.rate) else 1.0

    @property
    def whole_week(self) -> bool:
        """Whether the window shows a week's shape."""
        return self.span_seconds >= WEEK_SECONDS * 0.98

    @property
    def whole_day(self) -> bool:
        """Whether the window shows a day and its night."""
        return self.span_seconds >= DAY_SECONDS * 0.98

    @property
    def too_short(self) -> bool:
        """Whether the window is too short to say anything."""
        return self.requests < LEAST_REQUESTS or self.span_seconds < LEAST_SECONDS

    @property
    def weekly_peak(self) -> Uncertain:
        """How much busier this window is than the mean of its week: 1 when the week itself was measured."""
        if self.whole_week:
            return exactly(1.0)
        return DAYS_PEAK if self.whole_day else WEEKLY_PEAK


def binned(
    arrival_seconds: Float64, tokens: Float64, bin_seconds: float = BIN_SECONDS, window_seconds: float | None = None
) -> Float64:
    """Demand of each whole bin as a multiple of their mean; the last, partial bin is dropped.

    Bins count from the first arrival; with ``window_seconds``, from 0 to the end of that window.
    """
    if not len(arrival_seconds):
        return np.ones(1)
    since = arrival_seconds - (arrival_seconds.min() if window_seconds is None else 0.0)
    bins = int((since.max() if window_seconds is None else window_seconds) // bin_seconds)
    if bins < 1:
        return np.ones(1)
    place = (since // bin_seconds).astype(np.int64)
    inside = place < bins
    sums = np.bincount(place[inside], weights=tokens[inside], minlength=bins)
    mean = sums.mean()
    return sums / mean if mean > 0 else np.ones(1)
