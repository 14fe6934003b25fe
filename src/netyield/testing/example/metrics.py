"""What Prometheus scraped, one file per day: dcgm-exporter, kube-state-metrics and vLLM series under their real names.

Every sample at minute m stands for the minute that begins there. Labels are those of a default installation with
honorLabels off: the workload is in ``exported_pod``, while ``pod`` is the exporter's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netyield.testing.example import engine_metrics, kube_metrics
from netyield.testing.example.capacity import Track
from netyield.testing.example.engine_metrics import Replicas
from netyield.testing.example.identity import device_uuid, node_address
from netyield.testing.example.openmetrics import Family, Samples, labels_of, write_metrics
from netyield.testing.example.plan import DAYS, ENGINE, MINUTES, NODES, PODS, START, UTIL, Node, Pod, heard, silent

DAY_MINUTES = MINUTES // DAYS
Values = Callable[[Track], NDArray[Any]]


def write_all(folder: Path, tracks: Sequence[Track], replicas: Replicas) -> list[Path]:
    """metrics/<day>.om.gz for each day of the window."""
    paths = []
    for day in range(DAYS):
        window = range(day * DAY_MINUTES, (day + 1) * DAY_MINUTES)
        path = folder / f"{START + timedelta(days=day):%Y-%m-%d}.om.gz"
        write_metrics(
            path,
            [
                *_dcgm(tracks, window),
                *kube_metrics.families(window),
                *engine_metrics.families(replicas, window),
                _up(window),
            ],
        )
        paths.append(path)
    return paths


def _dcgm(tracks: Sequence[Track], window: range) -> list[Family]:
    def family(name: str, text: str, has: Callable[[Track], bool], values: Values) -> Family:
        samples = (piece for track in tracks if has(track) for piece in _device(name, track, values(track), window))
        return Family(name, "gauge", text, samples)

    return [
        family(
            ENGINE,
            "Ratio of time the graphics engine is active.",
            lambda t: t.node.signal == ENGINE,
            lambda t: t.signal,
        ),
        family(
            UTIL,
            "GPU utilization (in %).",
            lambda t: t.node.signal == UTIL,
            lambda t: np.rint(t.signal * 100).astype(int),
        ),
        family("DCGM_FI_DEV_FB_USED", "Framebuffer memory used (in MiB).", lambda _: True, lambda t: t.memory_mib),
        family("DCGM_FI_DEV_POWER_USAGE", "Power draw (in W).", lambda t: t.node.power, _power),
    ]


def _power(track: Track) -> NDArray[Any]:
    held = np.where(track.memory_mib > 1000, 61.0, 0.0)
    return np.round(51.3 + held + 262.5 * track.signal, 3)


def _device(name: str, track: Track, values: NDArray[Any], window: range) -> Iterator[Samples]:
    minutes = heard(track.node, window)
    start = 0
    for place in range(1, len(minutes) + 1):
        if place < len(minutes) and track.use[minutes[place]] == track.use[minutes[start]]:
            continue
        stretch = minutes[start:place]
        if stretch:
            holder = int(track.use[stretch[0]])
            yield Samples(
                name, device_labels(track, PODS[holder] if holder >= 0 else None), stretch, values[stretch].tolist()
            )
        start = place


def device_labels(track: Track, holder: Pod | None) -> str:
    """The labels of one device (or instance) while ``holder`` has it."""
    machine = track.node
    part = next((part for part in machine.mig if part.instance_id == track.slice_id), None)
    device = labels_of(
        gpu=str(track.device),
        UUID=device_uuid(machine.name, track.device),
        pci_bus_id=f"00000000:{track.device + 16:02X}:00.0",
        device=f"nvidia{track.device}",
        modelName=machine.gpu_model,
        GPU_I_PROFILE=part.profile if part else "",
        GPU_I_ID=track.slice_id,
        Hostname=machine.name,
        DCGM_FI_DRIVER_VERSION="570.86.15",
        exported_container=holder.container if holder else "",
        exported_namespace=holder.namespace if holder else "",
        exported_pod=holder.name if holder else "",
    )
    return f"{device},{_exporter(machine)}"


def _exporter(machine: Node) -> str:
    """The labels of the scrape itself."""
    return labels_of(
        container="exporter",
        namespace="gpu-operator",
        pod=f"dcgm-exporter-{machine.name}",
        instance=f"{node_address(machine.name)}:9400",
        job="dcgm-exporter",
    )


def _up(window: range) -> Family:
    """Prometheus' own record of each scrape; 0 while the exporter did not answer."""
    samples = []
    for machine in NODES:
        minutes = [minute for minute in window if minute >= machine.launched]
        values = [0 if silent(machine, minute) else 1 for minute in minutes]
        samples.append(Samples("up", _exporter(machine), minutes, values))
    return Family("up", "gauge", "1 if the target answered the scrape.", samples)
