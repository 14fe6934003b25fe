"""The order of the rungs, and readings as parts per million."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.attribution.ladder import IDLE_POWER_FLOOR_WATTS, LADDER, ppm_sql, rank_sql
from netyield.store.engine import Engine


def asked(rows: list[tuple[str, float, str | None]]) -> list[dict[str, Any]]:
    engine = Engine(threads=1)
    columns = {name: [row[i] for row in rows] for i, name in enumerate(("metric", "value", "gpu_model"))}
    engine.register("given", pa.table({**columns, "n": list(range(len(rows)))}))
    found = engine.query(f"SELECT {ppm_sql()} AS ppm, {rank_sql()} AS rank FROM given ORDER BY n").to_pylist()
    engine.close()
    return found


@pytest.mark.parametrize(
    ("metric", "value", "model", "ppm"),
    [
        ("gpu_util_percent", 0.0, None, 0),
        ("gpu_util_percent", 33.0, None, 330_000),
        ("sm_active_ratio", 0.25, None, 250_000),
        ("sm_active_ratio", 1e-12, None, 1),
        ("gpu_util_percent", 1e-9, None, 1),
        ("engine_active_ratio", 1.0, None, 1_000_000),
        ("power_watts", 93.0, "NVIDIA H100 80GB HBM3", 0),
        ("power_watts", 93.5, "NVIDIA H100 80GB HBM3", 1_000_000),
        ("power_watts", 102.0, "NVIDIA H200", 0),
        ("power_watts", 500.0, "NVIDIA L40S", None),
        ("power_watts", 500.0, None, None),
    ],
)
def test_a_reading_above_zero_stays_above_zero(metric: str, value: float, model: str | None, ppm: int | None) -> None:
    assert asked([(metric, value, model)])[0]["ppm"] == ppm


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_ratios_are_rounded_up_to_whole_parts_per_million(values: list[float]) -> None:
    found = asked([("sm_active_ratio", value, None) for value in values])
    assert [row["ppm"] for row in found] == [math.ceil(value * 1_000_000) for value in values]


def test_the_rungs_are_ranked_and_other_metrics_have_none() -> None:
    metrics = [*LADDER, "memory_used_bytes", "energy_joules"]
    assert [row["rank"] for row in asked([(m, 1.0, None) for m in metrics])] == [1, 2, 3, 4, None, None]


def test_the_power_floor_is_thirty_percent_above_the_idle_captures() -> None:
    """Idle power of the captures in tests/data: 71.2 W is the higher of H100 whole and MIG, 78.3 W of H200."""
    assert {"H100": math.ceil(71.2 * 1.3), "H200": math.ceil(78.3 * 1.3)} == IDLE_POWER_FLOOR_WATTS
