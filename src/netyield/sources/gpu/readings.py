"""Rows of a mapped file as readings: which device, when, how much, and who held it?

The columns of one block become arrays of one length (``Readings``); devices and owners become numbers that stay the
same from block to block (``People``). Nothing here knows which file layout the readings come from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from netyield.core.period import from_micros, iso
from netyield.sources.gpu.csv_columns import Numbers, cell
from netyield.sources.gpu.interned import Interned
from netyield.sources.gpu.series_labels import canonical_uuid, labels_json

IDENTITY = ("device", "slice", "host", "pool", "gpu_model")
LABELS = ("team", "app", "model", "customer")
OWNERSHIP = ("allocated", "owner", "namespace", "workload", "job_state", *LABELS)
ALLOCATION_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "allocated", "used", "in_use"), "allocated"),
    **dict.fromkeys(("false", "f", "no", "n", "0", "unallocated", "free", "available"), "unallocated"),
    "starting": "starting",
    "down": "down",
}
# The first word counts ("CANCELLED by 1000"); Slurm's and Kubernetes' own words.
JOB_STATE_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("running", "pending", "completing", "active"), "running"),
    **dict.fromkeys(("completed", "complete", "succeeded", "success", "done", "pass"), "completed"),
    **dict.fromkeys(("failed", "failure", "error", "timeout", "node_fail", "out_of_memory", "boot_fail"), "failed"),
    **dict.fromkeys(("cancelled", "canceled", "killed", "preempted", "revoked"), "cancelled"),
}
# A bare number or gpu0, nvidia-3: an index on a host, not the name of one device in the world.
INDEX = re.compile(r"(?:gpu|nvidia|cuda|device)?[-_: ]?[0-9]{1,3}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Owner:
    """What the file says about who holds the device; ``state`` empty: it does not say (blank), None: not readable."""

    state: str | None
    owner: str = ""
    kind: str = "empty"
    namespace: str = ""
    workload: str = ""
    job_state: str = ""
    labels: str = ""
    odd_job_state: bool = False


@dataclass(slots=True)
class People:
    """Devices and owners of one file. ``series`` numbers (device_id, slice_id); several identities may share one."""

    identities: Interned = field(default_factory=Interned)
    series: Interned = field(default_factory=Interned)
    ownerships: Interned = field(default_factory=Interned)
    owners: list[Owner] = field(default_factory=list)
    series_of: list[int] = field(default_factory=list)

    def catch_up(self) -> None:
        """Make sense of the identities and ownerships that came since the last call."""
        for device, slice_id, host, pool, _ in self.identities.keys[len(self.series_of) :]:
            self.series_of.append(self.series.number((device_id(device, host, pool), slice_id)))
        self.owners += [owner_of(key) for key in self.ownerships.keys[len(self.owners) :]]


@dataclass(frozen=True, slots=True)
class Readings:
    """Rows of one block; ``identity`` and ``ownership`` are numbers in People, ``row`` is the line in the file."""

    us: NDArray[np.int64]
    identity: NDArray[np.int64]
    ownership: NDArray[np.int64]
    value: NDArray[np.float64]
    missing: NDArray[np.bool_]
    good: NDArray[np.bool_]
    row: NDArray[np.int64]
    raw: Callable[[int], object]

    @staticmethod
    def of(
        us: NDArray[np.int64], identity: NDArray[np.int64], ownership: NDArray[np.int64], found: Numbers,
        row: NDArray[np.int64], cells: pa.ChunkedArray,
    ) -> Readings:
        """Readings of one column."""
        return Readings(us, identity, ownership, found.value, found.missing, found.good, row, lambda i: cell(cells, i))

    @staticmethod
    def none() -> Readings:
        """No readings at all."""
        nothing = np.empty(0, np.int64)
        flags = np.empty(0, bool)
        return Readings(nothing, nothing, nothing, np.empty(0), flags, flags, nothing, lambda _: None)

    @staticmethod
    def join(parts: list[Readings]) -> Readings:
        """Readings of several columns, one after the other."""
        if len(parts) == 1:
            return parts[0]
        ends = np.cumsum([part.us.size for part in parts])

        def raw(position: int) -> object:
            part = int(np.searchsorted(ends, position, side="right"))
            return parts[part].raw(position - (int(ends[part - 1]) if part else 0))

        return Readings(
            np.concatenate([part.us for part in parts]), np.concatenate([part.identity for part in parts]),
            np.concatenate([part.ownership for part in parts]), np.concatenate([part.value for part in parts]),
            np.concatenate([part.missing for part in parts]), np.concatenate([part.good for part in parts]),
            np.concatenate([part.row for part in parts]), raw,
        )

    def take(self, index: NDArray[np.int64]) -> Readings:
        """Some of the rows."""
        return Readings(
            self.us[index], self.identity[index], self.ownership[index], self.value[index], self.missing[index],
            self.good[index], self.row[index], lambda position: self.raw(int(index[position])),
        )

    def record(self, people: People) -> Callable[[int], dict[str, object]]:
        """The mapped columns of a row, for quarantine."""
        return lambda i: {
            "time": iso(from_micros(int(self.us[i]))),
            "device": people.identities.keys[int(self.identity[i])][0],
            "value": self.raw(i),
        }


def device_id(device: str, host: str, pool: str) -> str:
    """NVIDIA's spelling of a UUID; an index with its host (or pool) before it; any other name as it is."""
    name = canonical_uuid(device) or device
    place = host or pool
    return f"{place}/{name}" if place and INDEX.fullmatch(name) else name


def owner_of(key: tuple[str, ...]) -> Owner:
    """The meaning of one combination of ownership words, in the order of ``OWNERSHIP``."""
    word = dict(zip(OWNERSHIP, key, strict=True))
    state = ALLOCATION_WORDS.get(word["allocated"].lower(), None if word["allocated"] else "")
    if state not in {"allocated", "starting"}:
        return Owner(state)
    given = word["job_state"].lower().replace("-", "_").split()
    job_state = JOB_STATE_WORDS.get(given[0], "") if given else ""
    return Owner(
        state=state,
        owner=word["owner"] or "declared",
        kind="job" if given else "declared",
        namespace=word["namespace"],
        workload=word["workload"],
        job_state=job_state,
        labels=labels_json({name: word[name] for name in LABELS if word[name]}),
        odd_job_state=bool(given) and not job_state,
    )
