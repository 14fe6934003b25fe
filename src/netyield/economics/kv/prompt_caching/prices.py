"""What does an input token cost a caller when it is read from the provider's cache, written to it, or computed?

From the dated price list (``sources.prices``) or the caller's own figures over it. Rates are whole numbers of 1e-24 of
a currency unit per token, as everywhere in the books; amounts leave this module as exact decimals. A provider that
re-rates a whole request above a number of input tokens has one tier per threshold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa

from netyield.core.errors import WrongUse
from netyield.core.money import CONTEXT, parse_amount
from netyield.core.period import iso, micros
from netyield.economics.kv.prompt_caching.rules import Scheme
from netyield.sources.prices.genai_catalogue import catalogue_rows
from netyield.sources.prices.model_match import resolve_model
from netyield.sources.prices.price_rows import (
    DAY_US,
    RATE_DIGITS,
    REST_PER_PICO,
    STANDARD,
    PriceRow,
    exact_rate,
)
from netyield.sources.traces.trace import Int32, Int64

PLAIN, READ = "in_uncached", "in_cache_read"
MTOK = 10**6
# What --price may name, and the token class it is the rate of.
NAMES = {
    "input": PLAIN,
    "cache_read": READ,
    "cache_write_5m": "in_cache_write_5m",
    "cache_write_30m": "in_cache_write_30m",
    "cache_write_1h": "in_cache_write_1h",
    "cache_write_12h": "in_cache_write_12h",
}


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates of one model at one moment. ``tiers``: (holds above this many input tokens, class -> rate), lowest first."""

    provider: str
    model: str
    currency: str
    source: str
    valid_from: str
    tiers: tuple[tuple[int, Mapping[str, int]], ...]

    def tier_of(self, input_tokens: Int64) -> Int32:
        """Per request which tier its whole input is charged at."""
        starts = np.array([start for start, _ in self.tiers[1:]], np.int64)
        return np.searchsorted(starts, input_tokens, side="left").astype(np.int32)

    def rate(self, tier: int, token_class: str) -> int:
        """1e-24 units per token; a class without a rate is charged as plain input."""
        rates = self.tiers[tier][1]
        return rates.get(token_class, rates[PLAIN])

    def per_mtok(self, tier: int, token_class: str) -> Decimal:
        """Currency units per million tokens."""
        return CONTEXT.scaleb(Decimal(self.rate(tier, token_class) * MTOK), -RATE_DIGITS)

    def amount(self, tokens: Iterable[tuple[int, str, int]]) -> Decimal:
        """The exact price of (tier, class, tokens)."""
        total = sum(self.rate(tier, name) * int(count) for tier, name, count in tokens)
        return CONTEXT.scaleb(Decimal(total), -RATE_DIGITS)


def classes_of(scheme: Scheme) -> tuple[str, ...]:
    """What the columns of a replay's counts are charged as: read, written per lifetime, computed."""
    return (READ, *(one.write_class or PLAIN for one in scheme.lifetimes), PLAIN)


def list_rates(provider: str, model: str, at: datetime, changes: Mapping[str, str] | None = None) -> Rates:
    """Rates of the price list at a moment, with the caller's own over them (``--price``).

    Raises WrongUse when neither says what the model's input costs.
    """
    key = resolve_model(provider, model)
    rows = [row for row in catalogue_rows() if row.key == key] if key else []
    return rates_at(rows, provider, model, at, changes)


def book_rates(prices: pa.Table, provider: str, model: str, at: datetime) -> Rates:
    """Rates of a project's own ``model_prices`` (list and contracts) at a moment."""
    from netyield.sources.prices.model_match import contract_keys

    key = resolve_model(provider, model, contract_keys(prices))
    return rates_at(_rows_of(prices, key), provider, model, at)


def rates_at(
    rows: Iterable[PriceRow], provider: str, model: str, at: datetime, changes: Mapping[str, str] | None = None
) -> Rates:
    """The standard tariff's sheet in force at ``at``; among several the latest."""
    own = own_rates(changes or {})
    moment = micros(at)
    day_us = moment % DAY_US
    sheets = [
        row for row in rows
        if row.tariff == STANDARD and row.valid_from_us <= moment < row.valid_until_us
        and row.day_from_us <= day_us < row.day_until_us and PLAIN in row.rates
    ]  # fmt: skip
    latest = max((row.valid_from_us for row in sheets), default=0)
    tiers = sorted(((row.from_input_tokens, row) for row in sheets if row.valid_from_us == latest), key=lambda one: one[0])
    if not tiers and PLAIN not in own:
        message = f"No price is known for {provider} {model} at {iso(at)}."
        raise WrongUse(message, "Correct --provider or --model, or give --price input=USD_PER_MTOK (and cache_read=...).")
    if not tiers:
        return Rates(provider, model, "USD", "given on the command line", "", ((0, own),))
    source = tiers[0][1].price_source + (", with own prices over it" if own else "")
    from netyield.core.period import from_micros

    since = "" if latest == 0 else iso(from_micros(latest))
    charged = tuple((start, {**row.rates, **own}) for start, row in tiers)
    return Rates(provider, tiers[0][1].model, tiers[0][1].currency, source, since, charged)


def own_rates(changes: Mapping[str, str]) -> dict[str, int]:
    """``--price NAME=USD_PER_MTOK`` as rates. Raises WrongUse for an unknown name or something that is no price."""
    found = {}
    for name, value in changes.items():
        if name not in NAMES:
            message = f"There is no price {name!r}."
            raise WrongUse(message, f"Known: {', '.join(NAMES)}.")
        try:
            amount = parse_amount(value)
        except ValueError:
            amount = Decimal(-1)
        if amount < 0:
            message = f"--price {name}={value} is not an amount per million tokens."
            raise WrongUse(message, f"Write for example --price {name}=0.30.")
        found[NAMES[name]] = exact_rate(amount, MTOK)
    return found


def _rows_of(prices: pa.Table, key: tuple[str, str] | None) -> list[PriceRow]:
    """The sheets of one model from the contract table (one row per class)."""
    if key is None:
        return []
    import pyarrow.compute as pc

    mine = prices.filter(pc.and_(pc.equal(prices["provider"], key[0]), pc.equal(prices["model"], key[1])))
    sheets: dict[tuple[object, ...], PriceRow] = {}
    for row in mine.to_pylist():
        head = (
            row["provider"], row["model"], row["currency"], row["tariff"], row["from_input_tokens"],
            micros(row["valid_from"]), micros(row["valid_until"]), row["day_from_us"], row["day_until_us"],
        )  # fmt: skip
        held = sheets.setdefault((*head, row["price_source"]), PriceRow(*head, {}, row["price_source"]))
        rate = row["rate_pico"] * REST_PER_PICO + row["rate_rest"]
        sheets[*head, row["price_source"]] = replace(held, rates={**held.rates, row["class"]: rate})
    contracts = [row for row in sheets.values() if row.price_source.startswith("contract")]
    return contracts or list(sheets.values())
