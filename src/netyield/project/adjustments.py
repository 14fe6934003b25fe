"""What later deliveries change in a closed month, posted as dated rows, on every basis and in every currency of the books.

The difference of every leaf between the books as adjusted and as they are now; the amounts of usefulness changes add up to
zero, those of bill corrections to the correction. A report adds the rows of its own basis and currency on the day they were
posted. Asked for in a currency the books hold no money in, it converts those of the project's own currency, each at
the rate of the day it corrects.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from netyield.attribution.capacity import HOUR_US
from netyield.attribution.leaf import LEAF
from netyield.config import Config
from netyield.core.contract import contract
from netyield.core.money import from_pico
from netyield.core.names import DIMENSIONS
from netyield.core.period import Period, iso, micros, posting_period
from netyield.ledger.charges import BASES, pico_sql
from netyield.ledger.close import month_end
from netyield.project import days
from netyield.project.inputs import Shared, gather_each, pick_currency, views
from netyield.project.pinned import job_of, pin
from netyield.store.engine import Engine
from netyield.store.folder import Folder
from netyield.store.manifest import Manifest


def adjust_closed(folder: Folder, config: Config, now: datetime) -> int:
    """Post what changed in closed months since they were last adjusted, as dated rows; returns how many."""
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


def currencies(folder: Folder, manifest: Manifest, config: Config) -> tuple[str, list[str]]:
    """The project's own currency, and all that its books hold money in."""
    engine = Engine(threads=1)
    try:
        views(engine, folder, manifest, "charges", "rate_cards")
        own = pick_currency(engine, config, None)
        held = engine.query("SELECT currency FROM charges UNION SELECT currency FROM rate_cards").column(0).to_pylist()
    finally:
        engine.close()
    return own, sorted({own, *held})


def _differences(
    folder: Folder, before: Manifest, after: Manifest, config: Config, month: Period, now: datetime
) -> list[dict[str, Any]]:
    """Leaf by leaf what the newer books say less what the older said, per day whose inputs changed."""
    held = {currency for manifest in (before, after) for currency in currencies(folder, manifest, config)[1]}
    wanted = [(basis, currency) for basis in BASES for currency in sorted(held)]
    each = [gather_each(folder, manifest, config, wanted) for manifest in (before, after)]
    rows: list[dict[str, Any]] = []
    with days.day_engine() as reused:
        for old, new in zip(*each, strict=True):
            pinned = (pin(folder, before, old), pin(folder, after, new))
            for segment in days.segments(month):
                jobs = [job_of(folder, books, config, segment) for books in pinned]
                if not days.same_inputs(*jobs):
                    paths = [str(days.result(job, reused)["leaves"]) for job in jobs]
                    rows += [
                        _row(leaf, index, segment, new, now, after.number, config.project.tenant)
                        for index, leaf in enumerate(_difference(paths[0], paths[1]))
                    ]
    return rows


def _difference(old: str, new: str) -> list[dict[str, Any]]:
    """Per step, reason and dimensions the money and tokens that ``new`` has and ``old`` has not."""
    names = ", ".join(("step", "reason", *DIMENSIONS))
    quoted = ["read_parquet('" + path.replace("'", "''") + "')" for path in (old, new)]
    engine = Engine(threads=1)
    try:
        found = engine.query(
            f"""SELECT {names}, total(pico) AS pico, CAST(SUM(unit_tokens) AS BIGINT) AS unit_tokens FROM (
                  SELECT {names}, pico, unit_tokens FROM {quoted[1]}
                  UNION ALL SELECT {names}, 0 - pico, 0 - unit_tokens FROM {quoted[0]})
                GROUP BY ALL HAVING total(pico) <> 0 OR SUM(unit_tokens) <> 0 ORDER BY ALL"""
        )
    finally:
        engine.close()
    return list(found.to_pylist())


def _row(
    leaf: dict[str, Any], index: int, day: Period, shared: Shared, now: datetime, number: int, tenant: str
) -> dict[str, Any]:
    """One difference as a row of ``adjustments``."""
    shown = {name: value for name, value in leaf.items() if name != "pico"}
    shown |= {"evidence": "derived", "method": f"adjustment of {day.since:%Y-%m}"}
    return {
        "tenant": tenant,
        "source": "netyield",
        "delivery": f"adjust-{number}",
        "row_number": index,
        "event_key": f"{number}:{shared.basis}:{shared.currency}:{iso(day.since)}:{index}",
        "event_time": now,
        "recorded_at": now,
        "run_id": f"adjust-{number}",
        "posting_period": posting_period(now),
        "for_bucket": day.since,
        "reason": "late_data",
        "leaf": json.dumps(shown, sort_keys=True),
        "basis": shared.basis,
        "currency": shared.currency,
        "amount": from_pico(int(leaf["pico"])),
    }


def add(
    engine: Engine, folder: Folder, manifest: Manifest, config: Config, window: Period, shared: Shared
) -> None:
    """Add the differences posted in the window to ``all_leaves``, on the hour they were posted; they are ``adjusted``."""
    segments = folder.segments(manifest, "adjustments", window.since, window.until)
    engine.parquet("adjustments", "adjustments", folder.paths(segments))
    own, held = currencies(folder, manifest, config) if segments else (shared.currency, [shared.currency])
    posted = shared.currency if shared.currency in held else own
    rows = engine.query(
        f"""SELECT micros(event_time) AS t, CAST(for_bucket AS DATE) AS day, leaf, CAST({pico_sql("amount")} AS DECIMAL(38,0)) AS pico
            FROM adjustments WHERE basis = ? AND currency = ?
              AND micros(event_time) >= {micros(window.since)} AND micros(event_time) < {micros(window.until)}
            ORDER BY event_key""",
        [shared.basis, posted],
    ).to_pylist()
    leaves = []
    for row in rows:
        pico = shared.rates.convert(int(row["pico"]), posted, shared.currency, row["day"].isoformat())
        if pico is None:
            shared.other_currencies[posted] = shared.other_currencies.get(posted, 0) + int(row["pico"])
            continue
        blank = {f.name: "" if pa.types.is_string(f.type) else 0 for f in LEAF}
        posted_at = {"hour_us": row["t"] // HOUR_US * HOUR_US, "pico": pico, "currency": shared.currency}
        leaves.append(blank | json.loads(row["leaf"]) | posted_at)
    engine.register("adjusted", pa.Table.from_pylist(leaves, schema=LEAF))
    engine.run(
        "CREATE OR REPLACE TEMP TABLE all_leaves AS SELECT * FROM all_leaves UNION ALL BY NAME SELECT * FROM adjusted"
    )
