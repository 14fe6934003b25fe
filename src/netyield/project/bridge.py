"""Invoice - purchases + amortisation +- corrections = bill total: the window's charges from BilledCost to the basis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from netyield.core.money import cut, from_pico
from netyield.core.period import Period, from_micros, micros
from netyield.ledger.charges import BASES, pico_sql
from netyield.ledger.currency import Rates
from netyield.store.engine import Engine

SECOND_US = 1_000_000


def groups(engine: Engine, basis: str, currency: str, rates: Rates) -> list[dict[str, int | str]]:
    """Lines added up by period, category and class, with BilledCost and the basis, in the reporting currency."""
    rows = engine.query(
        f"""SELECT micros(charge_start) AS start_us, micros(charge_end) AS end_us, currency, charge_category AS category,
                   COALESCE(charge_class, '') AS class, total({pico_sql("billed_cost")}) AS billed,
                   total({pico_sql(BASES[basis])}) AS amount
            FROM charges WHERE charge_end > charge_start GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    found: list[dict[str, int | str]] = []
    for row in rows:
        day = from_micros(row["start_us"]).date().isoformat()
        billed = rates.convert(int(row["billed"]), row["currency"], currency, day)
        amount = rates.convert(int(row["amount"]), row["currency"], currency, day)
        if billed is not None and amount is not None:
            found.append(
                {
                    "start": row["start_us"] // SECOND_US,
                    "end": row["end_us"] // SECOND_US,
                    "category": row["category"],
                    "class": row["class"],
                    "billed": billed,
                    "amount": amount,
                }
            )
    return found


def lines(found: Iterable[Mapping[str, Any]], window: Period, bill: Decimal) -> dict[str, Decimal]:
    """The bridge over the window; amortisation is what leads from the other lines to the bill's total."""
    lo, hi = micros(window.since) // SECOND_US, micros(window.until) // SECOND_US
    invoice = purchases = corrections = 0
    for row in found:
        start, end = int(row["start"]), int(row["end"])
        if start >= hi or end <= lo:
            continue
        edges = max(start, lo) - start, min(end, hi) - start
        if row["class"] == "Correction":
            corrections += cut(int(row["amount"]), end - start, *edges)
            continue
        billed = cut(int(row["billed"]), end - start, *edges)
        invoice += billed
        if row["category"] == "Purchase":
            purchases += billed
    known = from_pico(invoice - purchases + corrections)
    return {
        "invoice": from_pico(invoice),
        "purchases": from_pico(purchases),
        "corrections": from_pico(corrections),
        "amortisation": bill - known,
    }
