"""Books of an answer made from rows, without a ledger."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa

from netyield.answers.books import Books, Query
from netyield.attribution import replica_hours
from netyield.attribution.leaf import LEAF
from netyield.core.period import Period, micros, parse_time
from netyield.store.engine import Engine

WINDOW = Period(parse_time("2026-10-05"), parse_time("2026-10-06"))
HOUR_US = 3_600_000_000
BASE = micros(WINDOW.since)
SETTINGS: Mapping[str, Any] = {
    "active_above": 0.0,
    "coverage_floor": 0.5,
    "loaded_rule": "proportional",
    "policy": "utok/1 x",
    "other_currencies": {},
    "scopes": [],
    "unclassified": [],
    "serving": {},
}
_WORD, _NUMBER, _MONEY = pa.string(), pa.int64(), pa.decimal128(38, 0)
_PLACE = [("pool", _WORD), ("device", _WORD)]
TABLES: Mapping[str, pa.Schema] = {
    "leaves": LEAF,
    "fleet": pa.schema(
        [
            *_PLACE,
            ("slice", _WORD),
            ("owner", _WORD),
            ("hour_us", _NUMBER),
            ("state", _WORD),
            ("pico", _MONEY),
            ("gpu_us", _NUMBER),
        ]
    ),
    "activity": pa.schema(
        [
            *_PLACE,
            ("hour_us", _NUMBER),
            ("state", _WORD),
            *((n, _NUMBER) for n in ("us", "signal_us", "held_us")),
            ("allocation_known", pa.bool_()),
        ]
    ),
    "signal_values": pa.schema([*_PLACE, ("hour_us", _NUMBER), ("rung", _WORD), ("ppm", _NUMBER), ("us", _NUMBER)]),
    "reconciliation": pa.schema(
        [
            ("hour_us", _NUMBER),
            ("provider", _WORD),
            ("model", _WORD),
            ("billed_pico", _MONEY),
            ("priced_pico", _MONEY),
            ("tokens_billed", _NUMBER),
            ("tokens_metered", _NUMBER),
        ]
    ),
    "methods": pa.schema([("method", _WORD), ("pool", _WORD), ("serving", _WORD), ("r_squared", pa.float64())]),
    "replica_hours": replica_hours.SCHEMA,
    "spreads": pa.schema(
        [("rule", _WORD), *((n, _WORD) for n in ("model", "team", "app", "customer")), ("pico", _MONEY)]
    ),
}


def dollars(amount: int | str) -> Decimal:
    """Pico-units of an amount."""
    return Decimal(int(Decimal(amount) * 10**12))


def leaf(step: str, amount: int | str, **more: Any) -> dict[str, Any]:
    blank = {f.name: "" if pa.types.is_string(f.type) else 0 for f in LEAF}
    return (
        blank
        | {"hour_us": BASE, "currency": "USD", "step": step, "evidence": "derived", "pico": dollars(amount)}
        | more
    )


def stood(device: str, state: str, hours: float, amount: int = 0, hour: int = 0, pool: str = "a") -> dict[str, Any]:
    """A row of ``fleet``: paid time of a device in a state."""
    return {
        "pool": pool,
        "device": device,
        "slice": "",
        "owner": "",
        "hour_us": BASE + hour * HOUR_US,
        "state": state,
        "pico": dollars(amount),
        "gpu_us": int(hours * HOUR_US),
    }


def seen(
    device: str, state: str, hours: float, signal: float = 0.0, held: bool = True, pool: str = "a"
) -> dict[str, Any]:
    """A row of ``activity``: observed time of a device in a state."""
    return {
        "pool": pool,
        "device": device,
        "hour_us": BASE,
        "state": state,
        "us": int(hours * HOUR_US),
        "signal_us": int(hours * signal * HOUR_US),
        "held_us": int(hours * HOUR_US) if held else 0,
        "allocation_known": held,
    }


def read(device: str, percent: int, hours: float, rung: str = "gpu_util_percent", pool: str = "a") -> dict[str, Any]:
    """A row of ``signal_values``: how long a reading stood."""
    return {
        "pool": pool,
        "device": device,
        "hour_us": BASE,
        "rung": rung,
        "ppm": percent * 10_000,
        "us": int(hours * HOUR_US),
    }


def make(
    query: Query | None = None, bill: Mapping[str, Decimal] | None = None, **tables: list[dict[str, Any]]
) -> Books:
    engine = Engine(threads=1)
    for name, schema in TABLES.items():
        engine.register(name, pa.Table.from_pylist(tables.get(name, []), schema=schema))
    totals = {
        "bill": Decimal(1),
        "rate_card": Decimal(0),
        "list_estimate": Decimal(0),
        "adjustments": Decimal(0),
        "total": Decimal(1),
    }
    return Books(engine, WINDOW, "USD", "effective", "2026-11-01", "UTC", query or Query(), bill or totals, SETTINGS)
