"""What the books know beside a trace: what its input was billed as, and what the engines' own caches counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from netyield.attribution import pricing
from netyield.attribution.attempts import CLASSES, INPUT_CLASSES
from netyield.core.contract import contract
from netyield.core.money import from_pico
from netyield.core.period import Period, micros
from netyield.economics.kv.observed_hits import COUNTERS, ObservedHits, observed_hits
from netyield.economics.kv.prompt_caching.billed import Billed
from netyield.project.inputs import views
from netyield.project.prefix_trace import NEVER_AT_AN_ENGINE, WHERE
from netyield.sources.prices.model_match import resolve_models
from netyield.sources.prices.model_prices import catalogue_table
from netyield.store.engine import Engine

if TYPE_CHECKING:
    from netyield.project import Project, Query


def engine_hits(project: Project, query: Query) -> list[ObservedHits]:
    """The prefix-cache counters of every serving process in the query's window (all there is when it has none).

    Of ``query.where`` the words an engine knows are used: model, replica.
    """
    manifest, window = project.manifest(query.as_of), _window(project, query)
    names = ", ".join(f"'{name}'" for name in COUNTERS)
    chosen = {name: value for name, value in query.where.items() if name in ("model", "replica")}
    when = f"AND t >= {micros(window.since)} AND t < {micros(window.until)}" if window else ""
    engine = Engine()
    try:
        views(engine, project.folder, manifest, "engine_samples")
        rows = engine.query(
            f"""SELECT replica, namespace, model, metric, labels, kind, value, t
                FROM (SELECT *, micros(event_time) AS t FROM engine_samples WHERE kind = 'counter' AND metric IN ({names}))
                WHERE TRUE {when}{"".join(_test(name, value) for name, value in chosen.items())}""",
            list(chosen.values()),
        )
    finally:
        engine.close()
    return observed_hits(rows)


def price_list(project: Project, query: Query) -> pa.Table:
    """The ``model_prices`` rows of the books: the project's own list and contracts, else the shipped catalogue."""
    engine = Engine(threads=1)
    schema = contract("model_prices").source_schema
    try:
        views(engine, project.folder, project.manifest(query.as_of), "model_prices")
        booked = engine.query(f"SELECT {', '.join(schema.names)} FROM model_prices ORDER BY price_id").cast(schema)
    finally:
        engine.close()
    return booked if booked.num_rows else catalogue_table()


def billed_input(project: Project, query: Query, currency: str) -> Billed:
    """Input tokens of the window's attempts with prefix fingerprints, by class, priced as the books price attempts.

    ``query.where`` chooses among them as for the trace, which is read first and refuses unknown words. Attempts without
    a price, or priced in another currency, keep their tokens as unpriced.
    """
    manifest, window = project.manifest(query.as_of), _window(project, query)
    tests = [_test(WHERE[name], value) for name, value in query.where.items()]
    when = f" AND t >= {micros(window.since)} AND t < {micros(window.until)}" if window else ""
    prices = price_list(project, query)
    engine = Engine()
    try:
        views(engine, project.folder, manifest, "attempts")
        there = set(engine.query("SELECT * FROM attempts LIMIT 0").column_names)
        known = " AND prefix_blocks IS NOT NULL" if "prefix_blocks" in there else " AND FALSE"
        engine.register(
            "kv_attempts",
            engine.query(
                f"""SELECT ROW_NUMBER() OVER (ORDER BY t, event_key) AS attempt_id, t AS time_us, provider, model, 1 AS calls,
                           tariff, {", ".join(CLASSES)}
                    FROM (SELECT *, micros(event_time) AS t FROM attempts)
                    WHERE (purpose IS NULL OR purpose <> '{NEVER_AT_AN_ENGINE}'){known}{when}{"".join(tests)}""",
                list(query.where.values()),
            ),
        )
        return _priced(engine, prices, currency)
    finally:
        engine.close()


def _priced(engine: Engine, prices: pa.Table, currency: str) -> Billed:
    seen = engine.query("SELECT DISTINCT provider, model FROM kv_attempts").to_pylist()
    resolved = resolve_models([(row["provider"] or None, row["model"]) for row in seen], prices)
    names = pa.array([name or "" for name in resolved.column("provider").to_pylist()], pa.string())
    pricing.price(engine, "kv_attempts", prices, "kv_priced", resolved.set_column(0, "provider", names))
    inputs = " + ".join(f"COALESCE(a.{name}, 0)" for name in INPUT_CLASSES)
    usable = "p.priced AND p.currency = ?"
    row = engine.query(
        f"""SELECT COUNT(*) AS attempts, {", ".join(f"CAST(COALESCE(SUM(a.{n}), 0) AS BIGINT) AS {n}" for n in INPUT_CLASSES)},
                   COALESCE(total(CASE WHEN {usable} THEN p.input_pico END), 0) AS pico,
                   CAST(COALESCE(SUM(CASE WHEN {usable} THEN 0 ELSE {inputs} END), 0) AS BIGINT) AS unpriced
            FROM kv_attempts a JOIN kv_priced p ON a.attempt_id = p.attempt_id""",
        [currency, currency],
    ).to_pylist()[0]
    tokens = {name: int(row[name]) for name in INPUT_CLASSES if row[name]}
    return Billed(
        tokens, from_pico(int(row["pico"])), "the books: attempts at the prices in force", row["attempts"], row["unpriced"]
    )


def _test(column: str, value: str) -> str:
    """A condition on a column; ``*`` and ``?`` are wildcards."""
    return f""" AND "{column}" {"GLOB" if set("*?[") & set(value) else "="} ?"""


def _window(project: Project, query: Query) -> Period | None:
    if not (query.since or query.until):
        return None
    return project.window(query, project.manifest(query.as_of))[0]
