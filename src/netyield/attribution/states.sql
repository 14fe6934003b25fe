-- What was each device (or MIG slice) doing, instant by instant?
-- In:  signal(device, slice, t, v, hold)        activity in ppm of the best rung, one row per instant
--      memory(device, slice, t, v, hold)        1 where memory is held beyond a bare context, else 0
--      allocation(device, slice, t, v, hold)    1 unallocated, 2 allocated, 3 starting, 4 down
--      presence(device, slice, t, v, hold)      the slice exists
-- Out: one row per elementary interval [a, b): signal_ppm, memory_bytes, allocation, observed_at (of the allocation).
-- A reading stands until the next one, at most for its hold; after that the stream is null: unknown, never zero.
WITH readings AS (
  SELECT device, slice, 1 AS stream, t, v, hold FROM signal
  UNION ALL SELECT device, slice, 2 AS stream, t, v, hold FROM memory
  UNION ALL SELECT device, slice, 3 AS stream, t, v, hold FROM allocation
  UNION ALL SELECT device, slice, 4 AS stream, t, v, hold FROM presence
),
followed AS (
  SELECT device, slice, stream, t, v, hold,
         LEAD(t, 1) OVER (PARTITION BY device, slice, stream ORDER BY t) AS next_t
  FROM readings
),
points AS (
  SELECT device, slice, stream, t, v, t AS observed_at, stream + 10 AS turn FROM followed
  UNION ALL
  SELECT device, slice, stream, t + hold AS t, CAST(NULL AS BIGINT) AS v, CAST(NULL AS BIGINT) AS observed_at, stream AS turn
  FROM followed WHERE next_t IS NULL OR t + hold < next_t
),
grouped AS (
  SELECT device, slice, stream, t, v, observed_at, turn,
         LEAD(t, 1) OVER (PARTITION BY device, slice ORDER BY t, turn) AS b,
         SUM(CASE WHEN stream = 1 THEN 1 ELSE 0 END)
           OVER (PARTITION BY device, slice ORDER BY t, turn ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS g1,
         SUM(CASE WHEN stream = 2 THEN 1 ELSE 0 END)
           OVER (PARTITION BY device, slice ORDER BY t, turn ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS g2,
         SUM(CASE WHEN stream = 3 THEN 1 ELSE 0 END)
           OVER (PARTITION BY device, slice ORDER BY t, turn ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS g3
  FROM points
),
carried AS (
  SELECT device, slice, t AS a, b,
         MAX(CASE WHEN stream = 1 THEN v END) OVER (PARTITION BY device, slice, g1) AS signal_ppm,
         MAX(CASE WHEN stream = 2 THEN v END) OVER (PARTITION BY device, slice, g2) AS memory_bytes,
         MAX(CASE WHEN stream = 3 THEN v END) OVER (PARTITION BY device, slice, g3) AS allocation,
         MAX(CASE WHEN stream = 3 THEN observed_at END) OVER (PARTITION BY device, slice, g3) AS observed_at
  FROM grouped
)
SELECT device, slice,
       CASE WHEN a < {lo} THEN {lo} ELSE a END AS a,
       CASE WHEN b > {hi} THEN {hi} ELSE b END AS b,
       signal_ppm, memory_bytes, allocation, observed_at,
       CASE WHEN allocation = 4 THEN 'down'
            WHEN signal_ppm > {active_above} THEN 'active'
            WHEN allocation = 1 THEN 'unallocated'
            WHEN allocation = 3 THEN 'starting'
            WHEN signal_ppm IS NULL THEN 'unknown'
            WHEN memory_bytes > {memory_floor} THEN 'idle_held'
            ELSE 'idle' END AS state
FROM carried
WHERE b > a AND b > {lo} AND a < {hi}
