"""What does a provider list for a model's tokens on a day? The dated catalogue, per million tokens, by token class.

Lists with tiers by the length of the prompt price a whole request at the tier it reaches: the mean price is that of the
traffic's own shares of tokens in requests so long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from netyield.core.errors import WrongUse
from netyield.core.period import from_micros, micros
from netyield.sources.prices.genai_catalogue import catalogue_rows, price_source
from netyield.sources.prices.model_match import resolve_model
from netyield.sources.prices.price_rows import DAY_US, RATE_DIGITS, STANDARD, PriceRow

PLAIN, READ, OUTPUT = "in_uncached", "in_cache_read", "out_text"
WRITE, WRITE_LONG = "in_cache_write_5m", "in_cache_write_1h"
PER_MTOK = 10.0 ** (6 - RATE_DIGITS)
Longer = Callable[[int], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class ListPrice:
    """US dollars per million tokens; ``batch_discount`` None where no batch tariff is listed."""

    provider: str
    model: str
    input: float
    cache_read: float
    cache_write: float
    cache_write_long: float
    output: float
    batch_discount: float | None
    dated: str
    source: str


def all_short(_tokens: int) -> tuple[float, float]:
    """No request reaches a tier by length."""
    return 0.0, 0.0


def tier_edges() -> list[int]:
    """Every length of prompt at which some list changes its price."""
    return sorted({row.from_input_tokens for row in catalogue_rows() if row.from_input_tokens})


def list_price(provider: str, model: str, on: date, longer: Longer = all_short, tariff: str = STANDARD) -> ListPrice:
    """The list of a model on a day. ``longer``: shares of (input, output) in requests of so many input tokens or more.

    Raises WrongUse when none is known.
    """
    key = resolve_model(provider, model) or (provider, model)
    moment = micros(datetime.combine(on, time(12), UTC))
    sheets = [row for row in catalogue_rows() if row.key == key and _in_force(row, moment) and row.currency == "USD"]
    steps = _steps(sheets, tariff)
    if not steps:
        message = f"No {'' if tariff == STANDARD else tariff + ' '}price is known for {provider} {model} on {on}."
        raise WrongUse(message, "Correct provider, provider_model or tariff, or write input, cache_read and output yourself.")
    batch = _steps(sheets, "batch")
    inputs, outputs = ([_inside(steps, longer, way, place) for place in range(len(steps))] for way in (0, 1))

    def mean(name: str, shares: list[float], other: str = PLAIN) -> float:
        return PER_MTOK * sum(share * row.rates.get(name, row.rates[other]) for share, row in zip(shares, steps, strict=True))

    out = steps[0].rates[OUTPUT]
    since = max(row.valid_from_us for row in steps)
    words = f"{price_source()}, {tariff} tariff" + (f", {len(steps)} tiers by prompt length" if len(steps) > 1 else "")
    return ListPrice(
        key[0], key[1], mean(PLAIN, inputs), mean(READ, inputs), mean(WRITE, inputs),
        mean(WRITE_LONG, inputs, WRITE if all(WRITE in row.rates for row in steps) else PLAIN), mean(OUTPUT, outputs),
        None if not batch or not out or tariff != STANDARD else 1.0 - batch[0].rates[OUTPUT] / out,
        from_micros(since).date().isoformat() if since else on.isoformat(), words,
    )  # fmt: skip


def _in_force(row: PriceRow, moment: int) -> bool:
    day_us = moment % DAY_US
    return row.valid_from_us <= moment < row.valid_until_us and row.day_from_us <= day_us < row.day_until_us


def _steps(sheets: list[PriceRow], tariff: str) -> list[PriceRow]:
    """The newest sheet of each tier by length, the shortest first."""
    newest: dict[int, PriceRow] = {}
    for row in sheets:
        known = newest.get(row.from_input_tokens)
        if row.tariff == tariff and PLAIN in row.rates and OUTPUT in row.rates and (known is None or row.valid_from_us > known.valid_from_us):
            newest[row.from_input_tokens] = row
    return [newest[edge] for edge in sorted(newest)]


def _inside(steps: list[PriceRow], longer: Longer, way: int, place: int) -> float:
    """Share of the tokens in requests that reach this tier and not the next."""
    reached = 1.0 if place == 0 else longer(steps[place].from_input_tokens)[way]
    beyond = longer(steps[place + 1].from_input_tokens)[way] if place + 1 < len(steps) else 0.0
    return reached - beyond
