"""Leases against published examples, and identities over random ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.answers import lease as answers
from netyield.economics.assets.lease_terms import Lease
from netyield.economics.assets.leases import asc842_operating, ifrs16, rate_of

ADVANCE = {"payment": 50_000, "periods": 10, "timing": "advance", "rate": "0.05", "initial_direct_cost": 20_000, "incentive": 5_000}
RELEASE = {"after": 5, "returned_share": "0.5", "payments": [30_000] * 5, "rate": "0.05"}


def made(**words: Any) -> Lease:
    return Lease.model_validate({"unit": 1, **words})


def test_payments_in_advance_with_direct_cost_and_incentive() -> None:
    """Case L1: IFRS 16, illustrative example 13."""
    found = ifrs16(made(**ADVANCE))
    assert (found.liability, found.right_of_use) == (355_391, 420_391)


def test_giving_back_half_of_what_is_leased() -> None:
    """Case L2: IFRS 16, illustrative example 17: the model for releasing half of the GPUs."""
    lease = made(payment=50_000, periods=10, timing="arrears", rate="0.06", modification=[RELEASE])
    found = ifrs16(lease)
    assert (found.liability, found.right_of_use) == (368_004, 368_004)
    (change,) = found.modifications
    assert (change.right_of_use_before, change.liability_before) == (184_002, 210_618)
    assert (change.gain, change.liability, change.adjustment) == (13_308, 129_884, 24_575)
    assert (found.rows[-1].liability, found.rows[-1].right_of_use) == (0, 0)
    body = answers.answer(lease).body
    assert body["us_gaap"] is None
    assert [finding.code for finding in answers.answer(lease).findings] == ["lease.us_modification"]


def test_an_operating_lease_costs_the_same_every_year() -> None:
    """Case L3: the rate that closes the liability to zero is solved, 4.23556 %."""
    lease = made(payments=[10_000, 12_000, 14_000], timing="arrears", liability=33_000)
    found = asc842_operating(lease)
    assert round(found.rate * 100, 5) == Decimal("4.23556")
    assert (found.liability, found.right_of_use) == (33_000, 33_000)
    assert [row.cost for row in found.rows] == [12_000] * 3
    assert [row.liability for row in found.rows] == [24_398, 13_431, 0]
    assert [row.right_of_use for row in found.rows] == [22_398, 11_431, 0]


def test_at_the_rate_printed_in_the_example_the_start_is_37_cents_higher() -> None:
    lease = Lease.model_validate({"payments": [10_000, 12_000, 14_000], "timing": "arrears", "rate": "0.04235"})
    assert ifrs16(lease).liability == Decimal("33000.37")


def test_the_same_cash_costs_more_at_the_start_under_ifrs() -> None:
    lease = made(payment=50_000, periods=10, timing="arrears", rate="0.05")
    ours, theirs = ifrs16(lease).rows, asc842_operating(lease).rows
    assert ours[0].cost > theirs[0].cost > ours[-1].cost
    assert sum(row.cost for row in ours) == sum(row.cost for row in theirs) == 500_000


def test_whether_it_is_a_lease() -> None:
    told = {"identified_asset": True, "supplier_can_substitute": False, "directs_use": True}
    assert made(**ADVANCE).is_lease is None
    assert made(**ADVANCE, **told).is_lease is True
    no = made(**ADVANCE, **{**told, "supplier_can_substitute": True})
    assert no.is_lease is False
    assert [finding.code for finding in answers.answer(no).findings] == ["lease.no_lease"]


@pytest.mark.parametrize(
    "words",
    [
        {"payment": 5, "timing": "arrears", "rate": "0.1"},
        {"payments": [5], "payment": 5, "periods": 2, "timing": "arrears", "rate": "0.1"},
        {"payments": [5], "timing": "arrears"},
        {"payments": [5], "timing": "arrears", "rate": "0.1", "liability": 4},
        {"payments": [5, 5], "timing": "arrears", "rate": "0.1", "modification": [{"after": 2, "payments": [1], "rate": 0}]},
    ],
)
def test_contradictory_leases_are_refused(words: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"give|together|before"):
        made(**words)


def test_a_liability_no_rate_can_explain_is_refused() -> None:
    with pytest.raises(ValueError, match="no rate"):
        rate_of(made(payments=[1, 1], timing="arrears", liability=10_000_000))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 10**7), min_size=2, max_size=24), st.integers(0, 3000), st.sampled_from(["arrears", "advance"]),
    st.integers(0, 10**5), st.integers(0, 10**5),
)  # fmt: skip
def test_cost_adds_up_to_cash_and_every_balance_ends_at_zero(
    payments: list[int], rate: int, timing: str, direct: int, incentive: int
) -> None:
    lease = Lease.model_validate({
        "payments": payments, "timing": timing, "rate": Decimal(rate) / 10_000, "initial_direct_cost": direct, "incentive": incentive,
    })  # fmt: skip
    for found in (ifrs16(lease), asc842_operating(lease)):
        assert sum(row.cost for row in found.rows) == sum(payments) + direct - incentive
        assert (found.rows[-1].liability, abs(found.rows[-1].right_of_use)) == (0, 0)
        assert all(row.interest >= 0 for row in found.rows)
