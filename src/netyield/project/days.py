"""One day of books, computed once: ledger to attribution to usefulness to leaves, kept under the hash of its inputs.

Late data or a changed rule gives a day another hash and so recomputes that day and no other. The result is a handful
of small Parquet files per day under ``derived/``; they can be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from netyield import __version__
from netyield.attribution import coverage, pricing, reconcile, replica_hours
from netyield.attribution import run as attribution
from netyield.attribution.coverage import ApiBills
from netyield.attribution.statements import code_hash
from netyield.config import Config
from netyield.core.period import DAY, HOUR, Period, iso, micros, midnight
from netyield.ledger import conserve
from netyield.project import quiet_days
from netyield.project.inputs import Shared, cards_on
from netyield.project.kept import kept
from netyield.project.later_retries import later_retries
from netyield.project.prices import Prices
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest, Segment, inputs_key
from netyield.store.reused import KEEP_BYTES, ReusedEngine
from netyield.usefulness import judge, leaves
from netyield.usefulness.policy import policy_hash

DAY_TABLES = ("gpu_samples", "gpu_owners", "gpu_slices", "capacity_samples", "engine_samples", "attempts", "outcomes")
RESULTS = ("leaves", "fleet", "activity", "signal_values", "reconciliation", "methods", "spreads", "replica_hours")
# A capacity or owner row may stand for up to a day; the previous day's rows are carried in.
CARRY = timedelta(days=1)


@dataclass(frozen=True)
class DayJob:
    """Everything one day's result depends on."""

    folder: Folder
    manifest: Manifest
    config: Config
    shared: Shared
    prices: Prices
    segment: Period
    api_bills: ApiBills


def day_engine() -> ReusedEngine:
    """What ``result`` computes one day after the other with; close it."""
    return ReusedEngine(lambda: Engine(keep_bytes=KEEP_BYTES))


def result(job: DayJob, reused: ReusedEngine) -> dict[str, Path]:
    """The result files of a day, computed now or found. Written atomically, so that two processes may race."""
    key = _key(job)
    day = job.segment.since.strftime("%Y-%m-%d")
    paths = {name: job.folder.derived_path(name, day, key) for name in RESULTS}
    if all(path.exists() for path in paths.values()):
        return paths
    return {name: kept(table, paths[name]) for name, table in compute(job, reused).items()}


def same_inputs(one: DayJob, other: DayJob) -> bool:
    """Would both give the same result? Asked before anything is computed."""
    return _key(one) == _key(other)


def _digest(table: pa.Table) -> str:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()


