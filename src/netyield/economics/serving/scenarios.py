"""What if there were more of this traffic, or its bursts were worse? Other traffics made from the recorded one.

growth    copies of the recording in the same time, so that bursts grow with the rest (speeding it up is another way)
burst     counts of each bin drawn away from the mean: more in the busy bins, fewer in the quiet ones, the same in all
week      blocks of recorded time drawn for each hour of a week, as busy as a profile says
resample  blocks of consecutive time drawn with replacement: bursts inside a block stay as they were
poisson   independent arrivals at the mean rate, only when asked for by name: it under-sizes bursty traffic
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse
from netyield.economics.serving.traffic import MONDAY_S, WEEK_S, PrefixTree, Traffic, no_tree

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]
BLOCK_S = 300.0
BIN_S, HOUR_S = 60.0, 3600.0


def sped_up(traffic: Traffic, factor: float) -> Traffic:
    """The same requests so many times as fast: gaps shrink, bursts keep their shape, the window shortens."""
    _positive("growth", factor)
    if factor == 1:
        return traffic
    return traffic.replaced(
        arrival_s=traffic.arrival_s / factor, window_s=traffic.window_s / factor,
        arrivals=f"{traffic.arrivals}, {factor:g} times as fast",
    )  # fmt: skip


def grown(traffic: Traffic, factor: float, seed: int = 0) -> Traffic:
    """So many times the requests in the same time: whole copies of the recording, each shifted by less than a second and
    the last one thinned. The window stays, bursts of all copies coincide (one business day drives them all)."""
    _positive("growth", factor)
    if factor == 1:
        return traffic
    rng = np.random.default_rng(seed)
    whole = int(factor)
    kept = [np.arange(traffic.requests)] * whole
    kept.append(np.nonzero(rng.random(traffic.requests) < factor - whole)[0])
    chosen = np.concatenate(kept)
    shift = np.where(np.arange(len(chosen)) < traffic.requests, 0.0, rng.random(len(chosen)))
    arrival = traffic.arrival_s[chosen] + shift
    return _taken(traffic, chosen, arrival, traffic.window_s, f"{traffic.arrivals}, grown {factor:g} times")


def resampled(traffic: Traffic, seed: int, block_s: float = BLOCK_S) -> Traffic:
    """Another window as long, of blocks of recorded time drawn with replacement."""
    _positive("block", block_s)
    blocks = max(1, int(traffic.window_s // block_s))
    rng = np.random.default_rng(seed)
    starts = rng.uniform(0, max(traffic.window_s - block_s, 0.0), blocks)
    lows = np.searchsorted(traffic.arrival_s, starts)
    highs = np.searchsorted(traffic.arrival_s, starts + block_s)
    chosen = np.concatenate([np.arange(low, high) for low, high in zip(lows, highs, strict=True)])
    shift = np.repeat(np.arange(blocks) * block_s - starts, highs - lows)
    words = f"blocks of {block_s:g} s drawn from those recorded (seed {seed})"
    return _taken(traffic, chosen, traffic.arrival_s[chosen] + shift, blocks * block_s, words)


def week_of(traffic: Traffic, profile: Sequence[float], seed: int = 0, block_s: float = BLOCK_S) -> Traffic:
    """A week of blocks of recorded time: hour by hour (from Monday 00:00), so many times as busy as the recording was.

    Blocks are drawn with replacement and keep their bursts; a share of a block is its requests drawn at random.
    """
    rng = np.random.default_rng(seed)
    chosen, arrival = [], []
    length = min(block_s, traffic.window_s)
    for at in np.arange(0.0, WEEK_S, length):
        times = profile[int(at // HOUR_S) % len(profile)]
        start = rng.uniform(0, max(traffic.window_s - length, 0.0))
        inside = np.arange(*np.searchsorted(traffic.arrival_s, (start, start + length)))
        copies = int(times) + (rng.random(len(inside)) < times - int(times))
        drawn = np.repeat(inside, copies)
        chosen.append(drawn)
        # Copies of one request stand apart by less than a second, as they do in `grown`.
        arrival.append(traffic.arrival_s[drawn] - start + at + np.where(_again(drawn), rng.random(len(drawn)), 0.0))
    words = f"a week of {length:g} s blocks of the recording, {min(profile):g} to {max(profile):g} times as busy (seed {seed})"
    if not sum(map(len, chosen)):
        message = "the profile leaves no request in the week;"
        raise WrongUse(message, "give hours above 0.")
    week = _taken(traffic, np.concatenate(chosen), np.concatenate(arrival), WEEK_S, words)
    return week.replaced(start_us=int(MONDAY_S * 1e6))


def _again(drawn: Int64) -> NDArray[np.bool_]:
    return np.concatenate([[False], drawn[1:] == drawn[:-1]]) if len(drawn) else np.zeros(0, np.bool_)


def burstier(traffic: Traffic, factor: float, bin_s: float = BIN_S) -> Traffic:
    """The same requests with every bin's count so many times as far from the mean (none below nothing): time is warped,
    busy bins take less of it and quiet ones more."""
    _positive("burst factor", factor)
    bins = max(1, int(np.ceil(traffic.window_s / bin_s)))
    at = np.minimum((traffic.arrival_s // bin_s).astype(np.int64), bins - 1)
    counts = np.bincount(at, minlength=bins).astype(np.float64)
    mean = counts.mean()
    wanted = np.maximum(mean + factor * (counts - mean), 0.05 * mean)
    wanted = np.where(counts > 0, wanted, mean * 0.05)
    width = np.where(counts > 0, bin_s * counts / wanted, bin_s)
    width *= traffic.window_s / width.sum()
    edges = np.concatenate([[0.0], np.cumsum(width)])
    inside = traffic.arrival_s - at * bin_s
    arrival = edges[at] + inside / bin_s * width[at]
    return traffic.replaced(arrival_s=arrival, arrivals=f"{traffic.arrivals}, bursts {factor:g} times as strong")


def poisson(traffic: Traffic, seed: int) -> Traffic:
    """Independent arrivals at the mean rate with the recorded lengths: for comparison, it under-sizes bursty traffic."""
    arrival = np.sort(np.random.default_rng(seed).uniform(0, traffic.window_s, traffic.requests))
    return traffic.replaced(arrival_s=arrival, arrivals=f"Poisson at the mean rate (seed {seed}), as asked")


def _taken(traffic: Traffic, chosen: Int64, arrival: Floats, window_s: float, words: str) -> Traffic:
    order = np.argsort(arrival, kind="stable")
    chosen = chosen[order]
    return traffic.replaced(
        arrival_s=arrival[order], input_tokens=traffic.input_tokens[chosen], cached_tokens=traffic.cached_tokens[chosen],
        output_tokens=traffic.output_tokens[chosen], window_s=window_s, arrivals=words, tree=_tree(traffic.tree, chosen),
    )  # fmt: skip


def _tree(tree: PrefixTree, chosen: Int64) -> PrefixTree:
    if not tree.count:
        return no_tree(len(chosen))
    counts = np.diff(tree.first)[chosen]
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    at = np.arange(first[-1]) - np.repeat(first[:-1], counts) + np.repeat(tree.first[:-1][chosen], counts)
    return PrefixTree(first, tree.nodes[at], tree.tokens[at], tree.count)


def _positive(what: str, value: float) -> None:
    if not 0 < value < 1e6:
        message = f"a {what} of {value:g} means nothing;"
        raise WrongUse(message, "give a number above 0.")
