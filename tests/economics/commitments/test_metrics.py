"""Utilisation, coverage, break-even and savings from sums: the derived cases, and what stays unknown."""

from __future__ import annotations

from decimal import Decimal

import pytest

from netyield.economics.commitments.metrics import Sums, metrics, total

D = Decimal
PICO = 10**12
HOUR = 3_600_000_000


def committed(used: int, hours: int = 100) -> Sums:
    """100 hours at 0.60, so many of them used, on demand 1.00."""
    return Sums(
        used=used * 6 * PICO // 10, unused=(hours - used) * 6 * PICO // 10, list_used=used * PICO, used_us=used * HOUR,
        unused_us=(hours - used) * HOUR, eligible=2 * used * PICO, eligible_us=4 * used * HOUR,
    )  # fmt: skip


@pytest.mark.parametrize(("used", "utilisation", "savings"), [(50, "0.5", "-0.2"), (75, "0.75", "0.2")])
def test_derived_case_of_the_savings_rate(used: int, utilisation: str, savings: str) -> None:
    found = metrics(committed(used))
    assert found.utilisation == found.utilisation_hours == D(utilisation)
    assert found.break_even_utilisation == D("0.6")
    assert found.effective_savings_rate == D(savings)
    assert found.coverage == D("0.5")
    assert found.coverage_hours == D("0.25")


def test_fees_count_as_cost() -> None:
    with_fee = metrics(total([committed(75), Sums(fees=15 * PICO)]))
    assert with_fee.effective_savings_rate == 0
    assert with_fee.utilisation == D("0.75")


def test_sums_first_and_one_division() -> None:
    both = metrics(total([committed(100, 100), committed(0, 300)]))
    assert both.utilisation == D("0.25"), "not the mean of 100 % and 0 %"


def test_what_the_bill_does_not_say_stays_unknown() -> None:
    blind = metrics(total([committed(50), Sums(used=PICO, list_used=None, used_us=None)]))
    assert (blind.effective_savings_rate, blind.break_even_utilisation, blind.coverage) == (None, None, None)
    assert blind.utilisation_hours is None
    assert blind.utilisation == pytest.approx(D(31) / D(61))


def test_nothing_has_no_shares() -> None:
    assert set(metrics(Sums()).__class__.__slots__) == {
        "utilisation", "utilisation_hours", "coverage", "coverage_hours", "break_even_utilisation", "effective_savings_rate",
    }  # fmt: skip
    assert metrics(Sums()).utilisation is None
    assert metrics(Sums()).effective_savings_rate is None
