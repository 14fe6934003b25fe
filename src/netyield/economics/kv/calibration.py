"""How well does the user's own engine use its GPUs in prefill? The MFU behind its counters.

vLLM counts, per request: seconds of prefill (``vllm:request_prefill_time_seconds``), prompt tokens, and tokens found in
the prefix cache. Their means are one measured prefill; several scrapes (one file each, at different loads) tell a
fixed floor from the rate. Counters run from the engine's start, so a fresh engine under steady traffic is best.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from netyield.core.errors import WrongUse
from netyield.core.inference.prefill import Timing
from netyield.sources.gpu.openmetrics import parse

SECONDS = "vllm:request_prefill_time_seconds"
PROMPT = "vllm:prompt_tokens_total"
HITS = ("vllm:prefix_cache_hits_total", "vllm:prefix_cache_hits", "vllm:gpu_prefix_cache_hits_total")


def measured_prefill(paths: Iterable[Path]) -> list[Timing]:
    """The mean prefill of each scrape of an engine's /metrics. Raises WrongUse where one holds none."""
    return [_mean(path) for path in paths]


def _mean(path: Path) -> Timing:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the counters {str(path)!r} cannot be read ({getattr(error, 'strerror', None) or error});"
        raise WrongUse(message, "save the engine's /metrics page to a file.") from None
    sums: dict[str, float] = {}
    for sample in parse(text).samples:
        sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    count, seconds = sums.get(f"{SECONDS}_count", 0.0), sums.get(f"{SECONDS}_sum", 0.0)
    prompt = sums.get(PROMPT, 0.0)
    if count <= 0 or prompt <= 0:
        message = f"{path.name} counts no prefill: {SECONDS}_count or {PROMPT} is missing or 0;"
        raise WrongUse(message, "give the /metrics page of a vLLM 0.10 or later that has served requests, or --mfu.")
    hits = next((sums[name] for name in HITS if name in sums), 0.0)
    return Timing((prompt - hits) / count, hits / count, seconds / count)
