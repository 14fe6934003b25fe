-- What became of each attempt? First matching reason wins; the order is part of the policy version.
-- In:  attempts_in; evidence(attempt_id, top) one row per attempt with outcomes of sufficient grade, packed as
--        grade * 10^26 + time_us * 10^10 + verdict_code * 10^7 + accepted_ppm   (higher grade wins, then the later one);
--      weak(attempt_id); superseded(attempt_id); attested(app)
-- Out: attempt_id, code, lost_output (tokens never delivered), kept_ppm (share of the delivered output that was kept)
WITH facts AS (
  SELECT a.attempt_id, a.status, a.finish_reason, a.purpose, a.provenance, a.output_tokens,
         COALESCE(a.out_text, 0) + COALESCE(a.out_audio, 0) + COALESCE(a.out_image, 0) AS visible,
         a.delivered_output_tokens AS delivered,
         CASE WHEN e.top IS NULL THEN 0 ELSE narrow(int_div(e.top - int_div(e.top, 10000000000) * 10000000000, 10000000)) END AS said,
         CASE WHEN e.top IS NOT NULL THEN narrow(e.top - int_div(e.top, 10000000) * 10000000)
              WHEN a.logged_ppm IS NOT NULL THEN a.logged_ppm END AS kept_ppm,
         a.logged_ppm, CASE WHEN s.attempt_id IS NULL THEN 0 ELSE 1 END AS superseded,
         CASE WHEN w.attempt_id IS NULL THEN 0 ELSE 1 END AS weak, CASE WHEN t.app IS NULL THEN 0 ELSE 1 END AS attested
  FROM attempts_in a
  LEFT JOIN evidence e ON a.attempt_id = e.attempt_id
  LEFT JOIN weak w ON a.attempt_id = w.attempt_id
  LEFT JOIN superseded s ON a.attempt_id = s.attempt_id
  LEFT JOIN attested t ON a.app = t.app
),
lots AS (
  SELECT attempt_id, status, finish_reason, purpose, provenance, output_tokens, superseded, weak, attested, said, logged_ppm, visible,
         CASE WHEN status <> 'aborted' OR delivered IS NULL OR delivered >= visible THEN 0
              WHEN delivered < 0 THEN visible ELSE visible - delivered END AS lost_output,
         CASE WHEN said = 20 OR (said = 0 AND logged_ppm > 0) THEN 1 ELSE 0 END AS positive,
         CASE WHEN said = 20 THEN kept_ppm WHEN said = 0 AND logged_ppm > 0 THEN logged_ppm ELSE 1000000 END AS kept_ppm
  FROM facts
)
SELECT attempt_id, lost_output, kept_ppm,
  CASE
    WHEN purpose IN ('eval', 'canary', 'warm_up', 'health_check', 'guardrail') THEN 1
    WHEN status = 'error' AND output_tokens = 0 THEN 2
    WHEN status = 'aborted' AND visible > 0 AND lost_output = visible THEN 4
    WHEN positive = 1 AND provenance <> 'client_estimated' THEN 20
    WHEN superseded = 1 OR said = 5 THEN 5
    WHEN status = 'blocked' OR finish_reason IN ('content_filter', 'refusal', 'guardrail') OR said = 6 THEN 6
    WHEN finish_reason = 'length' AND (said IN (9, 10, 11) OR logged_ppm = 0) THEN 7
    WHEN finish_reason = 'malformed_tool_call' OR said = 8 THEN 8
    WHEN said = 9 OR logged_ppm = 0 THEN 9
    WHEN said BETWEEN 10 AND 13 THEN said
    WHEN said = 2 THEN 9
    WHEN said = 4 THEN 9
    WHEN attested = 1 THEN 40
    WHEN weak = 1 THEN 31
    WHEN provenance = 'client_estimated' OR (status = 'aborted' AND provenance = 'gateway_estimated') THEN 32
    ELSE 30
  END AS code
FROM lots
