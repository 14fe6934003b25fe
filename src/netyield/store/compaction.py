"""Which segments are worth merging? Many small files make every query slow; merging large ones again costs more
than it saves.

Only segments of one table, day, source and snapshot key are merged, and only while they are small, so that a row is
rewritten a bounded number of times and a redelivered period can still be dropped whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from netyield.store.manifest import Segment

SMALL_ROWS = 262_144
MERGED_ROWS = 1_048_576
FEW = 8


def groups(segments: Iterable[Segment]) -> list[list[Segment]]:
    """The groups to merge: small segments of one kind when there are more than eight, oldest first."""
    alike: dict[tuple[str, str | None, str, str | None], list[Segment]] = defaultdict(list)
    for segment in segments:
        if segment.rows < SMALL_ROWS:
            alike[segment.table, segment.day, segment.source, segment.snapshot_key].append(segment)
    chosen = []
    for _, members in sorted(alike.items(), key=lambda item: str(item[0])):
        if len(members) > FEW:
            chosen += _bundles(sorted(members, key=lambda segment: segment.path))
    return chosen


def _bundles(members: list[Segment]) -> list[list[Segment]]:
    """Runs of at most a million rows; a run of one is left as it is."""
    bundles: list[list[Segment]] = [[]]
    rows = 0
    for segment in members:
        if bundles[-1] and rows + segment.rows > MERGED_ROWS:
            bundles.append([])
            rows = 0
        bundles[-1].append(segment)
        rows += segment.rows
    return [bundle for bundle in bundles if len(bundle) > 1]
