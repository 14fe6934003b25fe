-- What do the truncated shares of a slot leave over? It goes to the heir: the piece with the largest (weight, attempt).
-- In:  request_pieces, slot_split (slots.sql)
-- Out: slot_split with heir (attempt_id), rest (fewer pico-units than there are pieces, or all of it where no piece weighs
--      anything) and line_hour: the line and the hour the slot starts in as one number, line * 128 + hours since {first_hour}.
WITH given AS (
  SELECT p.place, s.line, MAX(CASE WHEN p.w_prefill + p.w_decode = s.top THEN p.attempt_id END) AS heir,
         total(s.prefill_each * p.w_prefill + s.decode_each * p.w_decode
               + CASE WHEN s.small = 1 THEN div64(s.prefill_left * p.w_prefill, s.w_prefill) + div64(s.decode_left * p.w_decode, s.w_decode)
                      ELSE narrow(int_div(wide(s.prefill_left) * p.w_prefill, s.w_prefill) + int_div(wide(s.decode_left) * p.w_decode, s.w_decode)) END) AS pico
  FROM request_pieces p JOIN slot_split s ON p.place = s.place
  GROUP BY p.place, s.line
)
SELECT s.place, s.is_first, s.line * 128 + div64((s.slot_id - div64(s.slot_id, 100000000) * 100000000) * {slot}, 3600000000) - {first_hour} AS line_hour,
       s.w_prefill, s.prefill_each, s.prefill_left, s.w_decode, s.decode_each, s.decode_left, s.small, g.heir, narrow(s.pico - g.pico) AS rest
FROM slot_split s JOIN given g ON s.place = g.place AND s.line = g.line
