"""How many bytes of KV cache does a context of n tokens take? A function of n, for every attention layout in use.

    MHA, GQA        2 * layers * KV heads * head dimension * bytes, per token
    MLA             layers * (kv_lora_rank + rope dimension) * bytes, per token: one latent shared by all heads
    DSA             MLA, and layers with an indexer * index dimension, per token
    sliding window  as GQA, but of the last ``window`` tokens only
    compressed      one entry for every ``ratio`` tokens (whole ones), beside a window
    linear, KDA     a fixed state per sequence, whatever its length

So bytes per token is not one number for sliding-window, compressed and linear models. Source: the models' own
``config.json`` files; the facts sheet's section 4 table is reproduced in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netyield.core.errors import WrongUse

Floats = NDArray[np.float64]
BYTES_PER_ELEMENT = {
    "fp32": 4.0,
    "bf16": 2.0,
    "fp16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "fp4": 0.5,
    "int4": 0.5,
}


class UnknownLayout(WrongUse):
    """The model's memory layout is not known; the repair says what to give."""


@dataclass(frozen=True, slots=True)
class CacheGroup:
    """Layers that keep the same thing per token: ``elements`` in each of ``layers``.

    ``window``: only the last so many tokens are kept. ``ratio``: one entry for every so many tokens. ``heads``: KV heads
    the elements can be split over between GPUs; 1 means every GPU of a tensor-parallel group holds all of it.
    ``element_bytes`` fixes the precision (an indexer kept in FP4); None means the cache's own.
    """

    layers: int
    elements: int
    heads: int = 1
    window: int | None = None
    ratio: int = 1
    element_bytes: float | None = None

    def kept(self, tokens: Floats) -> Floats:
        """Entries held in each layer for a context of ``tokens``."""
        kept = tokens if self.window is None else np.minimum(tokens, float(self.window))
        return np.asarray(np.floor(kept / self.ratio) if self.ratio > 1 else kept, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Layout:
    """The KV cache of one model: its groups, and ``state_bytes`` per sequence (linear attention)."""

    groups: tuple[CacheGroup, ...]
    state_bytes: float = 0.0

    def bytes(self, tokens: float | Floats, dtype: str = "bf16", *, windows_in_full: bool = False) -> Floats:
        """Bytes of a context of ``tokens`` (a number or an array).

        ``windows_in_full``: as engines without a hybrid allocator store it, every token of a sliding-window layer.
        """
        width = element_bytes(dtype)
        n = np.asarray(tokens, dtype=np.float64)
        total = np.where(n > 0, self.state_bytes, 0.0)
        for group in self.groups:
            kept = n if windows_in_full and group.ratio == 1 else group.kept(n)
            total = total + group.layers * group.elements * (group.element_bytes or width) * kept
        return np.asarray(total, dtype=np.float64)

    def bytes_per_token(self, tokens: int, dtype: str = "bf16", *, windows_in_full: bool = False) -> float:
        """Mean bytes per token of a context of ``tokens``, without the fixed state."""
        width = float(self.bytes(tokens, dtype, windows_in_full=windows_in_full)) - self.state_bytes
        return width / tokens

    def growth_per_token(self, dtype: str = "bf16") -> float:
        """Bytes each further token adds to a long context: windows are full, states are fixed."""
        width = element_bytes(dtype)
        return sum(
            group.layers * group.elements * (group.element_bytes or width) / group.ratio
            for group in self.groups
            if group.window is None
        )

    def bytes_per_gpu(self, tokens: int, dtype: str, tensor_parallel: int) -> float:
        """Bytes on each GPU of a tensor-parallel group of this size.

        KV heads are split between the GPUs, and copied once there are more GPUs than heads; a latent (MLA, indexer) is
        held whole by every GPU.
        """
        if tensor_parallel < 1:
            message = f"tensor parallelism over {tensor_parallel} GPUs means nothing;"
            raise WrongUse(message, "give 1 or more.")
        width = element_bytes(dtype)
        total = self.state_bytes / tensor_parallel
        for group in self.groups:
            whole = group.layers * group.elements * (group.element_bytes or width)
            total += whole * float(group.kept(np.asarray(float(tokens)))) / min(tensor_parallel, group.heads)
        return total

    def copies(self, dtype: str, tensor_parallel: int, tokens: int) -> float:
        """How often a token's cache is held in a tensor-parallel group: 1 is split without waste."""
        return self.bytes_per_gpu(tokens, dtype, tensor_parallel) * tensor_parallel / float(self.bytes(tokens, dtype))


def element_bytes(dtype: str) -> float:
    """Bytes of one element. Raises WrongUse for an unknown precision."""
    if dtype not in BYTES_PER_ELEMENT:
        message = f"{dtype!r} is no KV cache precision;"
        raise WrongUse(message, f"give one of {', '.join(BYTES_PER_ELEMENT)}.")
    return BYTES_PER_ELEMENT[dtype]
