"""Half-open UTC windows and how times are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.core.period import Period, from_micros, iso, micros, month_of, parse_time, posting_period

START = datetime(2026, 10, 25, 22, 30, tzinfo=UTC)


def test_days_of_a_window_are_clipped_and_add_up() -> None:
    days = list(Period(START, START + timedelta(days=2)).days())
    assert [iso(day.since) for day in days] == ["2026-10-25T22:30:00Z", "2026-10-26T00:00:00Z", "2026-10-27T00:00:00Z"]
    assert sum(day.seconds for day in days) == 2 * 86400


def test_overlap_is_half_open() -> None:
    first = Period(START, START + timedelta(hours=1))
    assert first.overlap(Period(START + timedelta(hours=1), START + timedelta(hours=2))) is None
    assert first.overlap(Period(START, START + timedelta(minutes=5))) == Period(START, START + timedelta(minutes=5))


def test_naive_times_are_in_the_declared_zone_across_the_clock_change() -> None:
    assert iso(parse_time("2026-10-25 02:30:00", "Europe/Berlin")) in {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"}
    assert iso(parse_time("2026-11-01", "America/New_York")) == "2026-11-01T04:00:00Z"
    assert iso(parse_time("2026-11-01T00:00:00Z", "Asia/Tokyo")) == "2026-11-01T00:00:00Z"


@given(st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)))
def test_microseconds_are_exact_both_ways(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)
    assert from_micros(micros(moment)) == moment
    assert parse_time(iso(moment)) == moment


def test_windows_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="timezone"):
        Period(datetime(2026, 1, 1), datetime(2026, 1, 2))
    with pytest.raises(ValueError, match="after it ends"):
        Period(START, START - timedelta(seconds=1))


def test_months() -> None:
    assert posting_period(START) == month_of(START.date()) == "2026-10"
