"""When do results that can be made again go? When nobody asked for them for a week and a later one of their day stands.

A day that is still filling gets a new result with every delivery; without this, the folder would grow with every one.
"""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path

from netyield.store.folder import Folder


def collect_results(folder: Folder, unused_since: datetime) -> tuple[Path, ...]:
    """Remove the results last used before ``unused_since``, but the last used one of each kind and day; returns what went.

    Only with the right to write. A file that somebody removed or used meanwhile is left to them.
    """
    gone = []
    for day in (folder.data / "derived").glob("*/*/"):
        dated = sorted(((_used(path), path) for path in day.iterdir()), reverse=True)
        for used, path in dated[1:]:
            if used < unused_since.timestamp():
                with contextlib.suppress(OSError):
                    path.unlink()
                    gone.append(path)
    return tuple(gone)


def _used(path: Path) -> float:
    """When it was asked for, or read by somebody who may not date it."""
    try:
        found = path.stat()
        return max(found.st_mtime, found.st_atime)
    except OSError:
        return float("inf")  # somebody else took it
