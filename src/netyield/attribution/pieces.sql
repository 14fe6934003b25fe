-- In which slot did each attempt start, over how many did it run, and what does it weigh?
-- In:  attempts_seen (attempt_id, t, e, serving_id, computed_input, output_tokens, prefill_us, decode_us, {columns}),
--      serving_weights(serving_id, prefill_weight, decode_weight, by_time)
-- Out: {columns}, place, slots, w_prefill, w_decode. A place is a slot of a replica: serving_id * {width} + slot - {base};
--      0 is an API call. Inside one slot nothing weighs nothing.
WITH weighted AS (
  SELECT {columns}, a.serving_id, div64(t, {slot}) AS first_slot,
         CASE WHEN a.serving_id IS NULL THEN 1 ELSE div64(e - 1, {slot}) - div64(t, {slot}) + 1 END AS slots,
         CASE WHEN w.by_time = 1 THEN COALESCE(prefill_us, 0) ELSE computed_input * w.prefill_weight END AS w_prefill,
         CASE WHEN w.by_time = 1 THEN COALESCE(decode_us, 0) ELSE output_tokens * w.decode_weight END AS w_decode
  FROM attempts_seen a LEFT JOIN serving_weights w ON a.serving_id = w.serving_id
)
SELECT {columns}, CASE WHEN serving_id IS NULL THEN 0 ELSE serving_id * {width} + first_slot - {base} END AS place, slots, w_prefill,
       CASE WHEN slots = 1 AND w_prefill + w_decode = 0 THEN 1 ELSE w_decode END AS w_decode
FROM weighted
