"""Unfilled capacity against examples worked by hand; tokens decide, never utilisation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.economics.serving.unfilled import HOUR_US, Objective, Unfilled, ranks, unfilled

OBJECTIVE = Objective(ttft_seconds_p95=1.0, tpot_seconds_p95=0.05, spare_replicas=0)
DOLLAR = 10**12
SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("gpu_model", pa.string()),
        ("engine_version", pa.string()),
        ("hour_us", pa.int64()),
        ("active_pico", pa.decimal128(38, 0)),
        *(
            (n, pa.int64())
            for n in (
                "active_us",
                "device_us",
                "wall_us",
                "unknown_us",
                "gap_us",
                "input_tokens",
                "output_tokens",
                "ttft_p95_us",
                "tpot_p95_us",
                "prefill_weight",
                "decode_weight",
            )
        ),
    ]
)
FULL = {
    "model": "llama",
    "gpu_model": "H100",
    "engine_version": "0.33.0",
    "hour_us": 0,
    "active_pico": DOLLAR,
    "active_us": HOUR_US,
    "device_us": HOUR_US,
    "wall_us": HOUR_US,
    "unknown_us": 0,
    "gap_us": 60_000_000,
    "input_tokens": 0,
    "output_tokens": 0,
    "ttft_p95_us": 800_000,
    "tpot_p95_us": 40_000,
    "prefill_weight": 1000,
    "decode_weight": 2000,
}


def table(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Full replica hours at one dollar, changed as each row says."""
    filled = [FULL | row for row in rows]
    for row in filled:
        row["active_pico"] = Decimal(row["active_pico"])
    return pa.Table.from_pylist(filled, schema=SCHEMA)


def one(rows: Iterable[dict[str, Any]], objective: Objective = OBJECTIVE) -> Unfilled:
    (found,) = unfilled(table(rows), objective)
    return found


def climbing(count: int = 100) -> list[dict[str, Any]]:
    """Hour i serves 20 i computed input and 10 i output tokens: 20 i output-token equivalents at weights 1 to 2."""
    return [{"hour_us": i * HOUR_US, "input_tokens": 20 * i, "output_tokens": 10 * i} for i in range(1, count + 1)]


def test_a_hundred_hours_worked_by_hand() -> None:
    found = one(climbing())
    assert found.busy_hours == 100
    assert found.reference_tokens_per_gpu_hour == 1800  # the 90th of 100
    assert found.active_pico == 100 * DOLLAR
    # 1 + 2 + ... + 100 = 5050 ninetieths of a dollar; the bounds are the 84th and the 96th hour (90 -+ 1.96 * 3).
    assert found.at_reference_pico == 56_111_111 * 10**6
    assert found.unfilled_pico == 43_888_889 * 10**6
    assert found.unfilled_low_pico == 100 * DOLLAR - 60_119_048 * 10**6
    assert found.unfilled_high_pico == 100 * DOLLAR - 52_604_167 * 10**6
    assert found.status == "modelled from 100 busy hours"
    assert ranks(100) == (84, 90, 96)
    assert ranks(101)[1] == 91


def test_ninety_nine_hours_are_not_measured_and_keep_their_money() -> None:
    found = one(climbing(99))
    assert (found.busy_hours, found.active_pico, found.status) == (
        99,
        99 * DOLLAR,
        "not measured (99 of 100 busy hours)",
    )
    figures = (
        found.reference_tokens_per_gpu_hour,
        found.at_reference_pico,
        found.unfilled_pico,
        found.unfilled_low_pico,
        found.unfilled_high_pico,
        found.headroom_pico,
    )
    assert set(figures) == {None}


