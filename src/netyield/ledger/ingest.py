"""Read every source and book what is new. What came in, what was known already, and what was wrong with it?

One delivery is one manifest: its rows, its record and the source's cursor become the books together or not at all.
A source that fails is a finding and the others still run; a store that fails (disk full, locked) ends the run with
everything booked so far intact.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from netyield.core.finding import Finding, aggregate
from netyield.ledger.guard import SourceFailed
from netyield.ledger.outcome_matching import CURSOR, match_outcomes, matched_until
from netyield.ledger.source_pass import Run, SourcePass
from netyield.sources.contract import Source
from netyield.store.collection import collect
from netyield.store.derived import collect_results
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import DeliveryRecord
from netyield.store.writer import Writer

KEEP_RAW_MAX_BYTES = 512 * 1024 * 1024
RESULTS_UNUSED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Ingested:
    """What one run did: remarks (aggregated, worst first), deliveries booked, number of deliveries known already."""

    findings: list[Finding]
    booked: list[DeliveryRecord]
    skipped: int


def ingest(
    folder: Folder,
    sources: Mapping[str, Source],
    *,
    tenant: str = "default",
    now: datetime,
    progress: Callable[[str, int], None] | None = None,
    keep_raw_max_bytes: int = KEEP_RAW_MAX_BYTES,
    wait_seconds: float = 10,
    history: timedelta = timedelta(days=400),
) -> Ingested:
    """Book what the sources deliver. Delivered files above ``keep_raw_max_bytes`` are recorded and not copied; states of
    the books older than ``history`` are collected, and results of days that nobody asked for in a week and that newer ones replace.

    ``progress`` is called with the source's name and the rows read of the current delivery. Raises StoreError when the
    folder cannot be written or another process keeps it locked longer than ``wait_seconds``.
    """
    with folder.writer(wait_seconds) as writer:
        engine = Engine()
        run_id = f"{now:%Y%m%dT%H%M%SZ}-{writer.manifest.number + 1}"
        run = Run(writer, engine, tenant, now, run_id, progress or _silent, keep_raw_max_bytes)
        try:
            for name, source in sources.items():
                try:
                    SourcePass(run, name, source).read()
                except SourceFailed as failed:
                    run.findings.append(failed.finding)
            run.findings += match_outcomes(writer, engine, now)
            _compact(writer, now)
            collect(folder, now, history)
            collect_results(folder, datetime.now(UTC) - RESULTS_UNUSED)
        finally:
            engine.close()
    return Ingested(aggregate(run.findings), run.booked, run.skipped)


def _compact(writer: Writer, now: datetime) -> None:
    """Merge small segments; merged ones hold no new rows, so outcome matching need not look at them again."""
    for table in sorted({segment.table for segment in writer.manifest.segments}):
        matched = CURSOR in writer.manifest.cursors
        cursors = matched_until(writer.manifest.number + 1) if matched else {}
        writer.compact(table, recorded_at=now, cursors=cursors)


def _silent(label: str, rows: int) -> None:
    """Progress nobody asked for."""
