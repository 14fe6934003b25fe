"""What did each request find in the cache? The result every policy's replay fills in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled
from netyield.economics.kv.definition import Flags
from netyield.sources.traces.trace import Int32

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Found:
    """Per request: its leading run of cached blocks, looked up before it inserts anything; the blocks found one by
    one wherever they stand, each looked up after the one before it was inserted; and whether the last was found so."""

    leading: Int32
    anywhere: Int32
    last: Flags


@compiled
def leading_run(cached: NDArray[Any], nodes: Int32, start: int, stop: int) -> int:
    """How many blocks from the start of a request are cached."""
    at = start
    while at < stop and cached[nodes[at]]:
        at += 1
    return at - start
