-- What do the words of an attempt say for the policy? Once per combination of them; verdict.sql reads the flags.
-- In:  facts(fact_id, ...words). Out: fact_id and flags, 1 or 0.
SELECT fact_id, CASE WHEN purpose IN ('eval', 'canary', 'warm_up', 'health_check', 'guardrail') THEN 1 ELSE 0 END AS overhead,
       CASE WHEN status = 'error' THEN 1 ELSE 0 END AS failed, CASE WHEN status = 'aborted' THEN 1 ELSE 0 END AS aborted,
       CASE WHEN status = 'blocked' OR finish_reason IN ('content_filter', 'refusal', 'guardrail') THEN 1 ELSE 0 END AS blocked,
       CASE WHEN finish_reason = 'length' THEN 1 ELSE 0 END AS truncated,
       CASE WHEN finish_reason = 'malformed_tool_call' THEN 1 ELSE 0 END AS malformed,
       CASE WHEN provenance = 'client_estimated' THEN 1 ELSE 0 END AS guessed,
       CASE WHEN provenance = 'client_estimated' OR (status = 'aborted' AND provenance = 'gateway_estimated') THEN 1 ELSE 0 END AS estimated,
       CASE WHEN operation IN ('embedding', 'embeddings', 'rerank') THEN 1 ELSE 0 END AS unit_is_input
FROM facts
