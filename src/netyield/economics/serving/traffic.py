"""Which requests came, when, and how long were they? The load a fleet must carry, as it was recorded.

Burstiness is what sizing depends on, so arrivals are kept as they came. Two figures describe them, both by one
definition: the coefficient of variation of the gaps (population standard deviation over mean), and peak to mean: counts
in bins of a width from the first arrival, the last partial bin dropped, largest over mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding, Severity
from netyield.sources.traces.trace import Identity, Trace

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]
JUDGED_SECONDS, JUDGED_REQUESTS = 1800.0, 1000  # below, a p99 rests on ten requests or on one busy spell
WEEK_S = 7 * 86_400.0
WHOLE_WEEK = 0.98  # of one: the first and last requests of a week are rarely at its edges
MONDAY_S = 4 * 86_400  # 1 January 1970 was a Thursday


@dataclass(frozen=True, slots=True)
class PrefixTree:
    """Blocks of the prompts: request r touches ``nodes[first[r]:first[r+1]]``, with ``tokens`` of each access."""

    first: Int64
    nodes: Int64
    tokens: Int64
    count: int


def no_tree(requests: int) -> PrefixTree:
    """The tree of prompts of which nothing is known."""
    nothing = np.zeros(0, np.int64)
    return PrefixTree(np.zeros(requests + 1, np.int64), nothing, nothing, 0)


@dataclass(frozen=True)
class Traffic:
    """R requests by arrival, seconds from the start of the window. ``cached_tokens``: of the input, as the file tells.

    ``window_s``: how long was observed. ``start_us``: its start since 1970 (UTC), where arrivals are dated. ``arrivals``:
    how the arrival times came about, for the reader of a figure.
    """

    name: str
    arrival_s: Floats
    input_tokens: Int64
    cached_tokens: Int64
    output_tokens: Int64
    window_s: float
    arrivals: str = "as recorded"
    tree: PrefixTree = field(default_factory=lambda: no_tree(0))
    start_us: int | None = None
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def requests(self) -> int:
        """How many requests."""
        return len(self.arrival_s)

    @property
    def requests_per_second(self) -> float:
        """Mean rate over the window."""
        return self.requests / self.window_s

    def replaced(self, **changes: Any) -> Traffic:
        """The same traffic with other columns."""
        return replace(self, **changes)

    def peak_to_mean(self, seconds: float) -> float | None:
        """Busiest bin of this width over the mean one; None when the traffic does not fill two."""
        bins = int((self.arrival_s[-1] - self.arrival_s[0]) // seconds) if self.requests else 0
        if bins < 2:
            return None
        at = ((self.arrival_s - self.arrival_s[0]) // seconds).astype(np.int64)
        counts = np.bincount(at[at < bins], minlength=bins)
        return float(counts.max() / counts.mean())

    def gap_variation(self) -> float | None:
        """Coefficient of variation of the gaps between arrivals: 1 for Poisson; None below three requests."""
        gaps = np.diff(self.arrival_s)
        return float(gaps.std() / gaps.mean()) if len(gaps) > 1 and gaps.mean() > 0 else None

    @property
    def judged(self) -> bool:
        """Whether there is enough of it to judge a 99th percentile from."""
        return self.window_s >= JUDGED_SECONDS and self.requests >= JUDGED_REQUESTS

    def obstacles(self) -> tuple[Finding, ...]:
        """Why figures from this traffic are uncertain or impossible."""
        if not self.requests or self.window_s <= 0:
            message = "no request with an arrival time is in the traffic, so no rate follows."
            return (
                Finding("traffic.empty", Severity.ERROR, message, "Give a file with times and lengths.", self.name),
            )
        found = []
        if not self.judged:
            message = (
                f"{self.requests} requests in {self.window_s:,.0f} s are too few to judge a p99 from: it would rest on"
                f" {self.requests / 100:.0f} of them."
            )
            repair = (
                f"Give at least {JUDGED_REQUESTS:,} requests over {JUDGED_SECONDS / 60:.0f} minutes; a week is best."
            )
            found.append(Finding("traffic.too_short", Severity.ERROR, message, repair, self.name))
        elif self.window_s < WHOLE_WEEK * WEEK_S:
            message = f"{self.window_s / 3600:,.1f} hours of traffic say nothing of the rest of the week."
            repair = "Give a week of traffic; placement size also takes its profile (--week) or a factor (--growth)."
            found.append(Finding("traffic.less_than_a_week", Severity.WARNING, message, repair, self.name))
        return tuple(found)


def of_trace(trace: Trace) -> Traffic:
    """The traffic of a request trace, in order of arrival. Unknown output lengths are the median, with a finding."""
    order = np.argsort(trace.arrival_us, kind="stable")
    arrival = (trace.arrival_us[order] - (trace.arrival_us[order[0]] if len(order) else 0)) / 1e6
    outputs, findings = _outputs(trace.output_tokens[order], trace.name)
    # Lengths alone say nothing of reuse, which matters to a hit rate; here it is a note.
    kept = tuple(each for each in trace.findings if each.code != "trace.lengths_only")
    tree = no_tree(trace.requests) if trace.identity is Identity.NONE else _tree(trace, order)
    cached = np.zeros(len(order), np.int64) if trace.cached_tokens is None else trace.cached_tokens[order].astype(np.int64)
    return Traffic(
        trace.name, np.asarray(arrival, np.float64), trace.input_tokens[order].astype(np.int64),
        cached, outputs, observed_window(arrival), "as recorded", tree, trace.start_us,
        (*trace.notes, reuse_note(tree, cached)), (*kept, *findings),
    )  # fmt: skip


def reuse_note(tree: PrefixTree, cached: Int64) -> str:
    """Where prefix reuse comes from, for the reader of a figure."""
    if tree.count:
        return "reuse follows from the prompts' own blocks, in each replica's free memory"
    if cached.any():
        return "reuse is what the traffic says was cached, wherever that was; a fleet's own cache may find more or less"
    return "no prefix reuse is known: every prompt is computed whole"


def observed_window(arrival_s: Floats) -> float:
    """Seconds of observation: the span and one mean gap more, so that n evenly spaced requests fill n gaps."""
    count = len(arrival_s)
    if count < 2:
        return 0.0
    return float((arrival_s[-1] - arrival_s[0]) * count / (count - 1))


def _outputs(outputs: Int64, file: str) -> tuple[Int64, tuple[Finding, ...]]:
    unknown = outputs < 0
    if not unknown.any():
        return np.maximum(outputs, 1).astype(np.int64), ()
    if unknown.all():
        message = "the file does not say how long answers were, so no serving time follows."
        repair = "Give a file with output lengths."
        return np.ones(len(outputs), np.int64), (Finding("traffic.no_outputs", Severity.ERROR, message, repair, file),)
    median = int(np.median(outputs[~unknown]))
    message = f"requests without an output length are taken as {median} tokens, the median of the others."
    finding = Finding(
        "traffic.output_unknown", Severity.WARNING, message, "Give their lengths.", file, None, int(unknown.sum())
    )
    return np.maximum(np.where(unknown, median, outputs), 1).astype(np.int64), (finding,)


def _tree(trace: Trace, order: Int64) -> PrefixTree:
    counts = np.diff(trace.first)[order]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    at = np.arange(first[-1]) - np.repeat(first[:-1], counts) + np.repeat(trace.first[:-1][order], counts)
    tokens = np.repeat(trace.block_tokens[order], counts).astype(np.int64)
    full = counts > 0
    tokens[first[1:][full] - 1] = trace.last_tokens[order][full]
    return PrefixTree(first, trace.nodes[at].astype(np.int64), tokens, trace.unique_blocks)
