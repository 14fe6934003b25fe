"""Were the tokens used? Tokens, answers and money of every verdict and reason."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from netyield.answers import measures
from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books
from netyield.answers.measures import ratio
from netyield.core.money import MONEY, from_pico, quantise, text
from netyield.core.period import iso
from netyield.usefulness.policy import verdicts

COLUMNS = (
    AnswerColumn("verdict", "text", "", "useful, wasted, overhead or unproven"),
    AnswerColumn("reason", "text", "", "First rule of the policy that matched"),
    AnswerColumn("grade", "number", "E", "Strength of the evidence (4 = human or business record, 0 = none)"),
    AnswerColumn("output_tokens", "number", "tokens", "Useful-unit tokens (visible output; input for embeddings)"),
    AnswerColumn("answers", "number", "attempts", "Attempts with this verdict"),
    AnswerColumn("amount", "money", "currency", "Money of the verdict"),
    AnswerColumn("share", "share", "of request money", "Share of the money of all requests"),
)


def answer(books: Books) -> Answer:
    """Verdicts of all attempts; the policy and its hash stand in the caveats."""
    found = books.engine.query(
        """SELECT step, reason, total(pico) AS pico, CAST(SUM(unit_tokens) AS BIGINT) AS tokens, CAST(SUM(attempts) AS BIGINT) AS attempts
           FROM leaves WHERE step = 'useful' OR step LIKE 'wasted.%' OR step = 'overhead' OR step LIKE 'unproven%'
              OR (step = 'unpriced' AND attempts > 0)
           GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    whole = sum(int(r["pico"]) for r in found)
    grades = {v.reason: (v.verdict, v.grade) for v in verdicts()}
    rows: list[dict[str, Any]] = []
    for r in found:
        verdict, grade = grades.get(r["reason"], (r["step"].split(".")[0], 0))
        if r["step"] == "unpriced":
            verdict, grade = "unpriced", 0
        rows.append(
            {
                "verdict": verdict,
                "reason": r["reason"],
                "grade": grade,
                "output_tokens": r["tokens"],
                "answers": r["attempts"],
                "amount": from_pico(int(r["pico"])),
                "share": ratio(int(r["pico"]), whole),
            }
        )
    rows.sort(key=lambda r: (-r["amount"], r["verdict"], r["reason"]))
    coverage = ratio(*_covered(books))
    headline = {"coverage": coverage, "policy": books.settings["policy"], "request_money": text(from_pico(whole))}
    types = {"money": MONEY, "number": pa.int64(), "share": pa.float64()}
    schema = pa.schema([(c.name, types.get(c.kind, pa.string())) for c in COLUMNS])
    words = (
        "no request was seen"
        if not rows
        else f"evidence covers {coverage:.1%} of the money of requests"
        if coverage is not None
        else "requests carry no money"
    )
    return Answer(
        name="usefulness",
        title="Were the tokens used?",
        as_of=books.as_of,
        window=books.window,
        currency=books.currency,
        basis=books.basis,
        table=pa.Table.from_pylist(rows, schema=schema),
        columns=COLUMNS,
        headline=headline,
        description=f"{words[0].upper()}{words[1:]} ({quantise(from_pico(whole), 2):,} {books.currency}).",
        caveats=(f"Policy {books.settings['policy']}; silence is never called useful.",),
        drill={r["reason"]: f"usefulness/{r['reason']}" for r in rows},
        findings=books.findings,
        body={
            "answer": "usefulness",
            "as_of": books.as_of,
            "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
            "currency": books.currency,
            "basis": books.basis,
            **headline,
            "rows": [r | {"amount": text(r["amount"])} for r in rows],
        },
    )


def _covered(books: Books) -> tuple[int, int]:
    found = measures.figures(measures.by_step(books))
    return found.known_money, found.request_money
