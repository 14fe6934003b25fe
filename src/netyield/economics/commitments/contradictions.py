"""Which contracts cannot be, and why? A contract that contradicts itself is a finding and is left out; nothing is mended by guessing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from netyield.core.finding import Finding, Severity
from netyield.economics.commitments.contract import Commitment
from netyield.economics.commitments.products import products


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
    if not one.product:
        yield "no_product", warning, "is of no product that anybody named, so that nothing says how it can be left", (
            "Declare product (docs/commitments.md lists them).")
    elif one.product not in products():
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
