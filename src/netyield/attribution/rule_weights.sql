-- What would the pieces of each slot weigh by the rules that others use? By who asked (same_id).
-- In:  request_pieces(place, dim_id, t, e, computed_input, input_tokens, output_tokens), same_dims(dim_id, same_id)
-- Out: per slot (place) and same_id. KV memory time: tokens * milliseconds; 400 million tokens in the longest call are the
--      most that 64 bits hold, and no call has as many.
SELECT p.place, d.same_id, sum64(computed_input + output_tokens) AS by_tokens, sum64(computed_input + 2 * output_tokens) AS by_declared,
       sum64(e - t) AS by_time,
       sum64(div64(CASE WHEN input_tokens + output_tokens < 400000000 THEN input_tokens + output_tokens ELSE 400000000 END * (e - t), 1000)) AS by_memory
FROM request_pieces p JOIN same_dims d ON p.dim_id = d.dim_id
WHERE p.place > 0
GROUP BY p.place, d.same_id
