"""Where does a figure come from? Its formula, its evidence, and the source files and rows behind it.

A figure is written ``answer/name`` (``waterfall/idle``, ``headline/net_yield``, ``fleet/h100-a``), narrowed by --where
and the window. The path back is: leaves of
the step, the pool-hours that carried them, the charge lines that paid for those, and the samples or attempts that split
them; each with its file and rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from netyield.answers import explain_bridge, measures, waterfall
from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books, time_sql
from netyield.answers.measures import HOUR_US
from netyield.answers.steps import CERTAIN_WASTE, MAY_BE_USEFUL, in_scope, is_request_step, known_steps, step_of
from netyield.core.errors import WrongUse
from netyield.core.money import from_pico, text
from netyield.core.period import iso, micros
from netyield.store.engine import Engine
from netyield.usefulness.policy import verdicts

COLUMNS = (
    AnswerColumn("kind", "text", "", "formula, evidence, charges, telemetry, requests or leaf"),
    AnswerColumn("text", "text", "", "What it says"),
    AnswerColumn("file", "text", "", "Source file"),
    AnswerColumn("rows", "text", "", "Rows of the file, first to last and how many"),
    AnswerColumn("amount", "text", "currency", "Amount, where there is one"),
)
CAPACITY_FORMULA = (
    "pool-hour money x device time in the state / device time of the pool-hour, in whole pico-units; "
    "the remainder to the largest (time, key)"
)
REQUEST_FORMULA = (
    "active money of the replica's slot x the attempt's weight / weights of the slot (prefill and decode apart), "
    "or the attempt's tokens x dated price for an API call"
)
OTHER_FORMULA = "charge amount x seconds of the window / seconds of the charge period, cumulative integers"


@dataclass(frozen=True)
class Figure:
    """What a figure selects: leaves (SQL over the leaf columns), the steps among them, and its own formula."""

    name: str
    clause: str
    formulas: tuple[str, ...]
    steps: tuple[str, ...] = ()
    bridge: str = ""  # a line of the bridge whose amount is made of bill lines and not of leaves


HEADLINE: dict[str, tuple[str, Callable[[str], bool]]] = {
    "in_scope_total": ("all steps but non_ai, training and tax", in_scope),
    "net_yield": (
        "low: useful; high: useful + unproven + unknown + unpriced + active_unattributed + unclassified"
        " + max(0, unreconciled); over the in-scope total",
        lambda step: step in MAY_BE_USEFUL or step == "unreconciled",
    ),
    "certain_waste": (f"{' + '.join(CERTAIN_WASTE)}", lambda step: step in CERTAIN_WASTE),
    "activity": (
        "signal x device time / paid device time; unknown time counts as nothing (low) and as full (high)",
        lambda _: True,
    ),
    "cost_per_useful_mtok": (
        "in-scope total / output tokens that may be useful (low) or are proven useful (high)",
        in_scope,
    ),
    "cost_per_useful_answer": ("in-scope total / attempts proven useful; withheld below the coverage floor", in_scope),
    "cost_per_served_mtok": (
        "in-scope total (all_in) or money of requests (active) / delivered output tokens",
        in_scope,
    ),
    "coverage": ("money of requests with a verdict / money of all requests", is_request_step),
}


def figure_of(figure: str, books: Books) -> Figure:
    """The leaves behind a figure's name. Raises WrongUse for one that does not exist, naming those that do."""
    room, _, name = figure.partition("/")
    steps = sorted(books.engine.query("SELECT DISTINCT step FROM leaves").column(0).to_pylist())
    if room == "headline" and name in HEADLINE:
        formula, belongs = HEADLINE[name]
        chosen = [s for s in steps if belongs(s)]
        return Figure(figure, f"step IN ({_listed(chosen)})", (formula,), tuple(chosen))
    if room == "waterfall" and name:
        chosen = [s for s in steps if s == name or s.startswith(f"{name}.")]
        if chosen:
            return Figure(figure, f"step IN ({_listed(chosen)})", (), tuple(chosen))
        known = name in {s.step.rstrip(".") for s in known_steps()}
        message = f"there is no money and no token in {name!r} here." if known else f"there is no step {name!r}."
        raise WrongUse(message, f"Steps of this window: {', '.join(steps)}.")
    if room == "reconciliation" and name:
        if name in explain_bridge.LINES:
            line = explain_bridge.LINES[name]
            return Figure(figure, line.leaves or "FALSE", (line.formula,), bridge=name if line.bill else "")
        if name in explain_bridge.models(books):
            return Figure(figure, explain_bridge.model_clause(name), (explain_bridge.MODEL_FORMULA,))
        message = f"the reconciliation has no {name!r} here."
        named = ", ".join((*explain_bridge.LINES, *explain_bridge.models(books)))
        raise WrongUse(message, f"Its lines and models: {named}.")
    column = {
        "fleet": "pool",
        "usefulness": "reason",
        "unit_cost": books.dimension("model") if room == "unit_cost" else "",
        "allocation": books.dimension("team") if room == "allocation" else "",
    }.get(room)
    if column and name:
        column = time_sql(column, books.timezone)
        present = sorted(
            str(v) for v in books.engine.query(f"SELECT DISTINCT {column} AS v FROM leaves").column(0).to_pylist() if v
        )
        # Terminal and page print reasons without the underscore.
        name = next((word for word in present if room == "usefulness" and word.replace("_", " ") == name), name)
        if name in present:
            return Figure(figure, f"{column} = '{name.replace(chr(39), chr(39) * 2)}'", FORMULAS[room], ())
        message = f"{room} has no {name!r} here."
        raise WrongUse(message, f"It has: {', '.join(present) or 'nothing'}.")
    message = f"{figure!r} is not a figure that can be explained."
    raise WrongUse(
        message,
        f"Write waterfall/STEP ({', '.join(steps)}), headline/NAME ({', '.join(HEADLINE)}), fleet/POOL, usefulness/REASON, "
        f"reconciliation/LINE ({', '.join(explain_bridge.LINES)} or a model), "
        "unit_cost/SLICE or allocation/SLICE (with the same --by); narrow it with --where and --since.",
    )


