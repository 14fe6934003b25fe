from __future__ import annotations

import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.core.money import CONTEXT, PICO_DIGITS
from netyield.sources.amounts import Amounts, exact_amounts, quantities, read_number


def dropped(amounts: Amounts, index: int) -> Decimal:
    fine = Decimal(0) if amounts.fine is None else amounts.fine[index].as_py() or Decimal(0)
    return CONTEXT.add(fine, amounts.finest.get(index, Decimal(0)))


AMOUNT = st.integers(0, 40).flatmap(
    lambda places: st.decimals(-(10**14), 10**14, allow_nan=False, allow_infinity=False, places=places)
).map(str) | st.builds(
    lambda sign, whole, digits: f"{sign}{whole}.{digits}",
    st.sampled_from(["", "-", "+"]), st.integers(0, 10**14), st.text("0123456789", min_size=0, max_size=30),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(AMOUNT | st.none(), max_size=12))
def test_kept_and_dropped_always_make_the_amount(texts: list[str | None]) -> None:
    amounts = exact_amounts(pa.array(texts, pa.string()))
    assert amounts.bad == {}
    for index, text in enumerate(texts):
        kept = amounts.kept[index].as_py()
        if text is None:
            assert kept is None
            continue
        rest = dropped(amounts, index)
        assert CONTEXT.add(kept, rest) == Decimal(text)
        assert abs(rest) < Decimal(1).scaleb(-PICO_DIGITS)
        assert rest == 0 or (rest < 0) == (Decimal(text) < 0)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1e12, 1e12, allow_nan=False) | st.floats(-1e-9, 1e-9), min_size=1, max_size=20))
def test_doubles_are_read_as_their_shortest_decimal(values: list[float]) -> None:
    amounts = exact_amounts(pa.array(values, pa.float64()))
    for index, value in enumerate(values):
        if index in amounts.bad:  # beyond 60 places: a denormal is no money
            assert abs(value) < 1e-40
            continue
        assert CONTEXT.add(amounts.kept[index].as_py(), dropped(amounts, index)) == Decimal(repr(value))


KINDS = [
    pa.decimal128(38, 17), pa.decimal128(20, 2), pa.decimal256(70, 30), pa.decimal256(76, 55), pa.decimal128(38, 0),
]


@pytest.mark.parametrize("kind", KINDS)
def test_decimals_of_any_scale(kind: pa.DataType) -> None:
    scale = Decimal(1).scaleb(-kind.scale)
    values = [Decimal(3) * scale, Decimal(-7), None, Decimal(123456789)]
    amounts = exact_amounts(pa.array(values, kind))
    for index, value in enumerate(values):
        kept = amounts.kept[index].as_py()
        assert (kept is None) if value is None else CONTEXT.add(kept, dropped(amounts, index)) == value


@pytest.mark.parametrize("text", ["1e-51", "0." + "0" * 50 + "1", "7e-13", "1.5e-59"])
def test_digits_arrow_would_drop_silently_are_kept(text: str) -> None:
    amounts = exact_amounts(pa.array([text, "1"]))
    assert amounts.bad == {}
    assert dropped(amounts, 0) == Decimal(text)


def test_integers_and_missing_doubles() -> None:
    assert exact_amounts(pa.array([1, None, -3], pa.int64())).kept.to_pylist() == [Decimal(1), None, Decimal(-3)]
    amounts = exact_amounts(pa.array([math.nan, 0.1, None]))
    assert amounts.kept.to_pylist() == [None, Decimal("0.1"), None]


@pytest.mark.parametrize(
    "text",
    ["abc", "1,5", "$3", "1e400", "1_000", "٣", "--1", "inf", "nan", "1" + "0" * 15, "-1e15", "1e-61", "0x10", "1 2"],
)
def test_what_is_no_amount_is_named_and_the_others_are_kept(text: str) -> None:
    amounts = exact_amounts(pa.array(["1.50", text, " 2.25 ", "3e-2", None]))
    assert list(amounts.bad) == [1]
    assert text in amounts.bad[1]
    assert amounts.kept.to_pylist() == [Decimal("1.5"), None, Decimal("2.25"), Decimal("0.03"), None]


def test_forty_million_dollars_and_fifty_million_won_are_exact() -> None:
    amounts = exact_amounts(pa.array(["40000000.123456789012", "50000000", "999999999999999.999999999999"]))
    assert [str(value) for value in amounts.kept.to_pylist()] == [
        "40000000.123456789012", "50000000.000000000000", "999999999999999.999999999999",
    ]
    assert amounts.fine is None


def test_quantities_round_beyond_18_places_and_name_what_is_none() -> None:
    values, bad = quantities(pa.array(["1.5", "0.0000000000000000015", "lots", None, "1e3", "100000000000000000000"]))
    assert values.to_pylist() == [
        Decimal("1.5"), Decimal("2e-18"), None, None, Decimal(1000), None,
    ]
    assert sorted(bad) == [2, 5]
    doubles, none = quantities(pa.array([0.1, 2.0]))
    assert doubles.to_pylist() == [Decimal("0.1"), Decimal(2)]
    assert none == {}


def test_read_number_refuses_what_only_python_calls_a_number() -> None:
    assert read_number(" -1.5E-3 ") == Decimal("-0.0015")
    for text in ("1_0", "", "NaN", "1e99999"):
        with pytest.raises(ValueError, match="not a number"):
            read_number(text)
