"""Who pays how much? Direct and loaded money by team (or another dimension), and what other sharing rules would say."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from netyield.answers import unit_cost
from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books
from netyield.answers.measures import ratio
from netyield.core.money import MONEY, from_pico, quantise, text
from netyield.core.names import UNATTRIBUTED
from netyield.core.period import iso

COLUMNS = (
    AnswerColumn("slice", "text", "", "Value of the dimension"),
    AnswerColumn("direct_amount", "money", "currency", "Money that carries this value"),
    AnswerColumn("loaded_amount", "money", "currency", "Direct plus its share of what carries none"),
    AnswerColumn("share", "share", "of in-scope money", "Loaded share"),
    AnswerColumn("method", "text", "", "Rule that split replicas over requests, with its fit"),
    AnswerColumn("low_amount", "money", "currency", "Least direct money any of the sharing rules gives (modelled)"),
    AnswerColumn("high_amount", "money", "currency", "Most direct money any of the sharing rules gives (modelled)"),
)
SPREAD_DIMENSIONS = ("model", "team", "app", "customer")


def answer(books: Books) -> Answer:
    """Money per slice of the --by dimension (default: team)."""
    name = books.dimension("team")
    rows = unit_cost.slices(books, name, "TRUE")
    spreads = _spreads(books, name)
    method = _methods(books)
    whole = sum(r["loaded_pico"] for r in rows)
    lines = [_line(r, spreads.get(r["slice"]), method, whole) for r in rows]
    types = {"money": MONEY, "share": pa.float64()}
    schema = pa.schema([(c.name, types.get(c.kind, pa.string())) for c in COLUMNS])
    placed = sum(r["direct_pico"] for r in rows if r["slice"] != UNATTRIBUTED)
    headline = {
        "by": books.query.by or "team",
        "attributed_share": ratio(placed, whole),
        "in_scope_total": text(from_pico(whole)),
    }
    return Answer(
        name="allocation",
        title=f"Who pays, by {headline['by']}",
        as_of=books.as_of,
        window=books.window,
        currency=books.currency,
        basis=books.basis,
        table=pa.Table.from_pylist(lines, schema=schema),
        columns=COLUMNS,
        headline=headline,
        description=f"{quantise(from_pico(placed), 2):,} of {quantise(from_pico(whole), 2):,} {books.currency} "
        f"is attributed directly by {headline['by']}.",
        caveats=(
            f"Split of replicas over requests: {method or 'none'}.",
            "Low and high: token share, declared 1:2, time share, KV memory time.",
        ),
        drill={r["slice"]: f"allocation/{r['slice']}" for r in lines},
        findings=books.findings,
        body={
            "answer": "allocation",
            "as_of": books.as_of,
            "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
            "currency": books.currency,
            "basis": books.basis,
            **headline,
            "rows": [
                {k: text(v) if k.endswith("amount") and v is not None else v for k, v in line.items()} for line in lines
            ],
        },
    )


def _line(row: dict[str, Any], spread: tuple[int, int, int] | None, method: str, whole: int) -> dict[str, Any]:
    """Other rules move only the request part of the GPU money; everything else stays."""
    low = high = None
    if spread is not None:
        own, least, most = spread
        low, high = row["direct_pico"] - own + min(own, least), row["direct_pico"] - own + max(own, most)
    return {
        "slice": row["slice"],
        "direct_amount": row["direct_amount"],
        "loaded_amount": row["loaded_amount"],
        "share": ratio(row["loaded_pico"], whole),
        "method": method if spread is not None else "",
        "low_amount": None if low is None else from_pico(low),
        "high_amount": None if high is None else from_pico(high),
    }


def _spreads(books: Books, name: str) -> dict[str, tuple[int, int, int]]:
    """Per slice: what our rule gave it of replica money, and the least and most the other rules would."""
    if name not in SPREAD_DIMENSIONS or books.query.where:
        return {}
    own = {
        r["slice"]: int(r["pico"])
        for r in books.engine.query(
            f"""SELECT {name} AS slice, total(pico) AS pico FROM leaves
                WHERE scope = 'gpu' AND attempts = 0 AND gpu_us = 0 AND method <> 'device time' GROUP BY ALL"""
        ).to_pylist()
    }
    other: dict[str, list[int]] = {}
    for r in books.engine.query(
        f"SELECT rule, {name} AS slice, total(pico) AS pico FROM spreads GROUP BY ALL ORDER BY ALL"
    ).to_pylist():
        other.setdefault(r["slice"], []).append(int(r["pico"]))
    return {value: (own.get(value, 0), min(amounts), max(amounts)) for value, amounts in other.items() if value}


def _methods(books: Books) -> str:
    rows = books.engine.query(
        "SELECT method, COUNT(DISTINCT concat(pool, serving)) AS replicas, MIN(r_squared) AS worst FROM methods GROUP BY method ORDER BY method"
    ).to_pylist()
    fits = [f", R2 at least {r['worst']:.2f}" if r["method"] == "calibrated" else "" for r in rows]
    return ", ".join(f"{r['method']} ({r['replicas']} replicas{fit})" for r, fit in zip(rows, fits, strict=True))
