"""When was a request log of API calls connected? From the first to the last attempt of every source that logs any.

On a day in between without a single API call the log says that nothing was called: what the API bill asks for that day is
``unreconciled``. Outside, no log speaks of the day, and the bill is ``unproven`` (no traffic source).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from netyield.attribution.serving_map import KEYS, serving_map
from netyield.ledger.settings import PoolRule
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest, Segment, inputs_key


def spans(
    folder: Folder,
    manifest: Manifest,
    rules: Sequence[PoolRule],
    owners: Sequence[tuple[str, str]],
    pools: Sequence[str],
) -> list[tuple[int, int]]:
    """(first, last) attempt in microseconds of each source with a call that no pool served. ``owners``, ``pools``: those known."""
    by_source: dict[str, dict[str, list[Segment]]] = {}
    for segment in manifest.of("attempts"):
        by_source.setdefault(segment.source, {}).setdefault(str(segment.day)[:7], []).append(segment)
    found = []
    for _, months in sorted(by_source.items()):
        newest_first = sorted(months.items(), reverse=True)
        if any(_calls_an_api(_names(folder, month, part), rules, owners, pools) for month, part in newest_first):
            all_of_it = [segment for part in months.values() for segment in part]
            found.append((min(s.min_us for s in all_of_it), max(s.max_us for s in all_of_it)))
    return found


def _calls_an_api(
    names: list[dict[str, Any]], rules: Sequence[PoolRule], owners: Sequence[tuple[str, str]], pools: Sequence[str]
) -> bool:
    found: int = serving_map(names, rules, owners, pools).column("serving_id").null_count
    return found > 0


def _names(folder: Folder, month: str, segments: list[Segment]) -> list[dict[str, Any]]:
    """The distinct names (KEYS) in the attempts of a source and month; kept, because finding them reads every row."""
    path = folder.derived_path("called", month, inputs_key(segments))
    if not path.exists():
        engine = Engine()
        try:
            engine.parquet("attempts", "attempts", folder.paths(segments))
            found = engine.query(f"SELECT DISTINCT {', '.join(KEYS)} FROM attempts ORDER BY ALL")
        finally:
            engine.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        pq.write_table(found, temporary)
        temporary.replace(path)
    names: pa.Table = pq.ParquetFile(path).read()
    return list(names.to_pylist())
