"""Leases against published examples, and identities over random ones."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.answers import lease as answers
from netyield.economics.assets.lease_terms import Lease
from netyield.economics.assets.leases import asc842, ifrs16, rate_of

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
    # Under ASC 842 an operating lease's right of use is its liability: no gain, and what is left is the new liability.
    other = asc842(lease)
    (change,) = other.modifications
    assert (change.right_of_use_before, change.gain, change.right_of_use) == (210_618, 0, 129_884)
    assert [row.cost for row in other.rows] == [50_000] * 5 + [30_000] * 5


def test_a_shorter_term_is_less_scope_under_ifrs_and_another_price_under_us_gaap() -> None:
    """IFRS 16, illustrative example 18, its first part: five years left become three, 100,000 each, 6 % becomes 7 %.

    The example rounds each step: its adjustment of 4,869 is 267,301 - 262,432, unrounded 4,869.59.
    """
    change = {"after": 5, "payments": [100_000] * 3, "rate": "0.07"}
    lease = made(payment=100_000, periods=10, timing="arrears", rate="0.06", modification=[change], us_class="finance")
    (ours,), (theirs,) = ifrs16(lease).modifications, asc842(lease).modifications
    assert (ours.liability_before, ours.right_of_use_before, ours.gain) == (421_236, 368_004, 6_733)
    assert (ours.liability, ours.adjustment, ours.right_of_use) == (262_432, -4_870, 215_933)
    assert (theirs.gain, theirs.right_of_use) == (0, 368_004 - (421_236 - 262_432))  # ASC 842-10-25-11(b), -12


def test_another_price_changes_the_right_of_use_and_no_result() -> None:
    """IFRS 16, illustrative example 19: 95,000 instead of 100,000 from year 6 on, 7 % instead of 6 %."""
    change = {"after": 5, "payments": [95_000] * 5, "rate": "0.07"}
    lease = made(payment=100_000, periods=10, timing="arrears", rate="0.06", modification=[change])
    for found in (ifrs16(lease), asc842(lease)):
        (told,) = found.modifications
        assert (told.gain, told.liability, told.adjustment) == (0, 389_519, -31_718)
        assert (found.rows[-1].liability, found.rows[-1].right_of_use) == (0, 0)


def test_an_extension_option_that_becomes_certain() -> None:
    """IFRS 16, illustrative example 13, its second part: five more years at 55,000, in advance, judged anew at 6 %."""
    change = {"after": 6, "payments": [50_000] * 4 + [55_000] * 5, "rate": "0.06", "reassessment": True}
    lease = made(**ADVANCE, modification=[change])
    (told,) = ifrs16(lease).modifications
    assert (told.liability_before, told.liability) == (186_162, 378_174)
    assert told.adjustment == 192_011  # printed as 378,174 - 186,162 = 192,012; unrounded 192,011.2
    assert (told.right_of_use_before, told.gain) == (168_156, 0)
    assert answers.answer(lease).findings[0].code == "lease.class_assumed"


def test_a_right_of_use_does_not_go_below_zero() -> None:
    """What the liability falls by beyond it is a gain (IFRS 16.39, ASC 842-20-35-4)."""
    change = {"after": 5, "payments": [1_000] * 5, "reassessment": True}
    lease = made(payment=50_000, periods=10, timing="arrears", rate="0.06", modification=[change])
    (told,) = ifrs16(lease).modifications
    assert told.right_of_use == 0
    assert told.gain == told.liability_before - told.liability - told.right_of_use_before


def test_several_changes_follow_one_another() -> None:
    first = {"after": 5, "payments": [100_000] * 4, "rate": "0.07"}
    lease = made(payment=100_000, periods=10, timing="arrears", rate="0.06", modification=[first, {**RELEASE, "after": 7}])
    found = ifrs16(lease)
    assert [change.after for change in found.modifications] == [5, 7]
    assert len(found.rows) == 12
    assert (found.rows[-1].liability, found.rows[-1].right_of_use) == (0, 0)


TOLD = {"transfers_ownership": False, "purchase_certain": False, "no_other_use": False, "fair_value": 500_000, "economic_life_periods": 15}


@pytest.mark.parametrize(
    ("words", "kind", "met"),
    [
        ({}, "operating", []),
        ({"transfers_ownership": True}, "finance", ["842-10-25-2(a)"]),
        ({"purchase_certain": True}, "finance", ["842-10-25-2(b)"]),
        ({"economic_life_periods": 13}, "finance", ["842-10-25-2(c)"]),  # 10 of 13 periods, 77 %
        ({"economic_life_periods": 13, "late_in_life": True}, "operating", []),  # 842-10-25-3
        ({"economic_life_periods": 13, "major_part": "0.8"}, "operating", []),
        ({"fair_value": 400_000}, "finance", ["842-10-25-2(d)"]),  # 368,004 of 400,000, 92 %
        ({"fair_value": 420_000, "residual_guarantee": 12_000}, "finance", ["842-10-25-2(d)"]),
        ({"no_other_use": True}, "finance", ["842-10-25-2(e)"]),
        ({"no_other_use": True, "us_class": "operating"}, "operating", ["842-10-25-2(e)"]),
    ],
    ids=["none", "ownership", "option", "term", "late", "own-reading", "value", "guarantee", "special", "as-told"],
)
def test_one_of_five_tests_makes_a_finance_lease(words: dict[str, Any], kind: str, met: list[str]) -> None:
    lease = made(payment=50_000, periods=10, timing="arrears", rate="0.06", **{**TOLD, **words})
    body = answers.answer(lease).body
    assert (body["classification"]["us_gaap"], body["classification"]["assumed"]) == (kind, False)
    assert [test["paragraph"] for test in body["classification"]["tests"] if test["met"] == "yes"] == met
    finance = body["us_gaap"]["rows"] == body["ifrs"]["rows"]
    assert finance == (kind == "finance")


def test_a_class_nobody_told_is_assumed_aloud() -> None:
    lease = made(payment=50_000, periods=10, timing="arrears", rate="0.06", no_other_use=False)
    answer = answers.answer(lease)
    assert (answer.body["classification"]["us_gaap"], answer.body["classification"]["assumed"]) == ("operating", True)
    (finding,) = answer.findings
    assert finding.code == "lease.class_assumed"
    assert "fair_value" in finding.repair
    assert "no_other_use" not in finding.repair


def test_hardware_that_becomes_the_lessees_is_written_off_over_its_life() -> None:
    words = {"payment": 50_000, "periods": 4, "timing": "arrears", "rate": "0.06", "transfers_ownership": True}
    found = ifrs16(made(**words, economic_life_periods=6))
    assert found.rows[-1].liability == 0
    assert found.rows[-1].right_of_use == round(found.right_of_use / 3)  # IFRS 16.32, ASC 842-20-35-8
    with pytest.raises(ValueError, match="economic_life_periods"):
        made(**words)


def test_an_operating_lease_costs_the_same_every_year() -> None:
    """Case L3: the rate that closes the liability to zero is solved, 4.23556 %."""
    lease = made(payments=[10_000, 12_000, 14_000], timing="arrears", liability=33_000)
    found = asc842(lease)
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
    ours, theirs = ifrs16(lease).rows, asc842(lease).rows
    assert ours[0].cost > theirs[0].cost > ours[-1].cost
    assert sum(row.cost for row in ours) == sum(row.cost for row in theirs) == 500_000


def test_whether_it_is_a_lease() -> None:
    told = {"identified_asset": True, "supplier_can_substitute": False, "directs_use": True}
    assert made(**ADVANCE).is_lease is None
    assert made(**ADVANCE, **told).is_lease is True
    no = made(**ADVANCE, us_class="operating", **{**told, "supplier_can_substitute": True})
    assert no.is_lease is False
    assert [finding.code for finding in answers.answer(no).findings] == ["lease.no_lease"]
    short = made(**{**ADVANCE, "us_class": "operating", "months_per_period": 1})
    assert [finding.code for finding in answers.answer(short).findings] == ["lease.short_term"]


@pytest.mark.parametrize(
    "words",
    [
        {"payment": 5, "timing": "arrears", "rate": "0.1"},
        {"payments": [5], "payment": 5, "periods": 2, "timing": "arrears", "rate": "0.1"},
        {"payments": [5], "timing": "arrears"},
        {"payments": [5], "timing": "arrears", "rate": "0.1", "liability": 4},
        {"payments": [5, 5], "timing": "arrears", "rate": "0.1", "modification": [{"after": 2, "payments": [1], "rate": 0}]},
        {"payments": [5, 5], "timing": "arrears", "rate": "0.1", "modification": [{"after": 1, "payments": [1]}]},
        {"payments": [5, 5], "timing": "arrears", "rate": "0.1", "unit": "0.001"},
        {"payments": [5, -5], "timing": "arrears", "rate": "0.1"},
        {"payments": [5, 5], "timing": "arrears", "rate": "0.1", "start": "9999-12-31", "months_per_period": 1},
    ],
    ids=["no-periods", "both", "no-rate", "two-rates", "too-late", "rate-of-its-day", "part-of-a-coin", "negative", "no-such-year"],
)
def test_contradictory_leases_are_refused(words: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"give|together|before|rate of its day|finer|beyond|greater than or equal"):
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
    for found in (ifrs16(lease), asc842(lease)):
        assert sum(row.cost for row in found.rows) == sum(payments) + direct - incentive
        assert (found.rows[-1].liability, abs(found.rows[-1].right_of_use)) == (0, 0)
        assert all(row.interest >= 0 for row in found.rows)
