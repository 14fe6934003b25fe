"""Source ``prices``: the price list attempts are priced with. What does a token of each class cost, and since when?

The list is the ``genai-prices`` package's, with the user's contract prices over it (``prices = [...]``, or a CSV with
the same column names under ``path``). It is delivered as one snapshot; a changed package or contract replaces it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, ValidationError

from netyield.core.finding import Finding, Severity
from netyield.sources.contract import (
    Chunk,
    Cursor,
    Delivery,
    Probe,
    SourceSettings,
    file_hash,
    rejected_rows,
    unreadable,
)
from netyield.sources.files import Place, RejectedRow, label, matching, no_file, read_rows
from netyield.sources.prices.contract_overlay import RateSheet, overlay, rate_sheets
from netyield.sources.prices.contract_prices import ContractPrice
from netyield.sources.prices.genai_catalogue import catalogue_rows, catalogue_table, price_source, providers
from netyield.sources.prices.model_match import resolve_models
from netyield.sources.prices.price_rows import PriceRow, price_table

__all__ = ["ModelPrices", "catalogue_table", "resolve_models"]

FORM = "1"  # changes when the same inputs would make other rows
# Reads and writes of a cache usually have a rate of their own; without one they cost what plain input costs.
CACHE_RATES = {"in_cache_read": {"cache_read"}, "in_cache_write_5m": {"cache_write", "cache_write_5m"}}


class PriceSettings(SourceSettings):
    """Keys of ``[[source]] type = "prices"``."""

    prices: list[ContractPrice] = Field(default=[], description="Contract prices, over the list")
    path: str | None = Field(default=None, description="CSV with contract prices (a glob; .gz allowed)")
    catalogue: bool = Field(default=True, description="false: contract prices only, no list prices")


class ModelPrices:
    """The dated price list, with contracts over it."""

    type: ClassVar[str] = "prices"
    Settings = PriceSettings

    def __init__(self, settings: PriceSettings, root: Path) -> None:
        self.settings = settings
        self.root = root

    @property
    def name(self) -> str:
        """What contract rows name as their source, and the snapshot key."""
        return self.settings.name or self.type

    def probe(self) -> Probe:
        """How large the list is and which contract prices stand over it."""
        models = sum(len(provider.models) for provider in providers()) if self.settings.catalogue else 0
        contracts, _, _ = self._contracts
        absent = bool(self.settings.path) and not self._files()
        findings = (no_file(self.type, str(self.settings.path), self.root),) if absent else ()
        listed = f"{price_source()}, {models:,} models" if self.settings.catalogue else "no list prices"
        found = f"{listed}; {len(contracts):,} contract price{'' if len(contracts) == 1 else 's'}"
        return Probe(True, found, tables=("model_prices",), findings=findings)

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """The list as it is now, unless it is what was delivered last.

        While a file of contract prices cannot be read, the list that is booked stands; without one, all else is delivered.
        """
        faults = [unreadable("prices", label(self.root, path), error) for path, error in self._unreadable()]
        yield from faults
        if faults and "list" in cursor:
            return
        content = self._content()
        digest = hashlib.sha256(content).hexdigest()
        if cursor.get("list") == digest:
            return
        # Chained to what came before: going back to an earlier contract is a new delivery, not a repeated one.
        identity = hashlib.sha256(f"{cursor.get('list', '')}{digest}".encode()).hexdigest()
        yield Delivery(
            name=self.name, kind="snapshot", content_hash=identity, chunks=self._chunks, raw=content,
            next_cursor=lambda: {"list": digest}, snapshot_keys=lambda: (self.name,),
        )

    def _content(self) -> bytes:
        """Everything the rows follow from: evidence, and what tells one list from the next."""
        lost = {path for path, _ in self._unreadable()}
        files = {label(self.root, path): None if path in lost else file_hash(path) for path in self._files()}
        given = {
            "form": FORM,
            "list": price_source() if self.settings.catalogue else None,
            "prices": [price.model_dump(mode="json") for price in self.settings.prices],
            "files": files,
            "timezone": self.settings.timezone,
            "name": self.name,
        }
        return json.dumps(given, sort_keys=True, indent=1).encode()

    def _unreadable(self) -> list[tuple[Path, OSError]]:
        found = []
        for path in self._files():
            try:
                path.open("rb").close()
            except OSError as error:
                found.append((path, error))
        return found

    def _files(self) -> list[Path]:
        return matching(self.root, self.settings.path) if self.settings.path else []

    def _chunks(self) -> Iterator[Chunk]:
        contracts, rejected, findings = self._contracts
        sheets = rate_sheets(contracts, self.name, self.settings.timezone)
        listed = catalogue_rows() if self.settings.catalogue else ()
        rows, changed = overlay(listed, sheets)
        findings = [*findings, *_remarks(listed, changed)]
        refused = [(number, "model_prices", code, message, row) for number, code, message, row in rejected]
        yield Chunk({"model_prices": price_table(rows)}, rejected_rows(refused) if refused else None, findings)

    @cached_property
    def _contracts(self) -> tuple[list[tuple[int, ContractPrice]], list[RejectedRow], list[Finding]]:
        """Numbered contract rows (of the settings, then of the files), those refused, and remarks."""
        good = list(enumerate(self.settings.prices, 1))
        refused: list[RejectedRow] = []
        findings: list[Finding] = []
        for path in self._files():
            place = Place(self.type, label(self.root, path))
            for block in read_rows(path, place):
                findings.extend(block.findings)
                refused.extend(block.rejected)
                for number, values in zip(block.numbers.to_pylist(), block.rows.to_pylist(), strict=True):
                    price = _contract(values)
                    if isinstance(price, ContractPrice):
                        good.append((number, price))
                        continue
                    message = f"a contract price cannot be read: {price}"
                    findings.append(place.error("bad_row", message, "Correct the row; it was left out.", number))
                    refused.append((number, "prices.bad_row", price, values))
        return good, refused, findings


def _contract(values: Mapping[str, Any]) -> ContractPrice | str:
    """A row of the CSV as a contract price, or what is wrong with it."""
    given = {name: value for name, value in values.items() if value is not None and str(value).strip()}
    try:
        return ContractPrice.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        return ": ".join(filter(None, (".".join(map(str, first["loc"])), first["msg"])))


def _remarks(listed: Iterable[PriceRow], changed: list[tuple[RateSheet, list[tuple[str, str]]]]) -> Iterator[Finding]:
    """Contracts that found nothing to discount, and those that make cache reads or writes as dear as input."""
    apart: dict[tuple[str, str], set[str]] = {}
    for row in listed:
        own = {name for name in CACHE_RATES if row.rates[name] != row.rates["in_uncached"]}
        apart.setdefault(row.key, set()).update(own)
    for sheet, keys in changed:
        what = f"contract price for {sheet.provider} {sheet.model}"
        if not keys:
            message = f"{what} takes a discount off a model that has no list price"
            repair = "Correct the provider or model, or give its rates."
            yield Finding("prices.nothing_to_discount", Severity.ERROR, message, repair, row=sheet.tiers[0][0])
            continue
        given = {name for _, row in sheet.tiers for name in row.rates}
        for name, rates in CACHE_RATES.items():
            if not sheet.discount_only and not rates & given and any(name in apart.get(key, ()) for key in keys):
                message = f"{what} names no {min(rates, key=len)} rate, which the list has; input is charged for it"
                repair = f"Add {min(rates, key=len)}_usd_per_mtok if the contract has one."
                yield Finding("prices.no_cache_rate", Severity.WARNING, message, repair, row=sheet.tiers[0][0])
