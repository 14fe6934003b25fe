-- In which slots did each attempt run, and with which weight in each?
-- In:  attempts_in, serving_weights(serving_id, prefill_weight, decode_weight, by_time), counting(k) 0..n
-- An attempt inside one slot is one piece; a longer one gives its prefill to the first slot and its decode by overlap.
WITH weighted AS (
  SELECT a.attempt_id, a.t, a.e, a.serving_id, int_div(a.t, {slot}) AS first_slot, int_div(a.e - 1, {slot}) AS last_slot,
         CASE WHEN w.by_time = 1 THEN COALESCE(a.prefill_us, 0) ELSE a.computed_input * w.prefill_weight END AS w_prefill,
         CASE WHEN w.by_time = 1 THEN COALESCE(a.decode_us, 0) ELSE a.output_tokens * w.decode_weight END AS w_decode
  FROM attempts_in a JOIN serving_weights w ON a.serving_id = w.serving_id
)
SELECT attempt_id, narrow(serving_id * 100000000 + first_slot) AS slot_id, 1 AS first,
       w_prefill, CASE WHEN w_prefill + w_decode = 0 THEN 1 ELSE w_decode END AS w_decode
FROM weighted WHERE first_slot = last_slot
UNION ALL
SELECT w.attempt_id, narrow(w.serving_id * 100000000 + w.first_slot + c.k) AS slot_id, CASE WHEN c.k = 0 THEN 1 ELSE 0 END AS first,
       CASE WHEN c.k = 0 THEN w.w_prefill ELSE 0 END AS w_prefill,
       narrow(int_div(wide(w.w_decode + 1) * ((CASE WHEN (w.first_slot + c.k + 1) * {slot} < w.e THEN (w.first_slot + c.k + 1) * {slot} ELSE w.e END) - w.t), w.e - w.t)
            - int_div(wide(w.w_decode + 1) * ((CASE WHEN (w.first_slot + c.k) * {slot} > w.t THEN (w.first_slot + c.k) * {slot} ELSE w.t END) - w.t), w.e - w.t)) AS w_decode
FROM weighted w JOIN counting c ON c.k <= w.last_slot - w.first_slot
WHERE w.first_slot < w.last_slot
