"""Bytes written against the published endurance table."""

from __future__ import annotations

from pathlib import Path

import pytest

from netyield.core.inference.models import find_model
from netyield.economics.kv.endurance import second_touch, write_through
from netyield.sources.traces.read import read_trace

DATA = Path(__file__).parents[2] / "data" / "kv"
TRACES = {name: read_trace(DATA / f"mooncake_{name}_trace.jsonl.gz") for name in ("conversation", "synthetic")}
# trace, model, precision, TB over the trace, TB/day, 30.72 TB drives at one write a day: as printed.
TABLE = [
    ("conversation", "Llama-3.1-70B", "bf16", "30.67", "749.1", "24.4"),
    ("synthetic", "Llama-3.1-70B", "bf16", "7.37", "623.0", "20.3"),
    ("conversation", "DeepSeek-V3", "bf16", "6.58", "160.7", "5.2"),
    ("conversation", "DeepSeek-V3", "fp8", "3.29", "80.3", "2.6"),
    ("synthetic", "DeepSeek-V3", "bf16", "1.58", "133.6", "4.3"),
    ("synthetic", "DeepSeek-V3", "fp8", "0.79", "66.8", "2.2"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{row[1]}-{row[2]}")
def test_the_published_table_to_its_printed_digits(row: tuple[str, ...]) -> None:
    name, model, dtype, *printed = row
    trace = TRACES[name]
    wear = write_through(trace, find_model(model).layout.growth_per_token(dtype) * trace.block_size)

    assert [f"{wear.tb:.2f}", f"{wear.tb_per_day:.1f}", f"{wear.drives(30.72, 1):.1f}"] == printed


def test_conversation_writes_30_7_terabytes_31_2_an_hour_on_25_drives() -> None:
    wear = write_through(TRACES["conversation"], 327_680 * 512)

    assert f"{wear.tb:.1f}" == "30.7"
    assert f"{wear.tb_per_hour:.1f}" == "31.2"
    assert wear.whole_drives(30.72, 1) == 25


def test_second_touch_writes_a_quarter_on_conversation() -> None:
    trace = TRACES["conversation"]
    once, twice = write_through(trace, 1.0), second_touch(trace, 1.0)

    assert f"{twice.written_bytes / once.written_bytes:.2%}" == "24.15%"
