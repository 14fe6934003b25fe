"""The trace of a window of the project's own traffic, from the prefix fingerprints of its attempts."""

from __future__ import annotations

from collections.abc import Mapping

from netyield.core.contract import contract
from netyield.core.errors import WrongUse
from netyield.core.period import Period, micros
from netyield.project.inputs import views
from netyield.sources.traces.ledger import trace_of_attempts
from netyield.sources.traces.trace import Trace
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest

INPUT = (
    "in_uncached", "in_cache_read", "in_cache_write_5m", "in_cache_write_30m", "in_cache_write_1h",
    "in_cache_write_12h", "in_cache_write_unknown", "in_tool",
)  # fmt: skip
OUTPUT = ("out_text", "out_reasoning")
WHERE = {
    name: name for name in ("provider", "model", "pool", "replica", "endpoint", "region", "team", "app", "customer")
} | {"tenant": "customer"}
NEVER_AT_AN_ENGINE = "gateway_cache_hit"


def prefix_trace(folder: Folder, manifest: Manifest, window: Period | None, where: Mapping[str, str]) -> Trace:
    """The attempts of the window (all of them when it is None) in the order of their starts. ``where`` keeps those with
    such a value (``*`` and ``?`` are wildcards), as a cache is one pool's or one model's.

    Left out are those a gateway answered from its own cache. ``tenant`` is the customer, else the app; ``session`` the
    conversation, else the agent run.
    """
    tests = chosen_by(where)
    engine = Engine()
    try:
        views(engine, folder, manifest, "attempts")
        _fill_new_columns(engine)
        when = f"AND t >= {micros(window.since)} AND t < {micros(window.until)}" if window else ""
        rows = engine.query(
            f"""
            SELECT t AS event_us, prefix_blocks, prefix_block_tokens, prefix_tokens, {_sum(INPUT)} AS input_tokens,
                   {_sum(OUTPUT)} AS output_tokens, COALESCE(customer, app) AS tenant,
                   COALESCE(conversation_id, agent_run_id) AS session
            FROM (SELECT *, micros(event_time) AS t FROM attempts_now)
            WHERE (purpose IS NULL OR purpose <> '{NEVER_AT_AN_ENGINE}') {when}
                  {tests} ORDER BY t, event_key
            """,
            list(where.values()),
        )
    finally:
        engine.close()
    return trace_of_attempts(rows, "ledger")


def chosen_by(where: Mapping[str, str]) -> str:
    """``AND column = ?`` for each word, its value to be given in order. Raises WrongUse for a word attempts do not have."""
    tests = ((name, "GLOB" if set("*?[") & set(value) else "=") for name, value in _known(where).items())
    return "".join(f' AND "{name}" {how} ?' for name, how in tests)


def _known(where: Mapping[str, str]) -> Mapping[str, str]:
    for name in where:
        if name not in WHERE:
            message = f"attempts cannot be chosen by {name!r}."
            raise WrongUse(message, f"Known: {', '.join(WHERE)}.")
    return {WHERE[name]: value for name, value in where.items()}


def _fill_new_columns(engine: Engine) -> None:
    """Make ``attempts_now``: books written before fingerprints were known lack their columns."""
    there = set(engine.query("SELECT * FROM attempts LIMIT 0").column_names)
    missing = [column for column in contract("attempts").own if column.name not in there]
    types = {"string": "VARCHAR", "int64": "BIGINT"}
    extra = "".join(f', CAST(NULL AS {types.get(column.type, "VARCHAR")}) AS "{column.name}"' for column in missing)
    engine.view("attempts_now", f"SELECT *{extra} FROM attempts")


def _sum(columns: tuple[str, ...]) -> str:
    """The sum of what was reported; null when none of them was."""
    known = " OR ".join(f"{name} IS NOT NULL" for name in columns)
    return f"CASE WHEN {known} THEN {' + '.join(f'COALESCE({name}, 0)' for name in columns)} END"
