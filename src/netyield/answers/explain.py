"""Where does a figure come from? Its formula, its evidence, and the source files and rows behind it.

A figure is written ``answer/name`` (``waterfall/idle``), narrowed by --where and the window. The path back is: leaves of
the step, the pool-hours that carried them, the charge lines that paid for those, and the samples or attempts that split
them; each with its file and rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books
from netyield.answers.measures import HOUR_US
from netyield.answers.steps import is_request_step, known_steps, step_of
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


def answer(figure: str, books: Books, raw: Engine) -> Answer:
    """The lines that explain a figure. Raises WrongUse for one that does not exist, naming those that do."""
    room, _, name = figure.partition("/")
    steps = sorted(books.engine.query("SELECT DISTINCT step FROM leaves").column(0).to_pylist())
    if room != "waterfall" or not name:
        message = f"{figure!r} is not a figure that can be explained."
        raise WrongUse(message, f"Write waterfall/STEP with one of: {', '.join(steps)}; narrow it with --where and --since.")
    wanted = [s for s in steps if s == name or s.startswith(f"{name}.")]
    if not wanted:
        known = name in {s.step.rstrip(".") for s in known_steps()}
        message = f"there is no money and no token in {name!r} here." if known else f"there is no step {name!r}."
        raise WrongUse(message, f"Steps of this window: {', '.join(steps)}.")
    listed = ", ".join(f"'{s}'" for s in wanted)
    total = int(books.engine.scalar(f"SELECT total(pico) FROM leaves WHERE step IN ({listed})"))
    lines = [*_formula(wanted[0], total, books), *_leaves(books, listed), *_charges(books, raw, listed), *_signals(books, raw, wanted, listed)]
    schema = pa.schema([(c.name, pa.string()) for c in COLUMNS])
    return Answer(
        name="explain", title=f"{figure}: {text(from_pico(total))} {books.currency}", as_of=books.as_of, window=books.window,
        currency=books.currency, basis=books.basis, table=pa.Table.from_pylist(lines, schema=schema), columns=COLUMNS,
        headline={"figure": figure, "amount": text(from_pico(total))}, description=step_of(wanted[0]).meaning + ".", findings=books.findings,
        body={
            "answer": "explain", "figure": figure, "amount": text(from_pico(total)), "currency": books.currency, "basis": books.basis,
            "as_of": books.as_of, "window": {"since": iso(books.window.since), "until": iso(books.window.until)}, "lines": lines,
        },
    )


def _line(kind: str, words: str, file: str = "", rows: str = "", amount: str = "") -> dict[str, str]:
    return {"kind": kind, "text": words, "file": file, "rows": rows, "amount": amount}


def _formula(step: str, total: int, books: Books) -> Iterator[dict[str, str]]:
    found = step_of(step)
    yield _line("formula", f"{found.label}: {found.meaning}", amount=text(from_pico(total)))
    capacity = books.engine.scalar("SELECT COUNT(*) FROM leaves WHERE step = ? AND method = 'device time'", [step])
    yield _line("formula", REQUEST_FORMULA if is_request_step(step) else CAPACITY_FORMULA if capacity else OTHER_FORMULA)
    for verdict in verdicts():
        if verdict.step == step:
            yield _line("evidence", f"verdict {verdict.verdict}({verdict.reason}), grade E{verdict.grade}, policy {books.settings['policy']}")


def _leaves(books: Books, listed: str) -> Iterator[dict[str, str]]:
    rows = books.engine.query(
        f"""SELECT pool, device, owner, model, team, evidence, method, total(pico) AS pico, CAST(SUM(gpu_us) AS BIGINT) AS us,
                   CAST(SUM(attempts) AS BIGINT) AS attempts
            FROM leaves WHERE step IN ({listed}) GROUP BY ALL ORDER BY abs(total(pico)) DESC, 1, 2, 3, 4, 5, 6, 7 LIMIT 20"""
    ).to_pylist()
    for r in rows:
        names = " ".join(f"{k}={r[k]}" for k in ("pool", "device", "owner", "model", "team") if r[k])
        size = f", {r['us'] / HOUR_US:,.3f} GPU-hours" if r["us"] else f", {r['attempts']:,} attempts" if r["attempts"] else ""
        yield _line("leaf", f"{names or 'no dimension'}{size}; {r['evidence']} by {r['method']}", amount=text(from_pico(int(r["pico"]))))


def _charges(books: Books, raw: Engine, listed: str) -> Iterator[dict[str, str]]:
    """The bill lines (or rate cards) that paid for it."""
    where = books.engine.query(f"SELECT DISTINCT pool, scope, service, provider FROM leaves WHERE step IN ({listed}) AND pico <> 0").to_pylist()
    raw.register("wanted", pa.Table.from_pylist(where, schema=pa.schema([(n, pa.string()) for n in ("pool", "scope", "service", "provider")])))
    pooled = "(w.pool <> '' AND l.pool = w.pool AND l.step = 'pool')"
    other = f"(w.pool = '' AND l.scope = w.scope AND COALESCE(l.service_name, '') = w.service AND l.step IN ({listed}, 'api'))"
    rows = raw.query(
        f"""SELECT d.file, l.service_name AS service, l.charge_category AS category, COUNT(DISTINCT l.event_key) AS lines, MIN(l.row_number) AS first,
                   MAX(l.row_number) AS last, total(l.part_pico) AS pico
            FROM labelled l JOIN deliveries d ON l.delivery = d.delivery
            WHERE EXISTS (SELECT 1 FROM wanted w WHERE {pooled} OR {other})
              AND l.start_us < {micros(books.window.until)} AND l.end_us > {micros(books.window.since)}
            GROUP BY ALL ORDER BY abs(total(l.part_pico)) DESC, 1, 2, 3 LIMIT 20"""
    ).to_pylist()
    for r in rows:
        yield _line("charges", f"{r['category']} lines of {r['service'] or 'no service'} (whole charge periods)", r["file"], _rows(r), text(from_pico(int(r["pico"]))))
    cards = raw.query(
        """SELECT d.file, c.pool, CAST(c.rate_per_gpu_hour AS VARCHAR) AS rate, c.currency, c.row_number AS first, c.row_number AS last, 1 AS lines
           FROM rate_cards c JOIN deliveries d ON c.delivery = d.delivery
           WHERE EXISTS (SELECT 1 FROM wanted w WHERE w.provider = 'rate card') ORDER BY ALL LIMIT 20"""
    ).to_pylist()
    for r in cards:
        yield _line("charges", f"rate card {r['pool']}: {r['rate']} {r['currency']} per GPU-hour", r["file"], _rows(r))


def _signals(books: Books, raw: Engine, wanted: list[str], listed: str) -> Iterator[dict[str, str]]:
    """The samples that put devices into the state, and the attempts behind a verdict."""
    window = f"micros(s.event_time) >= {micros(books.window.since)} AND micros(s.event_time) < {micros(books.window.until)}"
    devices = books.engine.query(f"SELECT DISTINCT device FROM leaves WHERE step IN ({listed}) AND device <> ''").to_pylist()
    pools = books.engine.query(f"SELECT DISTINCT pool FROM leaves WHERE step IN ({listed}) AND pool <> ''").to_pylist()
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
