-- What did every verdict of the API attempts cost, and which tokens stand behind it? By the price of each attempt.
-- In:  judged (judged.sql), priced, segment [{lo}, {hi}). Out: as attempt_money.sql; line 0.
-- Reasoning is not part of what is divided over output tokens: it follows its attempt. Cuts are as for self-hosted attempts.
WITH money AS (
  SELECT j.*, CASE WHEN p.priced THEN 0 ELSE 1 END AS unpriced, j.output_tokens - j.reasoning_tokens AS divisor,
         CASE WHEN p.priced THEN p.input_pico + p.reasoning_pico ELSE 0 END AS fixed_pico,
         CASE WHEN p.priced THEN p.output_pico ELSE 0 END AS output_pico
  FROM judged j LEFT JOIN priced p ON j.attempt_id = p.attempt_id
  WHERE j.place = 0 AND j.t >= {lo} AND j.t < {hi}
),
parted AS (
  SELECT m.*,
         CASE WHEN rejected_tokens = 0 OR divisor = 0 OR code < 4 THEN 0
              ELSE narrow(int_div(wide(output_pico) * rejected_tokens, divisor)) END AS rejected,
         CASE WHEN lost_output = 0 OR divisor = 0 OR code <= 4 THEN 0
              ELSE narrow(int_div(wide(output_pico) * lost_output, divisor)) END AS lost,
         CASE WHEN unkept_ppm = 0 OR divisor = 0 THEN 0
              ELSE narrow(int_div(wide(output_pico) * (visible_tokens - lost_output) * unkept_ppm, wide(divisor) * 1000000)) END AS not_kept
  FROM money m
)
SELECT 0 AS line, div64(t, 3600000000) AS hour, dim_id, code, unpriced,
       total(fixed_pico + output_pico) AS whole_pico, total(rejected) AS rejected_pico, total(lost) AS lost_pico,
       total(not_kept) AS not_kept_pico, sum64(1) AS attempts, sum64(unit) AS unit,
       sum64(div64(unit * unkept_ppm, 1000000)) AS unit_not_kept, sum64(unit_lost) AS unit_lost{api_sums}
FROM parted
GROUP BY div64(t, 3600000000), dim_id, code, unpriced
