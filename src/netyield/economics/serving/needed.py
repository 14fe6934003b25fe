"""How many GPUs does the traffic need in each hour, at the rate this fleet reaches within its latency objective?

    needed = peak factor * work of the hour / reference rate + spare replicas * GPUs of a replica

per model, GPU and engine version, with work and reference as in ``unfilled``: the P90 of busy hours that kept the objective. Where
fewer than 100 of them exist nothing is said, and the caller counts what was active instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from netyield.economics.serving.unfilled import (
    BUSY_HOURS,
    HOUR_US,
    Mask,
    Objective,
    busy,
    ranks,
    within,
    work,
)


@dataclass
class Needed:
    """GPUs by hour start in microseconds. ``measured_us``: active GPU time the need stands for."""

    gpus: dict[int, float] = field(default_factory=dict)
    measured_us: dict[int, int] = field(default_factory=dict)


def needed(hours: pa.Table, objective: Objective, chosen: Mask | None = None) -> Needed:
    """The need of every hour of ``replica_hours`` (of the chosen ones; all others still take part in the reference)."""
    tokens = _whole(hours, "input_tokens") + _whole(hours, "output_tokens")
    told = pc.and_(pc.is_valid(hours.column("input_tokens")), pc.is_valid(hours.column("output_tokens")))
    counted = np.asarray(told, dtype=np.bool_) & (tokens > 0) & (_whole(hours, "active_us") > 0)
    wanted = counted if chosen is None else counted & chosen
    names = [pc.fill_null(hours.column(name), "") for name in ("model", "gpu_model", "engine_version")]
    keys = np.asarray(pc.binary_join_element_wise(*names, "\x1f").to_pylist(), dtype=object)
    found = Needed()
    for key in sorted(set(keys[wanted])):
        model, gpu, _ = key.split("\x1f")
        mine = (keys == key) & counted
        if model and gpu and objective.declared:
            _add(found, hours.filter(pa.array(mine)), wanted[mine], objective)
    return found


def _whole(table: pa.Table, name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.asarray(pc.fill_null(table.column(name).cast(pa.int64()), 0), dtype=np.int64)


def _add(found: Needed, group: pa.Table, asked: Mask, objective: Objective) -> None:
    """Add the need of one model, GPU and engine version, when its reference is known."""
    done, active = work(group), _whole(group, "active_us")
    rates = np.sort((done / (active / HOUR_US))[busy(group) & within(group, objective)])
    if len(rates) < BUSY_HOURS:
        return
    reference = float(rates[ranks(len(rates))[1] - 1])
    devices, wall = _whole(group, "device_us"), np.maximum(_whole(group, "wall_us"), 1)
    spare = objective.spare_replicas * float(np.median(devices / wall))
    starts, where = np.unique(_whole(group, "hour_us")[asked], return_inverse=True)
    need = objective.peak_factor * np.bincount(where, done[asked] / reference, len(starts)) + spare
    time = np.bincount(where, active[asked].astype(np.float64), len(starts))
    for start, gpus, us in zip(starts.tolist(), need.tolist(), time.tolist(), strict=True):
        found.gpus[start] = found.gpus.get(start, 0.0) + gpus
        found.measured_us[start] = found.measured_us.get(start, 0) + int(us)
