"""The two published Mooncake traces, and lines that are no requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Identity

DATA = Path(__file__).parents[2] / "data" / "kv"
PUBLISHED = {  # requests, input tokens, accesses, distinct blocks, output tokens, longest request, span
    "conversation": (12_031, 144_793_823, 288_500, 182_790, 4_122_048, 247, 3_536.999),
    "synthetic": (3_993, 61_194_628, 121_877, 43_924, 595_432, 374, 1_022.025),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_figures(name: str) -> None:
    trace = read_trace(DATA / f"mooncake_{name}_trace.jsonl.gz")
    longest = int(np.diff(trace.first).max())
    figures = (
        trace.requests, int(trace.input_tokens.sum()), trace.accesses, trace.unique_blocks,
        int(trace.output_tokens.sum()), longest, trace.span_seconds,
    )  # fmt: skip
    assert figures == PUBLISHED[name]
    assert (trace.format, trace.identity, trace.block_size) == ("mooncake", Identity.PREFIX, 512)
    assert trace.findings == ()
    tokens = trace.block_tokens.astype(np.int64) * (np.diff(trace.first) - 1) + trace.last_tokens
    assert (tokens == trace.input_tokens).all()
    assert int(trace.block_tokens.max()) <= 512
    assert (trace.parent < np.arange(trace.unique_blocks)).all()
