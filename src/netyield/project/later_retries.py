"""Calls made again after the day's (or the window's) end: they replace attempts of the day, which no row of it tells."""

from __future__ import annotations

from datetime import datetime, timedelta

import pyarrow as pa

from netyield.attribution.attempts import RETRY
from netyield.core.period import micros
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

# Who tries again does so soon; a later call of the same request is another attempt, but no retry of this one.
RETRIED_WITHIN = timedelta(hours=6)


def later_retries(folder: Folder, manifest: Manifest, until: datetime) -> pa.Table:
    """Attempts of the hours after ``until`` that name an attempt they replace or count their tries (schema ``RETRY``)."""
    segments = folder.segments(manifest, "attempts", until, until + RETRIED_WITHIN)
    if not segments:
        return RETRY.empty_table()
    engine = Engine(threads=1)
    try:
        engine.parquet("attempts", "attempts", folder.paths(segments))
        return engine.query(
            f"""SELECT {", ".join(RETRY.names)} FROM attempts
                WHERE event_time >= make_timestamptz({micros(until)}) AND event_time < make_timestamptz({micros(until + RETRIED_WITHIN)})
                  AND (retry_of IS NOT NULL OR attempt_number > 1) ORDER BY ALL"""
        ).cast(RETRY)
    finally:
        engine.close()
