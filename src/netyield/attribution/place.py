"""Places the money and the paid time of every pool-hour: on states and their holders, then on the slots of the hour.

Two levels, so that what a division leaves over stays where it arose: an hour half active and half idle gives each exactly
half, however many slots the active half is cut into. What telemetry cannot place of the paid time is ``unknown``.
"""

from __future__ import annotations

from netyield.attribution import engine_leaves
from netyield.attribution.settings import AttributionSettings
from netyield.attribution.statements import statement
from netyield.store.engine import Engine


def run(engine: Engine, settings: AttributionSettings) -> None:
    """Make ``placed`` (one row per line, pool-hour, holder, state and slot) and ``slot_money`` for slots with requests."""
    slot_us = settings.slot_seconds * 1_000_000
    engine.keep(
        "held",
        f"""SELECT s.pool, s.hour_us, s.slot_us, s.device, s.slice, s.owner, s.state, COALESCE(f.kind, 'serving') AS kind,
                   COALESCE(f.state, '') AS job_state,
                   CASE WHEN s.state = 'active' AND COALESCE(f.kind, 'serving') = 'serving'
                        THEN COALESCE(o.serving_id, w.serving_id) * 100000000 + s.slot_us // {slot_us} END AS slot_id, s.us
            FROM (SELECT pool, device, slice, owner, state, slot_us, hour_us, us FROM state_slots
                  UNION ALL SELECT pool, '' , '', '', state, slot_us, hour_us, us FROM provisioned_slots) s
            LEFT JOIN owner_facts f ON s.owner = f.owner
            LEFT JOIN servings o ON s.pool = o.pool AND s.owner = o.serving AND o.serving <> ''
            LEFT JOIN servings w ON s.pool = w.pool AND w.serving = ''""",
    )
    engine.keep("engine_slots", engine_leaves.SLOTS)
    engine.keep(
        "weights_known",
        """SELECT h.pool, h.hour_us, h.device, h.slice, h.owner, h.state, h.kind, h.job_state,
                  CASE WHEN b.slot_id IS NOT NULL THEN h.slot_id END AS slot_id,
                  CASE WHEN e.slot_us IS NOT NULL THEN 'engine' END AS counted_by, narrow(total(h.us)) AS w
           FROM held h LEFT JOIN busy_slots b ON h.slot_id = b.slot_id
           LEFT JOIN engine_slots e ON h.pool = e.pool AND h.owner = e.owner AND h.slot_us = e.slot_us AND h.state = 'active' AND h.kind = 'serving'
           GROUP BY ALL HAVING SUM(h.us) > 0""",
    )
    # Where the bill says how much GPU time was paid, what telemetry cannot place of it is unknown (and only that).
    engine.keep(
        "pool_time",
        """SELECT p.pool, p.hour_us, total(p.gpu_us) AS paid_us,
                  COALESCE(MAX(k.known_us), 0) AS known_us, COALESCE(MAX(k.blank_us), 0) AS blank_us
           FROM paid p LEFT JOIN (
             SELECT pool, hour_us, SUM(CASE WHEN state <> 'unknown' THEN w ELSE 0 END) AS known_us,
                    SUM(CASE WHEN state = 'unknown' THEN w ELSE 0 END) AS blank_us
             FROM weights_known GROUP BY ALL) k ON p.pool = k.pool AND p.hour_us = k.hour_us
           GROUP BY ALL""",
    )
    engine.keep(
        "weights_detail",
        """SELECT w.*, concat_ws('|', w.state, w.device, w.slice, w.owner, CAST(w.slot_id AS VARCHAR), w.counted_by) AS key,
                  concat_ws('|', w.state, w.device, w.slice, w.owner) AS holding
           FROM weights_known w JOIN pool_time t ON w.pool = t.pool AND w.hour_us = t.hour_us WHERE w.state <> 'unknown'
           UNION ALL
           SELECT pool, hour_us, '', '', '', 'unknown', 'serving', '', NULL, NULL,
                  CAST(CASE WHEN paid_us IS NULL THEN CASE WHEN known_us + blank_us = 0 THEN 1 ELSE blank_us END
                            ELSE greatest(paid_us - known_us, CASE WHEN known_us = 0 THEN 1 ELSE 0 END) END AS BIGINT), 'unknown', 'unknown'
           FROM pool_time
           WHERE CASE WHEN paid_us IS NULL THEN known_us = 0 OR blank_us > 0 ELSE paid_us > known_us OR known_us = 0 END""",
    )
    engine.keep(
        "weights", "SELECT pool, hour_us, holding AS key, narrow(total(w)) AS w FROM weights_detail GROUP BY ALL"
    )
    engine.keep(
        "paid_lines",
        """SELECT line_id, pool, hour_us, pico, CASE WHEN gpu_us IS NOT NULL THEN gpu_us
                  WHEN line_id = FIRST_VALUE(line_id) OVER (PARTITION BY pool, hour_us ORDER BY abs(pico) DESC, line_id)
                       AND whole_us IS NULL THEN known_us + blank_us ELSE 0 END AS gpu_us
           FROM (SELECT p.*, t.paid_us AS whole_us, t.known_us, t.blank_us FROM paid p
                 JOIN pool_time t ON p.pool = t.pool AND p.hour_us = t.hour_us)""",
    )
    engine.keep("hour_shares", _split("paid_lines", "weights"))
    # Second level: what a holder got for its hour, over the slots of that hour.
    engine.keep("paid_slots", "SELECT line_id, concat(pool, '|', key) AS pool, hour_us, pico, gpu_us FROM hour_shares")
    engine.keep("weights_slots", "SELECT concat(pool, '|', holding) AS pool, hour_us, key, w FROM weights_detail")
    engine.keep("slot_shares", _split("paid_slots", "weights_slots"))
    engine.keep(
        "placed",
        """SELECT h.line_id, d.pool, h.hour_us, d.device, d.slice, d.owner, d.state, d.kind, d.job_state, d.slot_id, d.counted_by,
                  h.pico, CAST(h.gpu_us AS BIGINT) AS gpu_us
           FROM slot_shares h
           JOIN weights_detail d ON h.pool = concat(d.pool, '|', d.holding) AND h.hour_us = d.hour_us AND h.key = d.key""",
    )
    engine.keep(
        "slot_money",
        "SELECT slot_id, line_id, narrow(total(pico)) AS pico, narrow(total(gpu_us)) AS gpu_us, "
        "0 AS prefill_share, 0 AS phase_whole FROM placed WHERE slot_id IS NOT NULL GROUP BY ALL",
    )


def _split(paid: str, weights: str) -> str:
    """The split statement over these tables."""
    text = statement("split_hours").replace("FROM paid p", f"FROM {paid} p")
    return text.replace("FROM weights ", f"FROM {weights} ").replace("JOIN weights w", f"JOIN {weights} w")
