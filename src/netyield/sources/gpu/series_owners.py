"""Who held which device, scrape by scrape? Pod labels of the exporter, completed by kube-state-metrics.

A device without a workload label is `unallocated` only where the exporter is known to label the others; elsewhere
nothing is said about it. Under time-slicing several workloads stand beside each other, each with ``replicas`` = how
many shared the device at that scrape.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from netyield.sources.gpu.kubernetes import HOLD_STEPS, ClusterFacts, PodKey
from netyield.sources.gpu.series_labels import Device, Workload, labels_json
from netyield.sources.gpu.series_rows import IntArray, Run, key_of

Allocation = Literal["auto", "pod_labels", "none"]
Place = tuple[str, str]  # device, slice
_NONE = np.empty(0, dtype=np.int64)


@dataclass(slots=True)
class Observed:
    """Scrape times with the longest time each may be held. The signals of one scrape share their time."""

    times: list[IntArray] = field(default_factory=list)
    holds: list[IntArray] = field(default_factory=list)

    def add(self, times_us: IntArray, holds_us: IntArray) -> None:
        """Take in the times of one series; a repetition of one of the last ones costs nothing."""
        if not any(np.array_equal(times_us, known) for known in self.times[-4:]):
            self.times.append(times_us)
            self.holds.append(holds_us)

    def merged(self) -> tuple[IntArray, IntArray]:
        """Each time once, with the longest hold seen for it."""
        if not self.times:
            return _NONE, _NONE
        times, holds = np.concatenate(self.times), np.concatenate(self.holds)
        order = np.lexsort((-holds, times))
        times, holds = times[order], holds[order]
        keep = np.concatenate(([True], np.diff(times) > 0))
        return times[keep], holds[keep]


def _observations() -> defaultdict[str, Observed]:
    return defaultdict(Observed)


@dataclass(slots=True)
class Ownership:
    """What the GPU series of one delivery said about allocation."""

    devices: dict[Place, Device] = field(default_factory=dict)
    held: dict[Place, dict[str, Observed]] = field(default_factory=lambda: defaultdict(_observations))  # by owner
    free: dict[Place, dict[str, Observed]] = field(default_factory=lambda: defaultdict(_observations))  # by scrape job
    workloads: dict[str, Workload] = field(default_factory=dict)
    allocating_jobs: set[str] = field(default_factory=set)

    def add(self, device: Device, workload: Workload | None, job: str, times_us: IntArray, holds_us: IntArray) -> None:
        """Note that at these times the series of ``device`` named ``workload``, or nobody."""
        place = (device.device_id, device.slice_id)
        self.devices.setdefault(place, device)
        if not len(times_us):  # a device known only from the index
            return
        if workload is None:
            self.free[place][job].add(times_us, holds_us)
        else:
            self.allocating_jobs.add(job)
            self.held[place][workload.owner].add(times_us, holds_us)
            known = self.workloads.setdefault(workload.owner, workload)
            if len(workload.labels) > len(known.labels):
                self.workloads[workload.owner] = workload

    def placed_pods(self) -> set[PodKey]:
        """The pods that some device names."""
        return {(w.namespace or "", w.pod) for w in self.workloads.values() if w.pod}

    def devices_by_host(self) -> dict[str, int]:
        """Physical devices seen per host."""
        seen = {(device.host or "", device.device_id) for device in self.devices.values()}
        counts: dict[str, int] = defaultdict(int)
        for host, _ in seen:
            counts[host] += 1
        return counts

    def runs(
        self, facts: ClusterFacts, allocation: Allocation, down_hold_us: int, from_us: int = 0
    ) -> Iterator[Run]:
        """The rows of ``gpu_owners``, device by device. Only facts of nodes are given where allocation is "none";
        those before ``from_us`` are context, and were told with the window before."""
        sliced = self._slice_times()
        for place in sorted(self.devices):
            device = self.devices[place]
            busy = _NONE
            if allocation != "none":
                held = {owner: seen.merged() for owner, seen in sorted(self.held.get(place, {}).items())}
                busy, sharers = _sharers([times for times, _ in held.values()])
                for owner, (times, holds) in held.items():
                    count = sharers[np.searchsorted(busy, times)]
                    yield from _held_runs(device, self.workloads[owner], times, holds, count, facts)
                yield from self._free_runs(place, busy, sliced, allocation, facts)
            if place[1] or place[0] not in sliced:
                yield from _down_runs(device, busy, facts, down_hold_us, from_us)

    def _slice_times(self) -> dict[str, IntArray]:
        """Per device the times at which one of its slices was seen: then the whole device is nobody's to hold."""
        times: dict[str, list[IntArray]] = defaultdict(list)
        for (device_id, slice_id), device in self.devices.items():
            if slice_id:
                place = (device.device_id, device.slice_id)
                times[device_id] += [t for o in self.held.get(place, {}).values() for t in o.times]
                times[device_id] += [t for o in self.free.get(place, {}).values() for t in o.times]
        return {device_id: np.unique(np.concatenate(parts)) for device_id, parts in times.items() if parts}

    def _free_runs(self, place: Place, busy: IntArray, sliced: dict[str, IntArray], allocation: Allocation,
                   facts: ClusterFacts) -> Iterator[Run]:
        observed = Observed()
        for job, seen in self.free.get(place, {}).items():
            if allocation == "pod_labels" or job in self.allocating_jobs:
                observed.add(*seen.merged())
        times, holds = observed.merged()
        keep = ~np.isin(times, busy)
        if not place[1] and place[0] in sliced:
            keep &= ~np.isin(times, sliced[place[0]])
        device = self.devices[place]
        keep &= ~facts.node_is_down(device.host or "", times, _longest(holds))
        if keep.any():
            yield _run(device, "unallocated", None, times[keep], holds[keep], 1, facts)


