"""Words for figures: what a person reads, checked against hand-written expectations."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from netyield.charts import formats
from netyield.core.names import IDLE
from netyield.core.period import Period


@pytest.mark.parametrize(
    ("value", "currency", "words"),
    [
        (Decimal("1273728"), "USD", "$1,273,728.00"),
        (Decimal("424182.765"), "USD", "$424,182.77"),  # a tie goes away from zero
        (Decimal("-424182.765"), "USD", "-$424,182.77"),
        (Decimal("0"), "USD", "$0.00"),
        (Decimal("0.000000000001"), "USD", "<$0.01"),  # real money is never shown as none
        (Decimal("-0.000000000001"), "USD", ">-$0.01"),
        (Decimal("50000000"), "KRW", "₩50,000,000"),
        (Decimal("12.5"), "CHF", "CHF 12.50"),
        ("2.5", "EUR", "€2.50"),
        (None, "USD", "not measured"),
        (float("nan"), "USD", "not measured"),
    ],
)
def test_money(value: object, currency: str, words: str) -> None:
    assert formats.money(value, currency) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("11.4273", "$11.43"),
        ("1234.5", "$1,234.50"),
        ("0.04213049", "$0.04213"),
        ("0.5", "$0.50"),
        ("0.00000012345", "$0.0000001235"),
        ("-0.25", "-$0.25"),
        ("0", "$0.00"),
        (None, "not measured"),
    ],
)
def test_a_unit_cost_keeps_its_small_digits(value: str | None, words: str) -> None:
    assert formats.rate(value, "USD") == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.338, "33.8%"), (1, "100.0%"), (0, "0.0%"), (0.0001, "<0.1%"), (-0.0001, ">-0.1%"), (None, "not measured")],
)
def test_share(value: float | None, words: str) -> None:
    assert formats.share(value) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (4_847_600_000, "4.8B"),
        (640_000, "640k"),
        (12, "12"),
        (1_500, "1.5k"),
        (2_000_000, "2M"),
        (None, "not measured"),
    ],
)
def test_compact(value: int | None, words: str) -> None:
    assert formats.compact(value) == words


def test_counts_and_hours() -> None:
    assert formats.count(1234567) == "1,234,567"
    assert formats.count(0.31) == "0.31"
    assert formats.hours(636864.04) == "636,864.0"
    assert formats.hours(None) == "not measured"


def period(since: str, until: str) -> Period:
    return Period(datetime.fromisoformat(since).replace(tzinfo=UTC), datetime.fromisoformat(until).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2026-11-01", "2026-12-01", "1 Nov to 30 Nov 2026 (30 days, UTC)"),  # half-open: 1 Dec is not in it
        ("2026-11-01", "2026-11-02", "1 Nov 2026 (1 day, UTC)"),
        ("2026-12-31", "2027-01-02", "31 Dec 2026 to 1 Jan 2027 (2 days, UTC)"),
        ("2026-11-01T06:00", "2026-11-02T06:00", "2026-11-01 06:00 to 2026-11-02 06:00 UTC"),
    ],
)
def test_a_window_spells_its_inclusive_days(since: str, until: str, words: str) -> None:
    assert formats.window(period(since, until)) == words


def test_intervals_say_what_they_do_not_know() -> None:
    assert formats.interval({"low": 0.26, "high": 0.43}, formats.share) == "26.0% to 43.0%"
    assert formats.interval({"low": 0.26, "high": 0.26}, formats.share) == "26.0%"
    assert formats.interval({"low": "9.64", "high": None}, lambda v: formats.rate(v, "USD")) == "from $9.64, unbounded"
    assert formats.interval({"low": None, "high": None}, formats.share) == "not measured"
    assert formats.interval({"low": None, "high": 0.4}, formats.share) == "at most 40.0%"
    assert formats.interval(None, formats.share) == "not measured"
    assert formats.interval(0.31, formats.share) == "31.0%"


def test_reserved_values_have_words() -> None:
    assert formats.label(IDLE) == "(idle)"
    assert formats.label("search") == "search"
    assert formats.label("") == "(none)"
