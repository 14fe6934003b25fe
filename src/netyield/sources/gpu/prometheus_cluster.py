"""Which facts of kube-state-metrics does one delivery need? Only those of pods that GPU series name.

Constant facts come from the server's index, ends of pods and jobs as their last value, and step by step only what was
out of the ordinary in the window: pods that were Pending, nodes that were not Ready.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from netyield.sources.gpu.kubernetes import GPU_RESOURCES, JOB_METRICS, WHOLE_GPU_RESOURCES
from netyield.sources.gpu.prometheus_http import PrometheusClient
from netyield.sources.gpu.prometheus_plan import DAY_MS, Plan, label_values
from netyield.sources.gpu.prometheus_queries import (
    aggregate_in,
    any_of,
    batches,
    quoted,
    samples_in,
    seconds,
    selector,
)
from netyield.sources.gpu.prometheus_settings import PrometheusSettings
from netyield.sources.gpu.series import Series

CONTEXT_MS = 5 * 60_000  # how far before the window a last state is looked for
_PHASE = "kube_pod_status_phase"
_READY = "kube_node_status_condition"
_REQUESTS = "kube_pod_container_resource_requests"
_HOST_LABELS = ("Hostname", "hostname", "node")
Ask = Callable[[str, dict[str, str], str, int, int], list[Series]]  # path, parameters, name, start, end
QUESTION = "question "  # before the name of an answer that only says what to ask next


@dataclass(slots=True)
class ClusterReader:
    """Asks for the facts of one delivery [start, end). ``known_until_ms`` is how far the read as a whole goes."""

    client: PrometheusClient
    settings: PrometheusSettings
    plan: Plan
    ask: Ask
    start_ms: int
    end_ms: int
    known_until_ms: int
    jobs: set[str] = field(default_factory=set)

    def read(self) -> None:
        """Ask for everything; the answers go where ``ask`` puts them."""
        prefix = self.plan.cluster_prefix or ""
        pods = self._pods()
        for batch in batches(pods):
            self._read_pods(f"{prefix}pod=~{any_of(batch)}")
        self._read_jobs()
        self._read_requests(prefix)
        self._read_nodes()

    def _pods(self) -> set[str]:
        match = selector(self.plan.gpu_names, [*self.settings.selectors, *self.settings.gpu_selectors])
        window = (self.start_ms, self.end_ms)
        labels = ("exported_pod", "pod_name", "pod")
        return {pod for label in labels for pod in label_values(self.client, label, match, window)}

    def _read_pods(self, pods: str) -> None:
        owners = self._labels(["kube_pod_owner"], [pods])
        self._labels(["kube_pod_labels"], [pods])
        self.jobs |= _owner_names(owners, "Job")
        for batch in batches(_owner_names(owners, "ReplicaSet")):
            self._labels(["kube_replicaset_owner"], [f"replicaset=~{any_of(batch)}"])
        self._at_end("last_over_time", _PHASE, [pods, 'phase=~"Succeeded|Failed"'], " > 0", self._later())
        pending = self._at_end("max_over_time", _PHASE, [pods, 'phase="Pending"'], " > 0", self.end_ms, QUESTION)
        prefix = self.plan.cluster_prefix or ""
        for batch in batches(series.labels.get(f"{prefix}pod", "") for series in pending):
            self._steps(_PHASE, [f"{prefix}pod=~{any_of(batch)}", 'phase="Pending"'])

    def _read_jobs(self) -> None:
        for batch in batches(self.jobs):
            for metric in JOB_METRICS:
                self._at_end("last_over_time", metric, [f"job_name=~{any_of(batch)}"], "", self._later())

    def _read_requests(self, prefix: str) -> None:
        asked = self._at_end("max_over_time", _REQUESTS, [f"resource=~{quoted(GPU_RESOURCES)}"], " > 0", self.end_ms)
        for batch in batches(series.labels.get(f"{prefix}pod", "") for series in asked):
            matchers = [f"{prefix}pod=~{any_of(batch)}", 'phase="Running"']
            self._at_end("max_over_time", _PHASE, matchers, " > 0", self.end_ms)

    def _read_nodes(self) -> None:
        whole = [f"resource=~{any_of(sorted(WHOLE_GPU_RESOURCES))}"]
        self._at_end("last_over_time", "kube_node_status_allocatable", whole, "", self.end_ms)
        ready = ['condition="Ready"', 'status="true"']
        troubled = self._at_end("min_over_time", _READY, ready, " < 1", self.end_ms, QUESTION)
        for batch in batches(series.labels.get("node", "") for series in troubled):
            self._steps(_READY, [*ready, f"node=~{any_of(batch)}"])
            self._devices_of(batch)

    def _devices_of(self, hosts: Iterable[str]) -> None:
        """The devices a troubled node was last seen with: its exporter may be silent now."""
        window = {"start": seconds(self.start_ms - 7 * DAY_MS), "end": seconds(self.end_ms)}
        for label in _HOST_LABELS:
            matchers = [*self.settings.selectors, *self.settings.gpu_selectors, f"{label}=~{any_of(hosts)}"]
            match = selector(self.plan.gpu_names, matchers)
            self.ask("/api/v1/series", {"match[]": match, **window}, "devices", self.start_ms, self.end_ms)

    def _later(self) -> int:
        """How far ahead the end of a pod or job is looked for: a day, as far as the read goes."""
        return max(min(self.known_until_ms, self.end_ms + DAY_MS), self.end_ms)

    def _labels(self, names: list[str], matchers: list[str]) -> list[Series]:
        match = selector(names, [*self.settings.selectors, *matchers])
        params = {"match[]": match, "start": seconds(self.start_ms - CONTEXT_MS), "end": seconds(self.end_ms)}
        return self.ask("/api/v1/series", params, names[0], self.start_ms, self.end_ms)

    def _at_end(self, function: str, name: str, matchers: list[str], test: str, end_ms: int,
                purpose: str = "") -> list[Series]:
        """One value per series over the window (and a little before); the name is dropped by most functions."""
        start_ms = self.start_ms - CONTEXT_MS
        series = selector([name], [*self.settings.selectors, *matchers])
        params = aggregate_in(function, series, start_ms, end_ms, closed_left=False)
        params["query"] += test
        return self.ask("/api/v1/query", params, purpose + name, start_ms, end_ms)

    def _steps(self, name: str, matchers: list[str]) -> list[Series]:
        start_ms = self.start_ms - CONTEXT_MS
        params = samples_in(selector([name], [*self.settings.selectors, *matchers]), start_ms, self.end_ms)
        return self.ask("/api/v1/query", params, name, start_ms, self.end_ms)


def _owner_names(owners: Iterable[Series], kind: str) -> set[str]:
    """The controllers of one kind among ``kube_pod_owner`` series."""
    return {series.labels.get("owner_name", "") for series in owners if series.labels.get("owner_kind") == kind}
