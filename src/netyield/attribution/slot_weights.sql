-- What do the pieces of each slot weigh together, by dimension? By our weights and by the rules that others use.
-- In:  request_pieces(place, dim_id, t, e, w_prefill, w_decode, computed_input, input_tokens, output_tokens)
-- Out: per slot (slot_id, place) and dim_id. KV memory time: tokens * milliseconds; 400 million tokens in the longest call
--      are the most that 64 bits hold, and no call has as many.
WITH sums AS (
  SELECT place, dim_id, sum64(w_prefill) AS w_prefill, sum64(w_decode) AS w_decode, MAX(w_prefill + w_decode) AS top,
         sum64(computed_input + output_tokens) AS by_tokens, sum64(computed_input + 2 * output_tokens) AS by_declared,
         sum64(e - t) AS by_time,
         sum64(div64(CASE WHEN input_tokens + output_tokens < 400000000 THEN input_tokens + output_tokens ELSE 400000000 END * (e - t), 1000)) AS by_memory
  FROM request_pieces WHERE place > 0
  GROUP BY place, dim_id
)
SELECT div64(place, {width}) * 100000000 + {base} + place - div64(place, {width}) * {width} AS slot_id, place, dim_id, w_prefill, w_decode,
       top, by_tokens, by_declared, by_time, by_memory
FROM sums
