"""How long does one iteration of a serving engine take? The one interface between whoever knows and the simulator.

    seconds = decode_s[d] + per_context_token_s * S + max(0, P - spare_s[d])
    P       = per_prefill_token_s * p + per_prefill_pair_s * (pairs of a prompt token and a token before it)

for d requests that decode, S tokens of context they hold together, and p tokens of prompt in the same iteration.
``decode_s`` is a table by d, so that a measured or a computed curve fits as well as a line. ``spare_s[d]`` is the
arithmetic a decoding batch leaves unused while it waits for memory: that much of the prompt is computed for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of an iteration of one replica; tables have one entry for each number of decoding requests, from 0."""

    decode_s: Floats
    spare_s: Floats
    per_context_token_s: float
    per_prefill_token_s: float
    per_prefill_pair_s: float = 0.0

    def __post_init__(self) -> None:
        if len(self.decode_s) != len(self.spare_s) or len(self.decode_s) < 2:
            message = "an iteration's times need one entry for each number of decoding requests, from 0;"
            raise WrongUse(message, "give both tables with max_batch + 1 entries.")
        numbers = (*self.decode_s, *self.spare_s, self.per_context_token_s, self.per_prefill_token_s)
        if not all(np.isfinite(number) and number >= 0 for number in (*numbers, self.per_prefill_pair_s)):
            message = "an iteration of negative or endless time means nothing;"
            raise WrongUse(message, "give times of 0 or more.")

    @property
    def max_batch(self) -> int:
        """The largest number of requests the table knows."""
        return len(self.decode_s) - 1

    def seconds(self, decoding: int, context_tokens: float, prefill_tokens: float = 0.0, before: float = 0.0) -> float:
        """One iteration; ``before``: tokens of the prompt that are computed or cached already."""
        pairs = prefill_tokens * before + prefill_tokens * prefill_tokens / 2
        prompt = self.per_prefill_token_s * prefill_tokens + self.per_prefill_pair_s * pairs
        steps = float(self.decode_s[decoding]) + self.per_context_token_s * context_tokens
        return steps + max(0.0, prompt - float(self.spare_s[decoding]))

    def scaled(self, factor: float) -> StepTime:
        """The same replica, so many times as slow throughout."""
        if not 0 < factor < 1e6:
            message = f"a replica {factor:g} times as slow means nothing;"
            raise WrongUse(message, "give a factor above 0.")
        return StepTime(
            self.decode_s * factor, self.spare_s * factor, self.per_context_token_s * factor,
            self.per_prefill_token_s * factor, self.per_prefill_pair_s * factor,
        )  # fmt: skip

    def requests_per_second(self, input_tokens: float, output_tokens: float, batch: int | None = None) -> float:
        """Fluid capacity of a replica: requests a second when a batch is always full. An upper bound, never a plan."""
        held = min(batch or self.max_batch, self.max_batch)
        context = held * (input_tokens + output_tokens / 2)
        decode = float(self.decode_s[held]) + self.per_context_token_s * context
        pairs = input_tokens * input_tokens / 2
        prompt = self.per_prefill_token_s * input_tokens + self.per_prefill_pair_s * pairs
        steps = output_tokens / held  # iterations a request costs its replica
        return 1.0 / (steps * decode + max(0.0, prompt - steps * float(self.spare_s[held])))


def linear(
    fixed_s: float,
    per_decode_s: float,
    per_context_token_s: float,
    per_prefill_token_s: float,
    max_batch: int = 256,
) -> StepTime:
    """``t = fixed + a * decoding + b * context tokens + c * prompt tokens``: no overlap of prompt and decoding."""
    if max_batch < 1:
        message = f"a batch of {max_batch} requests serves nothing;"
        raise WrongUse(message, "give 1 or more.")
    decode = fixed_s + per_decode_s * np.arange(max_batch + 1, dtype=np.float64)
    return StepTime(decode, np.zeros(max_batch + 1), per_context_token_s, per_prefill_token_s)
