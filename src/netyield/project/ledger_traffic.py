"""Which requests did the project serve or buy, and how much of their output was useful? A window of the ledger as traffic.

The window is the report's, or the one asked for, as far as the ledger knows any calls: hours without a call of the chosen
model are known to be idle.

Every attempt that somebody counted tokens of is a request; one that nobody counted (refused, lost) reached no model and is
left out, with a finding. Token classes are the ledger's own. Reuse of prompts is known where sources made fingerprints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netyield.attribution.attempts import CACHED_CLASSES, INPUT_CLASSES, OUTPUT_CLASSES, zero_sum
from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.core.period import micros
from netyield.economics.placement.uncertain import Uncertain, within
from netyield.economics.serving.traffic import Traffic, no_tree, observed_window, of_trace, reuse_note
from netyield.project.inputs import views
from netyield.project.prefix_trace import NEVER_AT_AN_ENGINE, chosen_by
from netyield.sources.traces.ledger import trace_of_attempts
from netyield.store.engine import Engine

if TYPE_CHECKING:
    from netyield.project import Project, Query

WRITTEN = tuple(name for name in INPUT_CLASSES if "write" in name)
LONG_WRITTEN = tuple(name for name in WRITTEN if name.endswith(("_1h", "_12h")))
COUNTED = tuple(name for name in OUTPUT_CLASSES if name != "out_rejected_prediction")


@dataclass(frozen=True)
class LedgerTraffic:
    """Requests of the ledger. ``written_tokens`` and ``written_long_tokens`` (kept an hour or more) are parts of the input.

    ``cache_known``: whether any source reported reads from a cache. ``useful_share``: useful over served output tokens,
    None where no outcome speaks of these calls. ``models``: their names.
    """

    traffic: Traffic
    models: tuple[str, ...]
    cache_known: bool
    written_tokens: int
    written_long_tokens: int
    useful_share: Uncertain | None
    useful_words: str
    findings: tuple[Finding, ...] = ()


def ledger_traffic(project: Project, query: Query) -> LedgerTraffic:
    """The calls of the query's window (that of the report, where it names none) as traffic. Raises WrongUse."""
    manifest = project.manifest(query.as_of)
    window, _ = project.window(query, manifest)
    tests = chosen_by(query.where)
    engine = Engine()
    try:
        views(engine, project.folder, manifest, "attempts")
        low, high = _extent(engine)
        rows = _rows(engine, f"t >= {micros(window.since)} AND t < {micros(window.until)} {tests}", list(query.where.values()))
    finally:
        engine.close()
    counted = rows.filter(pc.is_valid(rows["input_tokens"]))
    findings = _uncounted(rows.num_rows - counted.num_rows, rows.num_rows)
    models = tuple(sorted({str(name) for name in counted["model"].to_pylist() if name}))
    share, words, told = _useful(project, query, rows.num_rows, int(pc.sum(counted["output_tokens"]).as_py() or 0))
    start, end = max(low, micros(window.since)), min(high, micros(window.until))
    traffic = _traffic(counted, f"ledger {window.since:%Y-%m-%d} to {window.until:%Y-%m-%d}", start, end)
    return LedgerTraffic(
        traffic, models, bool(pc.any(counted["cache_known"]).as_py()),
        _total(counted, "written_tokens"), _total(counted, "written_long_tokens"), share, words,
        (*findings, *told, *_several(models)),
    )  # fmt: skip


def _extent(engine: Engine) -> tuple[int, int]:
    """The first and the last moment any call is known of."""
    found = engine.query("SELECT MIN(micros(event_time)) AS low, MAX(micros(event_time)) AS high FROM attempts").to_pylist()[0]
    return int(found["low"] or 0), int(found["high"] or 0)


def _rows(engine: Engine, test: str, values: list[str]) -> pa.Table:
    there = set(engine.query("SELECT * FROM attempts LIMIT 0").column_names)

    def known(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in there)

    any_count = " OR ".join(f"{name} IS NOT NULL" for name in known((*INPUT_CLASSES, *OUTPUT_CLASSES)))
    reads = " OR ".join(f"{name} IS NOT NULL" for name in known(CACHED_CLASSES)) or "FALSE"
    fingerprints = ", ".join(
        name if name in there else f"CAST(NULL AS {kind}) AS {name}"
        for name, kind in (("prefix_blocks", "VARCHAR"), ("prefix_block_tokens", "BIGINT"), ("prefix_tokens", "BIGINT"))
    )
    return engine.query(
        f"""
        SELECT t AS event_us, model, {fingerprints}, COALESCE(customer, app) AS tenant,
               COALESCE(conversation_id, agent_run_id) AS session, ({reads}) AS cache_known,
               CASE WHEN {any_count} THEN {zero_sum(known(INPUT_CLASSES))} END AS input_tokens,
               {zero_sum(known(CACHED_CLASSES))} AS cached_tokens, {zero_sum(known(WRITTEN))} AS written_tokens,
               {zero_sum(known(LONG_WRITTEN))} AS written_long_tokens, {zero_sum(known(COUNTED))} AS output_tokens
        FROM (SELECT *, micros(event_time) AS t FROM attempts)
        WHERE (purpose IS NULL OR purpose <> '{NEVER_AT_AN_ENGINE}') AND {test} ORDER BY t, event_key
        """,
        values,
    )


