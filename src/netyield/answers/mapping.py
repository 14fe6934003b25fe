"""Which bill lines, devices and requests were matched to which scope and pool, by which rule, and for how much money?

The two mappings everything rests on, each with what matched, what did not, and its dollars (whole charge periods).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books
from netyield.core.money import MONEY, from_pico, quantise, text
from netyield.core.names import UNKNOWN
from netyield.core.period import iso

COLUMNS = (
    AnswerColumn("scope", "text", "", "What the lines are for"),
    AnswerColumn("rule", "text", "", "Why"),
    AnswerColumn("currency", "text", "", "Billing currency"),
    AnswerColumn("lines", "number", "lines", "Bill lines"),
    AnswerColumn("amount", "money", "currency", "Money of those lines on the chosen basis"),
)
UNCLASSIFIED_COLUMNS = (
    AnswerColumn("provider", "text", "", "Provider"),
    AnswerColumn("service", "text", "", "Service"),
    AnswerColumn("line", "text", "", "Description or SKU"),
    AnswerColumn("currency", "text", "", "Billing currency"),
    AnswerColumn("lines", "number", "lines", "Bill lines"),
    AnswerColumn("amount", "money", "currency", "Money of those lines"),
)
POOL_COLUMNS = (
    AnswerColumn("pool", "text", "", "Pool"),
    AnswerColumn("bill_lines", "number", "lines", "Bill lines that pay for it"),
    AnswerColumn("amount", "money", "currency", "Money of the window"),
    AnswerColumn("devices", "number", "devices", "Devices that report for it"),
    AnswerColumn("attempts", "number", "attempts", "Requests it served in the window"),
    AnswerColumn("status", "text", "", "matched, or what is missing"),
)


def answer(books: Books) -> Answer:
    """Scopes with their rules, the largest unclassified lines, and pools with what each kind of source matched."""
    scopes = [
        {
            "scope": r["scope"],
            "rule": r["why"],
            "currency": r["currency"],
            "lines": r["lines"],
            "amount": from_pico(int(r["pico"])),
        }
        for r in books.settings["scopes"]
    ]
    unknown = [
        {
            "provider": r["provider"] or "",
            "service": r["service"] or "",
            "line": r["line"] or "",
            "currency": r["currency"],
            "lines": r["lines"],
            "amount": from_pico(int(r["pico"])),
        }
        for r in books.settings["unclassified"]
    ]
    pools = _pools(books)
    open_money = sum(
        (r["amount"] for r in scopes if r["scope"] == "unclassified" and r["currency"] == books.currency), from_pico(0)
    )
    unmatched = sum(1 for r in pools if r["status"] != "matched")
    sentence = f"{quantise(open_money, 2):,} {books.currency} match no scope rule; {unmatched} of {len(pools)} pools lack a source."
    return Answer(
        name="mapping",
        title="What was matched to what",
        as_of=books.as_of,
        window=books.window,
        currency=books.currency,
        basis=books.basis,
        table=_table(scopes, COLUMNS),
        columns=COLUMNS,
        headline={"unclassified": text(open_money), "pools": len(pools), "pools_unmatched": unmatched},
        description=sentence,
        caveats=("Scope amounts are of whole charge periods, pool amounts of the window.",),
        views={
            "unclassified": (_table(unknown, UNCLASSIFIED_COLUMNS), UNCLASSIFIED_COLUMNS),
            "pools": (_table(pools, POOL_COLUMNS), POOL_COLUMNS),
        },
        findings=books.findings,
        body={
            "answer": "mapping",
            "as_of": books.as_of,
            "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
            "currency": books.currency,
            "basis": books.basis,
            **{
                name: [r | {"amount": text(r["amount"])} for r in rows]
                for name, rows in (("scopes", scopes), ("unclassified", unknown), ("pools", pools))
            },
        },
    )


def _pools(books: Books) -> list[dict[str, Any]]:
    """One row per pool any source names, with what each kind of source matched to it."""
    found: dict[str, dict[str, Any]] = {}

    def row(pool: str) -> dict[str, Any]:
        return found.setdefault(
            pool, {"pool": pool, "bill_lines": 0, "amount": from_pico(0), "devices": 0, "attempts": 0, "status": ""}
        )

    for r in books.settings["pools"]:
        row(r["pool"] or UNKNOWN)["bill_lines"] = r["lines"]
    for r in books.engine.query("SELECT pool, total(pico) AS pico FROM fleet GROUP BY ALL").to_pylist():
        row(r["pool"])["amount"] = from_pico(int(r["pico"]))
    for r in books.engine.query(
        "SELECT pool, COUNT(DISTINCT device) AS devices FROM activity GROUP BY ALL"
    ).to_pylist():
        row(r["pool"])["devices"] = r["devices"]
    for r in books.engine.query(
        "SELECT pool, CAST(SUM(attempts) AS BIGINT) AS attempts FROM leaves WHERE pool <> '' GROUP BY ALL"
    ).to_pylist():
        row(r["pool"])["attempts"] = r["attempts"]
    for entry in found.values():
        lacks = [
            name
            for name, held in (("money", entry["amount"] != 0 or entry["bill_lines"]), ("telemetry", entry["devices"]))
            if not held
        ]
        entry["status"] = (
            "nobody mapped it" if entry["pool"] == UNKNOWN else f"no {' and no '.join(lacks)}" if lacks else "matched"
        )
    return [found[name] for name in sorted(found)]


def _table(rows: list[dict[str, Any]], columns: tuple[AnswerColumn, ...]) -> pa.Table:
    types = {"money": MONEY, "number": pa.int64()}
    return pa.Table.from_pylist(rows, schema=pa.schema([(c.name, types.get(c.kind, pa.string())) for c in columns]))
