"""Leaving a commitment: the vendors' published examples, the derived rule, and what is asked for instead of guessed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from netyield.core.errors import WrongUse
from netyield.economics.commitments.contract import Commitment, schedule
from netyield.economics.commitments.exit_cost import (
    KINDS,
    cancelled_commitment,
    exchange_floor,
    exit_quote,
    prorated,
    refund_of_payments,
)
from netyield.economics.commitments.exit_plan import exit_plan
from netyield.economics.commitments.keep_value import Future, Keeping, Timeline, release_gain
from netyield.economics.commitments.products import ExitTerm, find_product, products
from netyield.economics.commitments.settings import ExitInputs

D = Decimal


def contract(product: str, **more: Any) -> Commitment:
    values: dict[str, Any] = {
        "id": "one", "product": product, "quantity": 10, "start": date(2026, 1, 1), "end": date(2027, 1, 1),
        "rate": D(2), "on_demand_rate": D(3), "used_units": D(5),
    }  # fmt: skip
    return Commitment(**{**values, **more})


def test_azure_cancellation_as_published() -> None:
    assert refund_of_payments(36, D(100), 12, D(50_000)) == (D(2_400), D(47_600))
    with pytest.raises(ValueError, match="rolling pool"):
        refund_of_payments(36, D(100), 12, D(2_399))


def test_azure_exchange_as_published() -> None:
    assert exchange_floor(36, D(100), 18) == D(1_800)


def test_azure_pool_refuses_what_is_above_it() -> None:
    refund = find_product("azure_reservation").exits[0]
    day = date(2026, 7, 2)  # 183 days left
    large = contract("azure_reservation", inputs={"cancelled_last_12_months": D(0)})
    quote = exit_quote(large, refund, day, 10)
    assert cancelled_commitment(large, day, 10) == D(2) * 10 * 183 * 24
    assert (quote.status, quote.cost) == ("not allowed", None)
    few = exit_quote(large, refund, day, 5)
    assert (few.status, few.cost) == ("allowed", D(0))
    used = contract("azure_reservation", inputs={"cancelled_last_12_months": D(20_000)})
    assert exit_quote(used, refund, day, 5).status == "not allowed"


def test_azure_prepaid_comes_back_pro_rata() -> None:
    prepaid = contract(
        "azure_reservation", rate=D(0), upfront=D(36_500), end=date(2027, 1, 1), inputs={"cancelled_last_12_months": D(0)}
    )
    quote = exit_quote(prepaid, find_product("azure_reservation").exits[0], date(2026, 1, 11), 10)
    assert quote.cost == D(-35_500)


def test_azure_exchange_rule_by_date_of_purchase() -> None:
    inputs = {"exchange_new_total": D(1_000_000), "exchange_displaces": D(900_000)}
    exchange = find_product("azure_reservation").exits[1]
    early = contract("azure_reservation", inputs=inputs)
    late = contract("azure_reservation", start=date(2027, 2, 1), end=date(2028, 2, 1), inputs=inputs)
    assert exit_quote(early, exchange, date(2026, 2, 1), 10).cost == D(100_000)
    assert exit_quote(late, exchange, date(2027, 3, 1), 10).status == "not allowed"
    small = contract("azure_reservation", inputs={**inputs, "exchange_new_total": D(10)})
    assert "at least" in exit_quote(small, exchange, date(2026, 2, 1), 10).why


@pytest.mark.parametrize(("day", "refund"), [(date(2026, 11, 1), "576"), (date(2026, 11, 16), "216")])
def test_vast_refunds_as_published(day: date, refund: str) -> None:
    vast = contract(
        "vast_reserved", quantity=1, start=date(2026, 11, 1), end=date(2026, 12, 1), rate=D(0), upfront=D(576), on_demand_rate=D(1)
    )  # 30 days: on demand 720
    quote = exit_quote(vast, find_product("vast_reserved").exits[0], day, 1)
    assert quote.cost is not None
    assert round(-quote.cost, 9) == D(refund)


@pytest.mark.parametrize(("hours", "price"), [(720, "200.00"), (24, "6.67")])
def test_lambda_storage_proration(hours: int, price: str) -> None:
    assert prorated(D(1_000) * D("0.20"), hours) == D(price)


@pytest.mark.parametrize(("fee", "gain"), [(D("0.2"), D(100)), (D("0.3"), D(-100))])
def test_published_release_rule(fee: Decimal, gain: Decimal) -> None:
    saved = release_gain(1_000, D(2), D(3), D("0.5"))
    assert saved == 500
    assert saved - fee * 2_000 == gain


def test_published_release_rule_without_what_is_sunk() -> None:
    assert release_gain(1_000, D(0), D(3), D("0.5")) == -1_500
    assert release_gain(3, D(2), D(3), D(2) / D(3)) == pytest.approx(0, abs=1e-20)
    assert release_gain(1_000, D(2), D(3), [D("0.5")] * 1_000) == 500


def test_release_rule_discounts_hour_by_hour() -> None:
    assert release_gain(3, D(2), D(3), D("0.5"), D("0.5")) == D("0.5") * (1 + D("0.5") + D("0.25"))


def test_gains_are_the_rule_month_by_month() -> None:
    one = contract("fee_of_remaining", quantity=1, used_units=D("0.5"))
    timeline = Timeline.of(one, date(2026, 1, 1))
    line = Keeping(one, timeline).saved(Future("as now"), 1).until_end
    assert line[0] == release_gain(365 * 24, D(2), D(3), D("0.5"))
    assert line[-1] == 0
    assert line[6] == release_gain((date(2027, 1, 1) - date(2026, 7, 1)).days * 24, D(2), D(3), D("0.5"))


def test_a_part_that_nobody_uses_goes_without_renting() -> None:
    one = contract("fee_of_remaining")
    timeline = Timeline.of(one, date(2026, 1, 1))
    assert Keeping(one, timeline).saved(Future("as now"), 5).until_end[0] == D(2) * 5 * 8760
    assert Keeping(one, timeline).saved(Future("as now"), 10).until_end[0] == (D(2) * 10 - D(3) * 5) * 8760


@pytest.mark.parametrize("fee", ["0.2", "0.3"])
def test_the_cheapest_plan_by_the_published_rule(fee: str) -> None:
    one = contract(
        "fee_of_remaining", quantity=1, used_units=D("0.5"), start=date(2026, 1, 1), end=date(2026, 2, 11), inputs={"fee_share": D(fee)}
    )
    plan = exit_plan(one, find_product("fee_of_remaining"), date(2026, 1, 1), (Future("as now"),))
    assert (plan.best is not None) == (fee == "0.2")
    if plan.best:
        assert plan.best.value == (D(1000 * 2 - 1000 * 3 * D("0.5")) - D(fee) * 2000) * D("0.984")  # 41 days are 984 hours
    assert {flip.what for flip in plan.flips} == {"used units", "on-demand rate", "cost of the exit"}


def test_where_the_decision_turns() -> None:
    one = contract("fee_of_remaining", quantity=10, used_units=D(6), inputs={"fee_share": D(0)})
    plan = exit_plan(one, find_product("fee_of_remaining"), date(2026, 1, 1), (Future("as now"),))
    turns = {flip.what: flip.turns_at for flip in plan.flips}
    assert plan.best is not None
    assert plan.best.units == 4, "only what nobody uses"
    whole = exit_plan(
        contract("neocloud_take_or_pay", used_units=D(6), inputs={"termination_fee": D(0)}),
        find_product("neocloud_take_or_pay"), date(2026, 1, 1), (Future("as now"),),
    )  # fmt: skip
    turns = {flip.what: flip.turns_at for flip in whole.flips}
    assert turns["used units"] == pytest.approx(D(20) / 3, rel=D("1e-6")), "u = c / p"
    assert turns["on-demand rate"] == pytest.approx(D(20) / 6, rel=D("1e-6"))
    assert turns["cost of the exit"] == (20 - 18) * 8760


def test_waiting_is_weighed_too() -> None:
    """Use grows: leaving now saves early months and costs late ones; a clawback that grows makes waiting worse."""
    one = contract("neocloud_take_or_pay", used_units=D(10), inputs={"termination_fee": D(1)})
    shrinking = (Future("shrinks", demand_per_year=D("-0.9")),)
    plan = exit_plan(one, find_product("neocloud_take_or_pay"), date(2026, 1, 1), shrinking)
    assert plan.best is not None
    assert plan.best.month > 0, "while it is used it is kept"
    best = max(plan.options, key=lambda option: option.value)
    assert plan.best.value == best.value


def test_sunk_money_does_not_move_the_decision() -> None:
    plans = [
        exit_plan(
            contract("neocloud_take_or_pay", rate=D(1), upfront=D(upfront), inputs={"termination_fee": D(1_000)}),
            find_product("neocloud_take_or_pay"), date(2026, 3, 1),
        )
        for upfront in (0, 500_000)
    ]  # fmt: skip
    assert [option.value for option in plans[0].options] == [option.value for option in plans[1].options]
    assert plans[0].sunk == 0
    assert plans[1].sunk > 0


def test_unknown_fees_are_asked_for() -> None:
    for name, needs in (
        ("neocloud_take_or_pay", {"termination_fee", "resale_price", "sale_probability"}),
        ("aws_odcr_future", {"quote_hours_charged", "quote_committed_instances", "quote_date"}),
        ("lambda_1cc", {"credit_refund", "credit_worth"}),
        ("saas_commitment", {"termination_fee"}),
    ):
        plan = exit_plan(contract(name), find_product(name), date(2026, 3, 1))
        assert plan.best is None
        assert plan.options == ()
        asked = {need for quote in plan.refused if quote.kind != "renegotiate" for need in quote.needs}
        assert asked == needs


def test_nothing_is_weighed_without_what_it_is_weighed_against() -> None:
    for missing in ({"on_demand_rate": None}, {"used_units": None}):
        one = contract("neocloud_take_or_pay", inputs={"termination_fee": D(1)}, **missing)
        with pytest.raises(WrongUse, match="on_demand_rate and used_units"):
            exit_plan(one, find_product(one.product), date(2026, 3, 1))
        kept = exit_plan(contract("gcp_cud", **missing), find_product("gcp_cud"), date(2026, 3, 1))
        assert kept.best is None, "what cannot be left is kept, whatever it is worth"


def test_a_cancellation_quote_counts_on_its_day_only() -> None:
    quoted = {"quote_date": date(2026, 3, 1), "quote_hours_charged": D(400), "quote_committed_instances": D(8)}
    term = find_product("aws_odcr_future").exits[0]
    one = contract("aws_odcr_future", inputs=quoted)
    assert exit_quote(one, term, date(2026, 3, 1), 10).cost == D(400) * 8 * D(2)
    assert exit_quote(one, term, date(2026, 3, 2), 10).status == "unknown"


def test_savings_plans_return_within_a_week_of_the_same_month() -> None:
    term = find_product("aws_savings_plan").exits[0]
    one = contract("aws_savings_plan", upfront=D(876), start=date(2026, 1, 28), end=date(2027, 1, 28), inputs={"returns_this_year": 9})
    assert exit_quote(one, term, date(2026, 1, 30), 10).cost == D(-876)
    assert exit_quote(one, term, date(2026, 2, 2), 10).status == "not allowed", "another month"
    assert exit_quote(contract("aws_savings_plan", inputs={"returns_this_year": 10}), term, date(2026, 1, 3), 10).status == "not allowed"
    assert exit_quote(contract("aws_savings_plan"), term, date(2026, 1, 3), 10).needs == ("returns_this_year",)
    dear = contract("aws_savings_plan", rate=D("10.01"), inputs={"returns_this_year": 0})
    assert exit_quote(dear, term, date(2026, 1, 3), 10).status == "not allowed", "above 100 an hour"


def test_resale_within_the_markets_limits() -> None:
    term = find_product("aws_standard_ri").exits[0]
    one = contract("aws_standard_ri", inputs={"resale_price": D("0.5"), "sale_probability": D("0.5")})
    quote = exit_quote(one, term, date(2026, 7, 2), 10)
    assert (quote.cost, quote.chance) == (-D("0.88") * D("0.5") * 10 * 183 * 24, D("0.5"))
    assert exit_quote(one, term, date(2026, 1, 20), 10).status == "not allowed"
    assert exit_quote(one, term, date(2026, 12, 10), 10).status == "not allowed"


def test_an_offer_to_blend_and_extend_is_weighed() -> None:
    offer = {"new_rate": D("1.5"), "new_quantity": 5, "new_end": date(2028, 1, 1)}
    one = contract("gcp_cud", inputs=offer)
    plan = exit_plan(one, find_product("gcp_cud"), date(2026, 1, 1), (Future("as now"),))
    first, second = 365 * 24, 365 * 24
    assert plan.best is not None
    assert plan.best.kind == "renegotiate"
    assert plan.best.value == (D(20) - D("7.5")) * first + (D(15) - D("7.5")) * second


def test_every_product_says_how_it_is_left_where_that_is_from_and_when_it_was_read() -> None:
    wanted = {
        "aws_savings_plan", "aws_standard_ri", "aws_convertible_ri", "aws_capacity_block", "aws_odcr", "aws_odcr_future", "gcp_cud",
        "gcp_future_reservation", "vertex_provisioned_throughput", "azure_reservation", "azure_savings_plan", "azure_ptu_hourly",
        "azure_ptu_reservation", "bedrock_provisioned_throughput", "crusoe_reserved", "together_instant_cluster", "vast_reserved",
        "lambda_1cc", "sf_compute", "neocloud_take_or_pay", "prepaid_clawback", "saas_commitment", "fee_of_remaining",
    }  # fmt: skip
    assert set(products()) == wanted
    for product in products().values():
        assert product.exits
        assert product.source
        assert product.checked <= date(2026, 12, 31)
        assert {term.kind for term in product.exits} <= set(KINDS)
        assert {need for term in product.exits for need in term.needs} <= set(ExitInputs.model_fields)
    assert products()["crusoe_reserved"].billed_while_stopped
    assert not products()["aws_standard_ri"].verified
    secondary = {name for name, product in products().items() if not product.verified}
    assert {"crusoe_reserved", "vast_reserved", "lambda_1cc", "sf_compute", "together_instant_cluster"} <= secondary


def test_a_part_cannot_go_where_only_the_whole_can() -> None:
    assert exit_quote(contract("x"), ExitTerm("fee", {"fee_share": "0"}), date(2026, 2, 1), 4).status == "not allowed"


@pytest.mark.parametrize("upfront", ["0", "1000.01", "99999.99"])
def test_the_schedule_adds_up_to_what_was_signed(upfront: str) -> None:
    one = contract("gcp_cud", rate=D("1.2345"), upfront=D(upfront), start=date(2026, 1, 17), end=date(2029, 1, 17))
    rows = schedule(one)
    assert len(rows) == 37
    assert sum(row.due for row in rows) == one.owed_after(one.start)
    assert sum(row.prepaid_used for row in rows) == D(upfront)
    assert (rows[-1].owed_after, rows[-1].prepaid_after) == (0, 0)
    assert rows[0].since == one.start
    assert rows[-1].until == one.end
