"""Which iteration time explains measured points? Four coefficients, none negative, close to measured ones in relative terms.

    seconds per output token = F + A*d + B*d*(input + output/2) + C*d*input/output

In a steady run of d decoding requests every iteration carries d/output new prompts, so that this is the mean iteration
of the linear step time. Few points say little, so that coefficients are drawn towards a prior (the roofline, or a fit of
other replica sizes), scaled to the points: ``PULL`` weighs the prior as that many points would.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from netyield.economics.serving.points import Point
from netyield.economics.serving.step_time import StepTime, linear

Floats = NDArray[np.float64]
LEAST_PART = 0.02
PULL = 0.001  # this or 0.003 is best for each GPU by the points of the others (held_back.nested)
FITTED_POINTS = 3  # below, points only scale what was there


def design(points: Sequence[Point]) -> Floats:
    """One row a point: what each coefficient is multiplied by."""
    return np.array(
        [
            (
                1.0,
                each.decoding,
                each.decoding * (each.input_tokens + each.output_tokens / 2),
                each.prompts_per_step * each.input_tokens,
            )
            for each in points
        ]
    )


def predicted(step: StepTime, point: Point) -> float:
    """Seconds per output token of a steady run, by an iteration time."""
    d = min(point.decoding, step.max_batch)
    low = int(d)
    share = d - low
    high = min(low + 1, step.max_batch)
    decode = (1 - share) * step.decode_s[low] + share * step.decode_s[high]
    spare = (1 - share) * step.spare_s[low] + share * step.spare_s[high]
    prompt = point.input_tokens * (step.per_prefill_token_s + step.per_prefill_pair_s * point.input_tokens / 2)
    context = step.per_context_token_s * point.decoding * (point.input_tokens + point.output_tokens / 2)
    return float(decode + context + max(0.0, point.prompts_per_step * prompt - spare))


def coefficients(step: StepTime) -> Floats:
    """The line through an iteration time: fixed, per request, per token of context, per token of prompt."""
    batch = np.arange(1, len(step.decode_s))
    slope, fixed = np.polyfit(batch, step.decode_s[1:], 1) if len(batch) > 1 else (0.0, step.decode_s[1])
    return np.array([max(fixed, 1e-5), max(slope, 1e-7), step.per_context_token_s, step.per_prefill_token_s])


def fit(points: Sequence[Point], prior: StepTime, weight: float = PULL) -> Floats:
    """(F, A, B, C) that explain the points best."""
    rows = design(points)
    seconds = np.array([each.tpot_s for each in points])
    start = coefficients(prior)
    guessed = rows @ start
    start = start * float(np.exp(np.median(np.log(seconds / guessed))))
    # A prior that leaves a coefficient out (a fit may) is no reason to keep it out: each has at least a small part.
    start = np.maximum(start, LEAST_PART * seconds.mean() / rows.mean(axis=0))
    pull = np.sqrt(weight) * np.diag(1 / start)
    left = np.vstack([rows / seconds[:, None], pull])
    right = np.concatenate([np.ones(len(points)), np.full(4, np.sqrt(weight))])
    return not_negative(left, right)


def not_negative(left: Floats, right: Floats) -> Floats:
    """Least squares without negative coefficients: the best of all choices of those that are not zero."""
    width = left.shape[1]
    best, least = np.zeros(width), float("inf")
    for size in range(1, width + 1):
        for chosen in combinations(range(width), size):
            found, *_ = np.linalg.lstsq(left[:, chosen], right, rcond=None)
            if (found < 0).any():
                continue
            residual = float(np.sum((left[:, chosen] @ found - right) ** 2))
            if residual < least:
                best, least = np.zeros(width), residual
                best[list(chosen)] = found
    return best


def step_of(found: Floats, max_batch: int) -> StepTime:
    """The iteration time with these coefficients."""
    fixed, per_request, per_context_token, per_prompt_token = (float(each) for each in found)
    return linear(fixed, per_request, per_context_token, per_prompt_token, max_batch)


def calibrated(prior: StepTime, points: Sequence[Point], weight: float = PULL) -> StepTime:
    """The iteration as these points show it: a fit with three or more, else the prior scaled by their median ratio."""
    if len(points) >= FITTED_POINTS:
        return step_of(fit(points, prior, weight), prior.max_batch)
    ratios = [predicted(prior, each) / each.tpot_s for each in points]
    return prior.scaled(1 / float(np.median(ratios)))


def explained(found: Floats, points: Sequence[Point]) -> Floats:
    """Predicted over measured, for each point."""
    seconds = np.array([each.tpot_s for each in points])
    return np.asarray(design(points) @ found / seconds, dtype=np.float64)
