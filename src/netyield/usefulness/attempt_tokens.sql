-- How many tokens and answers stand behind every verdict? Counted once per attempt, in the hour it started.
-- In:  attempts_in, judged, priced; segment [{lo}, {hi})
-- The unit is useful output: visible text, tool calls, audio, image; for embeddings and rerankers the input.
WITH parts AS (
  SELECT narrow(int_div(a.t, 3600000000) * 3600000000) AS hour_us, a.serving_id, a.provider, a.model, a.team, a.app, a.customer, j.code,
         CASE WHEN a.serving_id IS NULL AND NOT COALESCE(p.priced, FALSE) THEN 1 ELSE 0 END AS unpriced,
         CASE WHEN a.operation IN ('embedding', 'embeddings', 'rerank') THEN a.input_tokens
              ELSE COALESCE(a.out_text, 0) + COALESCE(a.out_audio, 0) + COALESCE(a.out_image, 0) - CASE WHEN j.code = 4 THEN 0 ELSE j.lost_output END END AS unit,
         CASE WHEN j.code = 4 OR a.operation IN ('embedding', 'embeddings', 'rerank') THEN 0 ELSE j.lost_output END AS lost,
         CASE WHEN j.code <> 20 THEN 1000000 ELSE j.kept_ppm END AS kept_ppm, {classes}
  FROM attempts_in a JOIN judged j ON a.attempt_id = j.attempt_id LEFT JOIN priced p ON a.attempt_id = p.attempt_id
  WHERE a.t >= {lo} AND a.t < {hi}
)
SELECT hour_us, serving_id, provider, model, team, app, customer, code, unpriced,
       SUM(1) AS attempts, narrow(total(unit - narrow(int_div(unit * (1000000 - kept_ppm), 1000000)))) AS unit_main,
       narrow(total(narrow(int_div(unit * (1000000 - kept_ppm), 1000000)))) AS unit_not_kept, narrow(total(lost)) AS unit_lost,
       {sums}
FROM parts
GROUP BY hour_us, serving_id, provider, model, team, app, customer, code, unpriced
