"""How long should an iteration take, from the machine's peak rates? The fallback where nobody measured.

    decode   = overhead + bytes of weights read / (MBU * bandwidth * GPUs) + host seconds per request
    weights  = N_total * (1 - (1 - N_active/N_total)^d) * bytes per weight: a batch of d wakes more experts
    context  = bytes of KV per token / (MBU * bandwidth * GPUs), for every token of context held
    prompt   = 2 * N_active / (MFU * peak * GPUs) per token, and attention over what is before it
    spare    = what a batch leaves of the arithmetic while it waits for its weights, which prompts then use

MFU and MBU are stated, never fitted in silence; ``error`` of it is measured on the shipped points (see ``uncertainty``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import GIB, Gpu
from netyield.core.inference.memory import element_bytes
from netyield.core.inference.models import Model
from netyield.economics.serving.step_time import StepTime

MBU = 0.6
MFU, SPARSE_MFU = 0.5, 0.25  # dense on one node; mixture of experts: facts sheet on KV caches, section 5.1
OVERHEAD_S = 3e-3  # launching an iteration: scheduler, kernels of a few dozen layers
COMMUNICATION_S = 2e-3  # an iteration's reductions between GPUs, once there are several
HOST_S_PER_REQUEST = 3e-5  # detokenising and streaming: at 256 requests a third of a fast iteration (vllm-cost-meter)
MEMORY_SHARE, WORKSPACE_GIB = 0.9, 4.0
NODE_GPUS = 8


@dataclass(frozen=True, slots=True)
class Machine:
    """One replica: ``gpus`` alike that serve a model together. ``weights`` and ``cache``: precisions."""

    model: Model
    gpu: Gpu
    gpus: int
    weights: str = "bf16"
    cache: str = "bf16"

    def weight_bytes(self) -> float:
        """Bytes of the weights. Raises WrongUse where nobody said how many parameters there are."""
        if not self.model.parameters or not self.model.active_parameters:
            message = f"how many parameters {self.model.name} has is not known;"
            raise WrongUse(message, "give --parameters and, for a mixture of experts, --active-parameters (billions).")
        return self.model.parameters * element_bytes(self.weights)

    def kv_tokens(self, context_tokens: int) -> int:
        """Tokens of context a replica holds at once, counted at contexts of this length; 0 when the weights do not fit."""
        usable = self.gpus * (self.gpu.hbm_gib * MEMORY_SHARE - WORKSPACE_GIB) * GIB - self.weight_bytes()
        length = max(context_tokens, 1)
        each = self.model.layout.bytes_per_gpu(length, self.cache, self.gpus) * self.gpus
        return max(0, int(usable / each * length)) if each else 0

    def peak_flops(self) -> float:
        """Of one GPU, at the fastest precision it computes these weights in (FP4 as FP8 where the table has no FP4)."""
        for name in (self.weights, "fp8" if self.weights in ("fp4", "int8") else "bf16", "bf16"):
            if name in self.gpu.tflops:
                return self.gpu.peak_flops(name)
        return self.gpu.peak_flops("bf16")


def fitting_gpus(model: Model, gpu: Gpu, weights: str, cache: str, longest_tokens: int) -> int:
    """GPUs of the smallest replica (a power of two) that holds the weights and four of the longest requests.

    Raises WrongUse when not even 64 do.
    """
    gpus = 1
    while gpus <= NODE_GPUS * 8:
        if Machine(model, gpu, gpus, weights, cache).kv_tokens(longest_tokens) >= 4 * longest_tokens:
            return gpus
        gpus *= 2
    message = f"{model.name} in {weights} with a context of {longest_tokens:,} tokens does not fit into 64 {gpu.name};"
    raise WrongUse(message, "give a smaller precision (--weights fp8), a GPU with more memory, or --tp.")


def roofline(machine: Machine, max_batch: int, mfu: float | None = None, mbu: float | None = None) -> StepTime:
    """The iteration of this machine at stated utilisation of its peaks."""
    total = machine.weight_bytes()
    active = (machine.model.active_parameters or 0.0) / (machine.model.parameters or 1.0)
    dense = active >= 0.9
    used = mfu if mfu is not None else MFU if dense else SPARSE_MFU
    read = mbu if mbu is not None else MBU
    for name, value in (("MFU", used), ("MBU", read)):
        if not 0 < value <= 1:
            message = f"an {name} of {value:g} is none;"
            raise WrongUse(message, "give a share of the peak, more than 0 and at most 1.")
    bandwidth = machine.gpu.hbm_gb_per_second * 1e9 * read * machine.gpus
    flops = machine.peak_flops() * used * machine.gpus
    batch = np.arange(max_batch + 1, dtype=np.float64)
    woken = np.where(batch > 0, 1 - (1 - min(active, 1.0)) ** np.maximum(batch, 1), 1.0)
    weights_s = total * woken / bandwidth
    per_token = 2.0 * (machine.model.active_parameters or 0.0) / flops
    compute_s = per_token * batch
    fixed = OVERHEAD_S + (COMMUNICATION_S if machine.gpus > 1 else 0.0)
    decode = fixed + np.maximum(weights_s, compute_s) + HOST_S_PER_REQUEST * batch
    kv = machine.model.layout.bytes_per_gpu(8192, machine.cache, machine.gpus) * machine.gpus / 8192
    width = sum(each.layers * each.width for each in machine.model.attention if each.window is None)
    return StepTime(decode, np.maximum(weights_s - compute_s, 0.0), kv / bandwidth, per_token, 4.0 * width / flops)
