"""What do the labels of a GPU series say: which device or slice, on which host, held by whom?

Exporters differ: ``UUID`` or ``uuid``, ``Hostname`` or ``hostname``, and after a scrape with honorLabels off the
workload is in ``exported_pod`` while ``pod`` is the exporter itself. Masked (all-zero) UUIDs become host/index.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

Labels = Mapping[str, str]
_UUID = re.compile(r"(?:GPU-)?([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
_MASKED = re.compile(r"(?:GPU-|MIG-)?[0-]*")
_EXPORTER_NAME = re.compile(r"dcgm|exporter", re.IGNORECASE)
_HOST_LABELS = ("Hostname", "hostname", "HOSTNAME", "exported_node", "node", "kubernetes_node")
_INDEX_LABELS = ("gpu", "gpu_id", "index", "minor_number", "pci_bus_id", "device")
_MODEL_LABELS = ("modelName", "model_name", "card_series", "card_model", "name")
_POD_LABELS = (("exported_pod", "exported_namespace"), ("pod_name", "pod_namespace"), ("pod", "namespace"))
_JOB_LABELS = ("hpc_job", "job_id", "JOB_ID")
_KEPT = re.compile(r"(?:label_.*|team|app|app_kubernetes_io_.*|model|customer|project|cost_center)")


@dataclass(frozen=True, slots=True)
class Device:
    """A physical device, or one MIG slice of it (``slice_id`` = GPU_I_ID, empty for the whole device)."""

    device_id: str
    slice_id: str
    host: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Workload:
    """Who holds a device: ``owner`` is namespace/pod or a job id; ``labels`` is sorted JSON text, or empty."""

    owner: str
    kind: str
    namespace: str | None = None
    pod: str = ""
    labels: str = ""


def first(labels: Labels, names: tuple[str, ...]) -> str:
    """The value of the first of ``names`` that is there and not empty."""
    return next((labels[name] for name in names if labels.get(name)), "")


def host_of(labels: Labels, default: str = "") -> str:
    """The node name: the exporter's own label, else ``default``, else the scraped address without its port."""
    return first(labels, _HOST_LABELS) or default or labels.get("instance", "").rsplit(":", 1)[0]


def canonical_uuid(text: str) -> str:
    """NVIDIA's own spelling, ``GPU-`` and lower case; other identifiers unchanged; empty when masked."""
    if _MASKED.fullmatch(text):
        return ""
    found = _UUID.fullmatch(text)
    return f"GPU-{found.group(1).lower()}" if found else text


@dataclass(slots=True)
class Inventory:
    """What information series tell about devices whose own series carry a bare uuid (nvidia_gpu_exporter)."""

    info: dict[tuple[str, str], Labels] = field(default_factory=dict)

    def add(self, labels: Labels, default_host: str) -> None:
        """Take in one ``nvidia_smi_gpu_info`` series."""
        self.info[host_of(labels, default_host), labels.get("uuid", "")] = labels

    def describe(self, labels: Labels, default_host: str) -> Labels:
        """The labels with those of its information series behind them."""
        known = self.info.get((host_of(labels, default_host), labels.get("uuid", "")))
        return {**known, **labels} if known else labels


def device_of(family: str, labels: Labels, default_host: str = "") -> Device | None:
    """The device a series is about; None when its labels name none."""
    host = host_of(labels, default_host)
    identity = _amd_identity(labels) if family == "amd" else canonical_uuid(first(labels, ("UUID", "uuid", "gpu_uuid")))
    if not identity:
        index = first(labels, _INDEX_LABELS)
        if not host or not (index or family == "nvidia_smi"):
            return None
        identity = f"{host}/{index or 0}"
    return Device(identity, _slice(family, labels), host or None, first(labels, _MODEL_LABELS) or None)


def _amd_identity(labels: Labels) -> str:
    """Board serial first: partitions of one board share it, while each has its own uuid."""
    return next((text for name in ("serial_number", "SERIAL_NUMBER", "gpu_uuid")
                 if (text := labels.get(name, "")) and not _MASKED.fullmatch(text)), "")


def _slice(family: str, labels: Labels) -> str:
    if family == "amd":
        split = labels.get("gpu_compute_partition_type", "spx").lower() not in {"", "spx"}
        return labels.get("gpu_partition_id", "") if split else ""
    return labels.get("GPU_I_ID", "")


@dataclass(slots=True)
class ScrapeTargets:
    """Which ``pod`` label is the exporter's own? The series ``up`` of a target carries only the target's labels."""

    pods: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, labels: Labels) -> None:
        """Take in the labels of one ``up`` series."""
        self.pods[labels.get("job", ""), labels.get("instance", "")] = labels.get("pod", "")

    def is_own_pod(self, labels: Labels) -> bool:
        """True when ``pod`` names the exporter. Without an ``up`` series it is told by its name."""
        target = self.pods.get((labels.get("job", ""), labels.get("instance", "")))
        if target is not None:
            return labels.get("pod", "") == target
        return bool(_EXPORTER_NAME.search(labels.get("pod", "")) or _EXPORTER_NAME.search(labels.get("container", "")))


def workload_of(labels: Labels, targets: ScrapeTargets) -> Workload | None:
    """Who the exporter says holds the device; None when it names nobody."""
    for pod_label, namespace_label in _POD_LABELS:
        pod = labels.get(pod_label, "")
        if not pod or (pod_label == "pod" and targets.is_own_pod(labels)):
            continue
        namespace = labels.get(namespace_label, "")
        owner = f"{namespace}/{pod}" if namespace else pod
        return Workload(owner, "pod", namespace or None, pod, _kept(labels))
    job = first(labels, _JOB_LABELS)
    return Workload(job, "job", None, "", _kept(labels)) if job else None


def _kept(labels: Labels) -> str:
    kept = {name.removeprefix("label_"): value for name, value in labels.items() if value and _KEPT.fullmatch(name)}
    return labels_json(kept)


def labels_json(labels: Labels) -> str:
    """Sorted compact JSON, or empty for no labels."""
    return json.dumps(dict(sorted(labels.items())), separators=(",", ":"), ensure_ascii=False) if labels else ""
