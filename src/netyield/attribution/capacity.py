"""Capacity states: what was every GPU (or MIG slice) doing in this stretch of time, in exact device-microseconds?

In:  views gpu_samples, gpu_owners, gpu_slices, capacity_samples (loaded with the previous day's last readings) and a
     table device_pools(device, pool).
Out: state_slots(pool, device, slice, owner, state, slot_us, hour_us, us, signal_us, rung)
     signal_values(pool, device, hour_us, rung, ppm, us): how long each reading stood, for medians and shares at zero
     Needs extents(device, pool, first_us, last_t, last_us): from first to last sample over everything booked.
"""

from __future__ import annotations

import pyarrow as pa

from netyield.attribution.ladder import ppm_sql, rank_sql
from netyield.attribution.settings import CapacitySettings
from netyield.attribution.slices import parts_table
from netyield.attribution.statements import statement
from netyield.core.period import Period, micros
from netyield.store.engine import Engine

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
STRANDED = "__stranded__"


def grid_table(segment: Period, slot_seconds: int) -> pa.Table:
    """The slots of a stretch of time, clipped to it: slot_us (start), hour_us, a, b."""
    lo, hi, step = micros(segment.since), micros(segment.until), slot_seconds * 1_000_000
    starts = list(range(lo - lo % step, hi, step))
    return pa.table(
        {
            "slot_us": starts,
            "hour_us": [start - start % HOUR_US for start in starts],
            "a": [max(start, lo) for start in starts],
            "b": [min(start + step, hi) for start in starts],
        },
        schema=pa.schema([(name, pa.int64()) for name in ("slot_us", "hour_us", "a", "b")]),
    )


def run(engine: Engine, segment: Period, settings: CapacitySettings, slot_seconds: int) -> None:
    """Make state_slots, signal_values for the segment. Needs device_pools to exist."""
    engine.register("grid", grid_table(segment, slot_seconds))
    _streams(engine, settings, micros(segment.since))
    numbers = {
        "lo": micros(segment.since),
        "hi": micros(segment.until),
        "active_above": round(settings.active_above * 1_000_000),
        "memory_floor": 0,  # the stream says 1 where memory is held, 0 where it is not
    }
    engine.keep("intervals_raw", statement("states", **numbers))
    layout = engine.query("SELECT * FROM layout").to_pylist()
    engine.register("slice_parts", parts_table(layout))
    engine.keep("parts", _PARTS)
    engine.keep("intervals", _INTERVALS)
    engine.keep("holders", _HOLDERS)
    engine.keep("device_slots", statement("state_hours", lo=numbers["lo"]))
    engine.keep("count_slots", _counts(settings, numbers["lo"], numbers["hi"]))
    engine.keep(
        "state_slots",
        """SELECT p.pool, d.device, d.slice, d.owner, d.state, d.slot_us, d.hour_us, d.us, d.signal_us
           FROM device_slots d JOIN device_pools p ON d.device = p.device WHERE d.us > 0
           UNION ALL
           SELECT pool, '' AS device, '' AS slice, '' AS owner, state, hour_us AS slot_us, hour_us, us, 0 AS signal_us
           FROM count_slots WHERE us > 0""",
    )
    engine.keep(
        "signal_values",
        f"""SELECT p.pool, i.device, r.rung, i.signal_ppm AS ppm, h.hour_us,
                   CAST(SUM(least(i.b, h.hour_us + {HOUR_US}) - greatest(i.a, h.hour_us)) AS BIGINT) AS us
            FROM intervals_raw i JOIN device_pools p ON i.device = p.device
            JOIN (SELECT DISTINCT hour_us FROM grid) h ON i.a < h.hour_us + {HOUR_US} AND i.b > h.hour_us
            LEFT JOIN device_rungs r ON i.device = r.device
            WHERE i.signal_ppm IS NOT NULL GROUP BY ALL""",
    )


