"""Contract prices laid over a price list. Which rate sheets are in force once the user's agreements count?

Inside its validity a contract replaces the list's rows of its tariff; outside, the list stays. Of two contracts for
the same model and time the later one in the file wins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fnmatch import fnmatchcase

from netyield.core.money import CONTEXT
from netyield.core.period import micros, parse_time
from netyield.sources.prices.contract_prices import ANY_TARIFF, MTOK, RATE_NAMES, ContractPrice
from netyield.sources.prices.model_match import catalogue_key, is_glob, is_named, provider_id
from netyield.sources.prices.price_rows import (
    CONTRACT_SOURCE,
    DAY_US,
    FIRST_US,
    LAST_US,
    REQUEST,
    STANDARD,
    PriceRow,
    class_rates,
    exact_rate,
    nearest,
)

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class RateSheet:
    """One contract: the rows for the same model, tariff and validity, one per tier threshold."""

    provider: str
    model: str
    tariff: str
    since_us: int
    until_us: int
    tiers: tuple[tuple[int, ContractPrice], ...]  # (row_number, row)
    price_source: str

    @property
    def discount_only(self) -> bool:
        """Does it only take a share off the list?"""
        return not any(row.rates for _, row in self.tiers)


def rate_sheets(rows: Iterable[tuple[int, ContractPrice]], source: str, timezone: str) -> list[RateSheet]:
    """Numbered contract rows gathered into sheets, in the order in which each first appears."""
    gathered: dict[tuple[str, str, str, int, int], list[tuple[int, ContractPrice]]] = {}
    for number, row in rows:
        provider = provider_id(row.provider) or row.provider.strip().lower()
        since = FIRST_US if row.since is None else micros(parse_time(row.since, timezone))
        until = LAST_US if row.until is None else micros(parse_time(row.until, timezone))
        key = (provider, row.model.strip().lower(), row.tariff, since, until)
        gathered.setdefault(key, []).append((number, row))
    return [RateSheet(*key, tuple(tiers), f"{CONTRACT_SOURCE}: {source}") for key, tiers in gathered.items()]


def overlay(
    listed: Sequence[PriceRow], sheets: Iterable[RateSheet]
) -> tuple[list[PriceRow], list[tuple[RateSheet, list[Key]]]]:
    """The list with the contracts over it, and which keys each contract changed (none: it found nothing)."""
    book: dict[Key, list[PriceRow]] = {}
    for row in listed:
        book.setdefault(row.key, []).append(row)
    changed = []
    for sheet in sheets:
        keys = _touched(book, sheet)
        changed.append((sheet, keys))
        for key in keys:
            book[key] = _laid_over(book.get(key, []), key, sheet)
    return [row for rows in book.values() for row in rows], changed


def _touched(book: dict[Key, list[PriceRow]], sheet: RateSheet) -> list[Key]:
    """Keys the sheet changes: those it names, and its own name or glob for models the list does not have.

    A name the list knows only as an alias (a dated snapshot) starts as a copy of the list's model, so that outside
    the contract's validity and tariff the list price still stands.
    """
    named = [key for key in book if fnmatchcase(key[0], sheet.provider) and is_named(key, sheet.model)]
    own = (sheet.provider, sheet.model)
    if named and not is_glob(sheet.model) and not is_glob(sheet.provider):
        return named
    alias = None if is_glob(sheet.model) or named else catalogue_key(sheet.provider, sheet.model)
    if alias in book:
        book[own] = [replace(row, provider=own[0], model=own[1]) for row in book[alias]]
    if own not in named and (own in book or not sheet.discount_only):
        named.append(own)
    return named


def _laid_over(rows: list[PriceRow], key: Key, sheet: RateSheet) -> list[PriceRow]:
    """One key's rows with the sheet in place of its tariff and validity."""
    tariffs = {row.tariff for row in rows} or {STANDARD}
    if sheet.tariff != ANY_TARIFF:
        if sheet.tariff not in tariffs:
            rows = rows + [replace(row, tariff=sheet.tariff) for row in rows if row.tariff == STANDARD]
        tariffs = {sheet.tariff}
    kept = [row for row in rows if row.tariff not in tariffs]
    for row in (row for row in rows if row.tariff in tariffs):
        kept.extend(_outside(row, sheet))
        if sheet.discount_only:
            kept.extend(_discounted(row, sheet))
    if not sheet.discount_only:
        for tariff in sorted(tariffs):
            kept.extend(_agreed(key, tariff, sheet))
    return kept


def _outside(row: PriceRow, sheet: RateSheet) -> Iterator[PriceRow]:
    """What is left of a row before and after the sheet's validity."""
    if row.valid_from_us < sheet.since_us:
        yield replace(row, valid_until_us=min(row.valid_until_us, sheet.since_us))
    if row.valid_until_us > sheet.until_us:
        yield replace(row, valid_from_us=max(row.valid_from_us, sheet.until_us))


def _discounted(row: PriceRow, sheet: RateSheet) -> Iterator[PriceRow]:
    """The row inside the sheet's validity, less the discount."""
    since, until = max(row.valid_from_us, sheet.since_us), min(row.valid_until_us, sheet.until_us)
    if since < until:
        number, contract = sheet.tiers[-1]
        rates = {name: nearest(_less(Decimal(rate), contract)) for name, rate in row.rates.items()}
        source = f"{sheet.price_source}, {contract.discount_percent} % off {row.price_source}"
        yield replace(
            row, valid_from_us=since, valid_until_us=until, rates=rates, price_source=source, row_number=number
        )


def _agreed(key: Key, tariff: str, sheet: RateSheet) -> Iterator[PriceRow]:
    """The sheet's own rates as rows."""
    for number, row in sheet.tiers:
        priced = [
            (dimensions, exact_rate(_less(row.rates[name], row), MTOK))
            for name, dimensions in RATE_NAMES.items()
            if name in row.rates
        ]
        rates = class_rates(priced)
        if REQUEST in row.rates:
            rates[REQUEST] = exact_rate(_less(row.rates[REQUEST], row), 1)
        yield PriceRow(
            *key, row.currency, tariff, row.from_input_tokens, sheet.since_us, sheet.until_us, 0, DAY_US, rates,
            sheet.price_source, number,
        )


def _less(amount: Decimal, contract: ContractPrice) -> Decimal:
    """The amount after the contract's discount."""
    share = Decimal(100) - (contract.discount_percent or Decimal(0))
    return CONTEXT.divide(CONTEXT.multiply(amount, share), Decimal(100))
