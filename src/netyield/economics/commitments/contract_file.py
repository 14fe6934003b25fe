"""Reads contracts: TOML with [[commitment]], or rows of FOCUS 1.4's Contract Commitment dataset (CSV).

A contract that contradicts itself is a finding and is left out; nothing is mended by guessing. Of a FOCUS row the custom column
``x_ExitTerms`` (JSON with the keys of [[commitment]] that FOCUS has no column for) says product, rates and exit inputs.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.core.period import parse_time
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.products import products
from netyield.economics.commitments.settings import CommitmentRule

FOCUS = {
    "id": "ContractCommitmentId",
    "name": "ContractCommitmentDescription",
    "currency": "BillingCurrency",
    "unit": "ContractCommitmentUnit",
}
ENDED = ("Expired", "Canceled", "Superseded")


def read_contracts(path: Path) -> tuple[list[Commitment], list[Finding]]:
    """The good contracts of a file and what is wrong with the others. Raises WrongUse when it cannot be read at all."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        entries = _focus(text) if path.suffix.lower() == ".csv" else tomllib.loads(text, parse_float=Decimal).get("commitment", [])
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise WrongUse(message, "Give the path of a TOML or CSV file of contracts.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path} is neither TOML nor a CSV in UTF-8: {error}."
        raise WrongUse(message, "Mend that line; words need quotes.") from None
    if not entries:
        message = f"{path} has no [[commitment]]."
        raise WrongUse(message, "docs/commitments.md shows one.")
    return declared(entries, str(path))


def declared(entries: Sequence[Mapping[str, Any]], file: str) -> tuple[list[Commitment], list[Finding]]:
    """Contracts of parsed entries, and findings for those that are none."""
    read: list[Commitment] = []
    findings: list[Finding] = []
    for number, entry in enumerate(entries, start=1):
        try:
            read.append(CommitmentRule.model_validate(entry).contract(file))
        except ValidationError as error:
            findings.append(_invalid(str(entry.get("id", f"commitment {number}")), error, file))
    good, more = checked(read)
    return good, [*findings, *more]


def checked(contracts: Sequence[Commitment]) -> tuple[list[Commitment], list[Finding]]:
    """The contracts that can be, and what is wrong with the others."""
    good: list[Commitment] = []
    findings: list[Finding] = []
    for one in contracts:
        wrong = list(contradictions(one))
        if any(other.id == one.id for other in good):
            wrong.append(("twice", Severity.ERROR, "is declared twice; the first counts", "Give each its own id."))
        findings += [
            Finding(f"commitments.{code}", severity, f"{one.id} {words}", repair, one.file) for code, severity, words, repair in wrong
        ]
        if not any(severity is Severity.ERROR for _, severity, _, _ in wrong):
            good.append(one)
    return good, findings


def contradictions(one: Commitment) -> Iterable[tuple[str, Severity, str, str]]:
    """(code, severity, what, repair) of everything in a contract that cannot be, or cannot be used as it is."""
    error, warning = Severity.ERROR, Severity.WARNING
    if one.product not in products():
        near = difflib.get_close_matches(one.product, list(products()), n=1)
        yield "unknown_product", error, f"is of an unknown product {one.product!r}", f"Did you mean {near[0]!r}?" if near else (
            f"Known: {', '.join(products())}.")
    if one.end <= one.start:
        yield "ends_before_start", error, f"ends on {one.end}, not after its start {one.start}", "Correct start or end."
    if one.quantity < 1:
        yield "no_quantity", error, f"binds {one.quantity} units", "Give a whole number of units from 1."
    if one.rate < 0 or one.upfront < 0:
        yield "negative_money", error, "has a negative rate or upfront payment", "Give amounts of zero or more."
    elif not one.rate and not one.upfront:
        yield "costs_nothing", error, "costs nothing: neither rate nor upfront payment", "Give rate, upfront, or both."
    if one.on_demand_rate is not None and one.on_demand_rate <= 0:
        yield "no_on_demand_rate", error, f"has an on-demand rate of {one.on_demand_rate}", "Give the positive rate."
    elif one.on_demand_rate is not None and one.end > one.start and one.quantity > 0 and one.effective_rate > one.on_demand_rate:
        yield "dearer_than_on_demand", warning, (
            f"costs {one.effective_rate:.4f} per {one.unit} and hour, more than on demand ({one.on_demand_rate})"
        ), "Check rate, upfront and quantity."
    if one.used_units is not None and one.used_units < 0:
        yield "negative_use", error, f"is used by {one.used_units} units", "Give zero or more."
    end = one.inputs.get("new_end")
    if end is not None and end <= one.start:
        yield "offer_ends_before_start", error, f"is offered until {end}, before it began", "Correct new_end."


def _invalid(name: str, error: ValidationError, file: str) -> Finding:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = list(CommitmentRule.model_fields)
        near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
        repair = f"Did you mean {near[0]!r}?" if near else "docs/commitments.md lists the keys."
        return Finding("commitments.unknown_key", Severity.ERROR, f"{name}: unknown key {key!r}", repair, file)
    return Finding("commitments.bad_value", Severity.ERROR, f"{name}: {key}: {first['msg']}", "Correct it; the contract is left out.", file)


def _focus(text: str) -> list[dict[str, Any]]:
    """Rows of the Contract Commitment dataset as entries; ended ones are left out."""
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [_entry(row) for row in rows if row.get("ContractCommitmentLifecycleStatus") not in ENDED]


def _entry(row: Mapping[str, str]) -> dict[str, Any]:
    def said(column: str) -> str:
        value = (row.get(column) or "").strip()
        return "" if value.upper() == "NULL" else value

    try:
        more = json.loads(said("x_ExitTerms") or "{}", parse_float=Decimal)
    except json.JSONDecodeError:
        more = {"x_ExitTerms": "no JSON"}  # an unknown key, told as such
    entry: dict[str, Any] = {key: said(column) for key, column in FOCUS.items() if said(column)}
    for key, column in (("start", "ContractCommitmentPeriodStart"), ("end", "ContractCommitmentPeriodEnd")):
        if said(column):
            entry[key] = _day(said(column))
    if said("ContractCommitmentQuantity"):
        quantity = Decimal(said("ContractCommitmentQuantity"))
        entry["quantity"] = int(quantity) if quantity == quantity.to_integral_value() else quantity
    return {**entry, **(more if isinstance(more, dict) else {})}


def _day(words: str) -> Any:
    try:
        return parse_time(words).date()
    except ValueError:
        return words