def _streams(engine: Engine, settings: CapacitySettings, lo: int) -> None:
    """The four integer streams of states.sql from the raw tables. Copies of one reading count once."""
    _one_name_per_slice(engine)
    engine.keep(
        "readings",
        f"""SELECT device_id AS device, slice_id AS slice, metric, micros(event_time) AS t, MAX(hold_us) AS hold,
                   MIN({rank_sql()}) AS rank, MAX({ppm_sql()}) AS ppm, MAX(CAST(value AS BIGINT)) AS whole
            FROM slice_samples WHERE metric IN ('sm_active_ratio', 'engine_active_ratio', 'gpu_util_percent',
                                              'power_watts', 'memory_used_bytes')
            GROUP BY ALL""",
    )
    engine.keep(
        "sliced",
        "SELECT DISTINCT device FROM (SELECT device FROM readings WHERE slice <> '' "
        "UNION ALL SELECT device_id FROM slice_layouts)",
    )
    engine.keep(
        "signal_all",
        f"""SELECT r.* FROM readings r
            JOIN (SELECT device, slice, t - t % {HOUR_US} AS hour, MIN(rank) AS best FROM readings
                  WHERE ppm IS NOT NULL AND rank IS NOT NULL GROUP BY ALL) b
              ON r.device = b.device AND r.slice = b.slice AND r.t - r.t % {HOUR_US} = b.hour AND r.rank = b.best
            WHERE r.ppm IS NOT NULL AND {_WHOLE.replace("x.", "r.")}""",
    )
    # The last reading of a device stands for its usual step (there its extent ends), not for the whole hold: nothing
    # says it went on. A device without an extent here ended before the segment.
    end = f"COALESCE(l.last_us, {lo})"
    held = f"CASE WHEN x.whole > {settings.idle_memory_floor_bytes} THEN 1 ELSE 0 END"
    for name, source, value, only in (
        ("signal", "signal_all", "x.ppm", "TRUE"),
        ("memory", "readings", held, f"x.metric = 'memory_used_bytes' AND {_WHOLE}"),
    ):
        engine.keep(
            name,
            _RUNS.format(
                readings=f"""SELECT x.device, x.slice, x.t, CAST({value} AS BIGINT) AS v, '' AS holders,
                                    least(x.hold, {end} - x.t) AS hold
                             FROM {source} x LEFT JOIN extents l ON x.device = l.device WHERE x.t < {end} AND {only}"""
            ),
        )
    engine.keep(
        "allocation",
        _RUNS.format(
            readings=f"""SELECT x.device, x.slice, x.t, MAX(x.hold_us) AS hold,
                                MAX(CASE x.state WHEN 'unallocated' THEN 1 WHEN 'allocated' THEN 2 WHEN 'starting' THEN 3
                                                 WHEN 'down' THEN 4 END) AS v,
                                string_agg(DISTINCT x.owner, '|' ORDER BY x.owner) AS holders
                         FROM (SELECT device_id AS device, slice_id AS slice, micros(event_time) AS t, hold_us, state, owner
                               FROM slice_owners) x
                         WHERE {_WHOLE} GROUP BY x.device, x.slice, x.t"""
        ),
    )
    engine.keep(
        "layout",
        """SELECT device_id AS device, slice_id AS slice, MAX(multiprocessors) AS multiprocessors,
                  MAX(device_multiprocessors) AS device_multiprocessors, MAX(compute_slices) AS compute_slices,
                  MAX(memory_slices) AS memory_slices
           FROM gpu_slices GROUP BY ALL ORDER BY ALL""",
    )
    engine.keep(
        "presence",
        f"""SELECT x.device, x.slice, x.t, CAST(1 AS BIGINT) AS v, least(MAX(x.hold_us), MAX({end}) - x.t) AS hold
            FROM (SELECT device_id AS device, slice_id AS slice, micros(event_time) AS t, hold_us FROM slice_layouts) x
            LEFT JOIN extents l ON x.device = l.device WHERE x.t < {end} GROUP BY x.device, x.slice, x.t""",
    )
    engine.keep(
        "device_rungs",
        """SELECT device, CASE MIN(rank) WHEN 1 THEN 'sm_active_ratio' WHEN 2 THEN 'engine_active_ratio'
                               WHEN 3 THEN 'gpu_util_percent' WHEN 4 THEN 'power_watts' END AS rung
           FROM signal_all GROUP BY device""",
    )


