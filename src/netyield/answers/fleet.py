"""What did every pool's GPUs do? Paid hours by capacity state, activity, and how the signal was distributed."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from netyield.answers import unfilled
from netyield.answers.answer import Answer, AnswerColumn
from netyield.answers.books import Books
from netyield.answers.measures import CAPACITY_WORDS, HOUR_US, capacity_filter, ratio
from netyield.attribution.ladder import LADDER
from netyield.core.money import MONEY, from_pico, text
from netyield.core.period import from_micros, iso

STATES = ("down", "unallocated", "fragmented", "starting", "idle", "idle_held", "active", "unknown")
COLUMNS = (
    AnswerColumn("pool", "text", "", "Pool"),
    AnswerColumn("amount", "money", "currency", "What its capacity cost"),
    AnswerColumn("gpu_hours_paid", "hours", "GPU-hours", "GPU time paid for"),
    AnswerColumn("gpu_hours_allocated", "hours", "GPU-hours", "GPU time somebody held; empty = no source says"),
    AnswerColumn("activity_low", "share", "of paid time", "Mean activity with unknown time counted as nothing"),
    AnswerColumn("activity_high", "share", "of paid time", "Mean activity with unknown time counted as full"),
    AnswerColumn("signal", "text", "", "Best rung of the signal ladder"),
    AnswerColumn("median_signal", "share", "of full", "Median of the signal over observed time"),
    AnswerColumn("mean_signal", "share", "of full", "Mean of the signal over observed time"),
    AnswerColumn("share_at_zero", "share", "of observed time", "Observed time at exactly zero"),
    *(AnswerColumn(f"hours_{state}", "hours", "GPU-hours", f"Paid time {state.replace('_', ' ')}") for state in STATES),
)
HEAT_COLUMNS = (
    AnswerColumn("pool", "text", "", "Pool"),
    AnswerColumn("device", "text", "", "Device, first to last of a group, or the pool where only counts are known"),
    AnswerColumn("hour", "time", "UTC", "Start of the hour, or of several"),
    AnswerColumn("active_share", "share", "of the time", "Active time; empty = unknown"),
    AnswerColumn("state", "text", "", "State that took most of the time"),
    AnswerColumn("gpu_hours", "hours", "GPU-hours", "Paid time"),
    AnswerColumn("amount", "money", "currency", "Money of the time"),
    AnswerColumn("until", "time", "UTC", "End of the time"),
    AnswerColumn("devices", "number", "", "Devices together in one row of the map"),
)
# More cells of one pool than this cannot be read, and more rows do not fit a page: hours and devices are merged.
HEAT_CELLS = 4_000
HEAT_ROWS = 64
HEAT_STEPS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 72, 168)


def answer(books: Books) -> Answer:
    """Capacity per pool, a heat map per device and hour (merged where there are too many), and what was unfilled of the
    active money (an annotation)."""
    rows = [_row(books, pool) for pool in _pools(books)]
    heat = _heat(books)
    free = unfilled.rows(books)
    paid = sum(r["gpu_hours_paid"] for r in rows)
    idle = sum(r["hours_idle"] + r["hours_idle_held"] + r["hours_unallocated"] for r in rows)
    unknown = sum(r["hours_unknown"] for r in rows)
    sentence = f"{len(rows)} {'pool' if len(rows) == 1 else 'pools'}, {paid:,.1f} GPU-hours paid, "
    if paid and unknown >= paid:
        sentence += "all of them unknown."
    else:
        sentence += f"{idle:,.1f} of them idle or unallocated" + (f", {unknown:,.1f} unknown." if unknown else ".")
    body = {
        "answer": "fleet",
        "as_of": books.as_of,
        "window": {"since": iso(books.window.since), "until": iso(books.window.until)},
        "currency": books.currency,
        "basis": books.basis,
        "active_above": books.settings["active_above"],
        "rows": [r | {"amount": text(r["amount"])} for r in rows],
        "annotations": {"unfilled_capacity": unfilled.plain(free)},
    }
    types = {"money": MONEY, "hours": pa.float64(), "share": pa.float64(), "number": pa.int64()}
    schema = pa.schema([(c.name, types.get(c.kind, pa.string())) for c in COLUMNS])
    heat_schema = pa.schema([(c.name, types.get(c.kind, pa.string())) for c in HEAT_COLUMNS])
    return Answer(
        name="fleet",
        title="What the fleet did",
        as_of=books.as_of,
        window=books.window,
        currency=books.currency,
        basis=books.basis,
        table=pa.Table.from_pylist(rows, schema=schema),
        columns=COLUMNS,
        headline={"pools": len(rows), "gpu_hours_paid": paid},
        description=sentence,
        caveats=(
            f"A device is active when its signal is above {books.settings['active_above']:g}.",
            *_left_out(books),
            *unfilled.sentences(free, books.currency),
        ),
        drill={r["pool"]: f"fleet/{r['pool']}" for r in rows},
        views={
            "heat": (pa.Table.from_pylist(heat, schema=heat_schema), HEAT_COLUMNS),
            "unfilled": (unfilled.table(free), unfilled.COLUMNS),
        },
        findings=books.findings,
        body=body,
    )


def _left_out(books: Books) -> tuple[str, ...]:
    unused = ", ".join(sorted(set(books.query.where) - set(CAPACITY_WORDS)))
    return (f"Capacity is known by pool and device: --where {unused} is not applied here.",) if unused else ()


def _pools(books: Books) -> list[str]:
    found = books.engine.query(
        f"""SELECT DISTINCT pool FROM (SELECT pool, device FROM fleet UNION ALL SELECT pool, device FROM activity)
            WHERE {capacity_filter(books)} ORDER BY 1"""
    )
    return [str(p) for p in found.column(0).to_pylist()]


def _row(books: Books, pool: str) -> dict[str, Any]:
    engine, clause = books.engine, f"pool = ? AND {capacity_filter(books)}"
    states = {
        r["state"]: int(r["us"])
        for r in engine.query(
            f"SELECT state, CAST(SUM(gpu_us) AS BIGINT) AS us FROM fleet WHERE {clause} GROUP BY state", [pool]
        ).to_pylist()
    }
    pico = int(engine.scalar(f"SELECT COALESCE(total(pico), 0) FROM fleet WHERE {clause}", [pool]))
    seen = engine.query(
        f"""SELECT CAST(COALESCE(SUM(signal_us), 0) AS BIGINT) AS signal_us, CAST(COALESCE(SUM(held_us), 0) AS BIGINT) AS held_us,
                  COALESCE(BOOL_OR(allocation_known), FALSE) AS known,
                  CAST(COALESCE(SUM(CASE WHEN state <> 'unknown' THEN us END), 0) AS BIGINT) AS known_us
           FROM activity WHERE {clause}""",
        [pool],
    ).to_pylist()[0]
    paid, unknown = sum(states.values()), states.get("unknown", 0)
    signal = seen["signal_us"] * (paid - unknown) // seen["known_us"] if seen["known_us"] else 0
    return {
        "pool": pool,
        "amount": from_pico(pico),
        "gpu_hours_paid": _hours(paid),
        "gpu_hours_allocated": _hours(seen["held_us"]) if seen["known"] else None,
        "activity_low": ratio(signal, paid),
        "activity_high": ratio(signal + unknown, paid),
        **_distribution(books, pool),
        **{f"hours_{state}": _hours(states.get(state, 0)) for state in STATES},
    }


def _distribution(books: Books, pool: str) -> dict[str, Any]:
    """Median, mean and share at zero of the signal, weighted by the time each reading stood."""
    rows = books.engine.query(
        f"""SELECT ppm, CAST(SUM(us) AS BIGINT) AS us, list(DISTINCT rung) AS rungs FROM signal_values
            WHERE pool = ? AND {capacity_filter(books)} GROUP BY ppm ORDER BY ppm""",
        [pool],
    ).to_pylist()
    if not rows:
        return {"signal": None, "median_signal": None, "mean_signal": None, "share_at_zero": None}
    total = sum(r["us"] for r in rows)
    reached, median = 0, rows[-1]["ppm"]
    for r in rows:
        reached += r["us"]
        if 2 * reached >= total:
            median = r["ppm"]
            break
    zero = sum(r["us"] for r in rows if r["ppm"] == 0)
    return {
        "signal": min({rung for r in rows for rung in r["rungs"]}, key=LADDER.index),
        "median_signal": median / 1_000_000,
        "mean_signal": ratio(sum(r["ppm"] * r["us"] for r in rows), total * 1_000_000),
        "share_at_zero": ratio(zero, total),
    }


def _hours(us: int) -> float:
    return round(us / HOUR_US, 6)


def heat_grain(devices: int, hours: int) -> tuple[int, int]:
    """(devices per row, hours per column) of a map that can be read: as few merged as possible."""
    if devices * hours <= HEAT_CELLS:
        return 1, 1
    per_row = -(-devices // HEAT_ROWS)
    columns = HEAT_CELLS // -(-devices // per_row)
    for step in HEAT_STEPS:
        if -(-hours // step) + 1 <= columns:  # columns begin on whole steps: one more may be touched
            return per_row, step
    weeks = -(-hours // ((columns - 1) * HEAT_STEPS[-1]))
    return per_row, weeks * HEAT_STEPS[-1]


def _heat(books: Books) -> list[dict[str, Any]]:
    """Per device and hour, or per group and hours: share active, the state that took most of it, and its money."""
    books.engine.keep(
        "heat_hours",
        f"""SELECT pool, CASE WHEN device = '' THEN pool ELSE device END AS device, hour_us, state, total(pico) AS pico, SUM(gpu_us) AS gpu_us
            FROM fleet WHERE {capacity_filter(books)} GROUP BY ALL""",
    )
    sizes = books.engine.query(
        f"""SELECT pool, COUNT(DISTINCT device) AS devices, CAST((MAX(hour_us) - MIN(hour_us)) // {HOUR_US} + 1 AS BIGINT) AS hours
            FROM heat_hours GROUP BY pool ORDER BY pool"""
    ).to_pylist()
    grains = [(r["pool"], *heat_grain(r["devices"], r["hours"])) for r in sizes]
    names = ("pool", "per_row", "step")
    types = (pa.string(), pa.int64(), pa.int64())
    columns = {n: pa.array([g[i] for g in grains], t) for i, (n, t) in enumerate(zip(names, types, strict=True))}
    books.engine.register("heat_grain", pa.table(columns))
    found = books.engine.query(_HEAT).to_pylist()
    return [
        {
            "pool": r["pool"],
            "device": r["first"] if r["devices"] == 1 else f"{r['first']} to {r['last']} ({r['devices']})",
            "hour": iso(from_micros(r["start_us"])),
            "state": r["state"],
            "active_share": None if r["unknown_us"] == r["us"] else ratio(r["active_us"], r["us"]),
            "gpu_hours": _hours(r["us"]),
            "amount": from_pico(int(r["pico"])),
            "until": iso(from_micros(r["start_us"] + r["step_us"])),
            "devices": r["devices"],
        }
        for r in found
    ]


_HEAT = f"""
WITH rows_of AS (
  SELECT g.pool, d.device, (DENSE_RANK() OVER (PARTITION BY g.pool ORDER BY d.device) - 1) // g.per_row AS line, g.step * {HOUR_US} AS step_us
  FROM (SELECT DISTINCT pool, device FROM heat_hours) d JOIN heat_grain g ON d.pool = g.pool
),
named AS (SELECT pool, line, MIN(device) AS first, MAX(device) AS last, COUNT(*) AS devices FROM rows_of GROUP BY ALL),
parts AS (
  SELECT r.pool, r.line, r.step_us, h.hour_us - h.hour_us % r.step_us AS start_us, h.state, total(h.pico) AS pico, SUM(h.gpu_us) AS gpu_us
  FROM heat_hours h JOIN rows_of r ON h.pool = r.pool AND h.device = r.device GROUP BY ALL
)
SELECT p.pool, n.first, n.last, n.devices, p.start_us, p.step_us, total(p.pico) AS pico, CAST(SUM(p.gpu_us) AS BIGINT) AS us,
       CAST(SUM(CASE WHEN p.state = 'active' THEN p.gpu_us ELSE 0 END) AS BIGINT) AS active_us,
       CAST(SUM(CASE WHEN p.state = 'unknown' THEN p.gpu_us ELSE 0 END) AS BIGINT) AS unknown_us,
       arg_max(p.state, ROW(p.gpu_us, p.state)) AS state
FROM parts p JOIN named n ON p.pool = n.pool AND p.line = n.line
GROUP BY p.pool, p.line, n.first, n.last, n.devices, p.start_us, p.step_us ORDER BY p.pool, p.line, p.start_us
"""
