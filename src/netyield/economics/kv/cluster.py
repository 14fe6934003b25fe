"""How are the GPUs arranged, and how much of their memory is left to cache prefixes in?

    cache bytes = GPUs * HBM * memory share - weights - workspace - running requests

Running requests hold their own context while they are served; their number is Little's law over the trace (arrivals
per second * seconds in service), because nobody else says it. Everything is per replica, a tensor-parallel group that
serves whole requests; replicas stand on nodes in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import GIB, Gpu
from netyield.core.inference.memory import element_bytes
from netyield.core.inference.models import Model
from netyield.sources.traces.trace import Int32, Trace

WORKSPACE_GIB = 2.0  # per GPU: activations and graphs
GPUS_OF_A_NODE = 8


@dataclass(frozen=True, slots=True)
class Cluster:
    """``gpus`` GPUs in replicas of ``tensor_parallel``, ``node`` GPUs to a node."""

    gpu: Gpu
    gpus: int
    tensor_parallel: int
    node: int
    model: Model
    weights: str = "bf16"
    cache: str = "bf16"
    memory_share: float = 0.9

    def __post_init__(self) -> None:
        if self.tensor_parallel < 1 or self.gpus < 1 or self.gpus % self.tensor_parallel:
            message = f"{self.gpus} GPUs do not make whole replicas of {self.tensor_parallel};"
            raise WrongUse(message, "give --gpus as a multiple of --tp, both at least 1.")

    @property
    def replicas(self) -> int:
        """Groups that serve whole requests."""
        return self.gpus // self.tensor_parallel

    @property
    def nodes(self) -> int:
        """Machines, the last one perhaps not full."""
        return -(-self.gpus // self.node)

    def node_of_replica(self) -> Int32:
        """The node each replica starts on."""
        return (np.arange(self.replicas) * self.tensor_parallel // self.node).astype(np.int32)

    def weight_bytes(self) -> float:
        """Bytes of the weights in one replica."""
        return (self.model.parameters or 0.0) * element_bytes(self.weights)

    def free_bytes(self) -> float:
        """HBM of one replica after weights and workspace; negative when the model does not fit."""
        usable = self.tensor_parallel * self.gpu.hbm_gib * GIB * self.memory_share
        return usable - self.weight_bytes() - self.tensor_parallel * WORKSPACE_GIB * GIB

    def copies(self, tokens: int) -> float:
        """How often the replica's GPUs hold the same bytes of cache."""
        return self.model.layout.copies(self.cache, self.tensor_parallel, tokens)


def natural_tensor_parallel(gpu: Gpu, gpus: int, model: Model, weights: str, memory_share: float) -> int:
    """One GPU where the weights take at most half of it, else as many as a node has (or there are)."""
    usable = gpu.hbm_gib * GIB * memory_share
    if (model.parameters or 0.0) * element_bytes(weights) <= usable / 2:
        return 1
    return min(gpus, GPUS_OF_A_NODE)


def mean_context(trace: Trace) -> int:
    """Mean prompt length of the trace, at least 1."""
    return max(1, int(np.mean(trace.input_tokens))) if trace.requests else 1


def running_bytes(
    trace: Trace, cluster: Cluster, prefill_seconds: float, seconds_per_token: float, span_seconds: float
) -> float:
    """Bytes of cache running requests hold in each replica on average.

    ``prefill_seconds``: of a mean prompt without any cache; ``span_seconds``: of the arrivals. Output tokens nobody counted take no time.
    """
    if not span_seconds:
        return 0.0
    out = np.maximum(trace.output_tokens, 0).astype(np.float64)
    held = cluster.model.layout.bytes(np.asarray(trace.input_tokens + out / 2), cluster.cache)
    seconds = prefill_seconds + out * seconds_per_token
    together = float(np.sum(held * seconds)) / span_seconds / cluster.replicas
    return together * cluster.copies(mean_context(trace))
