"""Where did the money go? Every charge of the window split into steps that add up to it exactly."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from netyield.answers import measures, unfilled
from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books
from netyield.answers.measures import HOUR_US, Figures, StepSum, per_mtok, ratio, shown
from netyield.answers.steps import GROUPS, known_steps, step_of
from netyield.core.finding import Severity
from netyield.core.money import MONEY, from_pico, quantise, text, to_pico
from netyield.core.period import iso

COLUMNS = (
    AnswerColumn("step", "text", "", "Step of the waterfall"),
    AnswerColumn("label", "text", "", "Its name in words"),
    AnswerColumn("amount", "money", "currency", "Money of the step"),
    AnswerColumn("share", "share", "of the total", "Share of the total"),
    AnswerColumn("evidence", "text", "", "How it is known: measured, derived, modelled or assumed"),
    AnswerColumn("method", "text", "", "Rule that placed it"),
    AnswerColumn("lo", "number", "currency", "Where the bar begins"),
    AnswerColumn("hi", "number", "currency", "Where the bar ends"),
    AnswerColumn("measured", "flag", "", "False: no connected source can fill this step"),
    AnswerColumn("note", "text", "", "What the step means"),
)
GROUP_COLUMNS = (
    AnswerColumn("group", "text", "", "Group of steps"),
    AnswerColumn("label", "text", "", "Its name in words"),
    AnswerColumn("amount", "money", "currency", "Money of its steps"),
    AnswerColumn("share", "share", "of the total", "Share of the total"),
    AnswerColumn("steps", "text", "", "The steps in it"),
    AnswerColumn("lo", "number", "currency", "Where the bar begins"),
    AnswerColumn("hi", "number", "currency", "Where the bar ends"),
    AnswerColumn("kind", "text", "", "Kind of money"),
)
# Which raw evidence fills a step; without it the step is shown as not measured.
NEEDS = {
    "telemetry": ("down", "unallocated", "fragmented", "starting", "idle", "idle_held", "active_unattributed"),
    "requests": ("wasted.", "overhead", "unproven"),
    "outcomes": ("useful",),
}


def answer(books: Books) -> Answer:
    """The waterfall of the window with the headline of the JSON contract."""
    steps = measures.by_step(books)
    found = measures.figures(steps)
    rows = _rows(steps, found.total, _present(books))
    grouped = _groups(rows, found.total)
    capacity = measures.capacity(books)
    headline = headline_of(books, found, capacity)
    free = unfilled.rows(books)
    body = {
        "answer": "waterfall",
        "as_of": books.as_of,
        "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
        "currency": books.currency,
        "basis": _basis(books),
        "total": text(from_pico(found.total)),
        "rows": [
            {
                "step": r["step"],
                "amount": text(r["amount"]),
                "share": r["share"],
                "evidence": r["evidence"],
                "method": r["method"],
            }
            for r in rows
            if r["measured"] and r["amount"] is not None
        ],
        "groups": [
            {"group": r["group"], "amount": text(r["amount"]), "share": r["share"], "steps": r["steps"].split(", ")} for r in grouped
        ],
        "headline": headline,
        "usage": usage(books, capacity),
        "policy": books.settings["policy"],
        "other_currencies": {n: text(a) for n, a in books.settings["other_currencies"].items()},
        "annotations": {"unfilled_capacity": unfilled.plain(free)},
        "findings": {
            s.value: sum(f.count for f in books.findings if f.severity is s)
            for s in (Severity.ERROR, Severity.WARNING, Severity.INFO)
        },
    }
    if books.query.where:
        body["where"] = dict(books.query.where)
    return Answer(
        name="waterfall",
        title="Where the money went",
        as_of=books.as_of,
        window=books.window,
        currency=books.currency,
        basis=_basis(books),
        table=_table(rows),
        columns=COLUMNS,
        views={"groups": (_table(grouped, GROUP_COLUMNS), GROUP_COLUMNS)},
        headline=headline,
        description=_sentence(books, found, headline),
        caveats=(*_caveats(books, steps, found), *unfilled.sentences(free, books.currency)),
        drill={r["step"]: f"waterfall/{r['step']}" for r in rows if r["measured"]},
        findings=books.findings,
        body=body,
    )


def _basis(books: Books) -> str:
    """The cost column, or ``list_estimate`` when no bill and no rate card stand behind the total."""
    totals = books.bill
    if not totals["bill"] and not totals["rate_card"] and totals["list_estimate"]:
        return "list_estimate"
    return books.basis


def _present(books: Books) -> dict[str, bool]:
    count = books.engine.scalar
    return {
        "telemetry": bool(count("SELECT COUNT(*) FROM activity")),
        "requests": bool(count("SELECT COUNT(*) FROM leaves WHERE attempts > 0")),
        "outcomes": bool(count("SELECT COUNT(*) FROM leaves WHERE step = 'useful'")),
    }


def _rows(steps: dict[str, StepSum], total: int, present: dict[str, bool]) -> list[dict[str, Any]]:
    """One row per step with money, and one per step that no source can fill; bars follow one another."""
    rows: list[tuple[int, str, StepSum | None]] = [
        (step_of(n).rank, n, s) for n, s in steps.items() if s.pico or s.unit_tokens
    ]
    for kind, names in NEEDS.items():
        if not present[kind]:
            families = [s for s in known_steps() if s.step in names]
            rows += [
                (s.rank, s.step, None) for s in families if not any(n == s.step or n.startswith(s.step) for n in steps)
            ]
    made, edge = [], 0
    for _, name, found in sorted(rows, key=lambda r: (r[0], r[1])):
        step = step_of(name)
        pico = 0 if found is None else found.pico
        lo, hi = sorted((edge, edge + pico))
        edge += pico
        made.append(
            {
                "step": name.rstrip("."),
                "label": step.label,
                "amount": None if found is None else from_pico(pico),
                "share": None if found is None else measures.ratio(pico, total),
                "evidence": "" if found is None else found.evidence.value,
                "method": "" if found is None else ", ".join(found.methods),
                "lo": None if found is None else float(from_pico(lo)),
                "hi": None if found is None else float(from_pico(hi)),
                "measured": found is not None,
                "note": step.meaning,
            }
        )
    return made


def _groups(rows: list[dict[str, Any]], total: int) -> list[dict[str, Any]]:
    """The same money in a few bars that follow one another; a group without money is left out."""
    made, edge = [], 0
    for group in GROUPS:
        own = [row for row in rows if row["amount"] and group.has(row["step"])]
        if not own:
            continue
        pico = sum(to_pico(row["amount"])[0] for row in own)
        lo, hi = sorted((edge, edge + pico))
        edge += pico
        made.append(
            {
                "group": group.group,
                "label": group.label,
                "amount": from_pico(pico),
                "share": ratio(pico, total),
                "steps": ", ".join(row["step"] for row in own),
                "lo": float(from_pico(lo)),
                "hi": float(from_pico(hi)),
                "kind": group.kind,
            }
        )
    return made


def _table(rows: list[dict[str, Any]], columns: tuple[AnswerColumn, ...] = COLUMNS) -> pa.Table:
    types = {"amount": MONEY, "share": pa.float64(), "lo": pa.float64(), "hi": pa.float64(), "measured": pa.bool_()}
    schema = pa.schema([(c.name, types.get(c.name, pa.string())) for c in columns])
    return pa.Table.from_pylist(rows, schema=schema)


def headline_of(books: Books, found: Figures, capacity: dict[str, Any] | None) -> dict[str, Any]:
    """The headline object of the contract; a value is null where it cannot be known."""
    coverage = ratio(found.known_money, found.request_money)
    positive = found.in_scope > 0
    answer_cost = None
    if positive and found.answers and coverage is not None and coverage >= books.settings["coverage_floor"]:
        answer_cost = text(quantise(from_pico(found.in_scope // found.answers), 6))
    return {
        "in_scope_total": text(from_pico(found.in_scope)),
        "activity": _activity(books, capacity),
        "certain_waste": {"amount": text(from_pico(found.waste)), "share": ratio(found.waste, found.in_scope)},
        "net_yield": {"low": ratio(found.low, found.in_scope), "high": ratio(found.high, found.in_scope)},
        "cost_per_useful_mtok": {
            "low": shown(per_mtok(found.in_scope, found.possible_tokens)) if positive else None,
            "high": shown(per_mtok(found.in_scope, found.useful_tokens)) if positive else None,
        },
        "cost_per_useful_answer": answer_cost,
        "cost_per_served_mtok": {
            "all_in": shown(per_mtok(found.in_scope, found.served_tokens)) if positive else None,
            "active": shown(per_mtok(found.request_money, found.served_tokens)) if found.request_money > 0 else None,
        },
        "coverage": coverage,
    }


def _activity(books: Books, capacity: dict[str, Any] | None) -> dict[str, Any] | None:
    """Mean GPU activity of the paid hours, as an interval: unknown hours count as nothing and as full."""
    if capacity is None or not capacity["paid"]:
        return None
    paid, unknown = capacity["paid"], capacity["by_state"].get("unknown", 0)
    known = max(paid - unknown, 1)
    scale = max(capacity["known_us"], 1)
    signal = capacity["signal_us"] * known // scale if capacity["known_us"] else 0
    active = capacity["by_state"].get("active", 0)
    return {
        "low": ratio(signal, paid),
        "high": ratio(signal + unknown, paid),
        "active_above": books.settings["active_above"],
        "active_time": {"low": ratio(active, paid), "high": ratio(active + unknown, paid)},
    }


def usage(books: Books, capacity: dict[str, Any] | None) -> dict[str, Any]:
    """Hours and tokens behind the money."""
    hours = None if capacity is None else {s: _hours(us) for s, us in capacity["by_state"].items()}
    return {
        "gpu_hours_paid": None if capacity is None else _hours(capacity["paid"]),
        "gpu_hours_allocated": None
        if capacity is None or not capacity["allocation_known"]
        else _hours(capacity["held_us"]),
        "gpu_hours_by_state": hours,
        "tokens_by_class": measures.tokens_by_class(books),
        "tokens_by_verdict": measures.tokens_by_verdict(books),
    }


def _hours(us: int) -> float:
    return round(us / HOUR_US, 6)


def _sentence(books: Books, found: Figures, headline: dict[str, Any]) -> str:
    others = books.settings["other_currencies"]
    if found.in_scope <= 0 and others:
        stand = " and ".join(f"{quantise(amount, 2):,} {name}" for name, amount in others.items())
        return f"No amount in {books.currency}: {stand} have no dated rate to it."
    if found.in_scope <= 0:
        return f"Nothing in scope between {iso(books.window.since)} and {iso(books.window.until)}."
    low, high = headline["net_yield"]["low"], headline["net_yield"]["high"]
    spent = f"{quantise(from_pico(found.in_scope), 2):,} {books.currency}"
    waste = headline["certain_waste"]["share"]
    return (
        f"Of {spent} spent on AI, between {low:.1%} and {high:.1%} became useful tokens; {waste:.1%} is certain waste."
    )


def _caveats(books: Books, steps: dict[str, StepSum], found: Figures) -> tuple[str, ...]:
    notes = [f"A device is active when its signal is above {books.settings['active_above']:g}."]
    if _basis(books) == "list_estimate":
        notes.append("No bill: priced attempts are the charges (list estimate).")
    elif books.bill["list_estimate"]:
        notes.append(
            f"{quantise(books.bill['list_estimate'], 2)} {books.currency} of API use has no bill and is a list estimate."
        )
    if "useful" not in steps:
        notes.append(
            "No outcome is connected: nothing is proven useful, so the lower bound is 0 and the cost has no upper end."
        )
    if steps.get("unknown") and found.possible_tokens:
        notes.append(
            "Capacity without telemetry may have served tokens nobody counted; the lower cost bound rests on counted tokens."
        )
    return tuple(notes)
