"""Reading a case file, and putting together what both standards are asked: the parts of the unit, and its cash flows."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fnmatch import fnmatchcase
from math import floor
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from netyield.core.currencies import from_coins
from netyield.core.depreciation import clock, first_day
from netyield.core.errors import WrongUse
from netyield.core.finding import Finding
from netyield.core.money import text
from netyield.economics.assets.impairment_terms import Case, Output, Part
from netyield.economics.assets.present_value import CONTEXT, ONE
from netyield.sources.bills.assets.asset import Asset
from netyield.sources.bills.assets.history import history
from netyield.sources.bills.assets.register import read_register
from netyield.sources.bills.assets.terms import BookName

EPOCH_YEAR = 1970  # where price lists begin that know no first day
Terms = TypeVar("Terms", bound=BaseModel)


def read_terms(path: Path, schema: type[Terms], scenario: str | None = None) -> Terms:
    """A TOML file as checked terms; ``scenario`` replaces keys by those of its table. Raises WrongUse with the repair."""
    try:
        words: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})."
        raise WrongUse(message, "Give the path of a case file; docs/assets.md has some to start from.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: not valid TOML: {error}."
        raise WrongUse(message, "Mend that line; text needs quotes.") from None
    scenarios = {str(each.get("name")): each for each in words.pop("scenario", []) if isinstance(each, dict)}
    if scenario is not None:
        if scenario not in scenarios:
            message = f"{path}: there is no scenario {scenario!r}."
            raise WrongUse(message, f"It has: {', '.join(scenarios) or 'none; add [[scenario]] with a name'}.")
        words |= {key: value for key, value in scenarios[scenario].items() if key != "name"}
    try:
        return schema.model_validate(words)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = str(first["msg"]).removeprefix("Value error, ")
        message = f"{path}: {key + ': ' if key else ''}{reason}."
        raise WrongUse(message, f"Keys: {', '.join(schema.model_fields)}.") from None


def held_assets(case: Case, folder: Path) -> tuple[list[Asset], list[Finding]]:
    """The assets of the case's register that make up its unit; none for a case without one. Raises WrongUse."""
    if case.register_file is None or case.at is None:
        return [], []
    register = read_register(folder / case.register_file, case.register_file)
    chosen = [each for each in register.assets if fnmatchcase(each.id, case.assets) and _held(each, case.at)]
    if not chosen:
        message = f"{case.register_file} has no sound asset {case.assets!r} in service on {case.at}."
        told = "; ".join(finding.message.rstrip(".") for finding in register.findings[:2])
        raise WrongUse(message, f"Correct assets, at or the register{': ' + told if told else ''}.")
    other = next((each for each in chosen if each.currency != case.currency), None)
    if other is not None:
        message = f"asset {other.id!r} is in {other.currency}, the case in {case.currency}."
        raise WrongUse(message, "Narrow assets, or give the register functional_currency and a dated [[rate]].")
    return chosen, register.findings


def parts_of(case: Case, book: BookName, assets: Sequence[Asset]) -> list[Part]:
    """What the unit is made of, with carrying amounts in a book. ``assets``: those of its register."""
    if case.at is not None and assets:
        return [_part(each, book, case.at) for each in assets]
    if case.asset:
        return list(case.asset)
    carrying = case.carrying
    if carrying is None and case.cost is not None and case.accumulated_depreciation is not None:
        carrying = case.cost - case.accumulated_depreciation
    return [] if carrying is None else [Part(id=case.title or "unit", carrying=carrying)]


def _held(asset: Asset, day: date) -> bool:
    return asset.terms.in_service <= day and (asset.terms.disposed is None or asset.terms.disposed > day)


def _part(asset: Asset, book: BookName, day: date) -> Part:
    """What an asset stands at on a day, and would stand at had nothing been written down (IFRS: that caps a reversal)."""
    month = floor(clock(day)) - (day.day == 1)
    _, written, carrying = history(asset, book, day).at_end(month)
    unimpaired = None
    if written and book == "ifrs":
        unimpaired = from_coins(history(asset, book, day, unimpaired=True).at_end(month)[2], asset.currency)
    return Part(id=asset.id, carrying=from_coins(carrying, asset.currency), unimpaired=unimpaired)


def output_flows(output: Output, mtok_per_month: Decimal) -> list[Decimal]:
    """Monthly cash flows of useful output: (million tokens * price of the month) - running cost; proceeds in the last."""
    tokens = mtok_per_month
    first = floor(clock(output.start))
    flows = []
    for month in range(output.months):
        income = CONTEXT.multiply(tokens, price_on(output, first_day(first + month)))
        flows.append(CONTEXT.subtract(income, output.running_cost_per_month))
        tokens = CONTEXT.multiply(tokens, ONE - output.decline_per_month)
    flows[-1] += output.disposal_proceeds
    return flows


def price_on(output: Output, day: date) -> Decimal:
    """The latest dated price on a day. Raises WrongUse when none is that old."""
    listed = [each for each in output.price_per_mtok if each.since <= day]
    if not listed:
        message = f"[output] has no price_per_mtok on {day}."
        raise WrongUse(message, "Add a price with an earlier since.")
    return max(listed, key=lambda each: each.since).price


def price_words(output: Output) -> str:
    """The prices in words."""
    dated = sorted(output.price_per_mtok, key=lambda each: each.since)
    listed = ", ".join(text(each.price) + ("" if each.since.year == EPOCH_YEAR else f" from {each.since}") for each in dated)
    return f"{output.price_of or 'as given'}, per million useful output tokens: {listed}"
