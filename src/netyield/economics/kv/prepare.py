"""What is the plan to be made for? Trace, model, GPUs and tiers put together, with what cannot work said as findings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding, Severity
from netyield.core.inference.hardware import GIB, Gpu
from netyield.core.inference.models import Model
from netyield.core.inference.prefill import prefill_of
from netyield.economics.kv.cluster import Cluster, mean_context, natural_tensor_parallel, running_bytes
from netyield.economics.kv.definition import Definition
from netyield.economics.kv.outcome import Rig
from netyield.economics.kv.routing import Routing
from netyield.economics.kv.runs import Runs
from netyield.economics.kv.tiers import Tiers
from netyield.sources.traces.trace import Identity, Trace

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Machines:
    """The serving side of a plan. ``gpus``: the numbers to try, the first is what there is.

    ``rate``: arrivals come so many times as fast as in the trace; ``requests_per_second``: evenly spaced instead.
    ``hbm_cache_gib``: HBM for cached prefixes per replica, instead of what is worked out.
    ``calibrated``: the MFU and the floor follow from an engine's counters.
    """

    model: Model
    gpu: Gpu
    gpus: tuple[int, ...]
    tiers: Tiers
    tensor_parallel: int | None = None
    weights: str = "bf16"
    cache: str = "bf16"
    mfu: float | None = None
    floor_seconds: float = 0.0
    seconds_per_output_token: float = 0.03
    routing: Routing = Routing.AFFINITY
    overlap: bool = False
    rate: float = 1.0
    requests_per_second: float | None = None
    hbm_cache_gib: float | None = None
    definition: Definition = field(default_factory=Definition)
    calibrated: bool = False

    def replica_gpus(self) -> int:
        """GPUs that serve a request together."""
        return self.tensor_parallel or natural_tensor_parallel(
            self.gpu, self.gpus[0], self.model, self.weights, self.tiers.gpu.memory_share
        )


def arrivals(trace: Trace, machines: Machines) -> Floats:
    """When each request arrives, in seconds from the first."""
    if machines.requests_per_second:
        return np.arange(trace.requests) / machines.requests_per_second
    seconds = trace.arrival_us / 1e6
    return np.asarray((seconds - seconds.min()) / machines.rate if trace.requests else seconds, dtype=np.float64)


def obstacles(trace: Trace, machines: Machines) -> list[Finding]:
    """What makes a plan impossible before any is tried."""
    found = []
    if not trace.requests or not int(trace.input_tokens.sum()):
        found.append(
            _error("empty", "the trace holds no input tokens to plan for.", "Give a trace with requests.", trace)
        )
    elif not float(np.ptp(arrivals(trace, machines))):
        message = "all requests arrive at the same time, so no waiting time and no cost per hour can be known."
        found.append(_error("no_arrivals", message, "Say how fast they arrive: --requests-per-second N.", trace))
    if trace.identity is Identity.NONE and not trace.accesses:
        message = "the trace has lengths only; what is shared between its prompts is unknown."
        found.append(
            _error("no_identity", message, "Declare what to assume with --reuse, or give a trace with ids.", trace)
        )
    cluster = cluster_of(machines, machines.gpus[0])
    if machines.hbm_cache_gib is None and cluster.free_bytes() <= 0:
        per_gpu = machines.gpu.hbm_gib * GIB * machines.tiers.gpu.memory_share
        fits = int(np.ceil(cluster.weight_bytes() * 1.1 / per_gpu))
        message = (
            f"{machines.model.name} in {machines.weights} ({cluster.weight_bytes() / 1e9:,.0f} GB) does not fit into"
            f" {cluster.tensor_parallel} {machines.gpu.name}."
        )
        found.append(_error("does_not_fit", message, f"Give --tp {fits} or more, or --weights fp8.", trace))
    return found


def cluster_of(machines: Machines, gpus: int) -> Cluster:
    """So many of the GPUs."""
    settings = machines.tiers.gpu
    return Cluster(
        machines.gpu, gpus, machines.replica_gpus(), settings.node, machines.model, machines.weights, machines.cache,
        settings.memory_share,
    )  # fmt: skip


def rig_of(trace: Trace, machines: Machines, gpus: int, runs: Runs) -> Rig:
    """The trace on so many GPUs, ready to be asked about."""
    cluster = cluster_of(machines, gpus)
    clock = prefill_of(
        machines.model, machines.gpu, cluster.tensor_parallel, weights=machines.weights, mfu=machines.mfu,
        floor_seconds=machines.floor_seconds,
    )  # fmt: skip
    at = arrivals(trace, machines)
    if machines.hbm_cache_gib is not None:
        room = machines.hbm_cache_gib * GIB
    else:
        mean = float(clock.seconds(float(mean_context(trace))))
        room = cluster.free_bytes() - running_bytes(
            trace, cluster, mean, machines.seconds_per_output_token, float(np.ptp(at))
        )
    return Rig(
        trace, cluster, machines.tiers.tier, clock, max(0.0, room), runs, machines.definition.measured(trace), at,
        machines.routing, machines.overlap,
    )  # fmt: skip


def _error(code: str, message: str, repair: str, trace: Trace) -> Finding:
    return Finding(f"kv_plan.{code}", Severity.ERROR, message, repair, trace.name)
