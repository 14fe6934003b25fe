-- How much of each slot's active cost goes to prefill and to decode, and what are the weights to divide it by?
-- In:  attempt_pieces(attempt_id, slot_id, w_prefill, w_decode), slot_money(slot_id, line_id, pico, prefill_share, phase_whole)
-- phase_whole > 0: the engine reported phase time and prefill gets prefill_share/phase_whole; else by weights.
-- Out: slot_split(slot_id, line_id, pico, prefill_pico, decode_pico, w_prefill, w_decode, heir)
WITH sums AS (
  SELECT slot_id, narrow(total(w_prefill)) AS w_prefill, narrow(total(w_decode)) AS w_decode,
         MAX(wide(w_prefill + w_decode) * 10000000000000000000 + attempt_id) AS top
  FROM attempt_pieces GROUP BY slot_id
),
shared AS (
  SELECT m.slot_id, m.line_id, m.pico, s.w_prefill, s.w_decode, s.top - int_div(s.top, 10000000000000000000) * 10000000000000000000 AS heir,
         CASE WHEN s.w_prefill = 0 THEN 0 WHEN s.w_decode = 0 THEN wide(m.pico)
              WHEN m.phase_whole > 0 THEN int_div(wide(m.pico) * m.prefill_share, m.phase_whole)
              ELSE int_div(wide(m.pico) * s.w_prefill, s.w_prefill + s.w_decode) END AS prefill_pico
  FROM slot_money m JOIN sums s ON m.slot_id = s.slot_id
)
SELECT slot_id, line_id, narrow(pico) AS pico, narrow(prefill_pico) AS prefill_pico, narrow(pico - prefill_pico) AS decode_pico,
       w_prefill, w_decode, narrow(heir) AS heir
FROM shared
