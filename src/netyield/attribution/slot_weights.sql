-- What do the pieces of each slot weigh together?
-- In:  request_pieces(place, w_prefill, w_decode)
-- Out: per slot (slot_id, place): both weights and the largest weight of one piece
WITH sums AS (
  SELECT place, sum64(w_prefill) AS w_prefill, sum64(w_decode) AS w_decode, MAX(w_prefill + w_decode) AS top
  FROM request_pieces WHERE place > 0
  GROUP BY place
)
SELECT div64(place, {width}) * 100000000 + {base} + place - div64(place, {width}) * {width} AS slot_id, place, w_prefill, w_decode, top
FROM sums
