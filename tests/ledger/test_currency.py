"""Dated conversion, exact both ways, and none without a rate."""

from __future__ import annotations

from decimal import Decimal

from netyield.ledger.currency import Rates

RATES = Rates([("2026-10-01", "EUR", "USD", Decimal("1.10")), ("2026-10-05", "EUR", "USD", Decimal("1.20"))])


def test_the_rate_of_the_day_else_the_last_one_of_a_week() -> None:
    assert RATES.convert(10**12, "EUR", "USD", "2026-10-05") == 1_200_000_000_000
    assert RATES.convert(10**12, "EUR", "USD", "2026-10-04") == 1_100_000_000_000
    assert RATES.convert(10**12, "EUR", "USD", "2026-10-12") == 1_200_000_000_000


def test_no_rate_means_no_conversion() -> None:
    assert RATES.convert(1, "EUR", "USD", "2026-09-30") is None
    assert RATES.convert(1, "EUR", "USD", "2026-10-13") is None
    assert RATES.convert(1, "KRW", "USD", "2026-10-05") is None
    assert RATES.convert(7, "KRW", "KRW", "2026-10-05") == 7


def test_the_inverse_of_a_published_pair_is_used_and_rounded_once() -> None:
    assert RATES.convert(10**12, "USD", "EUR", "2026-10-05") == 833_333_333_333
    assert RATES.convert(-(10**12), "USD", "EUR", "2026-10-05") == -833_333_333_333
