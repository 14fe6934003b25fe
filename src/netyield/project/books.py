"""Opens the books of a window: every day's result, the control totals, the filter.

A closed month is read from the manifest that closed it; what later deliveries changed in it (adjustments.py) is added on
the day it was posted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.books import Books, Query, time_sql
from netyield.attribution import paid
from netyield.attribution.coverage import UNBILLED
from netyield.config import Config
from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, aggregate
from netyield.core.money import from_pico
from netyield.core.names import DIMENSION_ALIASES, DIMENSIONS
from netyield.core.period import Period, iso, month_of
from netyield.ledger import charges as charge_room
from netyield.ledger import conserve
from netyield.ledger.close import month_end
from netyield.project import adjustments, bridge, days
from netyield.project.findings import from_record, of_books
from netyield.project.inputs import Shared, declared_pools, gather, views
from netyield.project.pinned import job_of, pin
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
    pinned = {manifest.number: pin(folder, manifest, shared)}
    with days.day_engine() as reused:
        for segment in days.segments(window):
            if progress is not None:
                progress(f"attributing {segment.since:%Y-%m-%d}", 1)
            closed = manifest.closed.get(month_of(segment.since.date()))
            number = int(closed["manifest"]) if closed else manifest.number
            if number not in pinned:
                old = folder.manifest_number(number)
                pinned[number] = pin(folder, old, gather(folder, old, config, basis, shared.currency))
            job = job_of(folder, pinned[number], config, segment)
            for name, path in days.result(job, reused).items():
                files[name].append(str(path))
    engine = Engine()
    for name, paths in files.items():
        _union(engine, name, paths)
    adjustments.add(engine, folder, manifest, config, window, shared)
    totals = _control(engine, shared, window, manifest)
    return engine, shared, totals


def _union(engine: Engine, name: str, paths: list[str]) -> None:
    listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
    engine.keep(
        f"all_{name}" if name == "leaves" else name, f"SELECT * FROM read_parquet([{listed}], union_by_name = true)"
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
        if name not in (*DIMENSIONS, "step", "day", "month"):
            message = f"--where {word}: there is no dimension {word!r}."
            raise WrongUse(message, f"Known: {', '.join((*DIMENSIONS, 'step', 'day', 'month'))}.")
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


__all__ = ["open_books", "raw_engine"]
