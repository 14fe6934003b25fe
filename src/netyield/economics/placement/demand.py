"""What is asked for? The requests of a measured window, scaled to a month of 730 hours, and how they move in time.

Token classes are disjoint: an input token is computed, read from the provider's cache or written to it, once. ``rate`` is
the demand of every bin of the window as a multiple of the window's mean, by processed tokens; it is measured, so that
utilisation follows from it and is never put in.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.economics.placement.uncertain import Float64, Uncertain, exactly, within

HOURS_PER_MONTH = 730.0
WEEK_SECONDS = 604_800.0
BIN_SECONDS = 60.0
LEAST_REQUESTS = 100
LEAST_SECONDS = 600.0
# Weekly peak over mean of two production services, one-minute bins over a week: chat about 1.9, code about 3.5.
WEEKLY_PEAK = within(1.0, 1.9, 3.5)
WEEKLY_SOURCE = "Azure LLM inference traces of a week in 2024: peak over mean about 1.9 (chat) and 3.5 (code), 1-minute bins"


@dataclass(frozen=True)
class Demand:
    """A window of traffic. Tokens are those of the window; ``useful_share`` is of its output, None without outcomes."""

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
    def too_short(self) -> bool:
        """Whether the window is too short to say anything."""
        return self.requests < LEAST_REQUESTS or self.span_seconds < LEAST_SECONDS

    @property
    def weekly_peak(self) -> Uncertain:
        """How much busier this window is than the mean of its week: 1 when the week itself was measured."""
        return exactly(1.0) if self.whole_week else WEEKLY_PEAK


def binned(arrival_seconds: Float64, tokens: Float64, bin_seconds: float = BIN_SECONDS) -> Float64:
    """Demand of each whole bin from the first arrival as a multiple of their mean; the last, partial bin is dropped."""
    if not len(arrival_seconds):
        return np.ones(1)
    since = arrival_seconds - arrival_seconds.min()
    bins = int(since.max() // bin_seconds)
    if bins < 1:
        return np.ones(1)
    place = (since // bin_seconds).astype(np.int64)
    inside = place < bins
    sums = np.bincount(place[inside], weights=tokens[inside], minlength=bins)
    mean = sums.mean()
    return sums / mean if mean > 0 else np.ones(1)
