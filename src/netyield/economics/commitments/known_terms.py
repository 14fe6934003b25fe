"""What is known of each commitment, and from whom? What was declared goes before the contract dataset, and that before the bill.

Each says what it knows; keys it leaves out come from the next. Money is per unit: rates of another origin are taken only where both
count the same number of units in one currency. Where two origins contradict each other the first counts, and a finding says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from netyield.core.finding import Finding, Severity
from netyield.core.money import PICO_DIGITS, quantise
from netyield.economics.commitments.contract import HOURS_OF_DAY, Commitment
from netyield.economics.commitments.contradictions import checked

PER_UNIT = ("rate", "upfront", "on_demand_rate", "used_units", "unit", "prepaid_rate")
PAYMENT = ("rate", "upfront", "prepaid_rate")
DEFAULT_CURRENCY = "USD"  # of amounts declared without one
ESSENTIAL = ("start", "end", "quantity", "rate")
COMPARED = ("start", "end", "quantity", "currency")


@dataclass(frozen=True)
class Told:
    """What one origin says of commitments: keys of [[commitment]] by id. ``prepaid_rate``: what of its cost per unit and hour was
    paid at the start, where the payment itself is not known."""

    origin: str
    entries: Mapping[str, Mapping[str, Any]]
    file: str = ""
    signed: bool = True  # what somebody signed, which should say all; a bill need not


@dataclass(frozen=True)
class Known:
    """The commitments of which enough is known, what is missing of the others, and what is wrong."""

    commitments: tuple[Commitment, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()


def known(origins: Sequence[Told]) -> Known:
    """Every commitment that anybody told of, the first origin first."""
    found: list[Commitment] = []
    missing: dict[str, tuple[str, ...]] = {}
    findings: list[Finding] = []
    for name in dict.fromkeys(name for told in origins for name in told.entries):
        telling = [told for told in origins if name in told.entries]
        entry = _merged(name, telling, findings)
        lacking = tuple(key for key in ESSENTIAL if entry.get(key) is None)
        if lacking:
            missing[name] = lacking
            findings += _lacking(name, lacking, [told for told in telling if told.signed])
        else:
            found.append(_commitment(name, entry, telling[0].file))
    good, wrong = checked(found)
    return Known(tuple(good), missing, (*findings, *wrong))


def _lacking(name: str, keys: Sequence[str], telling: Sequence[Told]) -> list[Finding]:
    """What a contract leaves out that nobody else knows."""
    if not telling:
        return []
    words = f"{name}: nothing says its {', '.join(keys)}; it is left out"
    repair = f"Declare {', '.join(keys)} under [[commitment]], or in x_ExitTerms of the contract dataset."
    return [Finding("commitments.incomplete", Severity.ERROR, words, repair, telling[0].file)]


def _merged(name: str, telling: Sequence[Told], findings: list[Finding]) -> dict[str, Any]:
    """One entry from all that was told, with the contradictions."""
    entry: dict[str, Any] = {}
    for told in telling:
        more = dict(told.entries[name])
        if any(more.get(key) is not None for key in PAYMENT):
            more.setdefault("currency", DEFAULT_CURRENCY)
        for key in COMPARED:
            if entry.get(key) is not None and more.get(key) is not None and entry[key] != more[key]:
                words = f"{name}: {key} is {entry[key]} in {telling[0].origin}, and {more[key]} in {told.origin}; the first counts"
                repair = "Correct the one that is wrong."
                findings.append(Finding("commitments.contradicts", Severity.WARNING, words, repair, telling[0].file))
        same_units = all(entry.get(key) is None or more.get(key) in (None, entry[key]) for key in ("quantity", "currency"))
        paid = any(entry.get(key) is not None for key in PAYMENT)
        for key, value in more.items():
            hidden = (key in PER_UNIT and not same_units) or (key in PAYMENT and paid)
            if key == "exit":
                entry["exit"] = {**value, **entry.get("exit", {})}
            elif entry.get(key) is None and value is not None and not hidden:
                entry[key] = value
    if entry.get("rate") is None and entry.get("upfront"):
        entry["rate"] = Decimal(0)  # paid at once
    return entry


def _commitment(name: str, entry: Mapping[str, Any], file: str) -> Commitment:
    quantity, start, end = entry["quantity"], entry["start"], entry["end"]
    upfront = entry.get("upfront")
    if upfront is None:
        hours = max(0, (end - start).days) * HOURS_OF_DAY
        upfront = quantise(entry.get("prepaid_rate", Decimal(0)) * quantity * hours, PICO_DIGITS)
    return Commitment(
        name, entry.get("product", ""), quantity, start, end, entry["rate"], upfront, entry.get("on_demand_rate"), entry.get("used_units"),
        entry.get("currency", "USD"), entry.get("unit", "GPU"), entry.get("name", ""), entry.get("owner", ""), file,
        {key: value for key, value in entry.get("exit", {}).items() if value is not None},
    )  # fmt: skip
