"""List prices of the ``genai-prices`` package as dated rows. What did this model cost at that time, on that tariff?

The package computes one price per call (about 4,000 a second). Here its data become a table once, and pricing is a
join. Its own ``get_prices`` is asked for the rates in force in every interval between two of a model's dates and
daily windows, so the order of its conditions is never re-implemented. What follows from its rules, stated plainly:

* A class without a rate takes the rate of the wider class it belongs to (cache reads without a rate are input);
  where no wider class has one either, it is not charged (embedding models charge no output).
* A model whose list holds no rate at all is listed as free.
* A model charged only by the hour, page, character or search has no row: an attempt carries tokens, so its price is
  unknown. genai-prices would say 0 for its tokens. Search fees of models that also charge tokens are not here either.
* A tariff's rows exist where the model has a price variant for it, for all times: before a variant's first date, and
  for keys the variant does not name, the standard rate applies.
* Models a provider resells (Azure: OpenAI's) stand under ``provider``, ``<maker>/<model>``, standard tariff only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import pyarrow as pa

from netyield.core.period import EPOCH, MICROSECOND, micros
from netyield.sources.prices.price_rows import (
    DAY_US,
    FIRST_US,
    LAST_US,
    REQUEST,
    STANDARD,
    TOKEN_CLASSES,
    PriceRow,
    class_rates,
    exact_rate,
    price_table,
)

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices
    from genai_prices.units import UnitDef, UnitRegistry

# The request context genai-prices wants for each of our tariffs. Its other contexts (an OpenRouter route, a search
# type) are no tariffs; "default" changes no rate.
CONTEXTS: dict[str, Mapping[str, str]] = {
    STANDARD: {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
Sheet = tuple[tuple[int, Mapping[str, int]], ...]  # (from_input_tokens, class -> rate), base first
Slot = tuple[int, int, Sheet]  # a daily window and the sheet in force in it


def price_source() -> str:
    """What ``price_source`` says on these rows."""
    return f"genai-prices {version('genai-prices')}"


def providers() -> list[Provider]:
    """The package's providers. Imported late: its data take a third of a second."""
    from genai_prices.data_snapshot import get_snapshot

    listed: list[Provider] = get_snapshot().providers
    return listed


@cache
def catalogue_table() -> pa.Table:
    """The whole catalogue as contract table ``model_prices``; built once per process (about a second)."""
    return price_table(catalogue_rows())


@cache
def catalogue_rows() -> tuple[PriceRow, ...]:
    """Every rate sheet of the package: own models under every tariff they know, resold models under the standard."""
    source = price_source()
    by_id = {provider.id: provider for provider in providers()}
    rows: list[PriceRow] = []
    for provider in by_id.values():
        for model in provider.models:
            for tariff in (STANDARD, *_tariffs(model)):
                rows.extend(_rows(provider.id, model.id, model, tariff, source))
        for maker_id in provider.fallback_model_providers or ():
            for model in by_id[maker_id].models if maker_id in by_id else ():
                rows.extend(_rows(provider.id, resold_id(maker_id, model.id), model, STANDARD, source))
    return tuple(rows)


def resold_id(maker_id: str, model_id: str) -> str:
    """The model id of another maker's model under the provider that resells it."""
    return f"{maker_id}/{model_id}"


def bare_model(provider_id: str, model: str) -> str:
    """A price key's model without the maker that ``resold_id`` put before it."""
    maker, _, name = model.partition("/")
    return name if maker in _makers().get(provider_id, ()) else model


@cache
def _makers() -> dict[str, tuple[str, ...]]:
    return {one.id: tuple(one.fallback_model_providers) for one in providers() if one.fallback_model_providers}


def _tariffs(model: ModelInfo) -> list[str]:
    """The tariffs the model has a price variant for."""
    whens = [variant.when for variant in model.price_variants or ()]
    return [
        tariff
        for tariff, context in CONTEXTS.items()
        if any(all(context.get(key) == value for key, value in when.items()) for when in whens)
    ]


