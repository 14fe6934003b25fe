"""How is a month closed, so that its figures never change again?

Closing writes one manifest that names itself: the books of the month stay readable as they were then, rows that
arrive later for it are posted to the month they arrive in, and what they change is posted as adjustments
(``adjusted_to`` is the manifest up to which that was done).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from netyield.core.errors import WrongUse
from netyield.core.period import iso
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def close_month(folder: Folder, month: str, now: datetime) -> Manifest:
    """Close ``month`` ("2026-10"); the manifest that closed it (the current one when it was closed before).

    Raises WrongUse for something that is not a month or has not ended at ``now``.
    """
    end = month_end(month)
    if now < end:
        message = f"{month} has not ended: it ends at {iso(end)}."
        raise WrongUse(message, "Close it afterwards, when its bill is final.")
    with folder.writer() as writer:
        if month in writer.manifest.closed:
            return writer.manifest
        number = writer.manifest.number + 1
        return writer.commit(closed={month: {"manifest": number, "adjusted_to": number}}, recorded_at=now)


def month_end(month: str) -> datetime:
    """The first instant after a month. Raises WrongUse for anything that is not YYYY-MM."""
    parts = _MONTH.fullmatch(month)
    if parts is None:
        message = f"{month!r} is not a month."
        raise WrongUse(message, "Write it as YYYY-MM, for example 2026-10.")
    year, number = int(parts[1]), int(parts[2])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
