"""When does each request get its first token? One deterministic pass over the trace, in order of arrival.

Every link between a tier and a replica serves one transfer at a time, first come first served; so does every replica
its prefills. A request's transfers start when it arrives and its links are free, all tiers at once. Its prefill starts
when the replica is free and the blocks are there; with ``overlap`` (layer by layer) it does not wait for the blocks to
start, only to end. Time to first token = end of prefill - arrival. Decoding is not in it: it takes its share of the
GPUs through the MFU.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Times:
    """Per request: seconds to the first token, of which waiting; ``busy_seconds`` of all replicas together."""

    ttft: Floats
    waiting: Floats
    busy_seconds: float


def first_tokens(
    arrival: Floats, replica: Integers, compute: Floats, load: Floats, link: Integers, *, overlap: bool = False
) -> Times:
    """``load`` and ``link`` (tiers x requests): seconds of each transfer and the number of the link it takes.

    ``arrival`` must not run backwards.
    """
    links = int(link.max()) + 1 if link.size else 0
    replicas = int(replica.max()) + 1 if len(replica) else 0
    ttft, waiting = _pass(arrival, replica, compute, load, link, replicas, links, overlap)
    return Times(ttft, waiting, float(compute.sum()))


@compiled
def _pass(
    arrival: Floats, replica: Integers, compute: Floats, load: Floats, link: Integers, replicas: int, links: int,
    overlap: bool,
) -> tuple[Floats, Floats]:  # fmt: skip
    server_free, link_free = np.zeros(replicas), np.zeros(links)
    ttft, waiting = np.empty(len(arrival)), np.empty(len(arrival))
    for r in range(len(arrival)):
        now = arrival[r]
        ready = now
        longest = 0.0
        for tier in range(load.shape[0]):
            seconds = load[tier, r]
            if seconds > 0.0:
                which = link[tier, r]
                end = max(now, link_free[which]) + seconds
                link_free[which] = end
                ready = max(ready, end)
                longest = max(longest, seconds)
        start = max(now, server_free[replica[r]])
        if not overlap:
            start = max(start, ready)
        end = start + compute[r]
        if overlap:
            end = max(end, ready)
        server_free[replica[r]] = end
        ttft[r] = end - now
        alone = max(compute[r], longest) if overlap else compute[r] + longest
        waiting[r] = ttft[r] - alone
    return ttft, waiting