def _rows(provider: str, name: str, model: ModelInfo, tariff: str, source: str) -> Iterator[PriceRow]:
    """The rate sheets of one model under one tariff; equal neighbours in time are one row."""
    merged: list[tuple[int, int, tuple[Slot, ...]]] = []
    for since, until, slots in _timeline(model, tariff):
        if merged and merged[-1][2] == slots:
            merged[-1] = (merged[-1][0], until, slots)
        else:
            merged.append((since, until, slots))
    for since, until, slots in merged:
        for day_from, day_until, sheet in slots:
            for from_tokens, rates in sheet:
                yield PriceRow(
                    provider, name, "USD", tariff, from_tokens, since, until, day_from, day_until, rates, source
                )


def _timeline(model: ModelInfo, tariff: str) -> Iterator[tuple[int, int, tuple[Slot, ...]]]:
    """(since, until, daily windows) between the dates on which any of the model's conditions starts."""
    dates, day_times = _edges(model)
    starts = [FIRST_US, *dates]
    for since, until in zip(starts, [*dates, LAST_US], strict=True):
        slots: list[Slot] = []
        for day_from, day_until in zip(day_times, [*day_times[1:], DAY_US], strict=True):
            moment = EPOCH + timedelta(microseconds=since + day_from)
            sheet = _sheet(model.get_prices(moment, CONTEXTS[tariff]))
            if slots and slots[-1][2] == sheet:
                slots[-1] = (slots[-1][0], day_until, sheet)
            else:
                slots.append((day_from, day_until, sheet))
        yield since, until, tuple(slot for slot in slots if slot[2])


def _edges(model: ModelInfo) -> tuple[list[int], list[int]]:
    """Instants at which a condition of the model starts, and times of day at which one starts or ends (with 0)."""
    from genai_prices.types import ModelPrice, StartDateConstraint, TimeOfDateConstraint

    prices = [] if isinstance(model.prices, ModelPrice) else model.prices
    conditions = [one.constraint for one in prices] + [one.constraint for one in model.price_variants or ()]
    dates: set[int] = set()
    day_times = {0}
    for condition in conditions:
        if isinstance(condition, StartDateConstraint):
            dates.add(micros(datetime.combine(condition.start_date, time(), UTC)))
        elif isinstance(condition, TimeOfDateConstraint):
            day_times |= {_day_us(condition.start_time), _day_us(condition.end_time)}
    return sorted(date for date in dates if date > FIRST_US), sorted(day_times)


def _day_us(moment: time) -> int:
    """Microseconds since UTC midnight; a time without zone is UTC, as in genai-prices."""
    zoned = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return ((datetime.combine(EPOCH.date(), zoned) - EPOCH) // MICROSECOND) % DAY_US


def _sheet(price: ModelPrice) -> Sheet:
    """The class rates below and above each tier threshold; empty when the model does not charge by the token."""
    from genai_prices.types import TieredPrices
    from genai_prices.validation import validate_priced_units

    registry = _registry()
    listed = [(registry.unit_for_price_key(key), value) for key, value in vars(price).items() if value is not None]
    counted = [(unit, value) for unit, value in listed if unit.dimensions["family"] in ("tokens", "requests")]
    if listed and not counted:
        return ()
    try:
        validate_priced_units([unit for unit, _ in listed], registry)
    except ValueError:  # genai-prices refuses such a list on every call, so it is no price
        return ()
    starts = {0}
    for _, value in counted:
        starts |= {tier.start for tier in value.tiers} if isinstance(value, TieredPrices) else set()
    return tuple((start, _rates_above(counted, start)) for start in sorted(starts))


def _rates_above(counted: list[tuple[UnitDef, Decimal | TieredPrices]], start: int) -> dict[str, int]:
    """Class rates of a request whose input is just above a threshold; 0 is a price: not charged."""
    priced: list[tuple[Mapping[str, str], int]] = []
    per_request: dict[str, int] = {}
    for unit, value in counted:
        amount = value
        if not isinstance(value, Decimal):
            reached = [tier.price for tier in value.tiers if tier.start <= start]  # genai-prices keeps them sorted
            amount = reached[-1] if reached else value.base
        rate = exact_rate(amount, unit.per)
        if unit.dimensions["family"] == "requests":
            per_request[REQUEST] = rate
        else:
            priced.append(({key: item for key, item in unit.dimensions.items() if key != "family"}, rate))
    return dict.fromkeys(TOKEN_CLASSES, 0) | class_rates(priced) | per_request


@cache
def _registry() -> UnitRegistry:
    from genai_prices.data_units import unit_data
    from genai_prices.units import UnitRegistry

    return UnitRegistry(unit_data)
