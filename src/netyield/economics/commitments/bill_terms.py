"""What does the bill itself say of a commitment's terms? Keys of [[commitment]] from its booked rows, as far as they go.

    units           GPU-hours used and unused per hour of the window, where that is a whole number; else the commitment is one unit
    rate            billed by the hour or month (not once) per unit and hour of the window: what is still to be paid
    prepaid rate    the rest of its effective cost: paid at the start
    on-demand rate  effective cost per unit and hour * list cost of the use / effective cost of the use
    start, end      the period of a purchase billed once, where that is a term and not a moment

A bill does not say on which terms a commitment can be left: the product follows from the provider's word for it only where that
word means one product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from netyield.core.money import CONTEXT, PICO_DIGITS, from_pico, quantise
from netyield.core.period import from_micros
from netyield.economics.commitments.bill_rows import HOUR_US
from netyield.economics.commitments.contract_rows import ONE
from netyield.economics.commitments.known_terms import Told
from netyield.economics.commitments.products import product_named

SHORTEST_TERM_US = 20 * 24 * HOUR_US  # a purchase that covers less is dated by the moment it was made
SUMMED = ("used", "unused", "due", "list_used", "used_us", "unused_us", "list_missing", "hours_missing")


def told_by_bill(rows: Sequence[Mapping[str, Any]], terms: Sequence[Mapping[str, Any]]) -> Told:
    """From the sums of bill_rows.by_commitment and whole_terms. One billed in several currencies is left to be declared."""
    by_id: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_id.setdefault(row["id"], []).append(row)
    periods = {row["id"]: row for row in terms}
    entries = {
        name: _entry(of_one, periods.get(name)) for name, of_one in by_id.items() if len({row["currency"] for row in of_one}) == 1
    }
    return Told("the bill", entries, signed=False)


def _entry(rows: Sequence[Mapping[str, Any]], term: Mapping[str, Any] | None) -> dict[str, Any]:
    first = rows[0]
    entry: dict[str, Any] = {
        "name": first["name"] or "", "currency": first["currency"],
        "product": product_named(first["provider"], first["type"], first["id"]),
        **_rates(rows, {name: sum(int(row[name]) for row in rows) for name in SUMMED}),
    }  # fmt: skip
    if term is not None and term["once_start_us"] is not None and term["once_end_us"] - term["once_start_us"] >= SHORTEST_TERM_US:
        entry |= {"start": from_micros(term["once_start_us"]).date(), "end": from_micros(term["once_end_us"]).date()}
    return {key: value for key, value in entry.items() if value not in (None, "")}


def _rates(rows: Sequence[Mapping[str, Any]], sums: Mapping[str, int]) -> dict[str, Any]:
    starts = [row["use_from_us"] for row in rows if row["use_from_us"] is not None]
    span_us = max((row["use_to_us"] for row in rows if row["use_to_us"] is not None), default=0) - min(starts, default=0)
    cost = sums["used"] + sums["unused"]
    if span_us <= 0 or cost <= 0:
        return {}
    units, unit = 1, ONE
    gpus, rest = divmod(sums["used_us"] + sums["unused_us"], span_us)
    if not sums["hours_missing"] and not rest and gpus and rows[0]["category"] != "Spend":
        units, unit = gpus, "GPU"
    unit_hours = CONTEXT.divide(Decimal(span_us * units), Decimal(HOUR_US))
    each = CONTEXT.divide(from_pico(cost), unit_hours)
    due = min(max(CONTEXT.divide(from_pico(sums["due"]), unit_hours), Decimal(0)), each)
    found = {
        "quantity": units, "unit": unit, "rate": quantise(due, PICO_DIGITS), "prepaid_rate": quantise(each - due, PICO_DIGITS),
    }  # fmt: skip
    if sums["used"] > 0 and sums["list_used"] > 0 and not sums["list_missing"]:
        found["on_demand_rate"] = quantise(CONTEXT.divide(each * sums["list_used"], Decimal(sums["used"])), PICO_DIGITS)
    return found
