"""Depreciation in coins against published schedules, a slow exact reference, and what must always hold."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.core.depreciation import Method, WriteOff, clock, first_day, month_name, month_number, used_by_units

START = clock(date(2026, 1, 1))
FIRST = 2026 * 12


def yearly(method: Method, cost: int, residual: int, years: int, switch: bool = True) -> list[int]:
    """Charges of whole years in coins."""
    shape = WriteOff(method, cost - residual, residual, START, START + 12 * years, Fraction(2), switch)
    used = shape.at_months(range(FIRST, FIRST + 12 * years + 1))
    return [used[12 * year + 12] - used[12 * year] for year in range(years)]


@pytest.mark.parametrize("switch", [True, False])
@pytest.mark.parametrize(
    ("method", "charges"),
    [
        (Method.STRAIGHT_LINE, [90_000] * 5),
        (Method.SUM_OF_YEARS, [150_000, 120_000, 90_000, 60_000, 30_000]),
        (Method.DECLINING, [200_000, 120_000, 72_000, 43_200, 14_800]),
    ],
)
def test_the_crane_of_the_textbook(method: Method, charges: list[int], switch: bool) -> None:
    """Case D1: cost 500,000, salvage 50,000, five years."""
    assert yearly(method, 500_000_00, 50_000_00, 5, switch) == [charge * 100 for charge in charges]


def test_units_of_the_two_cranes() -> None:
    """Cases D1 (4,000 of 30,000 hours) and D2 (31 an hour)."""
    assert used_by_units(450_000_00, Fraction(4_000), Fraction(30_000)) == 60_000_00
    hours = [1_800, 2_000, 2_500, 1_500, 1_200, 1_000]
    used = [used_by_units(310_000_00, Fraction(sum(hours[:n])), Fraction(10_000)) for n in range(7)]
    assert [(b - a) // 100 for a, b in pairwise(used)] == [55_800, 62_000, 77_500, 46_500, 37_200, 31_000]


def test_straight_line_of_the_second_crane_adds_up_to_the_cent() -> None:
    """Case D2: 51,666.67 a year; six of them are 310,000, so two are a cent less."""
    charges = yearly(Method.STRAIGHT_LINE, 350_000_00, 40_000_00, 6)
    assert charges[0] == 51_666_67
    assert sum(charges) == 310_000_00
    assert {abs(charge - 5_166_667) for charge in charges} <= {0, 1}


def test_declining_without_a_switch_leaves_something() -> None:
    assert sum(yearly(Method.DECLINING, 1_000_00, 0, 5, switch=False)) == 922_24  # 1 - 0.6 ** 5 of 1,000.00
    assert sum(yearly(Method.DECLINING, 1_000_00, 0, 5)) == 1_000_00


def test_the_month_clock() -> None:
    assert clock(date(2026, 11, 16)) == 2026 * 12 + 10 + Fraction(1, 2)
    assert clock(date(2027, 1, 1)) - clock(date(2026, 12, 31)) == Fraction(1, 31)
    assert month_name(month_number("2026-11")) == "2026-11"
    assert first_day(month_number("2026-11")) == date(2026, 11, 1)


def slow(shape: WriteOff, moment: Fraction) -> Fraction:
    """The used-up amount by the definition of the textbook, year by year in fractions (no rounding on the way)."""
    life = shape.end - shape.start
    elapsed = min(moment - shape.start, life)
    if shape.method is Method.STRAIGHT_LINE:
        return shape.base * elapsed / life
    years = ceil(life / 12)
    lengths = [min(Fraction(12), life - 12 * year) for year in range(years)]
    weights = [(life - 12 * year) * length for year, length in enumerate(lengths)]
    used = Fraction(0)
    for year, length in enumerate(lengths):
        part = max(Fraction(0), min(length, elapsed - 12 * year)) / length
        used += shape.base * weights[year] / sum(weights) * part
    return used


LIVES = st.integers(1, 100)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([Method.STRAIGHT_LINE, Method.SUM_OF_YEARS]), st.integers(0, 10**12), st.dates(date(2020, 1, 1), date(2030, 12, 31)), LIVES)
def test_every_month_end_is_the_exact_amount_rounded(method: Method, base: int, day: date, life: int) -> None:
    start = clock(day)
    shape = WriteOff(method, base, 0, start, start + life)
    months = range(ceil(start), ceil(start) + life + 2)
    for month, used in zip(months, shape.at_months(months), strict=True):
        assert abs(used - slow(shape, Fraction(month))) <= Fraction(1, 2)
        assert used == shape.at(Fraction(month))


@settings(deadline=None, max_examples=60)
@given(st.sampled_from([Method.STRAIGHT_LINE, Method.SUM_OF_YEARS, Method.DECLINING]), st.integers(0, 10**12), st.integers(0, 10**12), LIVES)
def test_a_base_is_used_up_exactly_and_never_grows_back(method: Method, base: int, residual: int, life: int) -> None:
    shape = WriteOff(method, base, residual, START, START + life)
    used = shape.at_months(range(FIRST, FIRST + life + 2))
    assert used[0] == 0
    assert used == sorted(used)
    assert used[-1] == base
