-- How much device time did each holder spend in each state, per hour and per slot?
-- In:  intervals (states.sql), parts(device, slice, low, high, parts): which fraction [low, high)/parts of the device a
--      slice is, holders(device, slice, observed_at, owner, place, sharers), grid(slot_us, a, b, hour_us).
-- Time is cut by cumulative integers in both directions (time and slices), so that a device's hour always adds up.
WITH cut AS (
  SELECT i.device, i.slice, i.state, i.signal_ppm, i.observed_at, g.slot_us, g.hour_us,
         (CASE WHEN i.a > g.a THEN i.a ELSE g.a END) - {lo} AS a,
         (CASE WHEN i.b < g.b THEN i.b ELSE g.b END) - {lo} AS b
  FROM intervals i JOIN grid g ON i.a < g.b AND i.b > g.a
),
scaled AS (
  SELECT c.device, c.slice, c.state, c.signal_ppm, c.observed_at, c.slot_us, c.hour_us,
         narrow(int_div(wide(c.b) * p.high, p.parts) - int_div(wide(c.b) * p.low, p.parts)
              - int_div(wide(c.a) * p.high, p.parts) + int_div(wide(c.a) * p.low, p.parts)) AS us
  FROM cut c JOIN parts p ON c.device = p.device AND c.slice = p.slice
),
shared AS (
  SELECT s.device, s.slice, COALESCE(h.owner, '') AS owner, s.state, s.slot_us, s.hour_us, s.signal_ppm,
         narrow(int_div(s.us * (COALESCE(h.place, 0) + 1), COALESCE(h.sharers, 1))
              - int_div(s.us * COALESCE(h.place, 0), COALESCE(h.sharers, 1))) AS us
  FROM scaled s
  LEFT JOIN holders h ON s.device = h.device AND s.slice = h.slice AND s.observed_at = h.observed_at
)
SELECT device, slice, owner, state, slot_us, hour_us, narrow(total(us)) AS us,
       narrow(total(narrow(int_div(us * COALESCE(signal_ppm, 0), 1000000)))) AS signal_us
FROM shared
GROUP BY device, slice, owner, state, slot_us, hour_us
