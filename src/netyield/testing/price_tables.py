"""Made-up tables for the pricing statement: API calls and the prices they meet.

Like statement_tables: deterministic from a seed, the edges first, then ``size`` random rows. Edges: an event exactly at
a price's start, tier and daily window and one step before; rates finer than a pico-unit; counts nobody reported, a class
without a rate, a cost beyond 64 bits; attempt numbers up to 2^63 - 1.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from netyield.core.token_dialects import class_names
from netyield.sources.prices.price_rows import DAY_US, LAST_US, PriceRow, price_table
from netyield.testing.statement_tables import HI_US, HOUR_US, LO_US, Tables, table

PRICE_CHANGE_US = LO_US + HOUR_US + 1
TIER_TOKENS = 200_000
MODELS = ("dated", "tiered", "daily", "fine", "gaps", "dear", "per call", "unknown")
CLASSES = class_names()
_TEXTS = ("provider", "model", "tariff")
_NUMBERS = ("attempt_id", "time_us", "calls", *CLASSES)


def price_tables(seed: int, size: int) -> Tables:
    """What pricing reads: ``api_attempts``, and ``model_prices`` as the table contract has them."""
    draw = random.Random(seed)
    attempts = [*_price_edges(), *(_attempt(draw, number) for number in range(size))]
    columns = dict.fromkeys(_TEXTS, "text") | dict.fromkeys(_NUMBERS, "int")
    return {"api_attempts": table(columns, attempts), "model_prices": price_table(_prices())}


def _attempt(draw: random.Random, number: int) -> dict[str, Any]:
    """One API call; every seventh has no tokens."""
    counts = {name: draw.choice((None, 0, draw.randrange(1, 3000), draw.randrange(1, 10**6))) for name in CLASSES}
    return (dict.fromkeys(CLASSES, draw.choice((None, 0))) if number % 7 == 0 else counts) | {
        "attempt_id": 2**63 - 1 - number, "time_us": draw.randrange(LO_US, HI_US), "provider": draw.choice(("openai", None)),
        "model": draw.choice((*MODELS, None)), "tariff": draw.choice((None, "standard", "batch")), "calls": draw.choice((None, 0, 1, 3)),
    }


def _price_edges() -> Iterator[dict[str, Any]]:
    """Every model at, and one step before, each instant and tier its prices change at; and what cannot be priced."""
    day = LO_US - LO_US % DAY_US
    instants = [PRICE_CHANGE_US - 1, PRICE_CHANGE_US, day, day + DAY_US // 3 - 1, day + DAY_US // 3, day + DAY_US - 1]
    usages: list[dict[str, int]] = [
        {"in_uncached": TIER_TOKENS, "out_text": 1}, {"in_uncached": TIER_TOKENS - 1, "in_cache_read": 1, "out_reasoning": 9},
        {"in_uncached": TIER_TOKENS - 1, "in_cache_read": 2, "out_audio": 3}, {"out_text": 10**6 + 7}, {"in_uncached": 0}, {},
        {"in_uncached": 3, "out_text": 1_000_000_000}, {"in_uncached": 13, "in_image": 11, "out_text": 7, "out_reasoning": 5},
    ]
    names = [(model, at, usage) for model in MODELS for at in instants for usage in usages]
    for number, (model, at, usage) in enumerate(names, start=1):
        yield {"attempt_id": number, "time_us": at, "provider": "openai", "model": model, "tariff": None, **usage}


def _prices() -> list[PriceRow]:
    """Sheets of every kind; rates are in 1e-24 units per token, 10**12 of which are a pico-unit."""
    pico = 10**12
    full = {name: (number + 1) * 37_500 * pico for number, name in enumerate(CLASSES)}
    fine = {name: rate + 333_333_333_333 + number for number, (name, rate) in enumerate(full.items())}

    def sheet(model: str, rates: dict[str, int], **given: Any) -> PriceRow:
        usual: dict[str, Any] = {
            "provider": "openai", "currency": "USD", "tariff": "standard", "from_input_tokens": 0, "valid_from_us": 0,
            "valid_until_us": LAST_US, "day_from_us": 0, "day_until_us": DAY_US, "price_source": "list",
        }
        return PriceRow(model=model, rates=rates, **(usual | given))

    doubled = {name: 2 * rate for name, rate in full.items()}
    return [
        sheet("dated", full, valid_until_us=PRICE_CHANGE_US), sheet("dated", doubled, valid_from_us=PRICE_CHANGE_US),
        sheet("dated", fine, tariff="batch"),
        sheet("tiered", full), sheet("tiered", doubled, from_input_tokens=TIER_TOKENS),
        sheet("daily", full, day_until_us=DAY_US // 3), sheet("daily", doubled, day_from_us=DAY_US // 3),
        sheet("fine", fine), sheet("per call", fine | {"request": 10_000_000_000 * pico + 1}),
        sheet("gaps", {"in_uncached": 3 * pico, "out_text": 15 * pico + 5}, price_source="contract"),
        sheet("dear", {name: 9_000_000_000_000 * pico for name in CLASSES}),
    ]
