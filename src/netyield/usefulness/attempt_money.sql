-- What did every verdict of the self-hosted attempts cost, and which tokens stand behind it? One pass over every piece.
-- In:  judged (judged.sql), slot_division (slot_rest.sql), segment from {lo}. {span} = 128 * (lines + 1).
-- Out: per line of charge (0 = no money), hour since 1970, dim_id and code: money in parts, tokens.
-- Parts of one attempt: main (follows its verdict), rejected prediction, lost after the last delivered byte, not kept.
-- Output money is divided over output tokens by integers toward zero; the main part is what the others leave.
-- Tokens are counted once per attempt: with the first line of its first piece, when it started inside the segment.
WITH money AS (
  SELECT j.*, s.line_hour, CASE WHEN j.t >= {lo} THEN j.first * s.is_first ELSE 0 END AS counted,
         s.prefill_each * j.w_prefill + CASE WHEN s.heir = j.attempt_id THEN s.rest ELSE 0 END
         + CASE WHEN s.small = 1 THEN div64(s.prefill_left * j.w_prefill, s.w_prefill)
                ELSE narrow(int_div(wide(s.prefill_left) * j.w_prefill, s.w_prefill)) END AS fixed_pico,
         s.decode_each * j.w_decode
         + CASE WHEN s.small = 1 THEN div64(s.decode_left * j.w_decode, s.w_decode)
                ELSE narrow(int_div(wide(s.decode_left) * j.w_decode, s.w_decode)) END AS output_pico
  FROM judged j JOIN slot_division s ON j.place = s.place
),
parted AS (
  SELECT m.*,
         CASE WHEN rejected_tokens = 0 OR code < 4 THEN 0
              ELSE narrow(int_div(wide(output_pico) * rejected_tokens, output_tokens)) END AS rejected,
         CASE WHEN lost_output = 0 OR code <= 4 THEN 0
              ELSE narrow(int_div(wide(output_pico) * lost_output, output_tokens)) END AS lost,
         CASE WHEN unkept_ppm = 0 OR output_tokens = 0 THEN 0
              WHEN output_tokens < 2000
              THEN div64(output_pico, output_tokens * 1000000) * ((visible_tokens - lost_output) * unkept_ppm)
                   + div64((output_pico - div64(output_pico, output_tokens * 1000000) * (output_tokens * 1000000))
                           * ((visible_tokens - lost_output) * unkept_ppm), output_tokens * 1000000)
              ELSE narrow(int_div(wide(output_pico) * (visible_tokens - lost_output) * unkept_ppm, wide(output_tokens) * 1000000)) END AS not_kept
  FROM money m
),
summed AS (
  SELECT (dim_id * 100 + code) * {span} + line_hour AS leaf_key,
         total(fixed_pico + output_pico) AS whole_pico, total(rejected) AS rejected_pico, total(lost) AS lost_pico,
         total(not_kept) AS not_kept_pico, sum64(counted) AS attempts, sum64(counted * unit) AS unit,
         sum64(CASE WHEN unkept_ppm = 0 THEN 0 ELSE counted * div64(unit * unkept_ppm, 1000000) END) AS unit_not_kept,
         sum64(counted * unit_lost) AS unit_lost{sums}
  FROM parted
  GROUP BY (dim_id * 100 + code) * {span} + line_hour
),
opened AS (
  SELECT s.*, div64(leaf_key, {span}) AS dim_code, leaf_key - div64(leaf_key, {span}) * {span} AS line_hour FROM summed s
)
SELECT div64(line_hour, 128) AS line, line_hour - div64(line_hour, 128) * 128 + {first_hour} AS hour,
       div64(dim_code, 100) AS dim_id, dim_code - div64(dim_code, 100) * 100 AS code, 0 AS unpriced, whole_pico, rejected_pico, lost_pico, not_kept_pico, attempts, unit, unit_not_kept, unit_lost{names}
FROM opened