def _one_name_per_slice(engine: Engine) -> None:
    """``slice_samples``, ``slice_owners``, ``slice_layouts``: the raw tables with every slice under its name in the layout.

    One exporter names GPU instances ("1"), another their compute instances ("1/0"): what is said of an instance holds for
    each of its compute instances, and what is said of a compute instance for the instance when the layout knows only that.
    """
    engine.keep("slice_names", _SLICE_NAMES)
    renamed = bool(engine.scalar("SELECT count(*) FROM slice_names"))
    for table, name in (("gpu_samples", "slice_samples"), ("gpu_owners", "slice_owners"), ("gpu_slices", "slice_layouts")):
        other = f"""SELECT x.* REPLACE (COALESCE(n.slice, x.slice_id) AS slice_id) FROM {table} x
                    LEFT JOIN slice_names n ON x.device_id = n.device AND x.slice_id = n.said"""
        engine.view(name, other if renamed else f"SELECT * FROM {table}")


# What somebody calls a slice (said) and the layout calls otherwise.
_SLICE_NAMES = """
WITH layouts AS (SELECT DISTINCT device_id AS device, slice_id AS slice, split_part(slice_id, '/', 1) AS instance FROM gpu_slices),
said AS (
  SELECT device_id AS device, slice_id AS said FROM gpu_samples WHERE slice_id <> ''
  UNION SELECT device_id, slice_id FROM gpu_owners WHERE slice_id <> ''
  UNION SELECT device, slice FROM layouts
)
SELECT s.device, s.said, l.slice FROM said s JOIN layouts l ON s.device = l.device AND split_part(s.said, '/', 1) = l.instance
WHERE s.said <> l.slice AND CASE WHEN contains(s.said, '/')
  THEN NOT contains(l.slice, '/') AND NOT EXISTS (
    SELECT 1 FROM layouts f WHERE f.device = l.device AND f.instance = l.instance AND contains(f.slice, '/'))
  ELSE contains(l.slice, '/') END
"""


# A word on the whole of a sliced device says nothing of its slices.
_WHOLE = "(x.slice <> '' OR x.device NOT IN (SELECT device FROM sliced))"

# Readings that repeat the one before without a gap are one reading that stands longer: most streams are mostly runs.
_RUNS = """
SELECT device, slice, MIN(t) AS t, MIN(v) AS v, arg_max(t + hold, t) - MIN(t) AS hold FROM (
  SELECT device, slice, t, v, hold,
         SUM(fresh) OVER (PARTITION BY device, slice ORDER BY t ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS run
  FROM (
    SELECT device, slice, t, v, hold,
           CASE WHEN LAG(v) OVER (PARTITION BY device, slice ORDER BY t) = v
                 AND LAG(holders) OVER (PARTITION BY device, slice ORDER BY t) = holders
                 AND LAG(t + hold) OVER (PARTITION BY device, slice ORDER BY t) >= t THEN 0 ELSE 1 END AS fresh
    FROM ({readings}) r) f) g
GROUP BY device, slice, run
"""

# A slice without a layout row shares its device evenly with the others; a whole device is [0, 1) of 1.
_PARTS = """
SELECT device, slice, low, high, parts FROM slice_parts
UNION ALL
SELECT device, slice, ROW_NUMBER() OVER (PARTITION BY device ORDER BY slice) - 1 AS low,
       ROW_NUMBER() OVER (PARTITION BY device ORDER BY slice) AS high, COUNT(*) OVER (PARTITION BY device) AS parts
FROM (SELECT DISTINCT device, slice FROM intervals_raw)
WHERE device NOT IN (SELECT device FROM slice_parts)
"""

# The part of a MIG device that no slice can use is fragmented for as long as the device is seen.
_INTERVALS = f"""
SELECT device, slice, a, b, signal_ppm, observed_at, state FROM intervals_raw
UNION ALL
SELECT i.device, '{STRANDED}' AS slice, MIN(i.a) AS a, MAX(i.b) AS b, NULL AS signal_ppm, NULL AS observed_at,
       'fragmented' AS state
FROM intervals_raw i JOIN slice_parts p ON i.device = p.device AND p.slice = '{STRANDED}'
GROUP BY i.device
"""

