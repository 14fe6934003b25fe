"""Readings as the canonical tables gpu_samples and gpu_owners."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.core.contract import conform
from netyield.core.period import TIMESTAMP
from netyield.sources.gpu.readings import IDENTITY, Owner, People, Readings

DAY_US = 86_400_000_000


def sample_table(readings: Readings, people: People, metric: str, hold_us: NDArray[np.int64]) -> pa.Table:
    """One row per reading that has a value; ``hold_us`` is one per series."""
    kept = readings.take(np.flatnonzero(~readings.missing))
    series = np.array(people.series_of, np.int64)[kept.identity]
    device, slice_id = _series_columns(people, series)
    begin = pa.array(kept.us)
    # Not the value: a corrected reading of the same device and time is a new version of it, not a second reading.
    key = pc.binary_join_element_wise(device, slice_id, metric, begin.cast(pa.string()), "|")
    return conform("gpu_samples", pa.table({
        "row_number": pa.array(kept.row),
        "event_key": key,
        "event_time": begin.cast(TIMESTAMP),
        "device_id": device,
        "slice_id": slice_id,
        "host": people.identities.column(IDENTITY.index("host"), kept.identity),
        "gpu_model": people.identities.column(IDENTITY.index("gpu_model"), kept.identity),
        "pool": people.identities.column(IDENTITY.index("pool"), kept.identity),
        "metric": pa.repeat(pa.scalar(metric), kept.us.size),
        "value": pa.array(kept.value),
        "hold_us": pa.array(hold_us[series]),
    }))


def owner_table(readings: Readings, people: People, hold_us: NDArray[np.int64], joined: bool) -> pa.Table:
    """One row per stretch in which a device is held by the same owner without a gap, within one UTC day.

    A row per reading when not ``joined``: a file that grows must give the same rows again when it is read again.
    """
    states = np.array([bool(owner.state) for owner in people.owners], bool)
    kept = readings.take(np.flatnonzero(states[readings.ownership]))
    series = np.array(people.series_of, np.int64)[kept.identity]
    order = np.lexsort((kept.us, series))
    kept, series = kept.take(order), series[order]
    start, stretch_us = _stretches(kept, series, hold_us[series], joined)
    first = kept.take(start)
    device, slice_id = _series_columns(people, series[start])
    owners = [people.owners[number] for number in first.ownership]
    begin, hold = pa.array(first.us), pa.array(stretch_us)
    state = _words(owners, "state")
    owner = pa.array([one.owner for one in owners], pa.string())
    key = pc.binary_join_element_wise(
        device, slice_id, state, owner, begin.cast(pa.string()), hold.cast(pa.string()), "|"
    )
    return conform("gpu_owners", pa.table({
        "row_number": pa.array(first.row),
        "event_key": key,
        "event_time": begin.cast(TIMESTAMP),
        "device_id": device,
        "slice_id": slice_id,
        "host": people.identities.column(IDENTITY.index("host"), first.identity),
        "state": state,
        "owner": owner,
        "owner_kind": _words(owners, "kind"),
        "namespace": _words(owners, "namespace"),
        "workload": _words(owners, "workload"),
        "job_state": _words(owners, "job_state"),
        "labels": _words(owners, "labels"),
        "replicas": pa.array(np.ones(start.size, np.int64)),
        "hold_us": hold,
    }))


def _stretches(
    kept: Readings, series: NDArray[np.int64], hold_us: NDArray[np.int64], joined: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each stretch begins, and how long it is in microseconds."""
    us, size = kept.us, kept.us.size
    if not size:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    opens = np.ones(size, bool)
    if joined:
        opens[1:] = (
            (series[1:] != series[:-1])
            | (kept.ownership[1:] != kept.ownership[:-1])
            | (kept.identity[1:] != kept.identity[:-1])
            | (us[1:] - us[:-1] > hold_us[:-1])
            | (us[1:] // DAY_US != us[:-1] // DAY_US)
        )
    start = np.flatnonzero(opens)
    last = np.append(start[1:], size) - 1
    return start, us[last] - us[start] + hold_us[last]


def _series_columns(people: People, series: NDArray[np.int64]) -> tuple[pa.Array, pa.Array]:
    index = pa.array(series)
    devices = pa.array([key[0] for key in people.series.keys], pa.string())
    slices = pa.array([key[1] for key in people.series.keys], pa.string())
    return devices.take(index), slices.take(index)


def _words(owners: list[Owner], name: str) -> pa.Array:
    return pa.array([getattr(owner, name) or None for owner in owners], pa.string())
