"""Made-up tables for the capacity, counter and charge statements: what an engine must compute alike on.

Deterministic from a seed. Every table starts with the edges (credits, amounts whose quotients pass 64 bits, ties, zero
weights, instants on a boundary, names beyond ASCII) and goes on with ``size`` random rows, so that a small set has
every edge. Dividends stay within 10^34 and quotients within 10^32: the widest every supported engine divides exactly.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

Tables = dict[str, pa.Table]
WIDE = pa.decimal128(38, 0)
SLOT_US = 300_000_000
HOUR_US = 3_600_000_000
SECOND_US = 1_000_000
HOURS = 4
LO_US = 1_790_985_600_000_000  # 2026-10-03 00:00 UTC
HI_US = LO_US + HOURS * HOUR_US
ACTIVE_ABOVE_PPM = 50_000
MEMORY_FLOOR_BYTES = 1 << 30
# 40 M USD and 50 M KRW in pico-units do not fit in 64 bits, nor does what half of a billion is; a credit is negative.
AMOUNTS_PICO = (
    0, 1, -1, 7, -7, 10**18 + 1, 40_000_000 * 10**12, -40_000_000 * 10**12, 50_000_000 * 10**12, 2**63 - 1, 2**63,
    -(2**63) - 1, 999_999_999_999_999_999_999,
)
NAMES = ("a", "B", "b", "aa", "a|b", "Ünit", "日本", "z")
_KINDS = {"int": pa.int64(), "text": pa.string(), "wide": WIDE}


def table(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows as a table; ``columns``: name to int, text or wide. A value that is absent is null."""
    given = list(rows)
    arrays = [pa.array([row.get(name) for row in given], _KINDS[kind]) for name, kind in columns.items()]
    return pa.Table.from_arrays(arrays, names=list(columns))


