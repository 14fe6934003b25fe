"""The bridge as printed, and bill against priced attempts per day."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from made_books import BASE, HOUR_US, dollars, leaf, make

from netyield.answers import reconciliation

BILL = {
    "invoice": Decimal(1000),
    "purchases": Decimal(800),
    "amortisation": Decimal(70),
    "corrections": Decimal(-20),
    "bill": Decimal(250),
    "rate_card": Decimal(30),
    "list_estimate": Decimal(5),
    "adjustments": Decimal(-1),
    "total": Decimal(284),
}


def compared(
    day: int, model: str | None, billed: int | None, priced: int | None, tokens: int | None = None
) -> dict[str, Any]:
    return {
        "hour_us": BASE + day * 24 * HOUR_US,
        "provider": "OpenAI",
        "model": model,
        "tokens_billed": tokens,
        "tokens_metered": tokens,
        "billed_pico": None if billed is None else dollars(billed),
        "priced_pico": None if priced is None else dollars(priced),
    }


def test_the_lines_of_the_bridge_add_up_to_the_waterfall_total() -> None:
    rows = reconciliation.answer(make(bill=BILL)).body["bridge"]
    lines = {r["line"]: Decimal(r["amount"]) for r in rows}
    assert lines["Less purchases"] == -800
    assert sum(amount for line, amount in lines.items() if line != "Waterfall total") == lines["Waterfall total"] == 284
    assert list(lines) == [
        "Invoice",
        "Less purchases",
        "Plus amortisation",
        "Corrections",
        "Rate card",
        "List estimate",
        "Adjustments",
        "Waterfall total",
    ]


def test_without_a_bill_there_is_no_invoice_to_bridge_from() -> None:
    bill = {
        name: amount
        for name, amount in BILL.items()
        if name not in {"invoice", "purchases", "amortisation", "corrections"}
    }
    assert next(iter(r["line"] for r in reconciliation.answer(make(bill=bill)).body["bridge"])) == "Rate card"


def test_a_day_without_a_bill_line_is_empty_and_not_zero() -> None:
    rows = [compared(1, "m", 10, 8, 99), compared(0, "m", None, 3), compared(0, None, 4, None)]
    found = reconciliation.answer(make(reconciliation=rows)).body["by_day"]
    assert [(r["day"], r["model"], r["billed"], r["priced"], r["difference"]) for r in found] == [
        ("2026-10-05", "m", None, "3", "-3"),
        ("2026-10-05", "", "4", "0", "4"),
        ("2026-10-06", "m", "10", "8", "2"),
    ]
    assert found[2]["tokens_billed"] == 99


def test_the_headline_is_what_the_steps_could_not_explain() -> None:
    answer = reconciliation.answer(
        make(leaves=[leaf("unreconciled", 10), leaf("unreconciled", -12), leaf("idle", 5)], bill=BILL)
    )
    assert answer.headline == {"total": "284", "unreconciled": "-2"}
    assert answer.description == "The waterfall totals 284.00 USD; API bills and priced attempts differ by -2.00."
