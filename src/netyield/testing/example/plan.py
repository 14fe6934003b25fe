"""The example company's fleet: which nodes, which pods on which GPUs, and what is planted when?

Times are whole minutes since the start of the window, so that every state change falls on a scrape. Prices are whole
pico-dollars per GPU-minute, so that a node-hour (480 GPU-minutes) splits over states without a remainder.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

START = datetime(2026, 10, 5, tzinfo=UTC)  # a Monday
DAYS = 2
MINUTES = DAYS * 24 * 60
END = START + timedelta(minutes=MINUTES)
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
MINUTE_US = 60_000_000
HELD_MINUTES = 3  # a reading stands for at most three scrape intervals
FOREVER = 1 << 30

H100 = "NVIDIA H100 80GB HBM3"
A100 = "NVIDIA A100-SXM4-40GB"


def at(day: int, hour: int, minute: int = 0) -> int:
    """Minutes since the window's start; day 0 is the first."""
    return (day * 24 + hour) * 60 + minute


@dataclass(frozen=True, slots=True)
class Pool:
    """GPUs bought together. ``pico_per_gpu_minute`` is the effective (amortised) price."""

    name: str
    instance_type: str
    pico_per_gpu_minute: int
    list_price_per_hour: str  # dollars per instance-hour, as the provider's list says
    purchase: str  # on_demand | commitment | reservation


@dataclass(frozen=True, slots=True)
class MigSlice:
    """One MIG instance: memory_floor_mib is what an unused one shows."""

    instance_id: str
    profile: str
    multiprocessors: int
    memory_floor_mib: int


