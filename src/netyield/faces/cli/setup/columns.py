"""Which column of a capacity file is which? Matched by header name, as files in the wild call them.

Only what a name says plainly is mapped. Request logs and outcome events bring their own lists of usual names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# Our word: the names it goes by, most telling first; compared without case, spaces and punctuation.
TIMES = ("timestamp", "starttime", "requesttime", "arrivaltime", "createdat", "eventtime", "datetime", "time", "ts")
CAPACITY_NAMES: Mapping[str, tuple[str, ...]] = {
    "time": TIMES,
    "total": ("total", "gpustotal", "totalgpus", "totalgpu", "totalgpunum", "gpunum", "capacity"),
    "allocated": (
        "allocated",
        "gpusallocated",
        "allocatedgpus",
        "gpuallocated",
        "usedgpus",
        "busygpus",
        "runninggpunum",
    ),
}


def plain(name: str) -> str:
    """A header without case, spaces and punctuation: ``Context Tokens`` and ``context_tokens`` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def infer(headers: Sequence[str], names: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Our word to the file's header, each header used once, in the order of ``names``."""
    by_plain: dict[str, str] = {}
    for header in headers:
        by_plain.setdefault(plain(header), header)
    found: dict[str, str] = {}
    for word, known in names.items():
        hit = next((name for name in known if name in by_plain), None)
        if hit is not None:
            found[word] = by_plain.pop(hit)
    return found
