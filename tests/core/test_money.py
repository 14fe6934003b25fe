"""Exact splitting, cutting and rounding."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.core.money import (
    cut,
    from_pico,
    int_div,
    largest_remainder,
    parse_amount,
    quantise,
    round_half_up,
    split,
    text,
    to_pico,
)


@pytest.mark.parametrize(
    ("total", "weights", "lines"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (10_000, [1, 2, 4], [1429, 2857, 5714]),
        (5, [3, 3, 1], [2, 2, 1]),
    ],
)
def test_largest_remainder_gives_the_published_vectors(total: int, weights: list[int], lines: list[int]) -> None:
    assert largest_remainder(total, weights, ["a", "b", "c"]) == lines


@given(st.integers(-(10**30), 10**30), st.lists(st.integers(0, 10**18), min_size=1, max_size=20).filter(any))
def test_a_split_adds_up_reverses_and_does_not_depend_on_order(amount: int, weights: list[int]) -> None:
    keys = [f"k{i:02}" for i in range(len(weights))]
    shares = split(amount, weights, keys)
    assert sum(shares) == amount
    assert split(-amount, weights, keys) == [-share for share in shares]
    turned = split(amount, weights[::-1], keys[::-1])
    assert turned == shares[::-1]
    for share, weight in zip(shares, weights, strict=True):
        assert abs(Fraction(amount * weight, sum(weights)) - share) <= len(weights)


def test_a_split_without_a_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="named bucket"):
        split(5, [0, 0], ["a", "b"])


@given(st.integers(-(10**24), 10**24), st.integers(1, 10**8), st.data())
def test_cuts_add_up_wherever_the_edges_are(amount: int, span: int, data: st.DataObject) -> None:
    edges = sorted({0, span, *data.draw(st.lists(st.integers(0, span), max_size=6))})
    pieces = [cut(amount, span, a, b) for a, b in itertools.pairwise(edges)]
    assert sum(pieces) == amount


@given(st.integers(-(10**20), 10**20), st.integers(-(10**9), 10**9).filter(bool))
def test_division_truncates_toward_zero(a: int, b: int) -> None:
    assert int_div(a, b) == int(Fraction(a, b))


def test_an_amount_finer_than_a_pico_unit_keeps_its_remainder() -> None:
    whole, rest = to_pico(Decimal("-1.0000000000005"))
    assert whole == -1_000_000_000_000
    assert from_pico(whole) + rest == Decimal("-1.0000000000005")


@pytest.mark.parametrize(("top", "bottom", "rounded"), [(5, 2, 3), (-5, 2, -3), (4, 3, 1), (-4, 3, -1), (7, -2, -4)])
def test_ties_go_away_from_zero(top: int, bottom: int, rounded: int) -> None:
    assert round_half_up(top, bottom) == rounded


@pytest.mark.parametrize("bad", ["", "abc", "NaN", "Infinity", "1e15", "-1e15"])
def test_what_is_no_amount_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"number|beyond"):
        parse_amount(bad)


@pytest.mark.parametrize(
    ("amount", "shown"), [("1.500000", "1.5"), ("-0E-12", "0"), ("1E+3", "1000"), ("0.000000000001", "0.000000000001")]
)
def test_amounts_are_printed_plainly(amount: str, shown: str) -> None:
    assert text(Decimal(amount)) == shown


def test_rounding_for_a_screen() -> None:
    assert quantise(Decimal("0.125"), 2) == Decimal("0.13")
    assert quantise(Decimal("-0.125"), 2) == Decimal("-0.13")
