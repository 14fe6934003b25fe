"""kube-state-metrics facts: what a pod was doing, whose it is, and whether its node was there."""

from __future__ import annotations

import numpy as np
import pytest

from netyield.core.finding import Severity
from netyield.sources.gpu.kubernetes import ClusterFacts

MINUTE = 60_000_000
TIMES = np.arange(10, dtype=np.int64) * MINUTE
POD = ("ml", "p")
LABELS = {"namespace": "ml", "pod": "p"}


def facts(*series: tuple[str, dict[str, str], list[float]]) -> ClusterFacts:
    found = ClusterFacts()
    for name, labels, values in series:
        found.add(name, labels, TIMES[: len(values)], np.array(values, dtype=np.float64))
    return found


def test_a_pod_is_starting_while_it_was_last_seen_pending() -> None:
    found = facts(("kube_pod_status_phase", LABELS | {"phase": "Pending"}, [1, 1, 0, 0]))
    moments = np.array([-1, 30, 90, 130, 200, 100_000], dtype=np.int64) * 1_000_000
    assert found.starting(POD, moments, 2 * MINUTE).tolist() == [False, True, True, False, False, False]
    assert not found.starting(("ml", "other"), moments, MINUTE).any()


def test_an_old_observation_does_not_hold_for_ever() -> None:
    found = facts(("kube_pod_status_phase", LABELS | {"phase": "Pending"}, [1]))
    moments = np.array([MINUTE, 3 * MINUTE], dtype=np.int64)
    assert found.starting(POD, moments, 2 * MINUTE).tolist() == [True, False]


@pytest.mark.parametrize(
    ("series", "workload"),
    [
        ([("kube_pod_owner", LABELS | {"owner_kind": "StatefulSet", "owner_name": "db"}, [1])], "db"),
        ([("kube_pod_owner", LABELS | {"owner_kind": "ReplicaSet", "owner_name": "web-7c9d8b6f5d"}, [1])], "web"),
        ([("kube_pod_owner", LABELS | {"owner_kind": "ReplicaSet", "owner_name": "web-7c9d8b6f5d"}, [1]),
          ("kube_replicaset_owner", {"namespace": "ml", "replicaset": "web-7c9d8b6f5d", "owner_kind": "Deployment",
                                     "owner_name": "web-front"}, [1])], "web-front"),
        ([("kube_pod_owner", LABELS | {"owner_kind": "<none>", "owner_name": "<none>"}, [1])], None),
        ([], None),
    ],
)
def test_workload(series, workload) -> None:
    assert facts(*series).workload(POD) == workload


JOB = ("kube_pod_owner", LABELS | {"owner_kind": "Job", "owner_name": "train"}, [1.0])
JOB_LABELS = {"namespace": "ml", "job_name": "train"}


@pytest.mark.parametrize(
    ("series", "state"),
    [
        ([JOB], "running"),
        ([JOB, ("kube_job_status_active", JOB_LABELS, [1]), ("kube_job_status_failed", JOB_LABELS, [1])], "running"),
        ([JOB, ("kube_job_status_active", JOB_LABELS, [1, 0]), ("kube_job_status_succeeded", JOB_LABELS, [0, 1])],
         "completed"),
        ([JOB, ("kube_job_status_failed", JOB_LABELS | {"reason": "Evicted"}, [0]),
          ("kube_job_status_failed", JOB_LABELS | {"reason": "BackoffLimitExceeded"}, [1])], "failed"),
        ([JOB, ("kube_job_failed", JOB_LABELS | {"condition": "false"}, [1])], "running"),
        ([JOB, ("kube_job_status_succeeded", JOB_LABELS, [1]),
          ("kube_pod_status_phase", LABELS | {"phase": "Failed"}, [0, 1])], "failed"),  # a failed try of a good job
        ([("kube_pod_owner", LABELS | {"owner_kind": "PyTorchJob", "owner_name": "t"}, [1]),
          ("kube_pod_status_phase", LABELS | {"phase": "Succeeded"}, [1])], "completed"),
        ([("kube_pod_owner", LABELS | {"owner_kind": "ReplicaSet", "owner_name": "t"}, [1])], None),
    ],
)
def test_job_state(series, state) -> None:
    assert facts(*series).job_state(POD) == state


def test_labels_are_kept_without_the_noise_of_controllers() -> None:
    labels = LABELS | {"label_team": "search", "label_pod_template_hash": "x", "uid": "u"}
    found = facts(("kube_pod_labels", labels, [1]))
    assert found.pod_labels[POD] == {"team": "search"}


def test_behind_a_scrape_without_honor_labels_the_pod_is_the_exported_one() -> None:
    labels = {"namespace": "monitoring", "pod": "ksm", "exported_namespace": "ml", "exported_pod": "p"}
    assert facts(("kube_pod_labels", labels | {"label_team": "a"}, [1])).pod_labels == {POD: {"team": "a"}}


def test_nodes_are_down_where_ready_was_last_seen_false() -> None:
    ready = {"node": "n", "condition": "Ready", "status": "true"}
    found = facts(("kube_node_status_condition", ready, [1, 0, 0, 1]),
                  ("kube_node_status_condition", ready | {"condition": "DiskPressure"}, [0, 0, 0, 0]))
    times, step = found.not_ready("n")
    assert (times.tolist(), step) == ([MINUTE, 2 * MINUTE], MINUTE)
    assert found.node_is_down("n", TIMES[:5], MINUTE).tolist() == [False, True, True, False, False]
    assert found.not_ready("other")[0].tolist() == []


def test_requests_and_telemetry_that_do_not_meet_are_findings() -> None:
    found = facts(
        ("kube_pod_container_resource_requests", LABELS | {"resource": "nvidia_com_gpu"}, [1]),
        ("kube_pod_container_resource_requests", {"namespace": "ml", "pod": "cpu", "resource": "cpu"}, [1]),
        ("kube_pod_container_resource_requests", {"namespace": "ml", "pod": "done", "resource": "nvidia_com_gpu"}, [1]),
        ("kube_pod_status_phase", LABELS | {"phase": "Running"}, [1]),
        ("kube_node_status_allocatable", {"node": "n", "resource": "nvidia_com_gpu"}, [8]),
        ("kube_node_status_allocatable", {"node": "n", "resource": "memory"}, [8e9]),
    )
    lost, short = found.findings([], {"n": 6}, "url")
    assert (lost.code, lost.severity, lost.count) == ("kubernetes.pods_on_no_device", Severity.WARNING, 1)
    assert "ml/p" in lost.message
    assert (short.code, short.severity) == ("kubernetes.fewer_devices", Severity.INFO)
    assert found.findings([POD], {"n": 8}, "url") == []
