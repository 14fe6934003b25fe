"""Does the waterfall agree with the invoice, and do priced attempts explain the API bill?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books
from netyield.core.money import MONEY, from_pico, quantise, text
from netyield.core.period import from_micros, iso

COLUMNS = (
    AnswerColumn("line", "text", "", "Line of the bridge"),
    AnswerColumn("amount", "money", "currency", "Amount"),
    AnswerColumn("note", "text", "", "What it is"),
)
DAY_COLUMNS = (
    AnswerColumn("day", "time", "UTC", "Day"),
    AnswerColumn("provider", "text", "", "Provider"),
    AnswerColumn("model", "text", "", "Model"),
    AnswerColumn("billed", "money", "currency", "On the bill; empty = no line"),
    AnswerColumn("priced", "money", "currency", "Attempts at list or contract prices"),
    AnswerColumn("difference", "money", "currency", "Billed less priced"),
    AnswerColumn("tokens_billed", "number", "tokens", "Tokens the bill names"),
    AnswerColumn("tokens_metered", "number", "tokens", "Tokens of the attempts"),
)


def answer(books: Books) -> Answer:
    """The bridge from invoice to waterfall, and API bill against priced attempts per day and model."""
    bridge = _bridge(books)
    by_day = _by_day(books)
    off = from_pico(int(books.engine.scalar("SELECT COALESCE(total(pico), 0) FROM leaves WHERE step = 'unreconciled'")))
    money = {"money": MONEY, "number": pa.int64()}
    schema = pa.schema([(c.name, money.get(c.kind, pa.string())) for c in COLUMNS])
    day_schema = pa.schema([(c.name, money.get(c.kind, pa.string())) for c in DAY_COLUMNS])
    headline = {"total": text(books.bill["total"]), "unreconciled": text(off)}
    return Answer(
        name="reconciliation", title="Do the books agree?", as_of=books.as_of, window=books.window, currency=books.currency, basis=books.basis,
        table=pa.Table.from_pylist(bridge, schema=schema), columns=COLUMNS, headline=headline,
        description=f"The waterfall totals {quantise(books.bill['total'], 2):,} {books.currency}; API bills and priced attempts differ by {quantise(off, 2):,}.",
        views={"by_day": (pa.Table.from_pylist(by_day, schema=day_schema), DAY_COLUMNS)}, findings=books.findings,
        body={
            "answer": "reconciliation", "as_of": books.as_of, "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
            "currency": books.currency, "basis": books.basis, **headline,
            "bridge": [r | {"amount": text(r["amount"])} for r in bridge],
            "by_day": [{k: text(v) if isinstance(v, Decimal) else v for k, v in r.items()} for r in by_day],
        },
    )


def _bridge(books: Books) -> list[dict[str, Any]]:
    """invoice - purchases + amortisation +- corrections = waterfall total, then what is not on an invoice."""
    totals: dict[str, Any] = dict(books.bill)
    lines: list[tuple[str, Any, str]] = []
    if "invoice" in totals:
        lines += [
            ("Invoice", totals["invoice"], "BilledCost of the window's lines, corrections apart"),
            ("Less purchases", -totals["purchases"], "BilledCost of commitment purchases, paid now and used over their term"),
            ("Plus amortisation", totals["amortisation"], "EffectiveCost less BilledCost of usage: prepaid money used in the window"),
            ("Corrections", totals["corrections"], "Lines of class Correction"),
        ]
    lines += [
        ("Rate card", totals["rate_card"], "GPU-hours at declared rates, where there is no bill"),
        ("List estimate", totals["list_estimate"], "Priced API attempts, where there is no bill"),
        ("Adjustments", totals["adjustments"], "Posted in the window for closed months"),
        ("Waterfall total", totals["total"], "Sum of all steps"),
    ]
    return [{"line": line, "amount": amount, "note": note} for line, amount, note in lines]


def _by_day(books: Books) -> list[dict[str, Any]]:
    rows = books.engine.query("SELECT * FROM reconciliation ORDER BY hour_us, provider, model").to_pylist()
    return [
        {
            "day": iso(from_micros(r["hour_us"]))[:10], "provider": r["provider"] or "", "model": r["model"] or "",
            "billed": None if r["billed_pico"] is None else from_pico(int(r["billed_pico"])),
            "priced": from_pico(int(r["priced_pico"] or 0)),
            "difference": from_pico(int(r["billed_pico"] or 0) - int(r["priced_pico"] or 0)),
            "tokens_billed": r["tokens_billed"], "tokens_metered": r["tokens_metered"],
        }
        for r in rows
    ]
