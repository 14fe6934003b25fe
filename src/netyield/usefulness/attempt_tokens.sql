-- How many tokens and answers stand behind every verdict? Each attempt in the hour it started, main part apart from the rest.
-- In:  attempt_money (one row per line, hour, dim_id, code, unpriced), leaf_dims(dim_id, leaf_dim),
--      verdict_codes(code, step_code): the first code of the same step
-- Out: hour, leaf_dim, code, unpriced, attempts, answers, unit (useful output; for embeddings and rerankers the input), classes
WITH started AS (
  SELECT m.hour, d.leaf_dim, CASE WHEN m.unpriced = 1 THEN v.step_code ELSE m.code END AS code, m.unpriced,
         m.attempts, CASE WHEN m.code = 20 THEN m.attempts ELSE 0 END AS answers, m.unit - m.unit_not_kept AS unit{classes}
  FROM attempt_money m JOIN leaf_dims d ON m.dim_id = d.dim_id JOIN verdict_codes v ON m.code = v.code
  WHERE m.attempts > 0
  UNION ALL
  SELECT m.hour, d.leaf_dim, 9 AS code, m.unpriced, 0 AS attempts, 0 AS answers, m.unit_not_kept AS unit{nothing}
  FROM attempt_money m JOIN leaf_dims d ON m.dim_id = d.dim_id WHERE m.unit_not_kept <> 0
  UNION ALL
  SELECT m.hour, d.leaf_dim, 4 AS code, m.unpriced, 0 AS attempts, 0 AS answers, m.unit_lost AS unit{nothing}
  FROM attempt_money m JOIN leaf_dims d ON m.dim_id = d.dim_id WHERE m.unit_lost <> 0
)
SELECT hour, leaf_dim, code, unpriced, sum64(attempts) AS attempts, sum64(answers) AS answers,
       sum64(unit) AS unit{sums}
FROM started
GROUP BY hour, leaf_dim, code, unpriced