@dataclass(frozen=True, slots=True)
class Node:
    """One machine. ``down``: NotReady, no exporter. ``gap``: the exporter alone is silent."""

    name: str
    pool: str
    gpus: int
    gpu_model: str
    signal: str  # the activity metric its exporter is configured for
    launched: int = 0
    down: tuple[int, int] | None = None
    gap: tuple[int, int] | None = None
    mig: tuple[MigSlice, ...] = ()
    power: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod's life: scheduled (holds its GPUs), running, loaded (memory filled), end.

    use: serving (its own requests make it active), idle (never works), opaque (works, nobody knows for whom),
    training (a job; ``result`` is its last state).
    """

    name: str
    namespace: str
    container: str
    owner_kind: str
    owner: str
    node: str
    devices: tuple[int, ...]
    use: str
    scheduled: int = -600
    running: int = -598
    loaded: int = -590
    end: int = FOREVER
    model: str = ""
    result: str = ""
    slice_id: str = ""
    labels: dict[str, str] = field(default_factory=dict)


POOLS = (
    Pool("h100-a", "p5.48xlarge", 107_246_813_579, "55.04", "on_demand"),
    Pool("h100-b", "p5.48xlarge", 68_512_345_678, "55.04", "commitment"),
    Pool("h100-mig", "p5.4xlarge", 71_593_826_471, "6.88", "on_demand"),
    Pool("a100-train", "p4d.24xlarge", 34_127_365_891, "21.96", "reservation"),
)
# Nodes the commitment and the reservation pay for at all times; what is not launched is their unused part.
COMMITTED_NODES = {"h100-b": 2, "a100-train": 1}

# The layout of a real capture: 60 + 32 + 16 + 16 of 132 multiprocessors; 8 belong to no instance.
MIG_LAYOUT = (
    MigSlice("2", "3g.40gb", 60, 26),
    MigSlice("3", "2g.20gb", 32, 17),
    MigSlice("9", "1g.10gb", 16, 9),
    MigSlice("10", "1g.10gb", 16, 9),
)
MIG_STRANDED = 8
MIG_TOTAL = 132

ENGINE, UTIL = "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_GPU_UTIL"
NODES = (
    Node("gpu-a-1", "h100-a", 8, H100, ENGINE),
    Node("gpu-a-2", "h100-a", 8, H100, ENGINE, down=(at(1, 1), at(1, 4))),
    Node("gpu-b-1", "h100-b", 8, H100, ENGINE, gap=(at(0, 2), at(0, 2, 15))),
    Node("gpu-m-1", "h100-mig", 1, H100, ENGINE, mig=MIG_LAYOUT),
    Node("gpu-t-1", "a100-train", 8, A100, UTIL, launched=at(0, 6), power=True),
)


def _serving(name: str, node: str, devices: tuple[int, ...], model: str) -> Pod:
    owner = name.rsplit("-", 1)[0]
    labels = {"app": owner, "team": "inference"}
    return Pod(name, "serving", "vllm", "StatefulSet", owner, node, devices, "serving", model=model, labels=labels)


def _job(name: str, suffix: str, result: str, scheduled: int, running: int, end: int = FOREVER) -> Pod:
    labels = {"app": name, "team": "research"}
    return Pod(
        f"{name}-{suffix}",
        "train-nlp",
        "trainer",
        "Job",
        name,
        "gpu-t-1",
        tuple(range(8)),
        "training",
        scheduled,
        running,
        running,
        end,
        result=result,
        labels=labels,
    )


def _lab(suffix: str, start: int, end: int) -> Pod:
    labels = {"app": "vision-lab", "team": "research"}
    return Pod(
        f"vision-lab-6c9d7f-{suffix}",
        "research",
        "main",
        "ReplicaSet",
        "vision-lab-6c9d7f",
        "gpu-b-1",
        (4, 5),
        "opaque",
        start,
        start + 3,
        start + 3,
        end,
        labels=labels,
    )


def _slice_pod(number: int, part: MigSlice) -> Pod:
    labels = {"app": "dev-sandbox", "team": "research"}
    return Pod(
        f"dev-sandbox-{number}",
        "dev",
        "shell",
        "StatefulSet",
        "dev-sandbox",
        "gpu-m-1",
        (0,),
        "idle",
        slice_id=part.instance_id,
        labels=labels,
    )


RESTART = at(1, 4)  # the node comes back: the pod is scheduled at once, pulls its image 20 minutes, loads for 6
_LLAMA_70B = _serving("llama-70b-0", "gpu-a-2", (0, 1, 2, 3), "llama-3.1-70b")
PODS = (
    _serving("llama-405b-0", "gpu-a-1", tuple(range(8)), "llama-3.1-405b-fp8"),
    replace(_LLAMA_70B, end=at(1, 1)),
    replace(_LLAMA_70B, scheduled=RESTART, running=RESTART + 20, loaded=RESTART + 26),
    Pod(
        "jupyter-maria",
        "research",
        "notebook",
        "StatefulSet",
        "jupyter-maria",
        "gpu-a-2",
        (4, 5),
        "idle",
        end=at(1, 1),
        labels={"app": "jupyter", "team": "research"},
    ),
    _serving("qwen-coder-0", "gpu-b-1", (0, 1), "qwen2.5-coder-32b"),
    _serving("qwen-coder-1", "gpu-b-1", (2, 3), "qwen2.5-coder-32b"),
    _lab("x2x7k", at(0, 10), at(0, 16)),
    _lab("m4t9z", at(1, 10), at(1, 16)),
    _serving("llama-8b-canary-0", "gpu-b-1", (6,), "llama-3.1-8b"),
    *(_slice_pod(number, part) for number, part in enumerate(MIG_LAYOUT)),
    _job("train-summarizer", "7xk2p", "completed", at(0, 6, 10), at(0, 6, 20), at(0, 20)),
    _job("train-reranker", "q9w4d", "failed", at(0, 22), at(0, 22, 2), at(1, 3)),
    _job("train-summarizer-v2", "b5n8r", "running", at(1, 4), at(1, 4, 2)),
)


def pool(name: str) -> Pool:
    """The pool of that name."""
    return next(entry for entry in POOLS if entry.name == name)


def node(name: str) -> Node:
    """The node of that name."""
    return next(entry for entry in NODES if entry.name == name)


def silent(machine: Node, minute: int) -> bool:
    """Whether the node's exporters deliver no sample at that minute.

    A dying node falls silent so long before it is marked NotReady that its last reading has just run out.
    """
    if minute < machine.launched:
        return True
    if machine.gap and machine.gap[0] <= minute < machine.gap[1]:
        return True
    return bool(machine.down and machine.down[0] - HELD_MINUTES < minute < machine.down[1])


def heard(machine: Node, window: range) -> list[int]:
    """The minutes of the window at which the node's exporters were scraped."""
    return [minute for minute in window if not silent(machine, minute)]