FORMULAS = {
    "fleet": ("every step that carries this pool: capacity states, and the requests it served",),
    "usefulness": ("money and tokens of all attempts whose first matching rule of the policy is this one",),
    "unit_cost": (
        "direct: leaves with this value; loaded: plus the shared in-scope money in proportion to direct money; over its tokens",
    ),
    "allocation": (
        "direct: leaves with this value; loaded: plus the shared in-scope money in proportion to direct money",
    ),
}


def _listed(words: Iterable[str]) -> str:
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words) or "''"


def answer(figure: str, books: Books, raw: Engine) -> Answer:
    """The lines that explain a figure: formula, evidence, leaves, bill lines, samples and requests with file and rows."""
    found = figure_of(figure, books)
    if found.bridge:
        return _bridged(found, books, raw)
    total = int(books.engine.scalar(f"SELECT COALESCE(total(pico), 0) FROM leaves WHERE {found.clause}"))
    wanted = [
        str(s)
        for s in books.engine.query(f"SELECT DISTINCT step FROM leaves WHERE {found.clause} ORDER BY 1")
        .column(0)
        .to_pylist()
    ]
    lines = [
        *(_line("formula", words) for words in found.formulas),
        *_formula(wanted, total, books),
        *_leaves(books, found.clause),
        *_charges(books, raw, found.clause),
        *_signals(books, raw, wanted, found.clause),
    ]
    meaning = f"{step_of(wanted[0]).meaning}." if len(wanted) == 1 else f"{len(wanted)} steps stand behind it."
    room, _, name = figure.partition("/")
    own = {name: waterfall.answer(books).headline[name]} if room == "headline" else {}
    return _explained(figure, text(from_pico(total)), meaning, lines, books, own)


def _bridged(found: Figure, books: Books, raw: Engine) -> Answer:
    """A line of the bridge: its formula and the bill lines it adds up."""
    amount = explain_bridge.amount(found.bridge, books)
    if amount is None:
        message = "there is no bill in these books, so there is no bridge from an invoice."
        raise WrongUse(message, "Explain reconciliation/total, rate_card or list_estimate instead.")
    lines = [*(_line("formula", words, amount=text(amount)) for words in found.formulas), *explain_bridge.charges(found.bridge, books, raw)]
    return _explained(found.name, text(amount), f"{found.formulas[0]}.", lines, books)


