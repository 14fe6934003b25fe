"""The MFU behind an engine's own counters."""

from __future__ import annotations

from pathlib import Path

import pytest

from netyield.core.errors import WrongUse
from netyield.core.inference.hardware import find_gpu
from netyield.core.inference.models import find_model
from netyield.core.inference.prefill import Work, calibrate
from netyield.economics.kv.calibration import measured_prefill

PAGE = """\
# TYPE vllm:request_prefill_time_seconds histogram
vllm:request_prefill_time_seconds_bucket{{engine="0",model_name="m",le="+Inf"}} {count}
vllm:request_prefill_time_seconds_sum{{engine="0",model_name="m"}} {seconds}
vllm:request_prefill_time_seconds_count{{engine="0",model_name="m"}} {count}
# TYPE vllm:prompt_tokens counter
vllm:prompt_tokens_total{{engine="0",model_name="m"}} {prompt}
# TYPE vllm:prefix_cache_hits counter
vllm:prefix_cache_hits_total{{engine="0",model_name="m"}} {hits}
"""


def page(folder: Path, name: str, **figures: float) -> Path:
    path = folder / name
    path.write_text(PAGE.format(**figures))
    return path


def test_the_published_20000_token_prefill_read_from_counters(tmp_path: Path) -> None:
    """100 prompts of 20,000 tokens in 0.9 s each on one H100: 48 % (dynamo issue 6101)."""
    path = page(tmp_path, "metrics", count=100, seconds=90.0, prompt=2_000_000, hits=0)
    model = find_model("Llama-3.1-8B")
    work = Work(model.active_parameters or 0.0, model.attention)

    mfu, floor = calibrate(work, measured_prefill([path]), find_gpu("h100").peak_flops("bf16"), 1)
    assert mfu == pytest.approx(0.48, abs=0.005)
    assert floor == 0


def test_cached_tokens_are_not_computed(tmp_path: Path) -> None:
    (timing,) = measured_prefill([page(tmp_path, "m", count=10, seconds=5.0, prompt=10_000, hits=4_000)])

    assert (timing.new_tokens, timing.cached_tokens, timing.seconds) == (600.0, 400.0, 0.5)


def test_counters_without_a_prefill_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="request_prefill_time_seconds_count"):
        measured_prefill([page(tmp_path, "m", count=0, seconds=0, prompt=0, hits=0)])
    with pytest.raises(WrongUse, match="cannot be read"):
        measured_prefill([tmp_path / "none"])
