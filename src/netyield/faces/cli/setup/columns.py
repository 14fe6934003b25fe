"""Which column of an outcome or capacity file is which? Matched by header name, as files in the wild call them.

Only what a name says plainly is mapped; anything else stays unmapped and is reported by the source. Request logs bring
their own list of usual names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

# Our word: the names it goes by, most telling first; compared without case, spaces and punctuation.
TIMES = ("timestamp", "starttime", "requesttime", "arrivaltime", "createdat", "eventtime", "datetime", "time", "ts")
OUTCOME_NAMES: Mapping[str, tuple[str, ...]] = {
    "time": TIMES,
    "key_type": ("keytype",),
    "key": ("key", "requestid", "responseid", "callid"),
    "verdict": ("verdict", "outcome", "result", "feedback"),
    "accepted_share": ("acceptedshare", "acceptance", "keptshare"),
    "grade": ("grade",),
    "signal": ("signal", "event", "eventtype", "kind"),
}
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