def _explained(
    figure: str,
    amount: str,
    meaning: str,
    lines: list[dict[str, str]],
    books: Books,
    own: Mapping[str, Any] = MappingProxyType({}),
) -> Answer:
    """``own``: a key figure under its name, beside the ``amount`` of the steps behind it."""
    schema = pa.schema([(c.name, pa.string()) for c in COLUMNS])
    return Answer(
        name="explain",
        title=f"{figure}: {amount} {books.currency}{' of money behind it' if own else ''}",
        as_of=books.as_of,
        window=books.window,
        currency=books.currency,
        basis=books.basis,
        table=pa.Table.from_pylist(lines, schema=schema),
        columns=COLUMNS,
        headline={"figure": figure, "amount": amount, **own},
        description=meaning,
        findings=books.findings,
        body={
            "answer": "explain",
            "figure": figure,
            "amount": amount,
            **dict.fromkeys(["value"] if own else [], next(iter(own.values()), None)),
            "currency": books.currency,
            "basis": books.basis,
            "as_of": books.as_of,
            "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
            "lines": lines,
        },
    )


def _line(kind: str, words: str, file: str = "", rows: str = "", amount: str = "") -> dict[str, str]:
    return {"kind": kind, "text": words, "file": file, "rows": rows, "amount": amount}


def _formula(steps: list[str], total: int, books: Books) -> Iterator[dict[str, str]]:
    """The rule that placed each step's money, and the policy behind verdicts."""
    sums = {s.step: s for s in measures.by_step(books).values() if s.step in steps}
    yield _line("formula", "sum of the leaves below", amount=text(from_pico(total)))
    for step in steps:
        found = step_of(step)
        amount = text(from_pico(sums[step].pico)) if step in sums else ""
        capacity = step in sums and "device time" in sums[step].methods
        rule = REQUEST_FORMULA if is_request_step(step) else CAPACITY_FORMULA if capacity else OTHER_FORMULA
        yield _line("formula", f"{found.label}: {found.meaning}; {rule}", amount=amount)
    for verdict in verdicts():
        if verdict.step in steps:
            yield _line(
                "evidence",
                f"verdict {verdict.verdict}({verdict.reason}), grade E{verdict.grade}, policy {books.settings['policy']}",
            )


def _leaves(books: Books, clause: str) -> Iterator[dict[str, str]]:
    rows = books.engine.query(
        f"""SELECT pool, device, owner, model, team, evidence, method, total(pico) AS pico, CAST(SUM(gpu_us) AS BIGINT) AS us,
                   CAST(SUM(attempts) AS BIGINT) AS attempts
            FROM leaves WHERE {clause} GROUP BY ALL ORDER BY abs(total(pico)) DESC, 1, 2, 3, 4, 5, 6, 7 LIMIT 20"""
    ).to_pylist()
    for r in rows:
        names = " ".join(f"{k}={r[k]}" for k in ("pool", "device", "owner", "model", "team") if r[k])
        size = (
            f", {r['us'] / HOUR_US:,.3f} GPU-hours"
            if r["us"]
            else f", {r['attempts']:,} attempts"
            if r["attempts"]
            else ""
        )
        yield _line(
            "leaf",
            f"{names or 'no dimension'}{size}; {r['evidence']} by {r['method']}",
            amount=text(from_pico(int(r["pico"]))),
        )


