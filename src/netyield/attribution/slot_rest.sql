-- What do the truncated shares of a slot leave over? It goes to the heir (fewer pico-units than there are pieces).
WITH given AS (
  SELECT p.slot_id, s.line_id,
         total(narrow(int_div(wide(s.prefill_pico) * p.w_prefill, CASE WHEN s.w_prefill = 0 THEN 1 ELSE s.w_prefill END))
             + narrow(int_div(wide(s.decode_pico) * p.w_decode, CASE WHEN s.w_decode = 0 THEN 1 ELSE s.w_decode END))) AS pico
  FROM attempt_pieces p JOIN slot_split s ON p.slot_id = s.slot_id
  GROUP BY p.slot_id, s.line_id
)
SELECT s.slot_id, s.line_id, s.heir AS attempt_id, narrow(s.pico - g.pico) AS pico
FROM slot_split s JOIN given g ON s.slot_id = g.slot_id AND s.line_id = g.line_id
WHERE s.pico <> g.pico