def _key(job: DayJob) -> str:
    """The identity of a day's inputs: its raw segments, what the day before carries in, and what is shared, clipped to it."""
    segments = [s for table in DAY_TABLES for s in _segments(job, table, _seen(job, table))]
    owners = _day_owners(job)
    settings = job.config.model_dump(
        mode="json", include={"pool", "workload", "capacity", "attribution", "usefulness", "attestation"}
    )
    parts = [
        __version__,
        code_hash(),
        iso(job.segment.since),
        iso(job.segment.until),
        job.shared.basis,
        job.shared.currency,
        inputs_key(segments),
        policy_hash(job.config.usefulness, job.config.attestation),
        json.dumps(settings, sort_keys=True, default=str),
        _digest(_groups_of(job)),
        _digest(_clipped(job.shared.extents, job.segment, "first_us", "last_us")),
        _digest(_clipped(job.shared.count_extents, job.segment, "t", "until_us")),
        _digest(job.shared.device_pools),
        _digest(_present_owners(job, owners)),
        str(_owner_pools(job, owners)),
        _carried(job),
        json.dumps(_cards(job), sort_keys=True, default=str),
        _digest(_billed(job)),
        job.prices.digest(job.segment),
        str(_api_logged(job)),
        _digest(later_retries(job.folder, job.manifest, job.segment.until)),
        json.dumps([dict(job.api_bills.words), sorted(job.api_bills.models), job.api_bills.any_call], sort_keys=True),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _cards(job: DayJob) -> list[dict[str, Any]]:
    return cards_on(job.shared, job.segment.since.date().isoformat())


def _billed(job: DayJob) -> pa.Table:
    """When the bill pays for pools; nobody asks where there is no rate card."""
    clipped = _clipped(job.shared.billed, job.segment, "since_us", "until_us")
    return clipped if job.shared.cards else clipped.slice(0, 0)


def _api_logged(job: DayJob) -> bool:
    """Does a request log of API calls cover the day, be it with none?"""
    lo, hi = micros(job.segment.since), micros(job.segment.until)
    return any(first < hi and last >= lo for first, last in job.shared.api_traffic)


def _groups_of(job: DayJob) -> pa.Table:
    lo, hi = micros(job.segment.since) // 1_000_000, micros(job.segment.until) // 1_000_000
    groups = job.shared.groups
    mask = pc.and_(pc.less(groups.column("start_s"), hi), pc.greater(groups.column("end_s"), lo))
    found = groups.filter(mask).drop_columns(["group_id"])
    return found.sort_by(
        [(name, "ascending") for name in found.column_names if name not in {"pico", "gpu_us", "tokens"}]
    )


def _clipped(table: pa.Table, segment: Period, start: str, end: str) -> pa.Table:
    """Rows that touch the segment, with times clipped to it: a device that lives on does not change an old day."""
    lo, hi = micros(segment.since), micros(segment.until)
    mask = pc.and_(pc.less(table.column(start), hi), pc.greater(table.column(end), lo))
    rows = table.filter(mask)
    for name in rows.column_names:
        if name in {start, end, "last_t"} and rows.num_rows:
            clipped = pc.max_element_wise(pc.min_element_wise(rows.column(name), pa.scalar(hi)), pa.scalar(lo))
            rows = rows.set_column(rows.column_names.index(name), name, clipped)
    return rows


def _segments(job: DayJob, table: str, period: Period) -> list[Segment]:
    return job.folder.segments(job.manifest, table, period.since, period.until)


def _seen(job: DayJob, table: str) -> Period:
    """What of a table a window must see to judge as its whole day does: an outage is a rule of the day, the signal a device
    is judged by one of the hour."""
    if table == "capacity_samples":
        start = midnight(job.segment.since)
        return Period(start, max(start + DAY, job.segment.until))
    if table == "gpu_samples":
        start = job.segment.since.replace(minute=0, second=0, microsecond=0)
        end = job.segment.until.replace(minute=0, second=0, microsecond=0)
        return Period(start, end if end == job.segment.until else end + HOUR)
    return job.segment


def _before(job: DayJob, table: str = "") -> Period:
    since = _seen(job, table).since
    return Period(since - CARRY, since)


def _carried(job: DayJob) -> str:
    """The identity of what the day before carries in; kept, because finding it reads that whole day."""
    segments = [s for table in DAY_TABLES for s in _segments(job, table, _before(job, table))]
    if not segments:
        return ""
    known = hashlib.sha256(f"{inputs_key(segments)} {iso(job.segment.since)} {_CARRIED}".encode()).hexdigest()
    path = job.folder.derived_path("carried", job.segment.since.strftime("%Y-%m-%d"), known).with_suffix(".txt")
    if path.exists():
        return path.read_text(encoding="utf-8")
    engine = Engine()
    try:
        parts = []
        for table in DAY_TABLES:
            lo = micros(_seen(job, table).since)
            engine.parquet(f"{table}_raw", table, job.folder.paths(_segments(job, table, _before(job, table))))
            rows = engine.query(
                f"SELECT * EXCLUDE (recorded_at, run_id, delivery, row_number) FROM {table}_raw WHERE {_CARRIED[table].format(lo=lo)} ORDER BY ALL"
            )
            parts.append(_digest(rows))
    finally:
        engine.close()
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    with contextlib.suppress(PermissionError):  # who may only read finds it anew
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(digest, encoding="utf-8")
        temporary.replace(path)
    return digest


# Which rows of the day before still stand at midnight: readings by their hold, attempts that were still running; of a
# counter the last reading, however old: it grew on while nobody looked.
_SERIES = "replica, COALESCE(namespace, ''), metric, COALESCE(model, ''), COALESCE(labels, '')"
_COUNTED = f"kind <> 'gauge' AND micros(event_time) < {{lo}} AND micros(event_time) >= {{lo}} - {CARRY // timedelta(microseconds=1)}"
_LAST_COUNT = (
    f"{_COUNTED} AND ({_SERIES}, event_time) IN"
    f" (SELECT ({_SERIES}, MAX(event_time)) FROM engine_samples_raw WHERE {_COUNTED} GROUP BY {_SERIES})"
)
_STANDS = "micros(event_time) < {lo} AND micros(event_time) + hold_us > {lo}"
_RUNS = "micros(event_time) < {lo} AND micros(end_time) > {lo}"
_CARRIED = dict.fromkeys(("gpu_samples", "gpu_owners", "gpu_slices", "capacity_samples", "engine_samples"), _STANDS) | {
    "engine_samples": f"({_STANDS}) OR ({_LAST_COUNT})",
    "attempts": _RUNS,
    "outcomes": "attempt_key IN (SELECT event_key FROM attempts_raw WHERE " + _RUNS + ")",
}


def _day_owners(job: DayJob) -> pa.Table:
    """device, owner of everybody who held something on the UTC day or the one before, however the window cuts it."""
    day = Period(midnight(job.segment.since) - CARRY, midnight(job.segment.since) + DAY)
    engine = Engine(threads=1)
    try:
        engine.parquet("gpu_owners", "gpu_owners", job.folder.paths(_segments(job, "gpu_owners", day)))
        return engine.query("SELECT DISTINCT device_id AS device, owner FROM gpu_owners WHERE owner <> '' ORDER BY ALL")
    finally:
        engine.close()


def _present_owners(job: DayJob, owners: pa.Table) -> pa.Table:
    """Facts of the owners that hold something on that day (a job's state may be recorded later)."""
    facts = job.shared.owner_facts
    return facts.filter(pc.is_in(facts.column("owner"), pc.unique(owners.column("owner"))))


def _owner_pools(job: DayJob, owners: pa.Table) -> list[tuple[str, str]]:
    """(pool, owner) pairs of the day."""
    pools = dict(
        zip(
            job.shared.device_pools.column("device").to_pylist(),
            job.shared.device_pools.column("pool").to_pylist(),
            strict=True,
        )
    )
    return sorted({(pools[r["device"]], r["owner"]) for r in owners.to_pylist() if r["device"] in pools})


def compute(job: DayJob, reused: ReusedEngine) -> dict[str, pa.Table]:
    """Attribute, judge and fold one day; refuses to return unless its money is conserved to the pico-unit."""
    if _SHAPES and _is_quiet(job):
        return _compute_quiet(job)
    results = compute_whole(job, reused)
    _SHAPES.update({name: table.schema for name, table in results.items()})
    return results


# What the whole path returns, learnt from its first run in this process; quiet days return the same shapes.
_SHAPES: dict[str, pa.Schema] = {}


def _is_quiet(job: DayJob) -> bool:
    """Nothing but the bill speaks of the day: no telemetry, no request log, no rate card, no provisioned pool."""
    raw = any(_segments(job, table, Period(_before(job, table).since, _seen(job, table).until)) for table in DAY_TABLES)
    return not raw and not job.shared.cards and not _api_logged(job) and all(rule.kind == "gpu" for rule in job.config.pool)


def _numbered_groups(job: DayJob) -> pa.Table:
    groups = _groups_of(job)
    return groups.append_column("group_id", pa.array(range(groups.num_rows), pa.int64()))


def _compute_quiet(job: DayJob) -> dict[str, pa.Table]:
    engine = Engine(threads=1)
    try:
        groups = _numbered_groups(job)
        billed = groups.filter(pc.equal(groups.column("step"), "api"))
        quiet_days.leaves(engine, groups, job.segment, job.shared.currency, job.prices.one_names(billed))
        _check_sum(engine, job, engine.scalar("SELECT COALESCE(total(pico), 0) FROM pieces"), "all_leaves")
        return quiet_days.tables(engine, job.segment, _SHAPES, _FOLD)
    finally:
        engine.close()


def compute_whole(job: DayJob, reused: ReusedEngine) -> dict[str, pa.Table]:
    """One day through every room."""
    with reused.emptied() as engine:
        _load(engine, job)
        inputs = attribution.Inputs(
            currency=job.shared.currency,
            groups=_numbered_groups(job),
            cards=_cards(job),
            device_pools=job.shared.device_pools,
            extents=_clipped(job.shared.extents, job.segment, "first_us", "last_us"),
            count_extents=_clipped(job.shared.count_extents, job.segment, "t", "until_us"),
            owner_facts=job.shared.owner_facts,
            owner_pools=_owner_pools(job, _day_owners(job)),
            billed=_billed(job),
            later_retries=later_retries(job.folder, job.manifest, job.segment.until),
            pool_rules=job.config.pool,
            capacity=job.config.capacity,
            attribution=job.config.attribution,
        )
        attribution.run(engine, inputs, job.segment)
        canonical = job.prices.price(engine, job.shared.currency)
        judge.run(engine, job.config.usefulness, job.config.attestation, job.segment.since.date())
        coverage.mark(engine, job.api_bills, canonical)
        leaves.run(engine, job.segment, job.shared.currency)
        reconcile.run(engine, job.segment, job.shared.currency, canonical, logged=_api_logged(job))
        replica_hours.run(engine, job.segment, job.config.attribution)
        return _results(engine, job)


def _load(engine: Engine, job: DayJob) -> None:
    """The day's rows, and those of the day before that still stand at its start, as views."""
    for table in DAY_TABLES:
        seen = _seen(job, table)
        lo, hi = micros(seen.since), micros(seen.until)
        paths = job.folder.paths(_segments(job, table, Period(_before(job, table).since, seen.until)))
        engine.parquet(f"{table}_raw", table, paths)
        when = "micros(COALESCE(attempt_time, event_time))" if table == "outcomes" else "micros(event_time)"
        engine.run(
            f"CREATE OR REPLACE TEMP VIEW {table} AS SELECT * FROM {table}_raw "
            f"WHERE ({when} >= {lo} AND {when} < {hi}) OR ({_CARRIED[table].format(lo=lo)})"
        )


def _results(engine: Engine, job: DayJob) -> dict[str, pa.Table]:
    engine.view("all_leaves", "SELECT * FROM leaves_capacity UNION ALL SELECT * FROM leaves_attempts UNION ALL SELECT * FROM leaves_api")
    folded = engine.query(_FOLD)
    engine.register("folded_leaves", folded)
    _check(engine, job)
    return {
        "leaves": folded,
        "fleet": engine.query("SELECT * FROM fleet ORDER BY ALL"),
        "activity": engine.query("SELECT * FROM activity ORDER BY ALL"),
        "signal_values": engine.query("SELECT * FROM signal_values ORDER BY ALL"),
        "reconciliation": engine.query("SELECT * FROM reconciliation ORDER BY ALL"),
        "methods": engine.query(
            "SELECT w.*, s.pool, s.serving FROM serving_weights w JOIN servings s ON w.serving_id = s.serving_id ORDER BY ALL"
        ),
        "spreads": engine.query("SELECT * FROM spreads ORDER BY ALL"),
        "replica_hours": replica_hours.table(engine),
    }


# Additive roll-up: everything that shares hour and dimensions is one leaf.
_FOLD = """
SELECT * REPLACE (CAST(pico AS DECIMAL(38,0)) AS pico) FROM (
SELECT hour_us, currency, step, reason, scope, provider, service, account, pool, device, owner, model, team, app, customer,
       evidence, method, total(pico) AS pico, CAST(SUM(gpu_us) AS BIGINT) AS gpu_us, CAST(SUM(attempts) AS BIGINT) AS attempts,
       CAST(SUM(answers) AS BIGINT) AS answers, CAST(SUM(unit_tokens) AS BIGINT) AS unit_tokens,
       CAST(SUM(COLUMNS('^(in|out)_')) AS BIGINT)
FROM all_leaves GROUP BY ALL)
ORDER BY hour_us, currency, step, reason, scope, provider, service, account, pool, device, owner, model, team, app, customer, evidence, method
"""


def _check(engine: Engine, job: DayJob) -> None:
    """What the charges, the rate card and (without a bill) the price list brought in is what the leaves hold."""
    given = engine.scalar("SELECT COALESCE(total(pico), 0) FROM pieces") + engine.scalar(
        "SELECT COALESCE(total(pico), 0) FROM paid WHERE line_id = 'rate card'"
    )
    given += engine.scalar(
        f"""SELECT COALESCE(total(p.cost_pico), 0) FROM priced p JOIN attempts_in a ON p.attempt_id = a.attempt_id
            JOIN unbilled u ON a.provider = u.provider AND a.model = u.model
            WHERE p.priced AND a.serving_id IS NULL AND a.t >= {micros(job.segment.since)} AND a.t < {micros(job.segment.until)}"""
    )
    _check_sum(engine, job, given, "folded_leaves")


def _check_sum(engine: Engine, job: DayJob, given: Decimal, leaves: str) -> None:
    held = engine.scalar(f"SELECT COALESCE(total(pico), 0) FROM {leaves}")
    currency = job.shared.currency
    conserve.check(f"the day {iso(job.segment.since)}", {currency: Decimal(given)}, {currency: Decimal(held)})


def segments(window: Period) -> list[Period]:
    """The UTC days of a window, clipped to it."""
    return list(window.days())


__all__ = ["DAY", "DayJob", "compute", "pricing", "result", "segments"]