def _charges(books: Books, raw: Engine, clause: str) -> Iterator[dict[str, str]]:
    """The bill lines (or rate cards) that paid for it."""
    names = ("step", "method", "pool", "scope", "service", "provider")
    where = books.engine.query(
        f"SELECT DISTINCT {', '.join(names)} FROM leaves WHERE {clause} AND pico <> 0"
    ).to_pylist()
    raw.register("wanted", pa.Table.from_pylist(where, schema=pa.schema([(n, pa.string()) for n in names])))
    # Money split by what capacity did came with the pool's lines, money that went to its step with that step's lines.
    pooled = "(w.method <> 'bill' AND w.pool <> '' AND l.pool = w.pool AND l.step = 'pool')"
    own = """(w.method = 'bill' AND l.step = w.step AND l.scope = w.scope AND COALESCE(l.pool, '') = w.pool
              AND COALESCE(l.service_name, '') = w.service)"""
    api = """(w.scope = 'ai_api' AND w.pool = '' AND l.step = 'api' AND w.service IN ('', l.service_name)
              AND lower(w.provider) IN ('', lower(l.provider)))"""
    rows = raw.query(
        f"""SELECT d.file, l.service_name AS service, l.charge_category AS category, l.currency, COUNT(DISTINCT l.event_key) AS lines,
                   MIN(l.row_number) AS first, MAX(l.row_number) AS last, total(l.part_pico) AS pico
            FROM labelled l JOIN deliveries d ON l.delivery = d.delivery
            WHERE EXISTS (SELECT 1 FROM wanted w WHERE {pooled} OR {own} OR {api})
              AND l.start_us < {micros(books.window.until)} AND l.end_us > {micros(books.window.since)}
            GROUP BY ALL ORDER BY abs(total(l.part_pico)) DESC, 1, 2, 3, 4 LIMIT 20"""
    ).to_pylist()
    for r in rows:
        foreign = "" if r["currency"] == books.currency else f", in {r['currency']}"
        yield _line(
            "charges",
            f"{r['category']} lines of {r['service'] or 'no service'} (whole charge periods{foreign})",
            r["file"],
            _rows(r),
            text(from_pico(int(r["pico"]))),
        )
    cards = raw.query(
        """SELECT d.file, c.pool, CAST(c.rate_per_gpu_hour AS VARCHAR) AS rate, c.currency, c.row_number AS first, c.row_number AS last, 1 AS lines
           FROM rate_cards c JOIN deliveries d ON c.delivery = d.delivery
           WHERE EXISTS (SELECT 1 FROM wanted w WHERE w.provider = 'rate card' AND lower(w.pool) GLOB lower(c.pool))
           ORDER BY ALL LIMIT 20"""
    ).to_pylist()
    for r in cards:
        yield _line("charges", f"rate card {r['pool']}: {r['rate']} {r['currency']} per GPU-hour", r["file"], _rows(r))


def _signals(books: Books, raw: Engine, wanted: list[str], clause: str) -> Iterator[dict[str, str]]:
    """The samples that put devices into the state, and the attempts behind a verdict."""
    window = (
        f"micros(s.event_time) >= {micros(books.window.since)} AND micros(s.event_time) < {micros(books.window.until)}"
    )
    devices = books.engine.query(f"SELECT DISTINCT device FROM leaves WHERE {clause} AND device <> ''").to_pylist()
    pools = books.engine.query(f"SELECT DISTINCT pool FROM leaves WHERE {clause} AND pool <> ''").to_pylist()
    raw.register("devices_wanted", pa.table({"device": pa.array([r["device"] for r in devices], pa.string())}))
    raw.register("pools_wanted", pa.table({"pool": pa.array([r["pool"] for r in pools], pa.string())}))
    for table, key, keep in (
        ("gpu_samples", "metric", "s.device_id IN (SELECT device FROM devices_wanted)"),
        ("gpu_owners", "state", "s.device_id IN (SELECT device FROM devices_wanted)"),
        ("capacity_samples", "pool", "s.pool IN (SELECT pool FROM pools_wanted)"),
    ):
        rows = raw.query(
            f"""SELECT d.file, s.{key} AS word, COUNT(*) AS lines, MIN(s.row_number) AS first, MAX(s.row_number) AS last
                FROM {table} s JOIN deliveries d ON s.delivery = d.delivery WHERE {keep} AND {window} GROUP BY ALL ORDER BY ALL LIMIT 20"""
        ).to_pylist()
        for r in rows:
            yield _line("telemetry", f"{table} {r['word']}", r["file"], _rows(r))
    if any(is_request_step(s) or s in {"unpriced", "unreconciled"} for s in wanted):
        rows = raw.query(
            f"""SELECT d.file, s.status AS word, COUNT(*) AS lines, MIN(s.row_number) AS first, MAX(s.row_number) AS last
                FROM attempts s JOIN deliveries d ON s.delivery = d.delivery WHERE {window} GROUP BY ALL ORDER BY ALL LIMIT 20"""
        ).to_pylist()
        for r in rows:
            yield _line("requests", f"attempts with status {r['word']}", r["file"], _rows(r))
        rows = raw.query(
            """SELECT d.file, s.verdict AS word, COUNT(*) AS lines, MIN(s.row_number) AS first, MAX(s.row_number) AS last
               FROM outcomes s JOIN deliveries d ON s.delivery = d.delivery GROUP BY ALL ORDER BY ALL LIMIT 20"""
        ).to_pylist()
        for r in rows:
            yield _line("requests", f"outcomes {r['word']}", r["file"], _rows(r))


def _rows(r: dict[str, Any]) -> str:
    return f"{r['first']} to {r['last']} ({r['lines']:,} rows)" if r["first"] != r["last"] else str(r["first"])
