"""What does a provider list for a model's tokens on a day? The dated catalogue, per million tokens, by token class."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from netyield.core.errors import WrongUse
from netyield.core.period import from_micros, micros
from netyield.sources.prices.genai_catalogue import catalogue_rows, price_source
from netyield.sources.prices.model_match import resolve_model
from netyield.sources.prices.price_rows import DAY_US, RATE_DIGITS, STANDARD, PriceRow

PLAIN, READ, WRITE, OUTPUT = "in_uncached", "in_cache_read", "in_cache_write_5m", "out_text"
PER_MTOK = 10.0 ** (6 - RATE_DIGITS)


@dataclass(frozen=True, slots=True)
class ListPrice:
    """US dollars per million tokens; ``batch_discount`` None where no batch tariff is listed."""

    provider: str
    model: str
    input: float
    cache_read: float
    cache_write: float
    output: float
    batch_discount: float | None
    dated: str
    source: str


def list_price(provider: str, model: str, on: date, mean_input_tokens: float = 0.0) -> ListPrice:
    """The standard list of a model on a day, of the tier a mean request falls in. Raises WrongUse when none is known."""
    key = resolve_model(provider, model) or (provider, model)
    moment = micros(datetime.combine(on, time(12), UTC))
    sheets = [row for row in catalogue_rows() if row.key == key and _in_force(row, moment) and row.currency == "USD"]
    standard = _sheet(sheets, STANDARD, mean_input_tokens)
    if standard is None:
        message = f"No price is known for {provider} {model} on {on}."
        raise WrongUse(message, "Correct provider or provider_model, or write input, cache_read and output yourself.")
    batch = _sheet(sheets, "batch", mean_input_tokens)
    out = standard.rates[OUTPUT]
    since = standard.valid_from_us
    return ListPrice(
        key[0], key[1],
        standard.rates[PLAIN] * PER_MTOK,
        standard.rates.get(READ, standard.rates[PLAIN]) * PER_MTOK,
        standard.rates.get(WRITE, standard.rates[PLAIN]) * PER_MTOK,
        out * PER_MTOK,
        None if batch is None or not out else 1.0 - batch.rates[OUTPUT] / out,
        from_micros(since).date().isoformat() if since else on.isoformat(),
        price_source(),
    )  # fmt: skip


def _in_force(row: PriceRow, moment: int) -> bool:
    day_us = moment % DAY_US
    return row.valid_from_us <= moment < row.valid_until_us and row.day_from_us <= day_us < row.day_until_us


def _sheet(sheets: list[PriceRow], tariff: str, mean_input_tokens: float) -> PriceRow | None:
    found = [
        row for row in sheets if row.tariff == tariff and row.from_input_tokens <= mean_input_tokens and PLAIN in row.rates
    ]
    return max(found, key=lambda row: (row.valid_from_us, row.from_input_tokens), default=None)
