"""When is it cheaper to load a block than to compute it again, and how long is it worth keeping? Per tier.

    break-even bandwidth = KV bytes per token * MFU * peak / (2 * N_active)
    recompute $/token    = 2 * N_active / (MFU * peak) * $/GPU-hour / 3600
    keep-time T*         = recompute $/token / ($/GB-hour * KV GB per token)

The five-minute rule for KV: a block that comes back within T* is cheaper kept than computed again. Linear FLOPs only,
so long prompts shift it towards keeping; HBM is charged the whole GPU, so its T* is a lower bound. Seconds saved are
dollars only if the GPUs are given up or filled.
"""

from __future__ import annotations

from dataclasses import dataclass

GB = 1e9


@dataclass(frozen=True, slots=True)
class BreakEven:
    """One model on one GPU: loading against computing, keeping against computing. Times in seconds."""

    load_gb_per_second: float
    prefill_tokens_per_second: float
    recompute_usd_per_mtok: float
    keep_seconds: dict[str, float]


def break_even(
    *, kv_bytes_per_token: float, active_parameters: float, peak_flops: float, mfu: float, usd_per_gpu_hour: float,
    usd_per_gb_hour: dict[str, float],
) -> BreakEven:  # fmt: skip
    """The break-evens; ``usd_per_gb_hour`` by tier."""
    rate = mfu * peak_flops / (2.0 * active_parameters)
    per_token = usd_per_gpu_hour / 3600.0 / rate
    kept = {
        tier: per_token / (price * kv_bytes_per_token / GB) * 3600.0 for tier, price in usd_per_gb_hour.items() if price
    }
    return BreakEven(kv_bytes_per_token * rate / GB, rate, per_token * 1e6, kept)


def hbm_usd_per_gb_hour(usd_per_gpu_hour: float, hbm_gb: float) -> float:
    """HBM's price when the whole GPU is charged to its memory."""
    return usd_per_gpu_hour / hbm_gb
