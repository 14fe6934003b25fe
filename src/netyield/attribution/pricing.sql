-- What does each attempt cost? One row per row of {attempts}, priced or not (half-open times, cliff tiers).
-- Integers only: microseconds, tokens, pico-units; rests are 1e-12 of a pico-unit and are wide only where they exist.
-- unpriced: 0, or the number of the reason; sides: 1 = an input class was reported, 2 = an output class. The parts add up to the cost.
-- What stands in braces is written out per token class by pricing.py, over the classes that occur.
WITH counted AS (
  SELECT a.attempt_id,
         {words},
         a.time_us, a.time_us % 86400000000 AS day_us,
         COALESCE(a.calls, 1) AS calls,
         {counts},
         {input_tokens} AS input_tokens,
         {all_tokens} + COALESCE(a.calls, 1) AS units,
         {input_reported} AS input_reported,
         {output_reported} AS output_reported
  FROM {attempts} a
),
matched AS (
  SELECT c.*, p.price_row, p.has_rest, p.rate_pico_request, p.rate_rest_request,
         {rates},
         CASE WHEN p.price_row IS NULL THEN {no_price}
              WHEN NOT c.input_reported AND NOT c.output_reported THEN {no_usage}
              WHEN c.units > p.safe_units THEN {too_large}
              WHEN p.has_gaps AND ({unrated}) THEN {no_rate}
              ELSE 0
         END AS unpriced
  FROM counted c
  LEFT JOIN {prices} p
    ON {same_words}
   AND c.time_us >= p.valid_from_us AND c.time_us < p.valid_until_us
   AND c.day_us >= p.day_from_us AND c.day_us < p.day_until_us
   AND c.input_tokens >= p.least_input_tokens AND c.input_tokens < p.below_input_tokens
),
multiplied AS (
  SELECT attempt_id, price_row, unpriced, input_reported, output_reported,
         CASE WHEN unpriced = 0 THEN {input_pico} + calls * rate_pico_request END AS input_whole,
         CASE WHEN unpriced = 0 THEN {output_pico} END AS output_whole,
         CASE WHEN unpriced = 0 THEN {reasoning_pico} END AS reasoning_whole,
         unpriced = 0 AND {has_rest} AS has_rest,
         CASE WHEN unpriced = 0 AND {has_rest}
              THEN {input_rest} + wide(calls) * rate_rest_request END AS input_rest,
         CASE WHEN unpriced = 0 AND {has_rest} THEN {output_rest} END AS output_rest,
         CASE WHEN unpriced = 0 AND {has_rest} THEN {reasoning_rest} END AS reasoning_rest
  FROM matched
),
rounded AS (
  SELECT attempt_id, price_row, unpriced, input_reported, output_reported, has_rest,
         CASE WHEN {has_rest} THEN input_whole + narrow(int_div(input_rest, 1000000000000))
              ELSE input_whole END AS input_pico,
         CASE WHEN {has_rest} THEN output_whole + narrow(int_div(output_rest, 1000000000000))
              ELSE output_whole END AS output_pico,
         CASE WHEN {has_rest} THEN reasoning_whole + narrow(int_div(reasoning_rest, 1000000000000))
              ELSE reasoning_whole END AS reasoning_pico,
         CASE WHEN {has_rest}
              THEN input_whole + output_whole + reasoning_whole
                   + narrow(int_div(input_rest + output_rest + reasoning_rest + 500000000000, 1000000000000))
              ELSE input_whole + output_whole + reasoning_whole END AS cost_pico
  FROM multiplied
)
-- The one rounding leaves at most three pico-units between the sum and its parts; the largest part takes them.
SELECT attempt_id,
       CASE WHEN {has_rest} AND input_pico >= output_pico AND input_pico >= reasoning_pico
            THEN cost_pico - output_pico - reasoning_pico ELSE input_pico END AS input_pico,
       CASE WHEN {has_rest} AND output_pico > input_pico AND output_pico >= reasoning_pico
            THEN cost_pico - input_pico - reasoning_pico ELSE output_pico END AS output_pico,
       CASE WHEN {has_rest} AND reasoning_pico > input_pico AND reasoning_pico > output_pico
            THEN cost_pico - input_pico - output_pico ELSE reasoning_pico END AS reasoning_pico,
       price_row, unpriced, CASE WHEN input_reported THEN 1 ELSE 0 END + CASE WHEN output_reported THEN 2 ELSE 0 END AS sides
FROM rounded
