-- How does an attempt that ran over several slots weigh in each? Prefill in the first, decode by overlap.
-- In:  attempt_rows (pieces.sql), counting(k) 0..n
-- Out: {columns}, first (1 in the slot it started in), place, w_prefill, w_decode. Decode is cut by cumulative integers.
WITH cut AS (
  SELECT {columns}, place, w_prefill, w_decode, c.k, e - t AS span,
         CASE WHEN (div64(t, {slot}) + c.k + 1) * {slot} < e THEN (div64(t, {slot}) + c.k + 1) * {slot} - t ELSE e - t END AS until_us,
         CASE WHEN c.k = 0 THEN 0 ELSE (div64(t, {slot}) + c.k) * {slot} - t END AS from_us
  FROM attempt_rows a JOIN counting c ON c.k < a.slots
  WHERE a.slots > 1
)
SELECT {columns}, place + k AS place, CASE WHEN k = 0 THEN 1 ELSE 0 END AS first,
       CASE WHEN k = 0 THEN w_prefill ELSE 0 END AS w_prefill,
       CASE WHEN w_decode < 400000000 AND span <= 21600000000
            THEN div64((w_decode + 1) * until_us, span) - div64((w_decode + 1) * from_us, span)
            ELSE narrow(int_div(wide(w_decode + 1) * until_us, span) - int_div(wide(w_decode + 1) * from_us, span)) END AS w_decode
FROM cut