# Everybody who held a device at an observation, numbered, so that sharers split its time by cumulative integers.
_HOLDERS = """
SELECT device_id AS device, slice_id AS slice, micros(event_time) AS observed_at, owner,
       ROW_NUMBER() OVER (PARTITION BY device_id, slice_id, event_time ORDER BY owner) - 1 AS place,
       COUNT(*) OVER (PARTITION BY device_id, slice_id, event_time) AS sharers
FROM (SELECT DISTINCT device_id, slice_id, event_time, owner FROM slice_owners WHERE owner <> '')
"""


def _counts(settings: CapacitySettings, lo: int, hi: int) -> str:
    """Pool counts: what is not allocated is unallocated, or down in an outage; what is allocated has unknown activity.

    An outage is judged on the counts of the whole UTC day, also where the segment is a part of it.
    """
    day_lo, day_hi = lo - lo % DAY_US, hi + -hi % DAY_US
    return f"""
    WITH runs AS (
      SELECT pool, micros(event_time) AS t, MAX(gpus_total) AS total_gpus, MAX(gpus_allocated) AS held, MAX(hold_us) AS hold,
             LEAD(micros(event_time)) OVER (PARTITION BY pool ORDER BY micros(event_time)) AS next_t
      FROM capacity_samples GROUP BY pool, micros(event_time)
    ),
    cut AS (
      SELECT r.pool, h.hour_us, r.total_gpus, r.held, greatest(r.t, h.hour_us, {lo}) AS a,
             least(r.t + r.hold, COALESCE(r.next_t, r.t + r.hold), h.hour_us + {HOUR_US}, {hi}) AS b
      FROM runs r JOIN (SELECT DISTINCT hour_us FROM grid) h
        ON r.t < h.hour_us + {HOUR_US} AND least(r.t + r.hold, COALESCE(r.next_t, r.t + r.hold)) > h.hour_us
    ),
    of_day AS (
      SELECT pool, total_gpus, held, greatest(t, {day_lo}) AS a, least(t + hold, COALESCE(next_t, t + hold), {day_hi}) AS b FROM runs
    ),
    spans AS (SELECT pool, MIN(a) AS a, MAX(b) AS b FROM of_day WHERE b > a GROUP BY pool),
    marks AS (SELECT a AS t, total_gpus AS gpus, held, -1 AS missing FROM of_day WHERE b > a
              UNION ALL SELECT b, -total_gpus, -held, 1 FROM of_day WHERE b > a
              UNION ALL SELECT a, 0, 0, 1 FROM spans UNION ALL SELECT b, 0, 0, -1 FROM spans),
    levels AS (
      SELECT t, LEAD(t) OVER (ORDER BY t) AS until_t, SUM(SUM(gpus)) OVER (ORDER BY t) AS gpus, SUM(SUM(held)) OVER (ORDER BY t) AS held,
             SUM(SUM(missing)) OVER (ORDER BY t) AS missing
      FROM marks GROUP BY t
    ),
    -- A pool that was not counted just then may have been in use: zero is only what all of them read.
    silent AS (SELECT t AS a, until_t AS b FROM levels WHERE held = 0 AND gpus > 0 AND missing = 0 AND until_t > t),
    outage AS (SELECT a, b FROM silent WHERE (SELECT SUM(b - a) FROM silent) >= {settings.outage_minutes * 60_000_000}),
    free AS (
      SELECT c.pool, c.hour_us, c.a, c.b, c.total_gpus, c.held, 
             COALESCE(SUM(CASE WHEN o.a IS NOT NULL THEN least(c.b, o.b) - greatest(c.a, o.a) END), 0) AS down_span
      FROM cut c LEFT JOIN outage o ON c.a < o.b AND c.b > o.a
      WHERE c.b > c.a GROUP BY ALL
    )
    SELECT pool, hour_us, 'unknown' AS state, CAST(SUM(held * (b - a)) AS BIGINT) AS us FROM free GROUP BY ALL
    UNION ALL SELECT pool, hour_us, 'unallocated', CAST(SUM((total_gpus - held) * (b - a - down_span)) AS BIGINT) FROM free GROUP BY ALL
    UNION ALL SELECT pool, hour_us, 'down', CAST(SUM((total_gpus - held) * down_span) AS BIGINT) FROM free GROUP BY ALL
    """
