"""The knee of curves whose bend is known."""

from __future__ import annotations

import numpy as np

from netyield.economics.kv.knee import knee


def test_the_knee_of_a_broken_line_is_where_it_breaks() -> None:
    sizes = np.array([0, 10, 20, 30, 60, 100, 200])
    found = knee(sizes, np.array([0, 0.2, 0.4, 0.6, 0.7, 0.8, 0.8]))
    assert found is not None
    assert (found.capacity_blocks, found.ratio) == (30, 0.6)
    assert round(found.ceiling_share, 12) == 0.75


def test_capacity_beyond_the_ceiling_does_not_move_the_knee() -> None:
    sizes, ratios = np.arange(1, 101), np.minimum(1.0, np.sqrt(np.arange(1, 101) / 50))
    short, long = knee(sizes[:50], ratios[:50]), knee(sizes, ratios)
    assert short == long
    assert short is not None
    assert short.capacity_blocks in (12, 13)  # sqrt(x) - x is greatest at a quarter


def test_a_curve_that_never_rises_has_no_knee() -> None:
    assert knee(np.array([1, 2, 3]), np.zeros(3)) is None
    assert knee(np.zeros(0), np.zeros(0)) is None
