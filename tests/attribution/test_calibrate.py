"""Weights from a replica's own counters, against planted costs."""

from __future__ import annotations

import numpy as np
import pytest

from netyield.attribution.calibrate import deltas, fit

SLOT = 300_000_000


def test_planted_costs_are_found_and_explain_everything() -> None:
    seed = np.random.default_rng(1)
    prefill = {i * SLOT: float(v) for i, v in enumerate(seed.integers(1000, 50_000, 40))}
    decode = {i * SLOT: float(v) for i, v in enumerate(seed.integers(100, 9_000, 40))}
    active = {slot: round(120 * prefill[slot] + 900 * decode[slot]) for slot in prefill}
    found = fit(active, prefill, decode)
    assert found is not None
    assert found.prefill_us_per_token == pytest.approx(120, rel=1e-3)
    assert found.decode_us_per_token == pytest.approx(900, rel=1e-3)
    assert found.r_squared > 0.999
    assert found.weights == (pytest.approx(120_000, rel=1e-3), pytest.approx(900_000, rel=1e-3))


def test_noise_that_tokens_do_not_explain_has_a_poor_fit() -> None:
    seed = np.random.default_rng(2)
    slots = [i * SLOT for i in range(40)]
    found = fit(
        {s: int(v) for s, v in zip(slots, seed.integers(1, 10**8, 40), strict=True)},
        dict.fromkeys(slots, 1000.0),
        {s: float(v) for s, v in zip(slots, seed.integers(1, 9000, 40), strict=True)},
    )
    assert found is None or found.r_squared < 0.5


def test_too_few_slots_or_a_negative_cost_is_no_calibration() -> None:
    slots = [i * SLOT for i in range(20)]
    falling = {s: 10**8 - i * 10**6 for i, s in enumerate(slots)}
    rising = {s: float(i + 1) for i, s in enumerate(slots)}
    assert fit(falling, rising, {s: 1000.0 - i for i, s in enumerate(slots)}) is None
    assert fit(dict.fromkeys(slots[:5], 1), dict.fromkeys(slots[:5], 1.0), dict.fromkeys(slots[:5], 1.0)) is None


def test_a_counter_reset_starts_again_and_is_never_negative() -> None:
    minute = 60_000_000
    times = np.array([0, 1, 2, 3, 4], dtype=np.int64) * minute
    values = np.array([100.0, 160.0, 200.0, 30.0, 90.0])  # the process restarted between 2 and 3
    assert sum(deltas(times, values, SLOT).values()) == 60 + 40 + 30 + 60
    assert deltas(times[:1], values[:1], SLOT) == {}


def test_readings_far_apart_say_nothing_of_any_slot() -> None:
    """Four readings a minute apart, three hours of silence, four more: the growth of the silence is nobody's."""
    minute = 60_000_000
    times = np.array([0, 1, 2, 8, 200, 201, 202, 208], dtype=np.int64) * minute
    values = np.array([0.0, 10.0, 20.0, 90.0, 5000.0, 5010.0, 5020.0, 5090.0])
    assert deltas(times, values, SLOT) == {0: 20.0, 40 * SLOT: 20.0, 41 * SLOT: 70.0}
