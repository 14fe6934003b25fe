"""Raw telemetry for capacity.run from short rows whose times and holds are minutes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from netyield.attribution import capacity
from netyield.attribution.settings import CapacitySettings
from netyield.core.period import Period, micros
from netyield.store.engine import Engine

START = datetime(2026, 10, 5, tzinfo=UTC)
MINUTE_US = 60_000_000
_INT, _TEXT, _TIME = pa.int64(), pa.string(), pa.timestamp("us", tz="UTC")
SAMPLES = pa.schema(
    [
        ("device_id", _TEXT),
        ("slice_id", _TEXT),
        ("gpu_model", _TEXT),
        ("metric", _TEXT),
        ("value", pa.float64()),
        ("event_time", _TIME),
        ("hold_us", _INT),
    ]
)
OWNERS = pa.schema(
    [
        ("device_id", _TEXT),
        ("slice_id", _TEXT),
        ("state", _TEXT),
        ("owner", _TEXT),
        ("event_time", _TIME),
        ("hold_us", _INT),
    ]
)
SLICES = pa.schema(
    [
        ("device_id", _TEXT),
        ("slice_id", _TEXT),
        ("event_time", _TIME),
        ("hold_us", _INT),
        *((n, _INT) for n in ("multiprocessors", "device_multiprocessors", "compute_slices", "memory_slices")),
    ]
)
COUNTS = pa.schema(
    [("pool", _TEXT), ("gpus_total", _INT), ("gpus_allocated", _INT), ("event_time", _TIME), ("hold_us", _INT)]
)
EXTENTS = pa.schema([("device", _TEXT), ("pool", _TEXT), ("first_us", _INT), ("last_t", _INT), ("last_us", _INT)])


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def period(since: int, until: int) -> Period:
    return Period(at(since), at(until))


def sample(
    t: int,
    value: float,
    device: str = "g",
    metric: str = "gpu_util_percent",
    hold: int = 3,
    part: str = "",
    model: str = "NVIDIA H200",
) -> dict[str, Any]:
    return {"device": device, "slice": part, "metric": metric, "value": value, "t": t, "hold": hold, "model": model}


def claim(t: int, state: str, owner: str = "", device: str = "g", hold: int = 3, part: str = "") -> dict[str, Any]:
    return {"device": device, "slice": part, "state": state, "owner": owner, "t": t, "hold": hold}


def layout(
    t: int,
    part: str,
    sms: int | None = None,
    total: int | None = None,
    compute: int = 1,
    memory: int = 1,
    device: str = "g",
    hold: int = 3,
) -> dict[str, Any]:
    return {
        "device": device,
        "slice": part,
        "t": t,
        "hold": hold,
        "multiprocessors": sms,
        "device_multiprocessors": total,
        "compute_slices": compute,
        "memory_slices": memory,
    }


def counted(t: int, total: int, held: int, pool: str = "p", hold: int = 5) -> dict[str, Any]:
    return {"pool": pool, "gpus_total": total, "gpus_allocated": held, "t": t, "hold": hold}


def run(
    segment: Period,
    samples: Sequence[Mapping[str, Any]] = (),
    owners: Sequence[Mapping[str, Any]] = (),
    slices: Sequence[Mapping[str, Any]] = (),
    counts: Sequence[Mapping[str, Any]] = (),
    ends: Mapping[str, tuple[int, int, int]] | None = None,
    settings: CapacitySettings | None = None,
    slot_seconds: int = 300,
) -> Engine:
    """An engine after capacity.run; ``ends``: (first, last reading, end) of each device in minutes."""
    engine = Engine(threads=1)
    engine.register("gpu_samples", _table(samples, SAMPLES))
    engine.register("gpu_owners", _table(owners, OWNERS))
    engine.register("gpu_slices", _table(slices, SLICES))
    engine.register("capacity_samples", _table(counts, COUNTS))
    devices = sorted({r["device"] for r in (*samples, *owners, *slices)})
    engine.register(
        "device_pools", pa.table({"device": pa.array(devices, _TEXT), "pool": pa.array(["p"] * len(devices), _TEXT)})
    )
    lo, hi = micros(segment.since), micros(segment.until)
    far = {device: (0, 10**6, 10**6) for device in devices} if ends is None else ends
    rows = [
        {
            "device": device,
            "pool": "p",
            "first_us": max(us(first), lo),
            "last_t": min(us(last), hi),
            "last_us": min(us(end), hi),
        }
        for device, (first, last, end) in far.items()
        if us(first) < hi and us(end) > lo
    ]
    engine.register("extents", pa.Table.from_pylist(rows, schema=EXTENTS))
    capacity.run(engine, segment, settings or CapacitySettings(), slot_seconds)
    return engine


def us(minute: int) -> int:
    return micros(START) + minute * MINUTE_US


def _table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    names = {"device": "device_id", "slice": "slice_id", "model": "gpu_model"}
    made = [
        {names.get(k, k): v for k, v in row.items() if k not in {"t", "hold"}}
        | {"event_time": at(row["t"]), "hold_us": row["hold"] * MINUTE_US}
        for row in rows
    ]
    return pa.Table.from_pylist(made, schema=schema)


def states(engine: Engine, by: str = "state") -> dict[Any, float]:
    """Device-minutes by state (or by other columns)."""
    found = engine.query(
        f"SELECT {by}, CAST(SUM(us) AS BIGINT) AS us FROM state_slots GROUP BY ALL ORDER BY ALL"
    ).to_pylist()
    names = [name.strip() for name in by.split(",")]
    return {r[names[0]] if len(names) == 1 else tuple(r[n] for n in names): r["us"] / MINUTE_US for r in found}


__all__ = ["MINUTE_US", "START", "at", "claim", "counted", "layout", "period", "run", "sample", "states", "us"]