def _sharers(times: list[IntArray]) -> tuple[IntArray, IntArray]:
    """Each scrape time with the number of workloads seen at it."""
    if not times:
        return _NONE, _NONE
    unique, counts = np.unique(np.concatenate(times), return_counts=True)
    return unique, counts.astype(np.int64)


def _held_runs(device: Device, workload: Workload, times: IntArray, holds: IntArray, sharers: IntArray,
               facts: ClusterFacts) -> Iterator[Run]:
    longest = _longest(holds)
    starting = facts.starting((workload.namespace or "", workload.pod), times, longest)
    down = facts.node_is_down(device.host or "", times, longest)
    state: NDArray[np.int64] = np.where(down, 2, np.where(starting, 1, 0))
    for code, name in enumerate(("allocated", "starting", "down")):
        for count in np.unique(sharers[state == code]):
            rows = (state == code) & (sharers == count)
            yield _run(device, name, workload, times[rows], holds[rows], int(count), facts)


def _down_runs(
    device: Device, busy: IntArray, facts: ClusterFacts, hold_us: int, from_us: int
) -> Iterator[Run]:
    times, step_us = facts.not_ready(device.host or "")
    times = times[~np.isin(times, busy) & (times >= from_us)]
    if len(times):
        holds = np.full(len(times), max(hold_us, HOLD_STEPS * step_us), dtype=np.int64)
        yield _run(device, "down", None, times, holds, 1, facts)


def _run(device: Device, state: str, workload: Workload | None, times: IntArray, holds: IntArray, replicas: int,
         facts: ClusterFacts) -> Run:
    owner = workload.owner if workload else ""
    pod = (workload.namespace or "", workload.pod) if workload and workload.pod else None
    constants: dict[str, str | int | None] = {
        "device_id": device.device_id, "slice_id": device.slice_id, "host": device.host, "state": state,
        "owner": owner, "owner_kind": workload.kind if workload else "",
        "namespace": workload.namespace if workload else None,
        "workload": (facts.workload(pod) if pod else owner) or None,
        "job_state": _job_state(workload, pod, facts),
        "labels": _labels(workload, pod, facts), "replicas": replicas,
    }
    kind = "" if workload or state == "unallocated" else state
    return Run(constants, key_of("owner", device.device_id, device.slice_id, owner, kind), times, holds)


def _job_state(workload: Workload | None, pod: PodKey | None, facts: ClusterFacts) -> str | None:
    if pod:
        return facts.job_state(pod)
    return "running" if workload and workload.kind == "job" else None


def _labels(workload: Workload | None, pod: PodKey | None, facts: ClusterFacts) -> str | None:
    """Pod labels from kube-state-metrics over those the exporter attached itself."""
    own = workload.labels if workload else ""
    known = facts.pod_labels.get(pod) if pod else None
    return (labels_json({**json.loads(own or "{}"), **known}) if known else own) or None


def _longest(holds: IntArray) -> int:
    return int(holds.max()) if len(holds) else 0
