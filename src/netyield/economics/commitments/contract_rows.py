"""What does FOCUS's Contract Commitment dataset say of each commitment? Rows as keys of [[commitment]].

    cost            the whole commitment's value; what is paid at the start is its upfront part (None, Partial, All Upfront)
    rate            (cost - upfront) / (units * hours of the term): what is still to be paid, used or not
    on-demand rate  all it costs per unit and hour / (1 - discount)
    units           the quantity; of one counted in hours, the quantity itself when it is fulfilled hourly, else per hour of its term.
                    A commitment to spend is one unit of itself

Of several rows of one commitment the one its issuer changed last counts. What FOCUS has no column for comes from ``x_ExitTerms``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from netyield.core.finding import Finding, Severity
from netyield.core.money import CONTEXT, PICO_DIGITS, quantise
from netyield.economics.commitments.contract import HOURS_OF_DAY
from netyield.economics.commitments.known_terms import Told
from netyield.economics.commitments.products import product_named
from netyield.economics.commitments.settings import CommitmentRule
from netyield.sources.bills.contract_commitment_rows import exit_terms

ENDED = ("Expired", "Canceled", "Superseded")
NOT_SIGNED = ("Proposed", "Pending")
UPFRONT = {"noupfront": Decimal(0), "allupfront": Decimal(1)}
ONE = "commitment"
BEGINNING = datetime.min.replace(tzinfo=UTC)


def told_by_rows(rows: Iterable[Mapping[str, Any]], file: str) -> tuple[Told, list[Finding]]:
    """Rows of the table ``contract_commitments``: what they say by id, and what cannot be used of it."""
    said: dict[str, dict[str, Any]] = {}
    findings: list[Finding] = []
    for row in latest(rows):
        name, status = str(row["commitment_id"]), row["lifecycle_status"]
        if status in ENDED:
            continue
        if status in NOT_SIGNED:
            words = f"{name} is {status.lower()}: nothing binds yet, and it is left out"
            findings.append(Finding("commitments.not_signed", Severity.INFO, words, "Deliver it again once it is signed.", file))
            continue
        entry = {**_entry(row), **exit_terms(row["exit_terms"]), "id": name}
        try:
            said[name] = CommitmentRule.model_validate(entry).said()
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(str(part) for part in first["loc"])
            words = f"{name}: x_ExitTerms and columns give {key}: {first['msg']}"
            findings.append(Finding("commitments.bad_value", Severity.ERROR, words, "Correct it; the contract is left out.", file))
    return Told("the contract dataset", said, file), findings


def latest(rows: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Of each commitment the row its issuer changed last; of those the last one recorded."""
    found: dict[tuple[str | None, str], Mapping[str, Any]] = {}
    for row in rows:
        key = (row["contract_id"], row["commitment_id"])
        if key not in found or _changed(row) >= _changed(found[key]):
            found[key] = row
    return list(found.values())


def _changed(row: Mapping[str, Any]) -> tuple[datetime, datetime]:
    return row["last_updated"] or BEGINNING, row.get("recorded_at") or BEGINNING


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    start, end = row["period_start"].date(), _day_after(row["period_end"])
    hours = (end - start).days * HOURS_OF_DAY
    units, unit = _units(row, hours)
    entry = {
        "name": row["description"], "currency": row["currency"], "start": start, "end": end, "quantity": units, "unit": unit,
        "product": product_named(row["provider"], row["commitment_type"], str(row["commitment_id"])),
        **(_rates(row, Decimal(units) * hours) if units else {}),
    }  # fmt: skip
    return {key: value for key, value in entry.items() if value not in (None, "")}


def _day_after(moment: datetime) -> date:
    """The first day after a term; an end at 23:59:59 is that of its day."""
    return moment.date() if moment.time() == moment.time().min else moment.date() + timedelta(days=1)


def _units(row: Mapping[str, Any], hours: int) -> tuple[int | None, str | None]:
    """Whole units and their name; nothing where the quantity is no whole number of units."""
    quantity, unit = row["quantity"], row["commitment_unit"]
    if row["category"] == "Spend" or quantity is None:
        return 1, ONE
    if "hour" in (unit or "").lower():
        unit = unit.lower().replace("hours", "").replace("hour", "").strip(" -") or "unit"
        if row["fulfillment_interval"] != "Hourly":
            quantity = CONTEXT.divide(quantity, Decimal(hours)) if hours else Decimal(0)
    whole = quantity.to_integral_value()
    return (int(whole), unit) if whole == quantity and whole > 0 else (None, None)


def _rates(row: Mapping[str, Any], unit_hours: Decimal) -> dict[str, Any]:
    """Rate, upfront payment and on-demand rate, as far as the row says them."""
    cost, model = row["cost"], (row["payment_model"] or "").replace(" ", "").casefold()
    share = UPFRONT.get(model, row["payment_upfront_share"] if model == "partialupfront" else None)
    found: dict[str, Any] = {}
    if cost is None or not unit_hours:
        return found
    each, discount = CONTEXT.divide(cost, unit_hours), row["discount_share"]
    if share is not None:
        found["upfront"] = quantise(cost * share, PICO_DIGITS)
        found["rate"] = quantise(each * (1 - share), PICO_DIGITS)
    if discount is not None and discount < 1:
        found["on_demand_rate"] = quantise(CONTEXT.divide(each, 1 - discount), PICO_DIGITS)
    return found