def capacity_tables(seed: int, size: int) -> Tables:
    """What states.sql and state_hours.sql read: four streams of readings, slices, holders and the grid of slots."""
    draw = random.Random(seed)
    slices = [(f"gpu-{number}", "") for number in range(3 + size // 200)]
    slices += [("mig-Ü", "1/0"), ("mig-Ü", "2/0"), ("mig-Ü", "2/1"), ("silent", "")]
    streams: dict[str, list[dict[str, Any]]] = {name: [] for name in ("signal", "memory", "allocation", "presence")}
    holders: list[dict[str, Any]] = []
    for device, part in slices:
        for stream, rows in streams.items():
            if device == "silent" and stream != "presence":
                continue
            rows.extend({"device": device, "slice": part, **reading} for reading in _readings(draw, stream, size))
        held = [row for row in streams["allocation"] if (row["device"], row["slice"]) == (device, part) and row["v"] == 2]
        for row in held:
            holders.extend(_holders(draw, row))
    reading = {"device": "text", "slice": "text", "t": "int", "v": "int", "hold": "int"}
    return {name: table(reading, rows) for name, rows in streams.items()} | {
        "holders": table(
            {"device": "text", "slice": "text", "observed_at": "int", "owner": "text", "place": "int", "sharers": "int"}, holders
        ),
        "parts": _parts(slices),
        "grid": table(
            {"slot_us": "int", "hour_us": "int", "a": "int", "b": "int"},
            ({"slot_us": t, "hour_us": t - t % HOUR_US, "a": max(t, LO_US), "b": min(t + SLOT_US, HI_US)}
             for t in range(LO_US - LO_US % SLOT_US, HI_US, SLOT_US)),
        ),
    }


def _readings(draw: random.Random, stream: str, size: int) -> Iterator[dict[str, Any]]:
    """One reading per instant: on the window's edges, exactly one hold apart, in gaps, and at random."""
    hold = 180 * SECOND_US
    edges = {LO_US - hold, LO_US - 1, LO_US, LO_US + hold, LO_US + 2 * hold, LO_US + 2 * hold + 1, HI_US - 1, HI_US}
    values = {
        "signal": (0, 1, ACTIVE_ABOVE_PPM, ACTIVE_ABOVE_PPM + 1, 1_000_000),
        "memory": (0, MEMORY_FLOOR_BYTES, MEMORY_FLOOR_BYTES + 1), "allocation": (1, 2, 2, 3, 4), "presence": (1,),
    }[stream]
    times = edges | {LO_US + draw.randrange(HOURS * 3600) * SECOND_US for _ in range(max(4, size // 20))}
    for t in sorted(times):
        yield {"t": t, "v": draw.choice(values), "hold": draw.choice((hold, hold, hold - 1, 5 * SECOND_US, HOUR_US))}


def _holders(draw: random.Random, row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    owners = sorted(draw.sample(NAMES, draw.choice((0, 1, 1, 2, 3, 7))))
    for place, owner in enumerate(owners):
        yield {"device": row["device"], "slice": row["slice"], "observed_at": row["t"], "owner": owner,
               "place": place, "sharers": len(owners)}


def _parts(slices: Iterable[tuple[str, str]]) -> pa.Table:
    """A whole device is [0, 1) of 1; the slices of the divided one leave a prime number of parts unused."""
    mig = {"1/0": (0, 54_000_001), "2/0": (54_000_001, 80_000_002), "2/1": (80_000_002, 123_456_789)}
    rows = []
    for device, part in slices:
        low, high = mig.get(part, (0, 1))
        rows.append({"device": device, "slice": part, "low": low, "high": high, "parts": 1_310_710_000_069 if part else 1})
    return table({"device": "text", "slice": "text", "low": "int", "high": "int", "parts": "int"}, rows)


def counter_tables(seed: int, size: int) -> Tables:
    """What engine_growth.sql reads: counters that grow, stand, restart from any lower value and stop."""
    draw = random.Random(seed)
    rows = []
    for series in range(4 + size // 50):
        value, t = draw.randrange(10**6), LO_US - HOUR_US
        for step in (0, 5, 0, -1, 10**9, *(draw.choice((0, 17, 10**6, -10**5)) for _ in range(min(size, 60)))):
            value, t = max(0, value + step), t + draw.choice((1, 15, 300)) * SECOND_US
            rows.append({"replica": f"llm-{series % 3}", "namespace": "", "model": NAMES[series % len(NAMES)],
                         "kind": ("prompt", "output")[series % 2], "series": f"s{series}", "t": t, "v": value})
    text = ("replica", "namespace", "model", "kind", "series")
    return {"counters": table({**dict.fromkeys(text, "text"), "t": "int", "v": "int"}, rows)}


def charge_tables(seed: int, size: int) -> Tables:
    """What cut.sql and split_hours.sql read: groups of charges over time, and paid pool-hours with their weights."""
    draw = random.Random(seed)
    hours = [
        {"hour_us": LO_US + n * HOUR_US, "a": (LO_US + n * HOUR_US) // SECOND_US, "b": (LO_US + (n + 1) * HOUR_US) // SECOND_US}
        for n in range(HOURS)
    ]
    paid, weights = _paid_hours(draw, size)
    return {
        "groups": table(
            {"group_id": "int", "start_s": "int", "end_s": "int", "pico": "wide", "gpu_us": "wide", "tokens": "wide"},
            _groups(draw, size),
        ),
        "hours": table({"hour_us": "int", "a": "int", "b": "int"}, hours),
        "paid": table({"line_id": "text", "pool": "text", "hour_us": "int", "pico": "wide", "gpu_us": "wide"}, paid),
        "weights": table({"pool": "text", "hour_us": "int", "key": "text", "w": "int"}, weights),
    }


def _groups(draw: random.Random, size: int) -> Iterator[dict[str, Any]]:
    """Charges of a second, an hour, an odd span and a month: inside, across and beside the window."""
    lo_s, hi_s = LO_US // SECOND_US, HI_US // SECOND_US
    spans = [
        (lo_s, lo_s + 1), (lo_s, lo_s + 3600), (lo_s - 1, lo_s + 1), (lo_s + 17, lo_s + 7218), (hi_s - 1, hi_s + 1),
        (lo_s - 86_400 * 2, lo_s + 86_400 * 28), (lo_s - 10, lo_s), (hi_s, hi_s + 10),
    ]
    amounts = [(amount, span) for amount in AMOUNTS_PICO for span in spans]
    for _ in range(size):
        start = lo_s + draw.randrange(-7200, HOURS * 3600)
        amounts.append((draw.randrange(-(10**15), 10**20), (start, start + draw.choice((1, 59, 3600, 86_400, 2_592_000)))))
    for number, (pico, (start, end)) in enumerate(amounts):
        yield {
            "group_id": number, "start_s": start, "end_s": end, "pico": pico,
            "gpu_us": draw.choice((None, 0, 8 * (end - start) * SECOND_US)), "tokens": draw.choice((None, 0, draw.randrange(10**12))),
        }


def _paid_hours(draw: random.Random, size: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Pool-hours with tied, zero, prime and single weights; a pool nobody reports on has money and no weight."""
    kinds: list[tuple[str, list[int]]] = [
        ("single", [1]), ("tied", [5, 5, 5]), ("zero beside", [0, 1, 0]), ("thirds", [1, 1, 1, 0]),
        ("large", [3_600_000_000 * 8, 2_147_483_647, 1]), ("all", list(range(len(NAMES)))),
    ]
    kinds += [(f"pool-{n}", [draw.randrange(10**10) for _ in range(draw.randint(1, 8))]) for n in range(size // 20)]
    paid, weights = [], []
    for pool, shares in kinds:
        for n in range(HOURS):
            hour = {"pool": pool, "hour_us": LO_US + n * HOUR_US}
            keys = draw.sample(NAMES, len(shares))
            weights += [hour | {"key": key, "w": w} for key, w in zip(keys, shares, strict=True)]
            for line, amount in enumerate(draw.sample(AMOUNTS_PICO, 3)):
                paid.append(hour | {"line_id": f"line {line}", "pico": amount, "gpu_us": line * 3_600_000_000})
    paid.append({"pool": "nobody", "hour_us": LO_US, "line_id": "line 0", "pico": 10**18, "gpu_us": 0})
    return paid, weights
