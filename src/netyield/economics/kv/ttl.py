"""What if a block leaves when nobody used it for a while? LRU with a time to live, exactly, for every capacity.

An expired block is always older than every block with a smaller rank, so expiry takes from the end of the LRU stack:
a block is there when its rank is within the capacity *and* it was used within its time to live.
"""

from __future__ import annotations

import numpy as np

from netyield.economics.kv.runs import Runs
from netyield.sources.traces.trace import Trace


def unexpired(trace: Trace, runs: Runs, ttl_seconds: float) -> Runs:
    """The runs used again within ``ttl_seconds`` of their last use (each use renews); times never run backwards."""
    clock = np.maximum.accumulate(trace.arrival_us) if trace.requests else trace.arrival_us
    kept = clock[runs.request] - clock[runs.owner] <= round(ttl_seconds * 1_000_000)
    return Runs(runs.request[kept], runs.depth[kept], runs.length[kept], runs.base[kept], runs.owner[kept])
