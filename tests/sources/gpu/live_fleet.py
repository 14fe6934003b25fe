"""A small made-up GPU fleet with everything that goes wrong, as OpenMetrics text and as the truth behind it.

It knows nothing of the code under test: `Fleet.truth` lists what must arrive, written down while generating.

node-a  classic DCGM names, scraped on the whole second (samples lie exactly on window edges), honorLabels off:
        the workload is in exported_pod and `pod` is the exporter. GPU 0 is held throughout; GPU 1 by a job that fails
        half way, then by nobody. The energy counter restarts.
node-b  DCGM 4.7 names and units, off the whole second; 20 minutes without a scrape while the node is not Ready.
node-c  two MIG slices of one H100; `hostname` in lower case.
node-d  time-slicing: one device, each series copied for two pods; blank values now and then.
vLLM    counters that restart, a gauge, a histogram; ten minutes without a scrape.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

START_MS = 1_790_812_800_000  # 2026-10-01T00:00:00Z
STEP_MS = 30_000
STEPS = 240  # two hours
END_MS = START_MS + STEPS * STEP_MS
BLANK = 9223372036854775794.0
MIB = 1048576

Truth = dict[tuple[str, str, str], dict[int, float]]


@dataclass
class Fleet:
    """Lines of OpenMetrics text; gpu truth by (device, slice, signal); engine truth by (replica, metric, labels)."""

    lines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    gpu: Truth = field(default_factory=lambda: defaultdict(dict))
    engine: Truth = field(default_factory=lambda: defaultdict(dict))
    owners: dict[tuple[str, str, str], dict[int, str]] = field(default_factory=lambda: defaultdict(dict))

    def sample(self, name: str, labels: dict[str, str], moment_ms: int, value: float) -> None:
        text = ",".join(f'{key}="{item}"' for key, item in sorted(labels.items()))
        number = "NaN" if math.isnan(value) else repr(float(value))
        self.lines[name].append(f"{name}{{{text}}} {number} {moment_ms // 1000}.{moment_ms % 1000:03d}")

    def text(self) -> str:
        return "\n".join(line for name in sorted(self.lines) for line in self.lines[name]) + "\n# EOF\n"

    def count(self) -> int:
        return sum(map(len, self.lines.values()))


def moments(offset_ms: int = 0, gaps: tuple[tuple[int, int], ...] = ()) -> list[int]:
    """Scrape times; a gap is [first step, last step)."""
    steps = [step for step in range(STEPS) if not any(first <= step < last for first, last in gaps)]
    return [START_MS + step * STEP_MS + offset_ms for step in steps]


def step_of(moment_ms: int) -> int:
    return (moment_ms - START_MS) // STEP_MS


def uuid(number: int) -> str:
    return f"GPU-5eed0000-0000-4000-8000-{number:012d}"


def build() -> Fleet:
    fleet = Fleet()
    classic_node(fleet)
    renamed_node(fleet)
    mig_node(fleet)
    shared_node(fleet)
    scrape_targets(fleet)
    cluster(fleet)
    vllm(fleet)
    return fleet


def exporter(node: str) -> dict[str, str]:
    return {"job": "dcgm", "instance": f"{node}:9400", "pod": f"nvidia-dcgm-exporter-{node}",
            "namespace": "gpu-operator", "container": "nvidia-dcgm-exporter"}


def exported(pod: str, namespace: str = "ml") -> dict[str, str]:
    return {"exported_pod": pod, "exported_namespace": namespace, "exported_container": "main"}


def classic_node(fleet: Fleet) -> None:
    for gpu in (0, 1):
        base = {**exporter("node-a"), "UUID": uuid(gpu), "gpu": str(gpu), "Hostname": "node-a",
                "modelName": "NVIDIA H100 80GB HBM3", "DCGM_FI_DRIVER_VERSION": "550.1"}
        for moment in moments():
            step = step_of(moment)
            pod = "llama-7c9d8b6f5d-x2v5k" if gpu == 0 else "train-1-abcde" if step < STEPS // 2 else ""
            labels = base | (exported(pod) if pod else {})
            util = float((step * 7 + gpu) % 101) if pod else 0.0
            energy = float((step % 150) * 21_000_000)  # mJ; restarts at step 150
            device = (uuid(gpu), "")
            put(fleet, "DCGM_FI_DEV_GPU_UTIL", labels, moment, util, (*device, "gpu_util_percent"), util)
            put(fleet, "DCGM_FI_PROF_GR_ENGINE_ACTIVE", labels, moment, util / 128, (*device, "engine_active_ratio"),
                util / 128)
            put(fleet, "DCGM_FI_DEV_FB_USED", labels, moment, step, (*device, "memory_used_bytes"), step * MIB)
            put(fleet, "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", labels, moment, energy, (*device, "energy_joules"),
                energy / 1000)
            owner = f"ml/{pod}" if pod else ""
            fleet.owners[uuid(gpu), "", owner][moment] = "allocated" if pod else "unallocated"


def put(fleet: Fleet, name: str, labels: dict[str, str], moment: int, raw: float, key: tuple[str, str, str],
        canonical: float) -> None:
    fleet.sample(name, labels, moment, raw)
    fleet.gpu[key][moment] = canonical


DOWN = (100, 140)


def renamed_node(fleet: Fleet) -> None:
    base = {**exporter("node-b"), "UUID": uuid(2), "gpu": "0", "hostname": "node-b", "modelName": "NVIDIA H200",
            "DCGM_FI_SYSTEM_DRIVER_VERSION": "590.1", **exported("chat-0")}
    for moment in moments(17_123, (DOWN,)):
        step = step_of(moment)
        ratio = (step % 65) / 64
        device = (uuid(2), "")
        put(fleet, "DCGM_FI_DEV_GPU_UTIL_RATIO", base, moment, ratio, (*device, "gpu_util_percent"), ratio * 100)
        put(fleet, "DCGM_FI_DEV_BOARD_POWER_WATTS", base, moment, 70.5 + step, (*device, "power_watts"), 70.5 + step)
        put(fleet, "DCGM_FI_DEV_FB_USED_BYTES", base, moment, step * 4096, (*device, "memory_used_bytes"), step * 4096)
        fleet.owners[uuid(2), "", "ml/chat-0"][moment] = "allocated"


def mig_node(fleet: Fleet) -> None:
    for instance, profile, pod in (("1", "3g.40gb", "mig-a"), ("2", "2g.20gb", "")):
        base = {**exporter("node-c"), "UUID": uuid(3), "gpu": "0", "hostname": "node-c", "GPU_I_ID": instance,
                "GPU_I_PROFILE": profile, "modelName": "NVIDIA H100 80GB HBM3"}
        labels = base | (exported(pod) if pod else {})
        for moment in moments(5_000):
            ratio = (step_of(moment) % 33) / 32
            key = (uuid(3), instance, "engine_active_ratio")
            put(fleet, "DCGM_FI_PROF_GR_ENGINE_ACTIVE", labels, moment, ratio, key, ratio)
            owner = f"ml/{pod}" if pod else ""
            fleet.owners[uuid(3), instance, owner][moment] = "allocated" if pod else "unallocated"
    whole = {**exporter("node-c"), "UUID": uuid(3), "gpu": "0", "hostname": "node-c",
             "modelName": "NVIDIA H100 80GB HBM3"}
    for moment in moments(5_000):
        put(fleet, "DCGM_FI_DEV_POWER_USAGE", whole, moment, 300.25, (uuid(3), "", "power_watts"), 300.25)


def shared_node(fleet: Fleet) -> None:
    base = {**exporter("node-d"), "UUID": uuid(4), "gpu": "0", "Hostname": "node-d", "modelName": "NVIDIA L40S"}
    for moment in moments(11_000):
        step = step_of(moment)
        value = BLANK if step % 50 == 7 else float(step % 100)
        pods = ("share-a", "share-b") if step < 134 else ("share-a",)
        for pod in pods:
            fleet.sample("DCGM_FI_DEV_GPU_UTIL", base | exported(pod), moment, value)
            fleet.owners[uuid(4), "", f"ml/{pod}"][moment] = "allocated"
        if value != BLANK:
            fleet.gpu[uuid(4), "", "gpu_util_percent"][moment] = value


def scrape_targets(fleet: Fleet) -> None:
    for node in ("node-a", "node-b", "node-c", "node-d"):
        for moment in moments()[::4]:
            fleet.sample("up", exporter(node), moment, 1)


def cluster(fleet: Fleet) -> None:
    ksm = {"job": "kube-state-metrics", "instance": "ksm:8080"}

    def pod(name: str) -> dict[str, str]:
        return {**ksm, "namespace": "ml", "pod": name}

    for moment in moments(0):
        step = step_of(moment)
        for name, start, end in (("llama-7c9d8b6f5d-x2v5k", 10, STEPS), ("train-1-abcde", 0, STEPS // 2)):
            for phase in ("Pending", "Running", "Failed"):
                now = "Pending" if step < start else "Running" if step < end else "Failed"
                fleet.sample("kube_pod_status_phase", pod(name) | {"phase": phase}, moment, float(now == phase))
        fleet.sample("kube_pod_owner", pod("llama-7c9d8b6f5d-x2v5k")
                     | {"owner_kind": "ReplicaSet", "owner_name": "llama-7c9d8b6f5d"}, moment, 1)
        fleet.sample("kube_pod_owner", pod("train-1-abcde") | {"owner_kind": "Job", "owner_name": "train-1"}, moment, 1)
        fleet.sample("kube_pod_labels", pod("llama-7c9d8b6f5d-x2v5k")
                     | {"label_team": "search", "label_app_kubernetes_io_name": "llama"}, moment, 1)
        fleet.sample("kube_replicaset_owner", {**ksm, "namespace": "ml", "replicaset": "llama-7c9d8b6f5d",
                                               "owner_kind": "Deployment", "owner_name": "llama"}, moment, 1)
        job = {**ksm, "namespace": "ml", "job_name": "train-1"}
        fleet.sample("kube_job_status_active", job, moment, float(step < STEPS // 2))
        fleet.sample("kube_job_status_failed", job, moment, float(step >= STEPS // 2))
        requests = {"resource": "nvidia_com_gpu", "unit": "integer", "container": "main"}
        for name in ("llama-7c9d8b6f5d-x2v5k", "ghost-0"):
            fleet.sample("kube_pod_container_resource_requests", pod(name) | requests, moment, 1)
        fleet.sample("kube_pod_status_phase", pod("ghost-0") | {"phase": "Running"}, moment, 1)
        ready = not DOWN[0] <= step < DOWN[1]
        for node in ("node-a", "node-b"):
            fleet.sample("kube_node_status_condition", {**ksm, "node": node, "condition": "Ready", "status": "true"},
                         moment, float(ready or node == "node-a"))
        fleet.sample("kube_node_status_allocatable", {**ksm, "node": "node-a", "resource": "nvidia_com_gpu"}, moment, 4)


def vllm(fleet: Fleet) -> None:
    base = {"job": "vllm", "instance": "llama:8000", "namespace": "ml", "pod": "llama-7c9d8b6f5d-x2v5k",
            "model_name": "llama-3", "engine": "0"}
    replica = "llama-7c9d8b6f5d-x2v5k"
    plain = '{"engine":"0"}'
    for moment in moments(3_000, ((60, 80),)):
        step = step_of(moment)
        since = step if step < 150 else step - 150  # the engine restarts

        def put_engine(name: str, metric: str, value: float, more: dict[str, str], labels: str,
                       moment: int = moment) -> None:
            fleet.sample(name, base | more, moment, value)
            fleet.engine[replica, metric, labels][moment] = value

        put_engine("vllm:prompt_tokens_total", "vllm:prompt_tokens/counter", since * 1000, {}, plain)
        put_engine("vllm:request_success_total", "vllm:request_success/counter", since * 3,
                   {"finished_reason": "stop"}, '{"engine":"0","finished_reason":"stop"}')
        put_engine("vllm:num_requests_running", "vllm:num_requests_running/gauge", step % 9, {}, plain)
        for bound in ("0.1", "+Inf"):
            put_engine("vllm:time_to_first_token_seconds_bucket", "vllm:time_to_first_token_seconds/bucket",
                       since * (1 if bound == "0.1" else 2), {"le": bound}, f'{{"engine":"0","le":"{bound}"}}')
        put_engine("vllm:time_to_first_token_seconds_sum", "vllm:time_to_first_token_seconds/sum", since / 8, {}, plain)
        put_engine("vllm:time_to_first_token_seconds_count", "vllm:time_to_first_token_seconds/count", since * 2, {},
                   plain)
        fleet.sample("vllm:prompt_tokens_created", base, moment, START_MS / 1000)
