-- Which part of each group of charges falls into each hour? Cumulative integer seconds: adjacent hours add up exactly.
-- In:  groups(group_id, start_s, end_s, pico, gpu_us, tokens), hours(hour_us, a, b) in seconds
WITH pieces AS (
  SELECT g.group_id, h.hour_us, g.pico, g.gpu_us, g.tokens, g.end_s - g.start_s AS span,
         (CASE WHEN g.end_s < h.b THEN g.end_s ELSE h.b END) - g.start_s AS z,
         (CASE WHEN g.start_s > h.a THEN g.start_s ELSE h.a END) - g.start_s AS a
  FROM groups g JOIN hours h ON g.start_s < h.b AND g.end_s > h.a
)
SELECT group_id, hour_us,
       int_div(wide(pico) * z, span) - int_div(wide(pico) * a, span) AS pico,
       int_div(wide(gpu_us) * z, span) - int_div(wide(gpu_us) * a, span) AS gpu_us,
       int_div(wide(tokens) * z, span) - int_div(wide(tokens) * a, span) AS tokens
FROM pieces