def test_the_mix_of_input_and_output_is_no_inefficiency() -> None:
    # Two input tokens weigh as much as one output token: all hours do the same work, at any mix.
    mixed = [{"hour_us": i * HOUR_US, "input_tokens": 20 * i, "output_tokens": 2000 - 10 * i} for i in range(150)]
    found = one(mixed)
    assert (found.reference_tokens_per_gpu_hour, found.unfilled_pico) == (2000, 0)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ttft_p95_us": 1_000_001}, "first token too late"),
        ({"tpot_p95_us": 50_001}, "tokens too slow"),
        ({"ttft_p95_us": None}, "latency unknown"),
        ({"active_us": HOUR_US // 2 - 1}, "active less than half of the hour"),
        (
            {"wall_us": HOUR_US // 4, "device_us": HOUR_US // 4, "active_us": HOUR_US // 4},
            "there for a quarter of the hour",
        ),
        ({"unknown_us": HOUR_US // 10}, "a tenth unseen"),
        ({"gap_us": 3 * HOUR_US}, "counters not read for three hours"),
    ],
)
def test_what_is_no_reference_hour_sets_no_reference(change: dict[str, Any], why: str) -> None:
    # Fifty hours of ten times the rate would set the P90 if they counted.
    odd = [row | {"input_tokens": 10_000, "output_tokens": 10_000} | change for row in climbing(50)]
    found = one([*climbing(), *odd])
    assert (found.busy_hours, found.reference_tokens_per_gpu_hour) == (100, 1800), why


def test_half_an_hour_is_busy_and_the_objective_itself_is_within() -> None:
    edge = {"active_us": HOUR_US // 2, "ttft_p95_us": 1_000_000, "tpot_p95_us": 50_000}
    found = one([row | edge for row in climbing()])
    assert (found.busy_hours, found.reference_tokens_per_gpu_hour) == (
        100,
        3600,
    )  # the same tokens in half the GPU time


def test_without_a_declared_objective_nothing_is_within_it() -> None:
    assert one(climbing(), Objective()).status == "not measured (no latency objective in [serving])"
    only_first = one([row | {"tpot_p95_us": None} for row in climbing()], Objective(ttft_seconds_p95=1.0))
    assert only_first.busy_hours == 100


def test_models_gpus_and_versions_are_never_compared_with_one_another() -> None:
    fast = [row | {"input_tokens": 9_000, "output_tokens": 9_000} for row in climbing()]
    others = [{"model": "qwen"}, {"gpu_model": "H200"}, {"engine_version": "0.34.0"}, {"engine_version": None}]
    found = unfilled(table([*climbing(), *(row | other for other in others for row in fast)]), OBJECTIVE)
    assert len(found) == 5
    mine = next(r for r in found if (r.model, r.gpu_model, r.engine_version) == ("llama", "H100", "0.33.0"))
    assert mine.reference_tokens_per_gpu_hour == 1800
    assert {r.engine_version for r in found} == {"0.33.0", "0.34.0", None}


@pytest.mark.parametrize(("change", "what"), [({"gpu_model": ""}, "GPU"), ({"model": ""}, "model")])
def test_an_unknown_gpu_or_model_has_no_reference(change: dict[str, Any], what: str) -> None:
    assert one([row | change for row in climbing()]).status == f"not measured (the {what} is unknown)"


def four_replicas() -> list[dict[str, Any]]:
    """Fifty hours of four replicas at rate 50; in thirteen of them two replicas run at 100, which is the P90."""
    rates = [(100, 100, 50, 50) if hour < 13 else (50, 50, 50, 50) for hour in range(50)]
    return [
        {"hour_us": hour * HOUR_US, "output_tokens": rate} for hour, at_once in enumerate(rates) for rate in at_once
    ]


@pytest.mark.parametrize(
    ("peak_factor", "spare", "headroom"),
    [
        (1.0, 0, 37),  # three GPUs carry the busiest hour: one more than needed in each of the other 37 hours
        (1.2, 0, 67),  # 3.6 GPUs: 13 hours * (3.6 - 3) + 37 hours * (3.6 - 2)
        (1.0, 1, 87),  # one replica to spare: all four are required
        (3.0, 5, 87),  # never more than was unfilled
    ],
)
def test_what_the_declared_peak_and_spare_replicas_require_is_headroom(
    peak_factor: float, spare: int, headroom: int
) -> None:
    found = one(four_replicas(), replace(OBJECTIVE, peak_factor=peak_factor, spare_replicas=spare))
    assert found.reference_tokens_per_gpu_hour == 100
    assert (found.at_reference_pico, found.unfilled_pico) == (113 * DOLLAR, 87 * DOLLAR)
    assert found.headroom_pico == headroom * DOLLAR


def test_a_part_is_judged_by_the_reference_of_the_whole() -> None:
    hours = table(climbing())
    first = np.asarray(hours.column("hour_us").to_numpy() <= 45 * HOUR_US, dtype=np.bool_)
    (part,) = unfilled(hours, OBJECTIVE, first)
    # Hours 1 to 45: 45 * 46 / 2 = 1035 ninetieths of a dollar.
    assert (part.busy_hours, part.active_pico, part.at_reference_pico) == (100, 45 * DOLLAR, 11_500_000 * 10**6)
    assert unfilled(hours, OBJECTIVE, np.zeros(100, dtype=np.bool_)) == []


@pytest.mark.parametrize(
    "tokens", [{"input_tokens": None, "output_tokens": None}, {"input_tokens": 0, "output_tokens": 0}]
)
def test_a_fleet_at_full_utilisation_without_counted_tokens_has_no_figure(tokens: dict[str, Any]) -> None:
    # 1,000 hours in which every GPU read 100 %: activity is all there is, and it says nothing of unfilled capacity.
    always_active = [{"hour_us": hour * HOUR_US, **tokens} for hour in range(1000)]
    assert unfilled(table(always_active), OBJECTIVE) == []
    beside = one([*climbing(), *always_active])
    assert (beside.busy_hours, beside.active_pico, beside.unfilled_pico) == (100, 100 * DOLLAR, 43_888_889 * 10**6)


counts = st.integers(0, 10**6)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(counts, counts, st.integers(-DOLLAR, 10**16), st.integers(1, HOUR_US)), min_size=100, max_size=150
    )
)
def test_the_bounds_hold_the_figure_and_headroom_is_part_of_it(rows: list[tuple[int, int, int, int]]) -> None:
    made = [
        {
            "hour_us": i % 7 * HOUR_US,
            "input_tokens": a,
            "output_tokens": b,
            "active_pico": pico,
            "active_us": us,
            "device_us": us,
        }
        for i, (a, b, pico, us) in enumerate(rows)
    ]
    for found in unfilled(table(made), OBJECTIVE):
        if found.unfilled_pico is not None and all(pico >= 0 for _, _, pico, _ in rows):
            assert found.unfilled_low_pico is not None
            assert found.unfilled_high_pico is not None
            assert found.headroom_pico is not None
            assert 0 <= found.unfilled_low_pico <= found.unfilled_pico <= found.unfilled_high_pico <= found.active_pico
            assert 0 <= found.headroom_pico <= found.unfilled_pico
