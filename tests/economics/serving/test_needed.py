"""GPUs the traffic needs, against an example worked by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from netyield.economics.serving.needed import needed
from netyield.economics.serving.unfilled import HOUR_US, Objective

OBJECTIVE = Objective(ttft_seconds_p95=1.0, tpot_seconds_p95=0.05, spare_replicas=0)
HOUR: dict[str, Any] = {
    "model": "llama", "gpu_model": "H100", "engine_version": "0.33.0", "hour_us": 0, "active_us": HOUR_US, "device_us": HOUR_US,
    "wall_us": HOUR_US, "unknown_us": 0, "gap_us": 60_000_000, "input_tokens": 0, "output_tokens": 0, "ttft_p95_us": 800_000,
    "tpot_p95_us": 40_000, "prefill_weight": 1000, "decode_weight": 1000,
}  # fmt: skip


def hours(count: int = 100, **more: Any) -> pa.Table:
    """Busy hours of one replica each, 1,000 to 100,000 output tokens: the P90 is 90,000."""
    rows = [HOUR | {"output_tokens": (n + 1) * 1_000, "hour_us": n * HOUR_US} | more for n in range(count)]
    return pa.Table.from_pylist(rows)


def test_need_is_work_over_the_reference_rate() -> None:
    found = needed(hours(), OBJECTIVE)
    assert [found.gpus[n * HOUR_US] for n in range(100)] == pytest.approx([(n + 1) / 90 for n in range(100)])
    assert set(found.measured_us.values()) == {HOUR_US}


def test_peak_and_spare_replicas_come_on_top() -> None:
    bare, ready = (
        needed(hours(hour_us=0), one).gpus[0] for one in (OBJECTIVE, replace(OBJECTIVE, peak_factor=1.5, spare_replicas=2))
    )
    assert bare == pytest.approx(5_050 / 90)
    assert ready == pytest.approx(1.5 * bare + 2)


def test_without_a_reference_nothing_is_said() -> None:
    assert needed(hours(99), OBJECTIVE).gpus == {}
    assert needed(hours(), Objective()).gpus == {}
    assert needed(hours(model=""), OBJECTIVE).gpus == {}
    assert needed(hours(output_tokens=None), OBJECTIVE).gpus == {}
