-- What became of each attempt? Its case is put together from what is known of it; verdict.sql has decided every case.
-- In:  request_pieces; kinds (kinds.sql) with kind; attested_dims(dim_id, attested): 1 = the owner attests that the app uses its
--      outputs; said(attempt_id, heard, ppm): heard = 32 * weak + the code of the outcome that stands, ppm = the share it
--      says was kept; verdicts(case_id, code)
-- Out: request_pieces with code, lost_output (tokens never delivered), unkept_ppm (share of the delivered output of a useful
--      attempt that was not kept), unit (useful output; for embeddings and rerankers the input), unit_lost (never delivered).
WITH heard AS (
  SELECT p.*, k.kind, k.failed, k.aborted, k.unit_is_input, o.attested, CASE WHEN s.heard IS NULL THEN 0 ELSE s.heard END AS heard,
         CASE WHEN s.ppm IS NULL THEN 1000000 ELSE s.ppm END AS ppm,
         CASE WHEN logged_ppm IS NULL THEN 0 WHEN logged_ppm = 0 THEN 1 ELSE 2 END AS logged,
         CASE WHEN k.aborted = 0 OR delivered_output_tokens IS NULL OR delivered_output_tokens >= visible_tokens THEN 0
              WHEN delivered_output_tokens < 0 THEN visible_tokens ELSE visible_tokens - delivered_output_tokens END AS lost_output
  FROM request_pieces p
  JOIN kinds k ON p.fact_id = k.fact_id
  JOIN attested_dims o ON p.dim_id = o.dim_id
  LEFT JOIN said s ON p.attempt_id = s.attempt_id
),
placed AS (
  SELECT h.*, kind * 768 + heard * 12 + logged * 4 + superseded * 2 + attested
              + CASE WHEN (failed = 1 AND output_tokens = 0) OR (aborted = 1 AND delivered_output_tokens <= 0) THEN {empty} ELSE 0 END AS case_id
  FROM heard h
),
coded AS (
  SELECT p.*, v.code FROM placed p JOIN verdicts v ON p.case_id = v.case_id
)
SELECT c.*,
       CASE WHEN code <> 20 THEN 0 WHEN heard = 0 OR heard = 32 THEN 1000000 - logged_ppm ELSE 1000000 - ppm END AS unkept_ppm,
       CASE WHEN unit_is_input = 1 THEN input_tokens WHEN code = 4 THEN visible_tokens ELSE visible_tokens - lost_output END AS unit,
       CASE WHEN code = 4 OR unit_is_input = 1 THEN 0 ELSE lost_output END AS unit_lost
FROM coded c
