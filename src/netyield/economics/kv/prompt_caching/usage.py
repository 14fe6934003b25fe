"""What was billed as what? Input tokens by class, and their exact price."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from netyield.core.money import CONTEXT
from netyield.economics.kv.prompt_caching.prices import PLAIN, Rates, classes_of
from netyield.economics.kv.prompt_caching.rules import Mode, Scheme
from netyield.sources.traces.trace import Int32, Int64, Trace

MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Input tokens by what they are billed as. ``written``: per lifetime; ``storage_token_ms``: rented, not billed per use."""

    read: int
    written: tuple[tuple[str, int], ...]
    plain: int
    amount: Decimal
    storage_token_ms: int = 0
    storage_amount: Decimal = Decimal(0)

    @property
    def total(self) -> Decimal:
        """Tokens and storage together."""
        return self.amount + self.storage_amount

    @property
    def tokens(self) -> int:
        """All input tokens."""
        return self.read + sum(count for _, count in self.written) + self.plain


def usage_of(counts: Int64, scheme: Scheme, rates: Rates, held: int = 0) -> Usage:
    """Replayed tokens as billed classes, priced exactly."""
    names = classes_of(scheme)
    amount = rates.amount(
        (tier, names[column], int(counts[tier, column])) for tier in range(len(counts)) for column in range(len(names))
    )
    sums = [int(count) for count in counts.sum(axis=0)]
    written = tuple((one.words, sums[1 + i]) for i, one in enumerate(scheme.lifetimes))
    per_mtok_hour = Decimal(scheme.storage_usd_per_mtok_hour or 0)
    if scheme.mode is not Mode.STORED or not per_mtok_hour:
        return Usage(sums[0], written, sums[-1], amount)
    rent = CONTEXT.divide(CONTEXT.multiply(per_mtok_hour, Decimal(held)), Decimal(MS_PER_HOUR) * 10**6)
    return Usage(sums[0], written, sums[-1], amount, held, rent)


def plain_usage(trace: Trace, tier: Int32, rates: Rates) -> Usage:
    """Everything computed, nothing cached."""
    per_tier = np.bincount(tier, trace.input_tokens, len(rates.tiers)).astype(np.int64)
    amount = rates.amount((i, PLAIN, int(count)) for i, count in enumerate(per_tier))
    return Usage(0, (), int(per_tier.sum()), amount)
