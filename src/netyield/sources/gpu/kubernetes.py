"""kube-state-metrics. Was a pod starting or running, which workload and job is it of, and was its node ready?

It does not know which device a pod holds: device names come from the exporter's pod labels, and these facts are
added to those rows. A pod is its (namespace, pod) pair; behind a scrape with honorLabels off the pair stands in
exported_namespace and exported_pod.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding, Severity
from netyield.sources.gpu.series_labels import Labels, first
from netyield.sources.gpu.series_rows import FloatArray, IntArray, usual_interval

PodKey = tuple[str, str]
HOLD_STEPS = 3
GPU_RESOURCES = r"nvidia_com_(?:gpu|mig_.*|gpu_shared)|amd_com_(?:gpu|cpx.*)"
WHOLE_GPU_RESOURCES = frozenset({"nvidia_com_gpu", "amd_com_gpu"})
JOB_METRICS = ("kube_job_status_active", "kube_job_status_succeeded", "kube_job_status_failed", "kube_job_complete",
               "kube_job_failed")
_JOB_STATE = {
    "kube_job_complete": "completed", "kube_job_failed": "failed",
    "kube_job_status_succeeded": "completed", "kube_job_status_failed": "failed",
}
_GPU_RESOURCE = re.compile(GPU_RESOURCES)
# Deployment pods belong to a ReplicaSet named <deployment>-<hash>, in the alphabet Kubernetes uses for such hashes.
_TEMPLATE_HASH = re.compile(r"-[bcdfghjklmnpqrstvwxz2456789]{5,10}$")
_BATCH_KIND = re.compile(r".*Job|JobSet|Workflow")
_NOISE_LABELS = frozenset({
    "label_pod_template_hash", "label_controller_revision_hash", "label_controller_uid",
    "label_batch_kubernetes_io_controller_uid", "label_statefulset_kubernetes_io_pod_name",
    "label_apps_kubernetes_io_pod_index", "label_pod_template_generation",
})


def is_cluster_series(name: str) -> bool:
    """True for names this module reads."""
    return name.startswith(("kube_pod_", "kube_job_", "kube_node_", "kube_replicaset_owner"))


def pod_key(labels: Labels) -> PodKey:
    """(namespace, pod) a series is about."""
    return first(labels, ("exported_namespace", "namespace")), first(labels, ("exported_pod", "pod"))


@dataclass(slots=True)
class Steps:
    """A step function of time: the last observation counts, but not longer than ``hold_us``."""

    times: list[IntArray] = field(default_factory=list)
    states: list[NDArray[np.int64]] = field(default_factory=list)
    interval_us: int | None = None

    def add(self, times_us: IntArray, state: NDArray[np.int64]) -> None:
        """Take in observations in any order."""
        self.interval_us = usual_interval(times_us) or self.interval_us
        self.times.append(times_us)
        self.states.append(state)

    def sorted(self) -> tuple[IntArray, NDArray[np.int64]]:
        """All observations by time."""
        times, states = np.concatenate(self.times), np.concatenate(self.states)
        order = np.argsort(times, kind="stable")
        return times[order], states[order]

    def at(self, moments_us: IntArray, hold_us: int, default: int) -> NDArray[np.int64]:
        """The state at each moment, ``default`` where nothing was observed recently enough (``hold_us``, or some
        steps of this series where it is scraped less often)."""
        if not self.times:
            return np.full(len(moments_us), default, dtype=np.int64)
        hold_us = max(hold_us, HOLD_STEPS * (self.interval_us or 0))
        times, states = self.sorted()
        place = np.searchsorted(times, moments_us, side="right") - 1
        found = (place >= 0) & (moments_us - times[np.maximum(place, 0)] <= hold_us)
        return np.where(found, states[np.maximum(place, 0)], default)


_ENDS = {"Succeeded": "completed", "Failed": "failed"}


@dataclass(slots=True)
class ClusterFacts:
    """Everything kube-state-metrics said in the window, by pod, job and node."""

    pending: dict[PodKey, Steps] = field(default_factory=lambda: defaultdict(Steps))
    running: set[PodKey] = field(default_factory=set)
    ended: dict[PodKey, str] = field(default_factory=dict)
    owners: dict[PodKey, tuple[str, str]] = field(default_factory=dict)
    pod_labels: dict[PodKey, dict[str, str]] = field(default_factory=dict)
    jobs: dict[PodKey, dict[str, float]] = field(default_factory=lambda: defaultdict(dict))
    deployments: dict[PodKey, str] = field(default_factory=dict)
    ready: dict[str, Steps] = field(default_factory=lambda: defaultdict(Steps))
    requests: dict[PodKey, float] = field(default_factory=dict)
    allocatable: dict[str, float] = field(default_factory=dict)

    def add(self, name: str, labels: Labels, times_us: IntArray, values: FloatArray) -> None:
        """Take in one series; names it does not use are passed over. Owners and labels need no samples."""
        key = pod_key(labels)
        if name == "kube_pod_owner" and labels.get("owner_name", "<none>") != "<none>":
            self.owners[key] = (labels.get("owner_kind", ""), labels["owner_name"])
        elif name == "kube_pod_labels":
            kept = {k.removeprefix("label_"): v for k, v in labels.items() if k.startswith("label_") and v}
            self.pod_labels[key] = {k: v for k, v in kept.items() if f"label_{k}" not in _NOISE_LABELS}
        elif name == "kube_replicaset_owner" and labels.get("owner_kind") == "Deployment":
            self.deployments[key[0], labels.get("replicaset", "")] = labels.get("owner_name", "")
        elif not len(times_us):
            return
        elif name == "kube_pod_status_phase":
            self._add_phase(key, labels.get("phase", ""), times_us, values > 0)
        elif name in JOB_METRICS:
            self._add_job(name, key[0], labels, values)
        else:
            self._add_node(name, key, labels, times_us, values)

    def _add_phase(self, pod: PodKey, phase: str, times_us: IntArray, held: NDArray[np.bool_]) -> None:
        if phase == "Pending":
            self.pending[pod].add(times_us, held.astype(np.int64))
        elif phase == "Running" and held.any():
            self.running.add(pod)
        elif phase in _ENDS and held.any():
            self.ended[pod] = _ENDS[phase]

    def _add_job(self, name: str, namespace: str, labels: Labels, values: FloatArray) -> None:
        if name in {"kube_job_complete", "kube_job_failed"} and labels.get("condition") != "true":
            return
        facts = self.jobs[namespace, labels.get("job_name", "")]
        facts[name] = max(facts.get(name, 0.0), float(values[-1]))  # one series per failure reason

    def _add_node(self, name: str, key: PodKey, labels: Labels, times_us: IntArray, values: FloatArray) -> None:
        node = first(labels, ("exported_node", "node"))
        if name == "kube_node_status_condition":
            if labels.get("condition") == "Ready" and labels.get("status") == "true":
                self.ready[node].add(times_us, (values > 0).astype(np.int64))
        elif _GPU_RESOURCE.fullmatch(labels.get("resource", "")):
            if name == "kube_pod_container_resource_requests":
                self.requests[key] = self.requests.get(key, 0.0) + float(values[-1])
            elif name == "kube_node_status_allocatable" and labels["resource"] in WHOLE_GPU_RESOURCES:
                self.allocatable[node] = max(self.allocatable.get(node, 0.0), float(values[-1]))

    def starting(self, pod: PodKey, moments_us: IntArray, hold_us: int) -> NDArray[np.bool_]:
        """Where the pod was bound to its node but Pending: it holds its device and cannot use it yet."""
        steps = self.pending.get(pod)
        if steps is None:
            return np.zeros(len(moments_us), dtype=np.bool_)
        return np.equal(steps.at(moments_us, hold_us, 0), 1)

    def workload(self, pod: PodKey) -> str | None:
        """The Deployment, Job or other controller the pod belongs to."""
        kind, name = self.owners.get(pod, ("", ""))
        if kind != "ReplicaSet":
            return name or None
        return self.deployments.get((pod[0], name)) or _TEMPLATE_HASH.sub("", name)

    def job_state(self, pod: PodKey) -> str | None:
        """running, completed or failed as last observed; None when the pod is of no job. The pod's own end counts
        before its job's, since a failed try may be followed by a good one."""
        kind, name = self.owners.get(pod, ("", ""))
        if not _BATCH_KIND.fullmatch(kind):
            return None
        if pod in self.ended:
            return self.ended[pod]
        facts = self.jobs.get((pod[0], name), {}) if kind == "Job" else {}
        if facts.get("kube_job_status_active", 0.0) > 0:
            return "running"
        return next((state for metric, state in _JOB_STATE.items() if facts.get(metric, 0.0) > 0), "running")

    def not_ready(self, host: str) -> tuple[IntArray, int]:
        """The times at which the node was observed not ready, and the usual step between observations (0: unknown)."""
        steps = self.ready.get(host)
        if steps is None:
            return np.empty(0, dtype=np.int64), 0
        times, states = steps.sorted()
        return np.unique(np.compress(states == 0, times)), steps.interval_us or 0

    def node_is_down(self, host: str, moments_us: IntArray, hold_us: int) -> NDArray[np.bool_]:
        """Where the node's last observation said not ready."""
        steps = self.ready.get(host)
        if steps is None:
            return np.zeros(len(moments_us), dtype=np.bool_)
        return np.equal(steps.at(moments_us, hold_us, 1), 0)

    def findings(self, placed: Iterable[PodKey], devices: Mapping[str, int], file: str) -> list[Finding]:
        """Where requests and telemetry do not meet: pods with GPUs on no device, nodes with fewer devices."""
        remarks = []
        lost = sorted((set(self.requests) & self.running) - set(placed))
        if lost:
            message = f"{len(lost)} running pods request GPUs but no device names them (first: {'/'.join(lost[0])})"
            repair = "Switch on pod labels in the GPU exporter; until then their GPU time stays unknown."
            remarks.append(Finding("kubernetes.pods_on_no_device", Severity.WARNING, message, repair, file, None,
                                   len(lost)))
        short = sorted(node for node, count in self.allocatable.items() if devices.get(node, 0) < count)
        if short:
            message = (f"{len(short)} nodes offer more GPUs than telemetry shows (first: {short[0]}, "
                       f"{self.allocatable[short[0]]:g} offered, {devices.get(short[0], 0)} seen)")
            repair = "Check the exporter there; under time-slicing one device is offered several times."
            remarks.append(Finding("kubernetes.fewer_devices", Severity.INFO, message, repair, file, None, len(short)))
        return remarks
