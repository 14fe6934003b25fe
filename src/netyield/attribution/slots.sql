-- How much of each slot's active cost goes to prefill and to decode, and what are the weights to divide it by?
-- In:  slot_weights(slot_id, place, w_prefill, w_decode, top), lines(line, line_id): a number for every kind of charge,
--      slot_money(slot_id, line_id, pico, prefill_share, phase_whole)
-- phase_whole > 0: the engine reported phase time and prefill gets prefill_share/phase_whole; else by weights.
-- Out: one row per slot and line, and one of line 0 for a slot without money. A share is trunc(C * w / W); with
--      C = each * W + left that is each * w + trunc(left * w / W), which fits 64 bits whatever C is, unless small = 0.
--      The two W are never 0 (their phase has no money then). is_first = 1: the slot's first line.
WITH numbered AS (
  SELECT m.slot_id, l.line, m.pico, m.prefill_share, m.phase_whole FROM slot_money m JOIN lines l ON m.line_id = l.line_id
),
firsts AS (
  SELECT slot_id, MIN(line) AS line FROM numbered GROUP BY slot_id
),
shared AS (
  SELECT s.slot_id, s.place, COALESCE(m.line, 0) AS line, CASE WHEN m.line > f.line THEN 0 ELSE 1 END AS is_first, COALESCE(m.pico, 0) AS pico,
         CASE WHEN s.w_prefill = 0 THEN 1 ELSE s.w_prefill END AS w_prefill, CASE WHEN s.w_decode = 0 THEN 1 ELSE s.w_decode END AS w_decode, s.top,
         narrow(CASE WHEN m.pico IS NULL OR s.w_prefill = 0 THEN 0 WHEN s.w_decode = 0 THEN m.pico
                     WHEN m.phase_whole > 0 THEN int_div(wide(m.pico) * m.prefill_share, m.phase_whole)
                     ELSE int_div(wide(m.pico) * s.w_prefill, s.w_prefill + s.w_decode) END) AS prefill_pico
  FROM slot_weights s LEFT JOIN numbered m ON s.slot_id = m.slot_id LEFT JOIN firsts f ON s.slot_id = f.slot_id
)
SELECT slot_id, place, line, is_first, pico, w_prefill, div64(prefill_pico, w_prefill) AS prefill_each,
       prefill_pico - div64(prefill_pico, w_prefill) * w_prefill AS prefill_left,
       w_decode, div64(pico - prefill_pico, w_decode) AS decode_each,
       pico - prefill_pico - div64(pico - prefill_pico, w_decode) * w_decode AS decode_left, top,
       CASE WHEN wide(w_prefill) * top < 4000000000000000000 AND wide(w_decode) * top < 4000000000000000000 THEN 1 ELSE 0 END AS small
FROM shared
