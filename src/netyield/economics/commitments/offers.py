"""What is on offer? Rates, terms and resale of each commitment one could buy, from a TOML file, checked."""

from __future__ import annotations

import difflib
import re
import tomllib
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity

HOURS_OF = {"h": 1, "d": 24, "w": 168, "m": 730, "y": 8760}  # a month of 730 hours, a year of 8,760
ON_DEMAND = ("on_demand_rate", "on_demand", "on_demand_price")
RATE = ("rate", "price", "hourly", "hourly_rate", "committed_rate", "rate_per_hour", "price_per_hour")
RESALE = ("resale_rate", "resale", "resale_value")
TERM = ("term", "term_hours", "term_days", "term_months", "term_years")
OFFER_KEYS = (
    "name", *RATE, "discount", "upfront", *TERM, *RESALE, "at_most", "in_steps_of", *ON_DEMAND, "product", "source",
    "valid_from",
)  # fmt: skip
BOOK_KEYS = ("currency", "unit", *ON_DEMAND, "offer", "offers")
TERM_WORD = re.compile(r"^\s*(\d+)\s*([hdwmy])[a-z]*\s*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Offer:
    """One commitment on offer. ``rate``: all it costs per unit and hour of the term, upfront payment included.

    ``upfront``: the part of that paid at once, per unit. ``resale_rate``: what an unused unit-hour brings. ``at_most``: units
    that can be had (None = any). ``step``: units it is sold in.
    """

    name: str
    rate: Decimal
    term_hours: int
    upfront: Decimal = Decimal(0)
    resale_rate: Decimal = Decimal(0)
    at_most: int | None = None
    step: int = 1
    product: str = ""

    @property
    def plain(self) -> bool:
        """Whether any number of units can be had, one by one."""
        return self.at_most is None and self.step == 1


@dataclass(frozen=True, slots=True)
class OfferBook:
    """All offers beside the on-demand rate per unit and hour, in one currency."""

    on_demand: Decimal
    offers: tuple[Offer, ...]
    currency: str = "USD"
    unit: str = "GPU"


def read_offers(path: Path) -> tuple[OfferBook, list[Finding]]:
    """The offers of a file. Raises WrongUse where it contradicts itself; doubts are findings."""
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise WrongUse(message, "Give --offers the path of a TOML file.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} is no TOML: {error}."
        raise WrongUse(message, "Mend that line; words need quotes.") from None
    return parse_offers(content, str(path))


def parse_offers(content: dict[str, Any], where: str) -> tuple[OfferBook, list[Finding]]:
    """The checked offers of a parsed document."""
    _known(content, BOOK_KEYS, where)
    entries = content.get("offer", content.get("offers", []))
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        message = f"{where} has no [[offer]]."
        raise WrongUse(message, 'Write [[offer]] with name, rate = "1.50" and term = "1y".')
    on_demand = _on_demand(content, entries, where)
    findings: list[Finding] = []
    offers = tuple(_offer(entry, number, on_demand, where, findings) for number, entry in enumerate(entries, start=1))
    names = [offer.name for offer in offers]
    if twice := next((name for name in names if names.count(name) > 1), None):
        message = f"{where}: two offers are called {twice!r}."
        raise WrongUse(message, "Give each its own name.")
    currency = str(content.get("currency", "USD")).upper()
    return OfferBook(on_demand, offers, currency, str(content.get("unit", "GPU"))), findings


def _on_demand(content: dict[str, Any], entries: list[dict[str, Any]], where: str) -> Decimal:
    tables = [content, *entries]
    found = {amount(table[key], key, where) for table in tables for key in ON_DEMAND if key in table}
    if not found:
        message = f"{where} does not say what a unit costs on demand, which nothing here may guess."
        raise WrongUse(message, 'Add on_demand_rate = "2.50" at the top, per unit and hour.')
    if len(found) > 1:
        message = f"{where} gives {len(found)} different on-demand rates: {', '.join(str(f) for f in sorted(found))}."
        raise WrongUse(message, "Offers are compared for one kind of unit; use one file for each kind.")
    rate = found.pop()
    if rate <= 0:
        message = f"{where}: on_demand_rate is {rate}."
        raise WrongUse(message, "Give the positive rate of a unit and hour.")
    return rate


def _offer(entry: dict[str, Any], number: int, on_demand: Decimal, where: str, findings: list[Finding]) -> Offer:
    name = str(entry.get("name") or f"offer {number}")
    place = f"{where}: {name}"
    _known(entry, OFFER_KEYS, place)
    term = _term(entry, place)
    upfront = amount(entry.get("upfront", 0), "upfront", place)
    hourly = _hourly(entry, on_demand, place)
    resale = next((amount(entry[key], key, place) for key in RESALE if key in entry), Decimal(0))
    rate = hourly + upfront / term
    most, step = _whole(entry, "at_most", place, 0), _whole(entry, "in_steps_of", place, 1) or 1
    if min(hourly, upfront, resale) < 0 or rate <= 0:
        message = f"{place}: a rate, upfront payment or resale is negative, or the offer costs nothing."
        raise WrongUse(message, "Give amounts of zero or more, and a positive rate or upfront payment.")
    if resale >= rate:
        message = f"{place}: an unused hour would bring {resale}, no less than the {rate} it costs."
        raise WrongUse(message, "Correct resale_rate: such an offer would be bought without end.")
    if rate >= on_demand:
        text = f"{name}: {rate} per unit and hour is no cheaper than on demand ({on_demand})"
        findings.append(Finding("offers.no_discount", Severity.WARNING, text, "Check its rate, or leave it out.", where))
    return Offer(name, rate, term, upfront, resale, most, step, str(entry.get("product", "")))


def _hourly(entry: dict[str, Any], on_demand: Decimal, place: str) -> Decimal:
    rates = [amount(entry[key], key, place) for key in RATE if key in entry]
    if "discount" in entry:
        discount = amount(entry["discount"], "discount", place)
        if not 0 <= discount < 1:
            message = f"{place}: discount {discount} is no share between 0 and 1."
            raise WrongUse(message, "Write 0.4 for 40 % off.")
        rates.append(on_demand * (1 - discount))
    if len(rates) > 1 and len(set(rates)) > 1:
        message = f"{place}: rate and discount say {rates[0]} and {rates[1]}."
        raise WrongUse(message, "Keep one of them.")
    if not rates and "upfront" not in entry:
        message = f"{place} has no rate."
        raise WrongUse(message, 'Add rate = "1.50" per unit and hour, discount = "0.4", or an upfront payment per unit.')
    return rates[0] if rates else Decimal(0)


def _term(entry: dict[str, Any], place: str) -> int:
    given = [key for key in TERM if key in entry]
    if len(given) != 1:
        message = f"{place}: {'no term' if not given else 'several terms'}."
        raise WrongUse(message, 'Write term = "1y", "6m", "30d" or "720h", once.')
    key, value = given[0], entry[given[0]]
    if key != "term":
        value = f"{value}{key.removeprefix('term_')[0]}"
    return hours_of(str(value), f"{place}: term")


def hours_of(words: str, what: str) -> int:
    """Hours of ``1y``, ``6m``, ``30d``, ``2w`` or ``720h`` (a year is 8,760 hours, a month 730). Raises WrongUse."""
    match = TERM_WORD.match(words)
    if match is None or int(match.group(1)) < 1:
        message = f"{what} {words!r} is no length of time."
        raise WrongUse(message, "Write 1y, 6m, 30d, 2w or 720h.")
    return int(match.group(1)) * HOURS_OF[match.group(2).lower()]


def amount(value: Any, key: str, place: str) -> Decimal:
    """An exact decimal of a TOML number or text. Raises WrongUse."""
    try:
        if isinstance(value, bool):
            raise InvalidOperation
        found = Decimal(str(value))
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        message = f"{place}: {key} = {value!r} is no amount."
        raise WrongUse(message, f'Write {key} = "1.50".')
    return found


def _whole(entry: dict[str, Any], key: str, place: str, least: int) -> int | None:
    value = entry.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        message = f"{place}: {key} = {value!r} is no whole number from {least}."
        raise WrongUse(message, f"Write {key} = 8.")
    return value


def _known(entry: dict[str, Any], keys: tuple[str, ...], place: str) -> None:
    for key in entry:
        if key not in keys:
            near = difflib.get_close_matches(key, keys, n=1)
            message = f"{place}: there is no key {key!r}."
            raise WrongUse(message, f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(keys)}.")
