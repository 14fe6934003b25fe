-- Who gets the money and the paid time of each pool-hour? share = trunc(C*w/W), the rest to the largest (w, key).
-- In:  paid(line_id, pool, hour_us, pico, gpu_us) : one row per pool, hour and kind of charge
--      weights(pool, hour_us, key, w)             : device-microseconds of every state and holder, unknown included
-- Out: line_id, pool, hour_us, key, pico, gpu_us
WITH sums AS (
  SELECT pool, hour_us, total(w) AS whole, MAX(w) AS top FROM weights GROUP BY pool, hour_us
),
heirs AS (
  SELECT w.pool, w.hour_us, MAX(w.key) AS heir
  FROM weights w JOIN sums s ON w.pool = s.pool AND w.hour_us = s.hour_us AND w.w = s.top
  GROUP BY w.pool, w.hour_us
),
shares AS (
  SELECT p.line_id, p.pool, p.hour_us, w.key, p.pico AS line_pico, p.gpu_us AS line_us,
         int_div(wide(p.pico) * w.w, s.whole) AS pico, int_div(wide(p.gpu_us) * w.w, s.whole) AS gpu_us
  FROM paid p
  JOIN sums s ON p.pool = s.pool AND p.hour_us = s.hour_us
  JOIN weights w ON p.pool = w.pool AND p.hour_us = w.hour_us
),
given AS (
  SELECT line_id, pool, hour_us, total(pico) AS pico, total(gpu_us) AS gpu_us FROM shares GROUP BY line_id, pool, hour_us
)
SELECT s.line_id, s.pool, s.hour_us, s.key,
       wide(s.pico) + CASE WHEN s.key = h.heir THEN wide(s.line_pico) - wide(g.pico) ELSE 0 END AS pico,
       wide(s.gpu_us) + CASE WHEN s.key = h.heir THEN wide(s.line_us) - wide(g.gpu_us) ELSE 0 END AS gpu_us
FROM shares s
JOIN heirs h ON s.pool = h.pool AND s.hour_us = h.hour_us
JOIN given g ON s.line_id = g.line_id AND s.pool = g.pool AND s.hour_us = g.hour_us
