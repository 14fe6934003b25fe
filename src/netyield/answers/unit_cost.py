"""What does a useful token cost, by model, team, app, tenant or day? Every slice direct and loaded.

Direct: money of leaves that carry the slice's value. Loaded: direct plus the slice's share of everything in scope that
carries none (idle, unused, unknown, platform, seats ...), by the named rule; loaded slices add up to the in-scope total.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from netyield.answers import measures
from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books, time_sql
from netyield.answers.measures import Figures, StepSum, per_mtok, ratio, shown
from netyield.answers.steps import in_scope
from netyield.core.evidence import Evidence
from netyield.core.money import MONEY, from_pico, quantise, split, text
from netyield.core.names import UNATTRIBUTED
from netyield.core.period import iso

COLUMNS = (
    AnswerColumn("slice", "text", "", "Value of the dimension"),
    AnswerColumn("direct_amount", "money", "currency", "Money that carries this value"),
    AnswerColumn("loaded_amount", "money", "currency", "Direct plus its share of what carries none"),
    AnswerColumn("served_output_tokens", "number", "tokens", "Output tokens delivered"),
    AnswerColumn("useful_low_tokens", "number", "tokens", "Output tokens proven useful"),
    AnswerColumn("useful_high_tokens", "number", "tokens", "Output tokens that may have been useful"),
    AnswerColumn("answers_low", "number", "answers", "Answers proven useful"),
    AnswerColumn(
        "usd_per_useful_mtok_low", "money", "currency per million tokens", "Loaded cost over tokens that may be useful"
    ),
    AnswerColumn(
        "usd_per_useful_mtok_high",
        "money",
        "currency per million tokens",
        "Loaded cost over proven tokens; empty = unbounded",
    ),
    AnswerColumn("usd_per_served_mtok", "money", "currency per million tokens", "Loaded cost over delivered tokens"),
)
TREND_COLUMNS = (AnswerColumn("day", "time", "", "Day in the reporting zone"), *COLUMNS)


def answer(books: Books) -> Answer:
    """Unit cost per slice of the --by dimension (default: model), with a trend per day."""
    name = books.dimension("model")
    rows = slices(books, name, "TRUE")
    total = sum(r["loaded_pico"] for r in rows)
    table = _table(rows, COLUMNS)
    best = [r for r in rows if r["usd_per_useful_mtok_low"] is not None]
    headline = {"by": books.query.by or "model", "slices": len(rows), "in_scope_total": text(from_pico(total))}
    sentence = (
        f"{len(rows)} slices by {headline['by']} share {quantise(from_pico(total), 2):,} {books.currency} in scope"
    )
    if best:
        dear = max(best, key=lambda r: r["usd_per_useful_mtok_low"])
        sentence += f"; the dearest useful million tokens are {dear['slice']}'s, from {quantise(dear['usd_per_useful_mtok_low'], 2):,}"
    trend = [row | {"day": day} for day in _days(books) for row in slices(books, name, _on(books, day))]
    return Answer(
        name="unit_cost",
        title=f"Unit cost by {headline['by']}",
        as_of=books.as_of,
        window=books.window,
        currency=books.currency,
        basis=books.basis,
        table=table,
        columns=COLUMNS,
        headline=headline,
        description=sentence + ".",
        caveats=(f"Shared money is loaded by the rule {books.settings['loaded_rule']!r} over direct money.",),
        drill={r["slice"]: f"unit_cost/{r['slice']}" for r in rows},
        views={"trend": (_table(trend, TREND_COLUMNS), TREND_COLUMNS)},
        findings=books.findings,
        body=_body(books, headline, rows),
    )


def _days(books: Books) -> list[str]:
    found = books.engine.query(f"SELECT DISTINCT {time_sql('day', books.timezone)} AS day FROM leaves ORDER BY 1")
    return [str(day) for day in found.column(0).to_pylist()]


def _on(books: Books, day: str) -> str:
    return f"{time_sql('day', books.timezone)} = '{day}'"


def slices(books: Books, name: str, where: str) -> list[dict[str, Any]]:
    """Rows of one dimension over the leaves of ``where``, dearest first."""
    column = time_sql(name, books.timezone)
    found = books.engine.query(
        f"""SELECT {column} AS slice, step, total(pico) AS pico, CAST(SUM(unit_tokens) AS BIGINT) AS unit_tokens,
                   CAST(SUM(attempts) AS BIGINT) AS attempts, CAST(SUM(answers) AS BIGINT) AS answers
            FROM leaves WHERE {where} GROUP BY ALL ORDER BY ALL"""
    ).to_pylist()
    found_slices: dict[str, dict[str, StepSum]] = {}
    for r in found:
        if in_scope(r["step"]):
            value = StepSum(
                r["step"], int(r["pico"]), r["unit_tokens"], r["attempts"], r["answers"], Evidence.DERIVED, ()
            )
            found_slices.setdefault(r["slice"], {})[r["step"]] = value
    shared = found_slices.pop("", {})
    sums = {value: measures.figures(steps) for value, steps in found_slices.items()}
    pool = sum(s.pico for s in shared.values())
    loads = _load(pool, sums, books.settings["loaded_rule"])
    rows = [_row(value, figures, loads.get(value, 0)) for value, figures in sums.items()]
    if UNATTRIBUTED in loads or any(s.unit_tokens for s in shared.values()):
        rest = measures.figures(shared)
        rows.append(_row(UNATTRIBUTED, rest, loads.get(UNATTRIBUTED, 0), direct=rest.in_scope if not sums else 0))
    return sorted(rows, key=lambda r: (-r["loaded_pico"], r["slice"]))


def _load(pool: int, sums: dict[str, Figures], rule: str) -> dict[str, int]:
    """Shared money over the slices: in proportion to positive direct money, or evenly; none to load it on keeps it apart."""
    names = sorted(sums)
    weights = [1 if rule == "even" else max(sums[n].in_scope, 0) for n in names]
    if not pool:
        return {}
    if not names or sum(weights) <= 0:
        return {UNATTRIBUTED: pool}
    return dict(zip(names, split(pool, weights, names), strict=True))


def _row(value: str, found: Figures, load: int, direct: int | None = None) -> dict[str, Any]:
    own = found.in_scope if direct is None else direct
    loaded = load if value == UNATTRIBUTED else own + load
    return {
        "slice": value,
        "direct_pico": own,
        "loaded_pico": loaded,
        "direct_amount": from_pico(own),
        "loaded_amount": from_pico(loaded),
        "served_output_tokens": found.served_tokens,
        "useful_low_tokens": found.useful_tokens,
        "useful_high_tokens": found.possible_tokens,
        "answers_low": found.answers,
        "usd_per_useful_mtok_low": per_mtok(loaded, found.possible_tokens),
        "usd_per_useful_mtok_high": per_mtok(loaded, found.useful_tokens),
        "usd_per_served_mtok": per_mtok(loaded, found.served_tokens),
    }


def _table(rows: Iterable[dict[str, Any]], columns: tuple[AnswerColumn, ...]) -> pa.Table:
    types = {"money": MONEY, "number": pa.int64()}
    schema = pa.schema([(c.name, types.get(c.kind, pa.string())) for c in columns])
    return pa.Table.from_pylist([{c.name: row.get(c.name) for c in columns} for row in rows], schema=schema)


def _body(books: Books, headline: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    money = (
        "direct_amount",
        "loaded_amount",
        "usd_per_useful_mtok_low",
        "usd_per_useful_mtok_high",
        "usd_per_served_mtok",
    )
    total = sum(r["loaded_pico"] for r in rows)
    return {
        "answer": "unit_cost",
        "as_of": books.as_of,
        "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
        "currency": books.currency,
        "basis": books.basis,
        "by": headline["by"],
        "loaded_rule": books.settings["loaded_rule"],
        "in_scope_total": headline["in_scope_total"],
        "rows": [
            {c.name: shown(r[c.name]) if c.name in money else r[c.name] for c in COLUMNS}
            | {"share": ratio(r["loaded_pico"], total)}
            for r in rows
        ],
    }
