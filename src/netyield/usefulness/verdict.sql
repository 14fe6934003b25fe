-- Which verdict does each combination of facts have? First matching reason wins; the order is part of the policy version.
-- In:  cases: kind (a number for the flags), the flags of kinds.sql; empty: 1 = failed without output, or aborted before
--      the first byte arrived; superseded; attested; weak: only a signal below the floor; said: the code of the outcome
--      that stands, 0 = none; logged: what the log itself says was kept: 0 = no word, 1 = nothing, 2 = some or all
-- Out: case_id, code
SELECT case_id,
  CASE
    WHEN overhead = 1 THEN 1
    WHEN failed = 1 AND empty = 1 THEN 2
    WHEN aborted = 1 AND empty = 1 THEN 4
    WHEN (said = 20 OR (said = 0 AND logged = 2)) AND guessed = 0 THEN 20
    WHEN superseded = 1 OR said = 5 THEN 5
    WHEN blocked = 1 OR said = 6 THEN 6
    WHEN truncated = 1 AND (said IN (9, 10, 11) OR logged = 1) THEN 7
    WHEN malformed = 1 OR said = 8 THEN 8
    WHEN said = 9 OR logged = 1 THEN 9
    WHEN said BETWEEN 10 AND 13 THEN said
    WHEN attested = 1 THEN 40
    WHEN weak = 1 THEN 31
    WHEN estimated = 1 THEN 32
    ELSE 30
  END AS code
FROM cases