def _traffic(rows: pa.Table, name: str, start: int, end: int) -> Traffic:
    """The calls from ``start`` to ``end``, microseconds since 1970."""
    seconds = np.asarray((_numbers(rows, "event_us") - start) / 1e6, np.float64)
    window = max((end - start) / 1e6, observed_window(seconds))
    if rows.num_rows and rows["prefix_blocks"].null_count == 0:
        found = of_trace(trace_of_attempts(rows, name))
        if found.requests == rows.num_rows:
            return found.replaced(arrival_s=seconds, cached_tokens=_numbers(rows, "cached_tokens"), window_s=window, start_us=start)
    tree, cached = no_tree(rows.num_rows), _numbers(rows, "cached_tokens")
    return Traffic(
        name, seconds, _numbers(rows, "input_tokens"), cached, _numbers(rows, "output_tokens"), window, tree=tree, start_us=start,
        notes=(reuse_note(tree, cached),),
    )  # fmt: skip


def _numbers(rows: pa.Table, name: str) -> np.typing.NDArray[np.int64]:
    return np.asarray(pc.fill_null(rows[name].cast(pa.int64()), 0).to_numpy(), np.int64)


def _total(rows: pa.Table, name: str) -> int:
    return int(pc.sum(rows[name]).as_py() or 0)


def _useful(project: Project, query: Query, attempts: int, output: int) -> tuple[Uncertain | None, str, list[Finding]]:
    """Useful over served output tokens: low counts what is proven, high what is unproven as well, likely leaves it out."""
    try:
        books = project.books(query)
    except WrongUse as cannot:
        return None, "", [_unmatched(cannot.message)]
    found = books.engine.query(
        """SELECT CASE WHEN judged = 'useful' THEN 'useful' WHEN judged LIKE 'unproven%' THEN 'unproven' ELSE 'other' END AS verdict,
                  CAST(SUM(unit_tokens) AS BIGINT) AS tokens, CAST(SUM(attempts) AS BIGINT) AS attempts
           FROM (SELECT *, CASE WHEN step = 'unpriced' THEN reason ELSE step END AS judged FROM leaves) GROUP BY ALL"""
    ).to_pylist()
    tokens = {str(row["verdict"]): int(row["tokens"] or 0) for row in found}
    judged = sum(int(row["attempts"] or 0) for row in found)
    if abs(judged - attempts) > 0.01 * attempts:
        return None, "", [_unmatched(f"{judged:,} verdicts stand beside {attempts:,} calls.")]
    useful, unproven, other = (tokens.get(name, 0) for name in ("useful", "unproven", "other"))
    if not output or useful + other == 0:
        return None, "", []
    low, high = useful / output, min(1.0, (useful + unproven) / output)
    alike = useful / (useful + other) * (useful + unproven + other) / output
    likely = min(high, max(low, alike)) if useful and other else (low + high) / 2  # one kind of verdict alone teaches no ratio
    words = (
        f"verdicts of the ledger: {useful:,} output tokens useful, {other:,} wasted or overhead, {unproven:,} unproven; low counts"
        " the proven alone, high the unproven as useful, likely judges them as the others (their middle where all others are of one kind)"
    )
    return within(low, likely, high), words, []


def _unmatched(why: str) -> Finding:
    message = f"no useful ratio is taken from the ledger: {why}"
    return Finding("placement.no_outcomes", Severity.WARNING, message, "Choose calls by words the report knows, such as model, app or team.")


def _uncounted(missing: int, total: int) -> list[Finding]:
    if not missing:
        return []
    message = f"{missing:,} of {total:,} calls have no token count; they are not in the traffic."
    repair = "Calls that failed before a model saw them have none; else map the token columns of their source."
    severity = Severity.ERROR if missing == total else Severity.INFO
    return [Finding("placement.uncounted_calls", severity, message, repair)]


def _several(models: tuple[str, ...]) -> list[Finding]:
    if len(models) < 2:
        return []
    listed = ", ".join(models[:4]) + (" ..." if len(models) > 4 else "")
    message = f"the calls are of {len(models)} models ({listed}); they are taken as requests to one."
    return [Finding("placement.several_models", Severity.WARNING, message, "Choose one, for example --where model=" + models[0] + ".")]
