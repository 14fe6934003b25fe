"""Opens the books of a window: every day's result, the control totals, the filter; and posts into closed months.

A closed month is read from the manifest that closed it; what later deliveries changed in it stands in ``adjustments``
and is added on the day it was posted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from netyield.answers.books import Books, Query, time_sql
from netyield.attribution import paid
from netyield.attribution.capacity import HOUR_US
from netyield.attribution.coverage import UNBILLED, ApiBills, api_bills
from netyield.attribution.leaf import DIMENSION_COLUMNS, LEAF
from netyield.config import Config
from netyield.core.contract import contract
from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, aggregate
from netyield.core.money import from_pico
from netyield.core.names import DIMENSION_ALIASES
from netyield.core.period import Period, iso, micros, month_of, posting_period
from netyield.ledger import charges as charge_room
from netyield.ledger import conserve
from netyield.ledger.close import month_end
from netyield.project import bridge, days
from netyield.project.findings import from_record, of_books
from netyield.project.inputs import Shared, declared_pools, gather, rates_of, views
from netyield.project.prices import Prices
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest
from netyield.usefulness.policy import VERSION, policy_hash

Progress = Callable[[str, int], None]


def open_books(
    folder: Folder,
    manifest: Manifest,
    config: Config,
    window: Period,
    query: Query,
    findings: list[Finding],
    progress: Progress | None,
) -> Books:
    """Leaves of the window in a fresh engine, filtered by the query's ``where``."""
    engine, shared, totals = _window(folder, manifest, config, window, query.basis, query.currency, progress)
    told = [from_record(entry) for record in manifest.deliveries.values() for entry in record.findings]
    notes = aggregate([*told, *findings, *shared.findings, *of_books(engine, shared, window, config)])
    _filter(engine, query.where, config.project.timezone)
    asked = query.as_of or iso(manifest.recorded_at)
    settings = {
        "active_above": config.capacity.active_above,
        "coverage_floor": config.usefulness.coverage_floor,
        "loaded_rule": config.attribution.loaded_rule,
        "serving": config.serving.model_dump(),
        "policy": _policy(config),
        "other_currencies": {n: from_pico(p) for n, p in sorted(shared.other_currencies.items())},
        "scopes": shared.scopes,
        "pools": shared.pools,
        "unclassified": shared.unclassified,
    }
    return Books(
        engine=engine,
        window=window,
        currency=shared.currency,
        basis=query.basis,
        as_of=asked,
        timezone=config.project.timezone,
        query=query,
        bill=totals,
        settings=settings,
        findings=tuple(notes),
    )


def _policy(config: Config) -> str:
    return f"{VERSION} {policy_hash(config.usefulness, config.attestation)}"


def _window(
    folder: Folder,
    manifest: Manifest,
    config: Config,
    window: Period,
    basis: str,
    currency: str | None,
    progress: Progress | None,
) -> tuple[Engine, Shared, dict[str, Any]]:
    shared = gather(folder, manifest, config, basis, currency)
    files: dict[str, list[str]] = {name: [] for name in days.RESULTS}
    pinned = {manifest.number: _pin(folder, manifest, shared)}
    for segment in days.segments(window):
        if progress is not None:
            progress(f"attributing {segment.since:%Y-%m-%d}", 1)
        closed = manifest.closed.get(month_of(segment.since.date()))
        number = int(closed["manifest"]) if closed else manifest.number
        if number not in pinned:
            old = folder.manifest_number(number)
            pinned[number] = _pin(folder, old, gather(folder, old, config, basis, shared.currency))
        job = _job(folder, pinned[number], config, segment)
        for name, path in days.result(job).items():
            files[name].append(str(path))
    engine = Engine()
    for name, paths in files.items():
        _union(engine, name, paths)
    _add_adjustments(engine, folder, manifest, window, basis, shared.currency)
    totals = _control(engine, shared, window, manifest)
    return engine, shared, totals


def _job(folder: Folder, books: _Pinned, config: Config, segment: Period) -> days.DayJob:
    return days.DayJob(folder, books.manifest, config, books.shared, books.prices, segment, books.api_bills)


class _Pinned(NamedTuple):
    """What the days of one manifest share."""

    manifest: Manifest
    shared: Shared
    prices: Prices
    api_bills: ApiBills


def _pin(folder: Folder, manifest: Manifest, shared: Shared) -> _Pinned:
    prices = _prices(folder, manifest)
    api = shared.groups.filter(pc.equal(shared.groups.column("step"), "api")).group_by(["provider", "model"]).aggregate([])
    lines = zip(*(api.column(name).to_pylist() for name in ("provider", "model")), strict=True)
    return _Pinned(manifest, shared, prices, api_bills(lines, prices.one_names(api)))


