"""What was every device doing, minute by minute? A slow reference for capacity.run that shares no line with it.

Everything happens on whole minutes, so looking at each minute of the segment once is exact. Written from the rules:
a reading stands until the next of its kind, at most for its hold, and never beyond the end of the device's extent; the
best rung of the hour in which it was read speaks; nothing known is unknown, not zero.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

MINUTE_US = 60_000_000
RUNGS = ("sm_active_ratio", "engine_active_ratio", "gpu_util_percent", "power_watts")
IDLE_WATTS = {"NVIDIA H100 80GB HBM3": 93, "NVIDIA H200": 102}
GIB = 1 << 30
Row = Mapping[str, Any]
Key = tuple[str, str]


def extent_ends(samples: Sequence[Row], slices: Sequence[Row]) -> dict[str, tuple[int, int, int]]:
    """(first, last reading, end in minutes) per device: the last reading stands for the usual step, at most its hold."""
    series: dict[tuple[str, str, str], set[int]] = defaultdict(set)
    holds: dict[tuple[str, int], int] = {}
    for row, kind in [*((r, r["metric"]) for r in samples), *((r, "layout") for r in slices)]:
        series[row["device"], row["slice"], kind].add(row["t"])
        holds[row["device"], row["t"]] = row["hold"]
    found = {}
    for device in {key[0] for key in series}:
        mine = [sorted(times) for key, times in series.items() if key[0] == device]
        gaps = [later - earlier for times in mine for earlier, later in pairwise(times)]
        first, last = min(t for times in mine for t in times), max(t for times in mine for t in times)
        hold = holds[device, last]
        found[device] = (first, last, last + min(hold, int(median(gaps)) if gaps else hold))
    return found


def activity_ppm(row: Row) -> int | None:
    """Parts per million of activity, or None when the rung cannot say."""
    if row["metric"] == "gpu_util_percent":
        return int(row["value"] * 10_000)
    if row["metric"] == "power_watts":
        floor = IDLE_WATTS.get(row["model"])
        return None if floor is None else 1_000_000 if row["value"] > floor else 0
    return int(row["value"] * 1_000_000)


class Stream:
    """One kind of reading of one device or slice: what stands at a minute?"""

    def __init__(self, readings: Mapping[int, tuple[Any, int]], end: int | None) -> None:
        self.readings, self.end = readings, end

    @property
    def close(self) -> int:
        """When its last word ends."""
        if not self.readings:
            return 0
        last = max(self.readings)
        over = last + self.readings[last][1]
        return over if self.end is None else min(over, self.end)

    def at(self, minute: int) -> tuple[Any, int] | None:
        """(value, when it was read), or None."""
        past = [t for t in self.readings if t <= minute]
        if not past or (self.end is not None and minute >= self.end):
            return None
        value, hold = self.readings[max(past)]
        return (value, max(past)) if minute < max(past) + hold else None


def minutes(
    samples: Sequence[Row],
    owners: Sequence[Row],
    slices: Sequence[Row],
    ends: Mapping[str, tuple[int, int, int]],
    span: tuple[int, int],
    active_above_ppm: int,
) -> dict[tuple[str, str, int], tuple[str, int | None, tuple[str, ...]]]:
    """(device, slice, minute) to (state, ppm, holders) for every minute between first and last word on the slice."""
    sliced = {r["device"] for r in samples if r["slice"]} | {r["device"] for r in slices}
    speaks = [r for r in samples if r["slice"] or r["device"] not in sliced]
    says = [r for r in owners if r["slice"] or r["device"] not in sliced]
    keys = {(r["device"], r["slice"]) for r in (*speaks, *says, *slices)}
    found: dict[tuple[str, str, int], tuple[str, int | None, tuple[str, ...]]] = {}
    for key in keys:
        end = ends[key[0]][2]
        signal = Stream(_signal(speaks, key), end)
        memory = Stream(
            {r["t"]: (r["value"], r["hold"]) for r in speaks if _is(r, key) and r["metric"] == "memory_used_bytes"}, end
        )
        layout = Stream({r["t"]: (True, r["hold"]) for r in slices if _is(r, key)}, end)
        claims = Stream(_claims(says, key), None)
        streams = (signal, memory, layout, claims)
        begin = min((t for s in streams for t in s.readings), default=0)
        close = max((s.close for s in streams), default=0)
        for minute in range(max(begin, span[0]), min(close, span[1])):
            ppm, held = signal.at(minute), memory.at(minute)
            claim = claims.at(minute)
            level = None if ppm is None else ppm[0]
            state = _state(
                level, None if held is None else held[0], None if claim is None else claim[0], active_above_ppm
            )
            holders = _holders(says, key, claim[1]) if claim else ()
            found[(*key, minute)] = (state, level, holders)
    return found


def _is(row: Row, key: Key) -> bool:
    return (row["device"], row["slice"]) == key


def _signal(samples: Sequence[Row], key: Key) -> dict[int, tuple[int, int]]:
    """Readings of the best rung that says anything in their hour."""
    mine = [r for r in samples if _is(r, key) and r["metric"] in RUNGS and activity_ppm(r) is not None]
    best: dict[int, int] = {}
    for r in mine:
        hour = r["t"] // 60
        best[hour] = min(best.get(hour, 9), RUNGS.index(r["metric"]))
    return {r["t"]: (activity_ppm(r) or 0, r["hold"]) for r in mine if RUNGS.index(r["metric"]) == best[r["t"] // 60]}


def _claims(owners: Sequence[Row], key: Key) -> dict[int, tuple[str, int]]:
    """What the allocation source says at an instant; of several rows the one that matters most."""
    order = ("unallocated", "allocated", "starting", "down")
    found: dict[int, tuple[str, int]] = {}
    for r in owners:
        if _is(r, key):
            state, hold = found.get(r["t"], ("unallocated", 0))
            found[r["t"]] = (max(state, r["state"], key=order.index), max(hold, r["hold"]))
    return found


def _holders(owners: Sequence[Row], key: Key, t: int) -> tuple[str, ...]:
    return tuple(sorted({r["owner"] for r in owners if _is(r, key) and r["t"] == t and r["owner"]}))


def _state(ppm: int | None, memory: float | None, claim: str | None, active_above_ppm: int) -> str:
    if claim == "down":
        return "down"
    if ppm is not None and ppm > active_above_ppm:
        return "active"
    if claim in {"unallocated", "starting"}:
        return str(claim)
    if ppm is None:
        return "unknown"
    return "idle_held" if memory is not None and memory > GIB else "idle"
