-- What did every verdict cost? Money of requests per hour, charge line, dimensions and verdict code.
-- In:  attempts_in, judged, attempt_pieces + slot_split + slot_rest (self-hosted), priced (API), segment [{lo}, {hi})
-- Parts of one attempt: main (follows its verdict), rejected prediction, lost after the last delivered byte, not kept.
-- Output money is divided over output tokens by integers toward zero; the main part is what the others leave.
WITH shares AS (
  SELECT p.attempt_id, s.line_id, p.slot_id,
         narrow(int_div(wide(s.prefill_pico) * p.w_prefill, CASE WHEN s.w_prefill = 0 THEN 1 ELSE s.w_prefill END)) AS fixed_pico,
         narrow(int_div(wide(s.decode_pico) * p.w_decode, CASE WHEN s.w_decode = 0 THEN 1 ELSE s.w_decode END)) AS output_pico
  FROM attempt_pieces p JOIN slot_split s ON p.slot_id = s.slot_id
  UNION ALL
  SELECT attempt_id, line_id, slot_id, pico AS fixed_pico, 0 AS output_pico FROM slot_rest
),
money AS (
  SELECT s.attempt_id, s.line_id, narrow(int_div((s.slot_id - int_div(s.slot_id, 100000000) * 100000000) * {slot}, 3600000000) * 3600000000) AS hour_us,
         s.fixed_pico, s.output_pico, a.output_tokens AS divisor
  FROM shares s JOIN attempts_in a ON s.attempt_id = a.attempt_id
  UNION ALL
  SELECT p.attempt_id, 'api' AS line_id, narrow(int_div(a.t, 3600000000) * 3600000000) AS hour_us,
         p.input_pico + p.reasoning_pico AS fixed_pico, p.output_pico, a.output_tokens - COALESCE(a.out_reasoning, 0) AS divisor
  FROM priced p JOIN attempts_in a ON p.attempt_id = a.attempt_id
  WHERE p.priced AND a.serving_id IS NULL AND a.t >= {lo} AND a.t < {hi}
),
parts AS (
  SELECT m.line_id, m.hour_us, a.serving_id, a.provider, a.model, a.team, a.app, a.customer, j.code,
         m.fixed_pico + m.output_pico AS whole,
         CASE WHEN COALESCE(a.out_rejected_prediction, 0) = 0 OR m.divisor = 0 OR j.code < 4 THEN 0
              ELSE narrow(int_div(wide(m.output_pico) * a.out_rejected_prediction, m.divisor)) END AS rejected,
         CASE WHEN j.lost_output = 0 OR m.divisor = 0 OR j.code <= 4 THEN 0
              ELSE narrow(int_div(wide(m.output_pico) * j.lost_output, m.divisor)) END AS lost,
         CASE WHEN j.code <> 20 OR j.kept_ppm >= 1000000 OR m.divisor = 0 THEN 0
              ELSE narrow(int_div(wide(m.output_pico) * (COALESCE(a.out_text, 0) + COALESCE(a.out_audio, 0) + COALESCE(a.out_image, 0) - j.lost_output)
                          * (1000000 - j.kept_ppm), wide(m.divisor) * 1000000)) END AS not_kept
  FROM money m JOIN attempts_in a ON m.attempt_id = a.attempt_id JOIN judged j ON m.attempt_id = j.attempt_id
)
SELECT line_id, hour_us, serving_id, provider, model, team, app, customer, code,
       total(whole - rejected - lost - not_kept) AS main_pico, total(rejected) AS rejected_pico,
       total(lost) AS lost_pico, total(not_kept) AS not_kept_pico
FROM parts
GROUP BY line_id, hour_us, serving_id, provider, model, team, app, customer, code