def _prices(folder: Folder, manifest: Manifest) -> Prices:
    engine = Engine(threads=1)
    try:
        views(engine, folder, manifest, "model_prices", "fx_rates")
        columns = ", ".join(contract("model_prices").source_schema.names)
        booked = engine.query(f"SELECT {columns} FROM model_prices ORDER BY price_id")
        rates = rates_of(engine)
    finally:
        engine.close()
    return Prices(booked.cast(contract("model_prices").source_schema), rates)


def _union(engine: Engine, name: str, paths: list[str]) -> None:
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    engine.keep(
        f"all_{name}" if name == "leaves" else name, f"SELECT * FROM read_parquet([{listed}], union_by_name = true)"
    )


def _add_adjustments(
    engine: Engine, folder: Folder, manifest: Manifest, window: Period, basis: str, currency: str
) -> None:
    """Differences posted in the window for closed months, as leaves of the hour they were posted."""
    engine.parquet(
        "adjustments", "adjustments", folder.paths(folder.segments(manifest, "adjustments", window.since, window.until))
    )
    rows = engine.query(
        f"""SELECT micros(event_time) AS t, leaf, CAST({charge_room.pico_sql("amount")} AS DECIMAL(38,0)) AS pico FROM adjustments
            WHERE basis = ? AND currency = ? AND micros(event_time) >= {micros(window.since)} AND micros(event_time) < {micros(window.until)}
            ORDER BY event_key""",
        [basis, currency],
    ).to_pylist()
    leaves = []
    for row in rows:
        leaf = json.loads(row["leaf"])
        blank = {f.name: "" if pa.types.is_string(f.type) else 0 for f in LEAF}
        leaves.append(
            blank | leaf | {"hour_us": row["t"] // HOUR_US * HOUR_US, "pico": row["pico"], "currency": currency}
        )
    engine.register("adjusted", pa.Table.from_pylist(leaves, schema=LEAF))
    engine.run(
        "CREATE OR REPLACE TEMP TABLE all_leaves AS SELECT * FROM all_leaves UNION ALL BY NAME SELECT * FROM adjusted"
    )


def _control(engine: Engine, shared: Shared, window: Period, manifest: Manifest) -> dict[str, Any]:
    """What the window's charges add up to before any split; checked against the leaves, in production."""
    paid.cut_groups(engine, shared.groups, window)
    bill = Decimal(engine.scalar("SELECT COALESCE(total(pico), 0) FROM pieces"))
    tables = "SELECT COALESCE(total(pico), 0) FROM all_leaves WHERE "
    carded = Decimal(engine.scalar(tables + "provider = 'rate card'"))
    listed = Decimal(engine.scalar(tables + f"method = '{UNBILLED}'"))
    adjusted = Decimal(engine.scalar("SELECT COALESCE(total(pico), 0) FROM adjusted"))
    held = Decimal(engine.scalar("SELECT COALESCE(total(pico), 0) FROM all_leaves"))
    closed = any(_overlaps(month, window) for month in manifest.closed)
    if closed:
        # The days of a closed month hold what its own manifest billed, not what the newest one bills.
        bill = held - carded - listed - adjusted
    else:
        conserve.check("the report", {shared.currency: bill + carded + listed + adjusted}, {shared.currency: held})
    bridged = bridge.lines(shared.bridge, window, from_pico(int(bill))) if shared.bridge else {}
    return {
        **bridged,
        "bill": from_pico(int(bill)),
        "rate_card": from_pico(int(carded)),
        "list_estimate": from_pico(int(listed)),
        "adjustments": from_pico(int(adjusted)),
        "total": from_pico(int(held)),
    }


def _overlaps(month: str, window: Period) -> bool:
    start = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
    return start < window.until and month_end(month) > window.since


def _filter(engine: Engine, where: Mapping[str, str], zone: str) -> None:
    """``leaves``: the rows that match every key=value (values may be globs)."""
    tests = []
    values = []
    for word, value in where.items():
        name = DIMENSION_ALIASES.get(word, word)
        if name not in (*DIMENSION_COLUMNS, "step", "day", "month"):
            message = f"--where {word}: there is no dimension {word!r}."
            raise WrongUse(message, f"Known: {', '.join((*DIMENSION_COLUMNS, 'step', 'day', 'month'))}.")
        tests.append(
            f"{time_sql(name, zone)} GLOB ?" if any(c in value for c in "*?[") else f"{time_sql(name, zone)} = ?"
        )
        values.append(value)
    engine.register(
        "leaves_selected", engine.query(f"SELECT * FROM all_leaves WHERE {' AND '.join(tests) or 'TRUE'}", values)
    )
    engine.keep("leaves", "SELECT * FROM leaves_selected")


def raw_engine(folder: Folder, manifest: Manifest, config: Config, books: Books) -> Engine:
    """Raw rows and labelled charges of the books' window, for ``explain``."""
    engine = Engine()
    views(
        engine,
        folder,
        manifest,
        "charges",
        "gpu_samples",
        "gpu_owners",
        "capacity_samples",
        "attempts",
        "outcomes",
        "rate_cards",
    )
    charge_room.label(engine, books.basis, config.scope, config.pool, declared_pools(engine))
    names = {record.hash: record.name for record in manifest.deliveries.values()}
    engine.register(
        "deliveries",
        pa.table({"delivery": pa.array(list(names), pa.string()), "file": pa.array(list(names.values()), pa.string())}),
    )
    shared = gather(folder, manifest, config, books.basis, books.currency)
    engine.register("device_pools", shared.device_pools)
    return engine


def adjust_closed(folder: Folder, config: Config, now: datetime) -> int:
    """Post what changed in closed months since they were last adjusted, as dated rows; returns how many.

    The difference of every leaf between the books as adjusted and as they are now; the amounts of usefulness changes add
    up to zero, those of bill corrections to the correction.
    """
    manifest = folder.manifest()
    months = {m: c for m, c in manifest.closed.items() if int(c["adjusted_to"]) < manifest.number}
    rows: list[dict[str, Any]] = []
    for month, closed in sorted(months.items()):
        start = datetime.fromisoformat(f"{month}-01").replace(tzinfo=UTC)
        before = folder.manifest_number(int(closed["adjusted_to"]))
        rows += _differences(folder, before, manifest, config, Period(start, month_end(month)), now)
    if not months:
        return 0
    with folder.writer() as writer:
        if rows:
            schema = contract("adjustments").schema
            writer.write_segments(
                "adjustments", pa.Table.from_pylist(rows, schema=schema), f"adjust-{manifest.number}", None
            )
        number = writer.manifest.number + 1
        writer.commit(
            closed={m: {"manifest": int(c["manifest"]), "adjusted_to": number} for m, c in months.items()},
            recorded_at=now,
        )
    return len(rows)


def _differences(
    folder: Folder, before: Manifest, after: Manifest, config: Config, month: Period, now: datetime
) -> list[dict[str, Any]]:
    """Leaf by leaf what the newer books say less what the older said, per day whose inputs changed."""
    rows: list[dict[str, Any]] = []
    old, new = (gather(folder, m, config, "effective", None) for m in (before, after))
    pinned = (_pin(folder, before, old), _pin(folder, after, new))
    for segment in days.segments(month):
        paths = [
            days.result(_job(folder, books, config, segment))["leaves"]
            for books in pinned
        ]
        if paths[0] == paths[1]:
            continue
        rows += _difference(str(paths[0]), str(paths[1]), segment, new.currency, now, after.number)
    return rows


def _difference(old: str, new: str, segment: Period, currency: str, now: datetime, number: int) -> list[dict[str, Any]]:
    engine = Engine(threads=1)
    try:
        names = ("step", "reason", *DIMENSION_COLUMNS)
        engine.register("pair", pa.table({"path": [old, new]}))
        old_sql, new_sql = (f"read_parquet('{p.replace(chr(39), chr(39) * 2)}')" for p in (old, new))
        found = engine.query(
            f"""SELECT {", ".join(names)}, total(pico) AS pico, CAST(SUM(unit_tokens) AS BIGINT) AS unit_tokens FROM (
                  SELECT {", ".join(names)}, pico, unit_tokens FROM {new_sql}
                  UNION ALL SELECT {", ".join(names)}, 0 - pico, 0 - unit_tokens FROM {old_sql})
                GROUP BY ALL HAVING total(pico) <> 0 OR SUM(unit_tokens) <> 0 ORDER BY ALL"""
        ).to_pylist()
    finally:
        engine.close()
    rows = []
    for index, row in enumerate(found):
        pico = int(row.pop("pico"))
        key = f"{number}:{iso(segment.since)}:{index}"
        rows.append(
            {
                "tenant": "default",
                "source": "netyield",
                "delivery": f"adjust-{number}",
                "row_number": index,
                "event_key": key,
                "event_time": now,
                "recorded_at": now,
                "run_id": f"adjust-{number}",
                "posting_period": posting_period(now),
                "for_bucket": segment.since,
                "reason": "late_data",
                "leaf": json.dumps(
                    {**row, "evidence": "derived", "method": f"adjustment of {segment.since:%Y-%m}"}, sort_keys=True
                ),
                "basis": "effective",
                "currency": currency,
                "amount": from_pico(pico),
            }
        )
    return rows


__all__ = ["adjust_closed", "open_books", "raw_engine"]
