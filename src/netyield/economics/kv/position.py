"""How much text comes back in another place? Reuse of blocks wherever they stand, as CacheBlend-like systems allow.

An engine's prefix cache cannot use it, so it is always reported apart. Only traces whose ids name content have it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from netyield.sources.traces.trace import Identity, Trace


def by_content(trace: Trace) -> Trace | None:
    """The trace with every block its own root: equal content is one block wherever it stands. None without content."""
    if trace.content is None:
        return None
    count = int(trace.content.max()) + 1 if len(trace.content) else 0
    parent = np.full(count, -1, np.int32)
    return replace(trace, identity=Identity.CONTENT, nodes=trace.content, parent=parent)
