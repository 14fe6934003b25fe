"""Does the waterfall agree with the invoice, do priced attempts explain the API bill, and request logs the engines' tokens?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books
from netyield.core.money import MONEY, from_pico, quantise, text
from netyield.core.period import from_micros, iso, micros

COLUMNS = (
    AnswerColumn("line", "text", "", "Line of the bridge"),
    AnswerColumn("amount", "money", "currency", "Amount"),
    AnswerColumn("note", "text", "", "What it is"),
)
# How `netyield explain` names the lines of the bridge.
FIGURES = {
    "Invoice": "reconciliation/invoice",
    "Less purchases": "reconciliation/purchases",
    "Plus amortisation": "reconciliation/amortisation",
    "Corrections": "reconciliation/corrections",
    "Rate card": "reconciliation/rate_card",
    "List estimate": "reconciliation/list_estimate",
    "Adjustments": "reconciliation/adjustments",
    "Waterfall total": "reconciliation/total",
}
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
ENGINE_COLUMNS = (
    AnswerColumn("day", "time", "UTC", "Day"),
    AnswerColumn("pool", "text", "", "Pool; empty = the process runs on no known device"),
    AnswerColumn(
        "replica", "text", "", "Serving process; empty = all of the pool, whose requests are known by pool only"
    ),
    AnswerColumn("tokens_metered", "number", "tokens", "Input and output tokens of the request logs"),
    AnswerColumn(
        "tokens_engine", "number", "tokens", "Prompt and generated tokens the engine counted; empty = no counter"
    ),
    AnswerColumn("difference", "number", "tokens", "Counted by the engine less metered"),
)


def answer(books: Books) -> Answer:
    """The bridge from invoice to waterfall, API bill against priced attempts, and tokens metered against tokens served."""
    bridge = _bridge(books)
    by_day = _by_day(books)
    served = _served(books)
    off = from_pico(int(books.engine.scalar("SELECT COALESCE(total(pico), 0) FROM leaves WHERE step = 'unreconciled'")))
    money = {"money": MONEY, "number": pa.int64()}
    schema = pa.schema([(c.name, money.get(c.kind, pa.string())) for c in COLUMNS])
    day_schema = pa.schema([(c.name, money.get(c.kind, pa.string())) for c in DAY_COLUMNS])
    engine_schema = pa.schema([(c.name, money.get(c.kind, pa.string())) for c in ENGINE_COLUMNS])
    headline = {"total": text(books.bill["total"]), "unreconciled": text(off)}
    return Answer(
        name="reconciliation",
        title="Do the books agree?",
        as_of=books.as_of,
        window=books.window,
        currency=books.currency,
        basis=books.basis,
        table=pa.Table.from_pylist(bridge, schema=schema),
        columns=COLUMNS,
        headline=headline,
        description=f"The waterfall totals {quantise(books.bill['total'], 2):,} {books.currency}; "
        f"API bills and priced attempts differ by {quantise(off, 2):,}.",
        caveats=_gap(served),
        drill={r["line"]: FIGURES[r["line"]] for r in bridge},
        findings=books.findings,
        views={
            "by_day": (pa.Table.from_pylist(by_day, schema=day_schema), DAY_COLUMNS),
            "engine_tokens": (pa.Table.from_pylist(served, schema=engine_schema), ENGINE_COLUMNS),
        },
        body={
            "answer": "reconciliation",
            "as_of": books.as_of,
            "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
            "currency": books.currency,
            "basis": books.basis,
            **headline,
            "bridge": [r | {"amount": text(r["amount"])} for r in bridge],
            "by_day": [{k: text(v) if isinstance(v, Decimal) else v for k, v in r.items()} for r in by_day],
            "engine_tokens": served,
        },
    )


def _bridge(books: Books) -> list[dict[str, Any]]:
    """invoice - purchases + amortisation +- corrections = waterfall total, then what is not on an invoice."""
    totals: dict[str, Any] = dict(books.bill)
    lines: list[tuple[str, Any, str]] = []
    if "invoice" in totals:
        lines += [
            ("Invoice", totals["invoice"], "BilledCost of the window's lines, corrections apart"),
            (
                "Less purchases",
                -totals["purchases"],
                "BilledCost of commitment purchases, paid now and used over their term",
            ),
            (
                "Plus amortisation",
                totals["amortisation"],
                "EffectiveCost less BilledCost of usage: prepaid money used in the window",
            ),
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
            "day": iso(from_micros(r["hour_us"]))[:10],
            "provider": r["provider"] or "",
            "model": r["model"] or "",
            "billed": None if r["billed_pico"] is None else from_pico(int(r["billed_pico"])),
            "priced": from_pico(int(r["priced_pico"] or 0)),
            "difference": from_pico(int(r["billed_pico"] or 0) - int(r["priced_pico"] or 0)),
            "tokens_billed": r["tokens_billed"],
            "tokens_metered": r["tokens_metered"],
        }
        for r in rows
    ]


def _served(books: Books) -> list[dict[str, Any]]:
    """Tokens per day and serving process: of tenants' requests, and as the engine counted them."""
    rows = books.engine.query(
        f"""WITH days AS (
              SELECT strftime(make_timestamptz(greatest(hour_us, {micros(books.window.since)})), '%Y-%m-%d') AS day, pool, owner,
                     prompt_metered + output_metered AS metered, prompt_engine + output_engine AS counted
              FROM replica_hours WHERE output_metered IS NOT NULL OR output_engine IS NOT NULL),
            by_pool AS (SELECT DISTINCT day, pool FROM days WHERE owner = '' AND metered IS NOT NULL)
            SELECT d.day, d.pool, CASE WHEN p.pool IS NULL THEN d.owner ELSE '' END AS replica,
                   CAST(COALESCE(SUM(metered), 0) AS BIGINT) AS tokens_metered, CAST(SUM(counted) AS BIGINT) AS tokens_engine,
                   CAST(SUM(counted) - COALESCE(SUM(metered), 0) AS BIGINT) AS difference
            FROM days d LEFT JOIN by_pool p ON d.day = p.day AND d.pool = p.pool
            GROUP BY ALL ORDER BY ALL"""
    )
    return [dict(row) for row in rows.to_pylist()]


def _gap(served: list[dict[str, Any]]) -> tuple[str, ...]:
    """The gap between what servers counted and what tenants were metered, in words."""
    compared = [row for row in served if row["tokens_engine"] is not None]
    if not compared:
        return ()
    metered, counted = (sum(int(row[name]) for row in compared) for name in ("tokens_metered", "tokens_engine"))
    if counted == metered:
        return (f"Where engines report, they counted as many tokens as the request logs: {counted:,}.",)
    gap = f"{abs(counted - metered):,} {'more' if counted > metered else 'fewer'}"
    return (f"Where engines report, they counted {counted:,} tokens, {gap} than the {metered:,} of the request logs.",)
