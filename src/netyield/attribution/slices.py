"""Which fraction of a MIG device is each slice, and which part can nobody use?

Multiprocessors that no slice holds are stranded: they come off first. The rest is shared by GPU instance with weight
max(compute/7, memory/8), and inside an instance by the multiprocessors of its compute instances.
Source: facts sheet on GPU telemetry sections 6 and 8 (H100 MIG: .4384 .2505 .1253 .1253 and .0606 stranded).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import lcm
from typing import Any

import pyarrow as pa

STRANDED = "__stranded__"
SCHEMA = pa.schema(
    [("device", pa.string()), ("slice", pa.string()), *((n, pa.int64()) for n in ("low", "high", "parts"))]
)


def fractions(slices: list[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """(slice, weight) of one device, stranded part last when there is any; the weights add up to the device.

    ``slices``: slice, multiprocessors, device_multiprocessors, compute_slices, memory_slices (null = unknown).
    """
    total = max((int(s["device_multiprocessors"] or 0) for s in slices), default=0)
    held = sum(int(s["multiprocessors"] or 0) for s in slices)
    known = total > 0 and all(s["multiprocessors"] for s in slices)
    stranded = total - held if known and total > held else 0
    instances: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in slices:
        instances[str(row["slice"]).split("/", maxsplit=1)[0]].append(row)
    instance_weights = {name: _instance_weight(rows) for name, rows in instances.items()}
    inner = {name: sum(int(row["multiprocessors"] or 1) for row in rows) for name, rows in instances.items()}
    common = lcm(*inner.values())
    weights = [
        (str(row["slice"]), instance_weights[name] * (common // inner[name]) * int(row["multiprocessors"] or 1))
        for name, rows in instances.items()
        for row in rows
    ]
    if not stranded:
        return weights
    share = sum(weight for _, weight in weights)
    # Scale so that stranded : rest = stranded SMs : held SMs.
    return [*((name, weight * held) for name, weight in weights), (STRANDED, share * stranded)]


def _instance_weight(rows: list[Mapping[str, Any]]) -> int:
    """max(compute/7, memory/8) in 56ths; equal weights when the profile is not known."""
    compute = max(int(row["compute_slices"] or 0) for row in rows)
    memory = max(int(row["memory_slices"] or 0) for row in rows)
    return max(compute * 8, memory * 7) or 7


def parts_table(layout: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Cumulative fractions [low, high)/parts per (device, slice), for cutting device time exactly."""
    devices: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    listed = list(layout)
    # One exporter names GPU instances, another their compute instances: the finer layout stands.
    split_instances = {(row["device"], str(row["slice"]).split("/")[0]) for row in listed if "/" in str(row["slice"])}
    for row in listed:
        if (row["device"], row["slice"]) not in split_instances:
            devices[str(row["device"])].append(row)
    rows: list[tuple[str, str, int, int, int]] = []
    for device, slices in sorted(devices.items()):
        weights = fractions(slices)
        parts, low = sum(weight for _, weight in weights), 0
        for name, weight in weights:
            rows.append((device, name, low, low + weight, parts))
            low += weight
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)
