"""When do old manifests, and segments that no kept one names, go? After a grace time, and never those a closed month needs.

Every state that was the newest at some moment of the grace time stays readable: for ``--as-of``, and for readers that still
hold it. Of what is older, closed months keep the manifests they name. The steps may end anywhere and are taken up again:

1. the oldest manifest to stay, and those of closed months, are written whole, so that they need none before them;
2. ``horizon.json`` says from which number on states are complete: nobody asks for an older moment any more;
3. older manifests go, then the segments that no kept one names; ``horizon.json`` says that it is done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from netyield.store.durable import publish, reported
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest, encode, whole
from netyield.store.writer import manifest_path

HORIZON = "horizon.json"


@dataclass(frozen=True, slots=True)
class Collectable:
    """What has outlived the grace time. ``since``: the moment from which on the books answer (None: from the beginning)."""

    since: datetime | None = None
    keep_from: int = 0
    manifests: tuple[int, ...] = ()
    segments: tuple[Path, ...] = ()
    size_bytes: int = 0
    pinned: tuple[int, ...] = field(default=(), repr=False)

    @property
    def empty(self) -> bool:
        """Nothing is old enough."""
        return not self.manifests and not self.segments


def collectable(folder: Folder, now: datetime, grace: timedelta) -> Collectable:
    """What ``collect`` would remove now. Reads manifests and names of files only."""
    numbers = [number for number in folder.numbers() if number >= folder.horizon()]
    newest = folder.manifest()
    oldest = folder.manifest(now - grace) if folder.recorded_before(now - grace) else None
    keep_from = oldest.number if oldest is not None else (numbers[0] if numbers else 0)
    pinned = sorted({n for month in newest.closed.values() for n in (month["manifest"], month["adjusted_to"]) if n < keep_from})
    gone = [number for number in folder.numbers() if number < keep_from and number not in pinned]
    if not gone and folder.horizon_is_clear():
        return Collectable(since=_since(folder, numbers))
    kept = [folder.manifest_number(number) for number in (keep_from, *pinned)]
    files = _unnamed(folder, kept, [number for number in numbers if number > keep_from], newest.number)
    size = sum(path.stat().st_size for path in files)
    return Collectable(_since(folder, [keep_from]), keep_from, tuple(gone), tuple(files), size, tuple(pinned))


def _since(folder: Folder, numbers: list[int]) -> datetime | None:
    return folder.manifest_number(numbers[0]).recorded_at if numbers and folder.horizon() else None


def _unnamed(folder: Folder, kept: Iterable[Manifest], later: Iterable[int], newest: int) -> list[Path]:
    """Segments on disk that neither the kept manifests nor anything after them names."""
    named = {segment.path for manifest in kept for segment in manifest.segments}
    named |= {segment.path for number in later for segment in folder.change(number).add}
    found = sorted((folder.data / "segments").rglob("*.parquet"))
    return [path for path in found if str(path.relative_to(folder.data)) not in named and _number(path) <= newest]


def _number(path: Path) -> int:
    return int(path.name.split("-", 1)[0])


def collect(folder: Folder, now: datetime, grace: timedelta) -> Collectable:
    """Remove what has outlived the grace time; only with the right to write. Raises StoreError when the disk refuses."""
    old = collectable(folder, now, grace)
    if old.empty and folder.horizon_is_clear():
        return old
    with reported("collecting old manifests"):
        for number in (old.keep_from, *old.pinned):
            if number and folder.change(number).base is not None:
                publish(manifest_path(folder.data, number), encode(whole(folder.manifest_number(number))))
        publish(folder.data / HORIZON, json.dumps({"from": old.keep_from, "clear": False}).encode())
        for number in old.manifests:
            manifest_path(folder.data, number).unlink(missing_ok=True)
        for path in old.segments:
            path.unlink(missing_ok=True)
        publish(folder.data / HORIZON, json.dumps({"from": old.keep_from, "clear": True}).encode())
    return old
