"""The planted capacity truth: what was each GPU doing in each minute, and what do its exporters say?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.testing.example.plan import HELD_MINUTES, MINUTE_MS, MINUTES, NODES, PODS, Node, Pod

STATES = ("unpaid", "unknown", "down", "unallocated", "starting", "idle", "idle_held", "active")
CODE = {state: number for number, state in enumerate(STATES)}
FLOOR_MIB = 4


@dataclass(slots=True)
class Track:
    """One GPU (or MIG instance) over the window; element m stands for minute m.

    ``states`` is what can be known after the sampling rule; ``use`` indexes PODS (-1 for nobody).
    """

    node: Node
    device: int
    slice_id: str
    states: NDArray[np.int8]
    use: NDArray[np.int16]
    signal: NDArray[np.float64]
    memory_mib: NDArray[np.int64]


def tracks(busy: Mapping[str, NDArray[np.int64]], random: np.random.Generator) -> list[Track]:
    """Every GPU and MIG instance of the fleet. ``busy``: milliseconds of work per minute, by replica."""
    found = [
        _track(machine, device, slice_id)
        for machine in NODES
        for device in range(machine.gpus)
        for slice_id in [part.instance_id for part in machine.mig] or [""]
    ]
    signals = {number: _work(pod, busy, random) for number, pod in enumerate(PODS)}
    memory = {pod.name: int(random.integers(60_000, 72_000)) for pod in PODS if pod.use != "idle"}
    for track in found:
        for number, pod in enumerate(PODS):
            if pod.node == track.node.name and track.device in pod.devices and pod.slice_id == track.slice_id:
                _occupy(track, number, pod, signals[number], memory.get(pod.name, 0))
        _hide(track)
    return found


def _track(machine: Node, device: int, slice_id: str) -> Track:
    states = np.full(MINUTES, CODE["unallocated"], dtype=np.int8)
    states[: machine.launched] = CODE["unpaid"]
    floor = next((part.memory_floor_mib for part in machine.mig if part.instance_id == slice_id), FLOOR_MIB)
    return Track(
        machine,
        device,
        slice_id,
        states,
        np.full(MINUTES, -1, dtype=np.int16),
        np.zeros(MINUTES),
        np.full(MINUTES, floor, dtype=np.int64),
    )


def _work(pod: Pod, busy: Mapping[str, NDArray[np.int64]], random: np.random.Generator) -> NDArray[np.float64]:
    """The activity the exporter reports for the pod's GPUs, 0 to 1."""
    if pod.use == "serving":
        worked = busy.get(pod.name, np.zeros(MINUTES, dtype=np.int64)) / MINUTE_MS
        return np.where(worked > 0, np.maximum(np.round(worked, 4), 0.0001), 0.0)
    if pod.use == "training":
        return np.round(random.uniform(0.84, 0.99, MINUTES), 2)
    if pod.use == "opaque":
        return np.round(random.uniform(0.31, 0.62, MINUTES), 4)
    return np.zeros(MINUTES)


def _occupy(track: Track, number: int, pod: Pod, work: NDArray[np.float64], memory_mib: int) -> None:
    scheduled, running = max(pod.scheduled, 0), max(pod.running, 0)
    loaded, end = max(pod.loaded, 0), min(pod.end, MINUTES)
    track.use[scheduled:end] = number
    track.states[scheduled:running] = CODE["starting"]
    track.states[running:end] = CODE["idle"]
    if pod.use == "idle":
        return
    track.memory_mib[loaded:end] = memory_mib
    track.signal[loaded:end] = work[loaded:end]
    track.states[loaded:end] = np.where(work[loaded:end] > 0, CODE["active"], CODE["idle_held"])


def _hide(track: Track) -> None:
    """What the outage and the gap leave knowable: a reading stands for three minutes, then nothing is known."""
    machine = track.node
    if machine.gap:
        since, until = machine.gap
        told = since - 1 + HELD_MINUTES
        track.states[since:told] = track.states[since - 1]
        track.use[since:told] = track.use[since - 1]
        track.states[told:until] = CODE["unknown"]
    if machine.down:
        since, until = machine.down
        last = since - HELD_MINUTES
        track.states[last:since] = track.states[last]
        track.states[since:until] = CODE["down"]
        track.use[since:until] = -1
