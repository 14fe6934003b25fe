"""What was really billed for the input of these prompts? Tokens by class and their amount, from the books or as given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from netyield.core.errors import WrongUse
from netyield.core.money import parse_amount
from netyield.economics.kv.prompt_caching.prices import PLAIN, READ, Rates

# What --billed may name, and the token class it stands for.
NAMES = {
    "input": PLAIN,
    "cache_read": READ,
    "cache_write_5m": "in_cache_write_5m",
    "cache_write_30m": "in_cache_write_30m",
    "cache_write_1h": "in_cache_write_1h",
    "cache_write_12h": "in_cache_write_12h",
    "cache_write_unknown": "in_cache_write_unknown",
}
AMOUNT = "usd"


@dataclass(frozen=True, slots=True)
class Billed:
    """Input tokens by class and what they cost. ``unpriced_tokens`` are in ``tokens`` but not in ``amount``."""

    tokens: Mapping[str, int]
    amount: Decimal
    source: str
    attempts: int | None = None
    unpriced_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """All input tokens."""
        return sum(self.tokens.values())

    @property
    def read(self) -> int:
        """Tokens read from the provider's cache."""
        return self.tokens.get(READ, 0)

    @property
    def written(self) -> int:
        """Tokens written to it, for any lifetime."""
        return sum(count for name, count in self.tokens.items() if name.startswith("in_cache_write"))


def given(words: Mapping[str, str], rates: Rates) -> Billed:
    """Totals a person gives (``--billed cache_read=1200000``), priced at these rates unless ``usd`` is among them.

    Raises WrongUse for an unknown name, or a value that is no count.
    """
    counts: dict[str, int] = {}
    amount: Decimal | None = None
    for name, value in words.items():
        try:
            if name == AMOUNT:
                amount = parse_amount(value)
                continue
            count = int(value.replace(",", "").replace("_", ""))
        except ValueError:
            message = f"--billed {name}={value} is not a {'number' if name == AMOUNT else 'count of tokens'}."
            raise WrongUse(message, "Write for example --billed cache_read=1200000.") from None
        if name not in NAMES or count < 0:
            message = f"--billed {name}={value} names no class of input tokens."
            raise WrongUse(message, f"Known: {', '.join((*NAMES, AMOUNT))}; counts of 0 or more.")
        counts[NAMES[name]] = count
    if amount is not None:
        return Billed(counts, amount, "given: tokens and amount")
    listed = rates.amount((0, name, count) for name, count in counts.items())
    return Billed(counts, listed, "given: tokens, at the rates of the answer's lowest tier")
