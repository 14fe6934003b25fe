from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.core.period import from_micros, micros
from netyield.sources.gpu.csv_columns import numbers, times, words

MAY = micros(datetime(2026, 5, 1, tzinfo=UTC))


def column(*values: Any) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 4_000_000_000_000_000), min_size=1, max_size=20))
def test_iso_times_are_read_to_the_microsecond_in_any_spelling(moments: list[int]) -> None:
    naive = [from_micros(us).replace(tzinfo=None) for us in moments]
    for spelled in ([str(at) for at in naive], [at.isoformat() + "Z" for at in naive],
                    [f"{at:%Y/%m/%d %H:%M:%S.%f}" for at in naive], naive):
        found = times(column(*spelled), "iso", "UTC")
        assert found.good.all()
        assert found.us.tolist() == moments


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1777593600", "s", MAY), ("1777593600.000001", "s", MAY + 1), ("1777593600000", "ms", MAY), (" 0 ", "s", 0),
        (1777593600, "s", MAY), (1777593600000.0, "ms", MAY), (date(2026, 5, 1), "iso", MAY),
    ],
)
def test_counted_and_typed_times(value: object, unit: Any, expected: int) -> None:
    found = times(column(value), unit, "UTC")
    assert found.good.tolist() == [True]
    assert found.us.tolist() == [expected]


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        ("", "iso"), ("2026-13-01", "iso"), ("1777593600", "iso"), ("2026-05-01", "s"), ("-1", "s"), ("1e300", "s"),
        ("99999999999999999999", "ms"), ("nan", "s"), ("1777593600000", "s"), ("2200-01-01", "iso"), ("1_000", "s"),
    ],
)
def test_what_is_no_time_is_marked_and_its_neighbours_are_not(value: str, unit: Any) -> None:
    good = "2026-05-01T00:00:00" if unit == "iso" else "1000"
    assert times(column(good, value, good), unit, "UTC").good.tolist() == [True, False, True]


def test_the_clock_hour_that_comes_twice_is_its_first_pass_and_none_is_lost() -> None:
    found = times(column("2026-10-25 02:30:00", "2026-03-29 02:30:00"), "iso", "Europe/Berlin")
    assert found.us.tolist()[0] == micros(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
    assert found.good.all()


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("5", 5.0), (" 5.5 ", 5.5), ("45 %", 45.0), ("2 MiB", 2.0 * 2**20), ("294.94 W", 294.94), ("1e3", 1000.0),
        ("+.5", 0.5),
    ],
)
def test_numbers_with_and_without_units(cell: str, expected: float) -> None:
    found = numbers(column(cell, "x"))
    assert found.good.tolist() == [True, False]
    assert found.value[0] == expected


@pytest.mark.parametrize("cell", ["", " ", "N/A", "[N/A]", "[Not Supported]", "null", None])
def test_absent_readings_are_missing_and_not_wrong(cell: str | None) -> None:
    found = numbers(column(cell, "1"))
    assert found.missing.tolist() == [True, False]
    assert found.good.tolist() == [True, True]


@pytest.mark.parametrize("cell", ["NaN", "inf", "-Infinity", "1,5", "0x10", "5 apples", "1_0"])
def test_what_is_no_number_is_marked(cell: str) -> None:
    found = numbers(column(cell, "1"))
    assert found.good.tolist() == [False, True]
    assert not found.missing.any()


def test_typed_numbers() -> None:
    assert numbers(column(1, None, 3), scale=2.0).value.tolist() == [2.0, 0.0, 6.0]
    found = numbers(column(1.0, float("nan"), None))
    assert (found.good.tolist(), found.missing.tolist()) == ([True, False, True], [False, False, True])
    assert not numbers(column(date(2026, 5, 1))).good.any()


def test_words() -> None:
    assert words(column(" a ", None, "")).to_pylist() == ["a", "", ""]
    assert words(column(3.0, None, 1.5)).to_pylist() == ["3", "", "1.5"]
    assert words(column(True, False, None)).to_pylist() == ["true", "false", ""]
    assert words(column(np.int64(7))).to_pylist() == ["7"]
