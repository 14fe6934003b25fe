"""Cells of an event log against Python's own readings of the same text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import ROUND_DOWN, Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.core.period import micros
from netyield.sources.event_columns import amounts, scaled, times, translate, words

moments = st.datetimes(datetime(2000, 1, 1), datetime(2200, 1, 1))
zones = st.sampled_from(["", "Z", "+00:00", "-05:30", "+14:00"])


@given(st.lists(st.tuples(moments, zones, st.sampled_from("T "), st.integers(0, 999)), min_size=1, max_size=8))
def test_iso_times_are_read_as_python_reads_them(cells: list[tuple[datetime, str, str, int]]) -> None:
    """Naive and zoned mixed, digits beyond the microsecond cut."""
    texts = [f"{at.isoformat(sep, 'microseconds')}{nanos:03d}{zone}" for at, zone, sep, nanos in cells]
    expected = []
    for at, zone, _, _ in cells:
        sign = -1 if zone.startswith("-") else 1
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:])) * sign if ":" in zone else timedelta()
        expected.append(micros(at.replace(tzinfo=timezone(offset))))
    found = times(pa.array(texts), "iso", "UTC")
    assert found.us.tolist() == expected
    assert found.good.all()


@given(st.lists(st.decimals("-1e9", "2e9", places=8), min_size=1, max_size=8))
def test_seconds_are_exact_and_cut(values: list[Decimal]) -> None:
    expected = [int((value * 1_000_000).to_integral_value(ROUND_DOWN)) for value in values]
    assert scaled(pa.array([f"{value:f}" for value in values]), "s").to_pylist() == expected


@given(st.lists(st.decimals("-1e9", "1e9", places=15), min_size=1, max_size=8))
def test_amounts_are_exact_and_cut(values: list[Decimal]) -> None:
    found, wrong = amounts(pa.array([f"{value:f}" for value in values]))
    assert found.to_pylist() == [value.quantize(Decimal("1e-12"), ROUND_DOWN) for value in values]
    assert not wrong.any()


@pytest.mark.parametrize(
    ("column", "expected", "wrong"),
    [
        (pa.array(["1e-7", "2.5E3", "abc", "", None]), ["0.0000001", "2500", None, None, None], [2]),
        (pa.array([0.1, float("nan"), None]), ["0.1", None, None], []),
        (pa.array(["1e15", "1e99", "inf", "-1.0000000000009"]), [None, None, None, "-1"], [0, 1, 2]),
        (pa.array([Decimal("1.25")]), ["1.25"], []),
    ],
)
def test_odd_amounts(column: pa.Array, expected: list[str | None], wrong: list[int]) -> None:
    found, bad = amounts(column)
    assert [None if v is None else v.normalize() for v in found.to_pylist()] == [
        None if v is None else Decimal(v).normalize() for v in expected
    ]
    assert bad.nonzero()[0].tolist() == wrong


def test_typed_times() -> None:
    at = datetime(2026, 11, 1, 10, 0, 0, 123_456, UTC)
    naive = at.replace(tzinfo=None)
    assert times(pa.array([at], pa.timestamp("ns", "Europe/Paris")), "iso", "UTC").us.tolist() == [micros(at)]
    assert times(pa.array([naive], pa.timestamp("us")), "iso", "UTC").us.tolist() == [micros(at)]
    assert times(pa.array([naive.date()], pa.date32()), "iso", "UTC").array().to_pylist() == [
        datetime(2026, 11, 1, tzinfo=UTC)
    ]
    assert times(pa.array([1.5, None]), "s", "UTC").us.tolist() == [1_500_000, 0]
    assert not times(pa.array([5]), "iso", "UTC").good.any()  # a number is no ISO time: time_unit is wrong


def test_words_are_trimmed_and_nothing_is_null() -> None:
    found = words(pa.array([" a ", "", "null", "\\N", None, "b c"]).dictionary_encode())
    assert found.to_pylist() == ["a", None, None, None, None, "b c"]
    assert words(pa.array([3.0, 2.5, None])).to_pylist() == ["3", "2.5", None]
    assert words(pa.array([[1]])).to_pylist() == [None]
    translated, unknown = translate(pa.array(["End-Turn", "end turn", "x", None]), {"end_turn": "stop"})
    assert translated.to_pylist() == ["stop", "stop", None, None]
    assert unknown.tolist() == [False, False, True, False]
