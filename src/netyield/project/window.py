"""Which window do the sources cover together? Bills, telemetry and traffic each; the default is their intersection."""

from __future__ import annotations

from netyield.core.finding import Finding, Severity
from netyield.core.period import HOUR, Period, from_micros
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

_RANGES = {
    "bill": """SELECT MIN(micros(charge_start)) AS a, MAX(micros(charge_end)) AS b FROM charges
               WHERE charge_category = 'Usage' OR (SELECT COUNT(*) FROM charges WHERE charge_category = 'Usage') = 0""",
    "telemetry": """SELECT MIN(a) AS a, MAX(b) AS b FROM (
                      SELECT MIN(micros(event_time)) AS a, MAX(micros(event_time) + hold_us) AS b FROM capacity_samples
                      UNION ALL SELECT MIN(t), MAX(t + least(hold, COALESCE(step, hold))) FROM (
                        SELECT micros(event_time) AS t, hold_us AS hold,
                               CAST(median(gap) OVER () AS BIGINT) AS step
                        FROM (SELECT event_time, hold_us, NULLIF(micros(event_time) - LAG(micros(event_time)) OVER
                                (PARTITION BY device_id, slice_id, metric ORDER BY event_time), 0) AS gap FROM gpu_samples)))""",
    "traffic": "SELECT MIN(micros(event_time)) AS a, MAX(micros(event_time)) + 1 AS b FROM attempts",
}
_TABLES = {"bill": ("charges",), "telemetry": ("capacity_samples", "gpu_samples"), "traffic": ("attempts",)}


def covered(folder: Folder, manifest: Manifest) -> dict[str, Period]:
    """The window of each kind of source that has any rows. Traffic is rounded out to whole hours."""
    engine = Engine()
    found: dict[str, Period] = {}
    try:
        for kind, tables in _TABLES.items():
            if not any(manifest.of(table) for table in tables):
                continue
            for table in tables:
                engine.parquet(table, table, folder.paths(manifest.of(table)))
            row = engine.query(_RANGES[kind]).to_pylist()[0]
            if row["a"] is None:
                continue
            period = Period(from_micros(int(row["a"])), from_micros(int(row["b"])))
            found[kind] = _whole_hours(period) if kind == "traffic" else _whole_seconds(period)
    finally:
        engine.close()
    return found


def _whole_hours(period: Period) -> Period:
    since = period.since.replace(minute=0, second=0, microsecond=0)
    until = period.until.replace(minute=0, second=0, microsecond=0)
    return Period(since, until if until == period.until else until + HOUR)


def _whole_seconds(period: Period) -> Period:
    return Period(period.since.replace(microsecond=0), period.until.replace(microsecond=0))


def default(ranges: dict[str, Period]) -> tuple[Period | None, list[Finding]]:
    """The intersection, with a remark where it leaves something out; the bill's own window when there is none."""
    if not ranges:
        return None, []
    since = max(period.since for period in ranges.values())
    until = min(period.until for period in ranges.values())
    listed = "; ".join(f"{kind} {period}" for kind, period in ranges.items())
    if since >= until:
        first = ranges.get("bill") or next(iter(ranges.values()))
        return first, [
            Finding(
                "window.no_overlap",
                Severity.WARNING,
                f"the sources have no common window ({listed})",
                "Bring the missing period, or name a window with --since and --until.",
            )
        ]
    window = Period(since, until)
    if any(period != window for period in ranges.values()):
        return window, [
            Finding(
                "window.intersection",
                Severity.INFO,
                f"the window is where all sources overlap ({listed})",
                "Name another one with --since and --until.",
            )
        ]
    return window, []
