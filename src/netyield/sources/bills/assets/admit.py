"""Which assets of a register are sound? Words become an Asset in coins of the books' currency, or findings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from math import floor
from typing import Any

from pydantic import ValidationError

from netyield.core.currencies import coins, minor_digits
from netyield.core.depreciation import YEAR, month_number
from netyield.core.finding import Finding
from netyield.core.money import CONTEXT, quantise
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.checks import Fault, faults
from netyield.sources.bills.assets.running_terms import Running
from netyield.sources.bills.assets.terms import BOOKS, AssetTerms, BookName, Change, Rate, Strict
from netyield.sources.opened import Place

CODE = "assets"


class RegisterTerms(Strict):
    """The keys of a register file."""

    book: BookName = "ifrs"
    currency: str | None = None
    functional_currency: str | None = None
    assets_csv: str | None = None
    units_csv: str | None = None
    asset: tuple[dict[str, Any], ...] = ()
    change: tuple[Change, ...] = ()
    running: tuple[Running, ...] = ()
    rate: tuple[Rate, ...] = ()


class Unsound(Exception):
    """An asset that cannot be booked; carries its fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault[1])
        self.fault = fault


def admitted(
    register: RegisterTerms, place: Place, row: int | None, words: Mapping[str, Any], units: Mapping[str, Mapping[str, str]]
) -> tuple[Asset | None, list[Finding]]:
    """One asset of the register, or None and why. ``units``: by asset and month, from the units file."""
    name = str(words.get("id") or words.get("name") or words.get("asset") or "asset")
    if name in units:
        words = {**words, "units": {**dict(words.get("units") or {}), **units[name]}}
    try:
        terms = AssetTerms.model_validate(words)
    except ValidationError as error:
        return None, refused(error, place, row, f"asset {name!r}")
    try:
        asset = _priced(register, terms, row)
        if terms.units:
            asset = replace(asset, units=_units(terms, floor(asset.start)))
        found = faults(asset)
    except Unsound as unsound:
        found = [unsound.fault]
    listed = [
        place.error(code, f"asset {terms.id!r}: {message}; it is left out", repair, row) for code, message, repair in found
    ]
    return (None, listed) if found else (asset, [])


def _priced(register: RegisterTerms, terms: AssetTerms, row: int | None) -> Asset:
    """The asset in the books' currency: a foreign cost at the rate of the day it was bought (IAS 21.21, ASC 830-20-30)."""
    currency = terms.currency or register.currency or register.functional_currency
    wanted = register.functional_currency
    if currency is None:
        raise Unsound(("no_currency", "no currency is given", 'Add currency = "USD" to the register or the asset.'))
    if wanted is not None and currency != wanted:
        terms, currency = _converted(register, terms, currency, wanted), wanted
    changes = [change for change in register.change if fnmatchcase(terms.id, change.assets)]
    changes += terms.change
    residuals = [each.residual for each in (terms, terms.ifrs, terms.us_gaap, *changes) if each is not None]
    impaired = [each.amount for each in (*terms.write_down, *terms.reversal)]
    try:
        for amount in (*residuals, *impaired, terms.proceeds):
            if amount:
                coins(amount, currency)
        cost = coins(terms.cost, currency)
    except ValueError as error:
        raise Unsound(("finer_than_a_coin", str(error), "Round it as the general ledger did.")) from None
    return Asset(terms.id, currency, cost, terms, row, tuple(changes))


def _converted(register: RegisterTerms, terms: AssetTerms, currency: str, wanted: str) -> AssetTerms:
    """Cost and residual values at the rate of the purchase, rounded once to coins."""
    day = terms.purchased or terms.in_service
    rate = next((r.rate for r in register.rate if (r.base, r.quote, r.day) == (currency, wanted, day)), None)
    if rate is None:
        message = f"there is no rate from {currency} to {wanted} on {day}"
        repair = f'Add [[rate]] date = {day}, base = "{currency}", quote = "{wanted}", rate = "...".'
        raise Unsound(("no_rate", message, repair))
    digits, times = minor_digits(wanted), rate

    def worth(amount: Decimal | None) -> Decimal | None:
        return None if amount is None else quantise(CONTEXT.multiply(amount, times), digits)

    books: dict[str, Any] = {}
    for name in BOOKS:
        own = getattr(terms, name)
        books[name] = own and own.model_copy(update={"residual": worth(own.residual)})
    return terms.model_copy(update={"cost": worth(terms.cost), "residual": worth(terms.residual), **books})


def _units(terms: AssetTerms, first: int) -> dict[int, Fraction]:
    """Units per month; a year's are spread evenly over the months of it in which the asset serves."""
    found: dict[int, Fraction] = {}
    for period, amount in (terms.units or {}).items():
        whole_year = "-" not in period
        try:
            start = month_number(f"{period}-01" if whole_year else period)
        except ValueError:
            repair = 'Write units = { "2026-01" = 700 } or { "2026" = 8000 }.'
            raise Unsound(("bad_units", f"{period!r} is no month or year", repair)) from None
        months = [month for month in range(start, start + (YEAR if whole_year else 1)) if month >= first]
        if amount < 0 or not months:
            repair = "Units are 0 or more, from the first month of service."
            raise Unsound(("bad_units", f"units of {period} are {amount}", repair))
        for month in months:
            if month in found:
                raise Unsound(("bad_units", f"units of {period} are given twice", "Give the year or its months."))
            found[month] = Fraction(amount) / len(months)
    return found


def refused(error: ValidationError, place: Place, row: int | None, what: str) -> list[Finding]:
    """Findings of a record that does not fit the schema: key and reason, the first five."""
    found = []
    for each in error.errors()[:5]:
        key = ".".join(str(part) for part in each["loc"])
        reason = str(each["msg"]).removeprefix("Value error, ")
        message = f"{what}: {key}: {reason}; it is left out"
        found.append(place.error("bad_terms", message, f"Keys: {', '.join(AssetTerms.model_fields)}.", row))
    return found
