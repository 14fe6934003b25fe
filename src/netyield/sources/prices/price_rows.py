"""A price as a row. Which rate has each token class, for which requests, at which times?

A ``PriceRow`` is one rate sheet: all token classes of one model under one tariff, above one tier threshold, in one
validity and daily window. The contract table ``model_prices`` is the same with one row per class. Rates are exact
integers in 1e-24 of a currency unit per token (the finest digit any list price uses is 1e-24), never floats.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pyarrow as pa

from netyield.core.contract import conform, contract
from netyield.core.money import CONTEXT
from netyield.core.period import EPOCH
from netyield.core.token_dialects import TokenClass, token_classes

STANDARD = "standard"
TARIFFS = (STANDARD, "batch", "flex", "priority", "fast")
REQUEST = "request"
RATE_DIGITS = 24
REST_PER_PICO = 10**12
DAY_US = 86_400_000_000
FIRST_US = 0
LAST_US = 253_402_300_799_000_000  # 9999-12-31T23:59:59Z: a validity without an end
CONTRACT_SOURCE = "contract"  # how price_source starts on the user's own rows

Dimensions = Mapping[str, str]


def _dimensions(one: TokenClass) -> Dimensions:
    """A token class in the dimensions of genai-prices' unit registry (reasoning is text, tool use of any medium)."""
    dimensions = {"direction": one.direction}
    if one.modality in ("text", "reasoning", "audio", "image"):
        dimensions["modality"] = "text" if one.modality == "reasoning" else one.modality
    if one.modality in ("reasoning", "tool"):
        dimensions["token_type"] = one.modality
    if one.cache in ("read", "write"):
        dimensions["token_type"] = f"cache_{one.cache}"
    if one.cache_ttl not in ("", "unknown"):
        dimensions["cache_ttl"] = one.cache_ttl
    return dimensions


CLASS_DIMENSIONS: dict[str, Dimensions] = {one.name: _dimensions(one) for one in token_classes()}
TOKEN_CLASSES = tuple(CLASS_DIMENSIONS)


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One rate sheet; ``rates`` in 1e-24 units per token, ``request`` per call. A class that is absent has no rate."""

    provider: str
    model: str
    currency: str
    tariff: str
    from_input_tokens: int
    valid_from_us: int
    valid_until_us: int
    day_from_us: int
    day_until_us: int
    rates: Mapping[str, int]
    price_source: str
    row_number: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """What a reported model is resolved to."""
        return self.provider, self.model


def exact_rate(amount: Decimal, per: int) -> int:
    """``amount`` currency units per ``per`` tokens, in 1e-24 units per token; a finer digit is rounded half up."""
    return nearest(CONTEXT.divide(CONTEXT.scaleb(amount, RATE_DIGITS), Decimal(per)))


def nearest(value: Decimal) -> int:
    """The nearest whole number, ties away from zero."""
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP, context=CONTEXT))


def class_rates(priced: Sequence[tuple[Dimensions, int]]) -> dict[str, int]:
    """Each token class's rate: that of the priced kind it has all dimensions of, of several the most specific.

    genai-prices' decompose rule: a leaf without a rate of its own falls to its nearest priced ancestor, else to none.
    """
    rates: dict[str, int] = {}
    for name, dimensions in CLASS_DIMENSIONS.items():
        found = [(len(one), rate) for one, rate in priced if one.items() <= dimensions.items()]
        if found:
            rates[name] = max(found)[1]
    return rates


def price_table(rows: Iterable[PriceRow]) -> pa.Table:
    """Rate sheets as the contract table ``model_prices``: one row per token class that has a rate.

    Price lists are no events: ``event_time`` is 1970 for all, so that a list stays in one piece; validity is in
    ``valid_from`` and ``valid_until``. ``price_id`` (and ``event_key``) is the hash of the row's content.
    """
    columns: dict[str, list[Any]] = {column.name: [] for column in contract("model_prices").own}
    numbers: list[int] = []
    appends = [values.append for values in columns.values()]
    for row in rows:
        head = (
            row.provider, row.model, row.currency, row.tariff, row.from_input_tokens, row.valid_from_us,
            row.valid_until_us, row.day_from_us, row.day_until_us,
        )
        text = "\x1f".join(map(str, (*head, row.price_source)))
        for name, rate in row.rates.items():
            digest = hashlib.sha256(f"{text}\x1f{name}\x1f{rate}".encode()).hexdigest()[:32]
            values = (digest, *head, name, *divmod(rate, REST_PER_PICO), row.price_source)
            for append, value in zip(appends, values, strict=True):
                append(value)
            numbers.append(row.row_number)
    own = {
        column.name: pa.array(columns[column.name], pa.int64() if column.type == "timestamp" else column.arrow.type)
        for column in contract("model_prices").own
    }
    lineage = {
        "row_number": pa.array(numbers, pa.int64()),
        "event_key": own["price_id"],
        "event_time": pa.array([EPOCH] * len(numbers), pa.timestamp("us", tz="UTC")),
    }
    return conform("model_prices", pa.table(lineage | own))
