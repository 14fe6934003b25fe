-- How far did each counter of a serving process grow between two readings? A drop is a restart and counts from zero.
-- In:  counters(replica, namespace, model, kind, series, t, v): whole counts, one row per series and instant
-- Out: one row per pair of neighbouring readings, (before_t, t]
WITH followed AS (
  SELECT replica, namespace, model, kind, t, v,
         LAG(t) OVER (PARTITION BY replica, namespace, model, kind, series ORDER BY t) AS before_t,
         LAG(v) OVER (PARTITION BY replica, namespace, model, kind, series ORDER BY t) AS before_v
  FROM counters
)
SELECT replica, namespace, model, kind, before_t, t, CASE WHEN v >= before_v THEN v - before_v ELSE v END AS tokens
FROM followed WHERE before_t IS NOT NULL
