"""The kube-state-metrics series of the example cluster: pods, jobs and nodes, scraped with honorLabels on.

Pod phases Succeeded, Failed and Unknown are kept for jobs only, as many clusters drop them by relabelling.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from netyield.testing.example.identity import named_uuid
from netyield.testing.example.openmetrics import Family, Samples, labels_of
from netyield.testing.example.plan import FOREVER, NODES, PODS, Node, Pod, node

LINGER_MINUTES = 60  # a finished job and its pod stay listed so long (ttlSecondsAfterFinished)
SCRAPE = labels_of(instance="10.20.1.7:8080", job="kube-state-metrics")


def families(window: range) -> list[Family]:
    """The families of one file."""
    return [
        _pods(
            "kube_pod_container_resource_requests",
            "The number of requested request resource by a container.",
            window,
            _requests,
        ),
        _pods("kube_pod_status_phase", "The pods current phase.", window, _phases),
        _pods(
            "kube_pod_status_scheduled",
            "Describes the status of the scheduling process for the pod.",
            window,
            _scheduled,
        ),
        _pods("kube_pod_owner", "Information about the Pod's owner.", window, _owner),
        _pods("kube_pod_labels", "Kubernetes labels converted to Prometheus labels.", window, _labels),
        *(_jobs(state, window) for state in ("active", "succeeded", "failed")),
        _conditions(window),
        _allocatable(window),
    ]


def _listed(pod: Pod) -> tuple[int, int]:
    """From when to when the API server lists the pod."""
    lingers = pod.use == "training" and pod.end < FOREVER
    return pod.scheduled, pod.end + (LINGER_MINUTES if lingers else 0)


def _span(window: range, start: int, end: int) -> range:
    return range(max(window.start, start), max(min(window.stop, end), max(window.start, start)))


def _pod_labels(pod: Pod) -> dict[str, str]:
    return {"namespace": pod.namespace, "pod": pod.name, "uid": named_uuid(f"{pod.name}/{pod.scheduled}")}


def _text(extra: dict[str, str], pod: Pod) -> str:
    return f"{labels_of(**_pod_labels(pod), **extra)},{SCRAPE}"


def _pods(name: str, text: str, window: range, series: Callable[[str, Pod, range], Iterator[Samples]]) -> Family:
    pieces = (piece for pod in PODS for piece in series(name, pod, _span(window, *_listed(pod))))
    return Family(name, "gauge", text, [piece for piece in pieces if len(piece.minutes)])


def _constant(name: str, labels: str, minutes: range, value: int = 1) -> Samples:
    return Samples(name, labels, minutes, [value] * len(minutes))


def _requests(name: str, pod: Pod, listed: range) -> Iterator[Samples]:
    part = next((part for part in node(pod.node).mig if part.instance_id == pod.slice_id), None)
    resource = f"nvidia_com_mig_{part.profile.replace('.', '_')}" if part else "nvidia_com_gpu"
    extra = {"container": pod.container, "node": pod.node, "resource": resource, "unit": "integer"}
    yield _constant(name, _text(extra, pod), listed, len(pod.devices))


def _phases(name: str, pod: Pod, listed: range) -> Iterator[Samples]:
    finals = {"completed": "Succeeded", "failed": "Failed"}
    spans = {"Pending": (pod.scheduled, pod.running), "Running": (pod.running, pod.end)}
    if pod.use == "training":
        spans |= {
            phase: (pod.end, FOREVER) if finals.get(pod.result) == phase else (0, 0) for phase in finals.values()
        }
    for phase, (start, end) in spans.items():
        values = [int(start <= minute < end) for minute in listed]
        yield Samples(name, _text({"phase": phase}, pod), listed, values)


def _scheduled(name: str, pod: Pod, listed: range) -> Iterator[Samples]:
    yield _constant(name, _text({"condition": "true"}, pod), listed)


def _owner(name: str, pod: Pod, listed: range) -> Iterator[Samples]:
    extra = {"owner_kind": pod.owner_kind, "owner_name": pod.owner, "owner_is_controller": "true"}
    yield _constant(name, _text(extra, pod), listed)


def _labels(name: str, pod: Pod, listed: range) -> Iterator[Samples]:
    yield _constant(name, _text({f"label_{key}": value for key, value in pod.labels.items()}, pod), listed)


def _jobs(state: str, window: range) -> Family:
    name = f"kube_job_status_{state}"
    texts = {
        "active": "actively running",
        "succeeded": "which reached Phase Succeeded",
        "failed": "which reached Phase Failed",
    }
    reached = {"succeeded": "completed", "failed": "failed"}
    samples = []
    for pod in PODS:
        if pod.use != "training":
            continue
        minutes = _span(window, *_listed(pod))
        over = [minute >= pod.end for minute in minutes]
        values = [int(not done) if state == "active" else int(done and pod.result == reached[state]) for done in over]
        labels = f"{labels_of(namespace=pod.namespace, job_name=pod.owner)},{SCRAPE}"
        if len(minutes):
            samples.append(Samples(name, labels, minutes, values))
    return Family(name, "gauge", f"The number of pods {texts[state]}.", samples)


def _ready(machine: Node, minute: int) -> bool:
    return not (machine.down and machine.down[0] <= minute < machine.down[1])


def _conditions(window: range) -> Family:
    """Only status="true" is kept, as where the two complements are dropped by relabelling."""
    name = "kube_node_status_condition"
    samples = []
    for machine in NODES:
        minutes = _span(window, machine.launched, FOREVER)
        labels = f"{labels_of(node=machine.name, condition='Ready', status='true')},{SCRAPE}"
        samples.append(Samples(name, labels, minutes, [int(_ready(machine, minute)) for minute in minutes]))
    return Family(name, "gauge", "The condition of a cluster node.", samples)


def _allocatable(window: range) -> Family:
    name = "kube_node_status_allocatable"
    samples = []
    for machine in NODES:
        resources = {"nvidia_com_gpu": machine.gpus} if not machine.mig else {}
        for part in machine.mig:
            key = f"nvidia_com_mig_{part.profile.replace('.', '_')}"
            resources[key] = resources.get(key, 0) + 1
        for resource, count in resources.items():
            extra = labels_of(node=machine.name, resource=resource, unit="integer")
            samples.append(_constant(name, f"{extra},{SCRAPE}", _span(window, machine.launched, FOREVER), count))
    return Family(
        name, "gauge", "The allocatable for different resources of a node that are available for scheduling.", samples
    )
