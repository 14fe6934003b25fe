"""What is known of a commitment from several origins: the first counts, gaps are filled, contradictions and gaps are told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from netyield.core.period import micros, parse_time
from netyield.economics.commitments.bill_terms import told_by_bill
from netyield.economics.commitments.known_terms import Told, known
from netyield.economics.commitments.products import product_named

D = Decimal
PICO = 10**12
HOUR_US = 3_600_000_000
START = micros(parse_time("2026-10-01"))
SIGNED: dict[str, Any] = {"start": date(2026, 1, 1), "end": date(2027, 1, 1), "quantity": 4, "rate": D(2), "currency": "USD"}


def test_what_one_leaves_out_the_next_says() -> None:
    declared = Told("netyield.toml", {"c": {"product": "gcp_cud", "owner": "platform"}})
    dataset = Told("the contract dataset", {"c": {**SIGNED, "product": "azure_reservation"}})
    bill = Told("the bill", {"c": {"quantity": 4, "rate": D(3), "on_demand_rate": D(5)}}, signed=False)
    (one,) = known([declared, dataset, bill]).commitments
    assert (one.product, one.owner, one.rate, one.on_demand_rate, one.end) == ("gcp_cud", "platform", 2, 5, date(2027, 1, 1))


def test_rates_of_other_units_are_not_taken() -> None:
    bill = Told("the bill", {"c": {"quantity": 32, "rate": D("0.25"), "on_demand_rate": D("0.6")}}, signed=False)
    found = known([Told("netyield.toml", {"c": {**SIGNED, "product": "gcp_cud"}}), bill])
    assert found.commitments[0].on_demand_rate is None
    (finding,) = found.findings
    assert (finding.code, finding.message) == (
        "commitments.contradicts", "c: quantity is 4 in netyield.toml, and 32 in the bill; the first counts",
    )  # fmt: skip


def test_amounts_declared_without_a_currency_are_not_read_in_that_of_the_bill() -> None:
    declared = {key: value for key, value in SIGNED.items() if key != "currency"} | {"product": "gcp_cud"}
    bill = Told("the bill", {"c": {"quantity": 4, "rate": D(3), "on_demand_rate": D(5), "currency": "EUR"}}, signed=False)
    found = known([Told("netyield.toml", {"c": declared}), bill])
    (one,) = found.commitments
    assert (one.currency, one.rate, one.on_demand_rate) == ("USD", 2, None)
    assert ["currency is USD in netyield.toml, and EUR in the bill" in finding.message for finding in found.findings] == [True]
    (only_product,) = known([Told("netyield.toml", {"c": {"product": "gcp_cud", "start": SIGNED["start"], "end": SIGNED["end"]}}), bill]).commitments
    assert (only_product.currency, only_product.rate) == ("EUR", 3)


def test_what_nobody_says_is_told() -> None:
    found = known([Told("netyield.toml", {"c": {"product": "gcp_cud", "quantity": 4}}), Told("the bill", {"d": {"quantity": 1}}, signed=False)])
    assert found.commitments == ()
    assert found.missing == {"c": ("start", "end", "rate"), "d": ("start", "end", "rate")}
    assert [(f.code, f.message) for f in found.findings] == [
        ("commitments.incomplete", "c: nothing says its start, end, rate; it is left out")
    ]


def row(**more: Any) -> dict[str, Any]:
    """A hundred hours of four GPUs at 2 effective, of which 0.5 are billed by the hour; half used, list price 4."""
    return {
        "id": "c", "currency": "USD", "name": "block", "type": "Reservation", "category": "Usage", "provider": "Microsoft Azure",
        "used": 400 * PICO, "unused": 400 * PICO, "due": 200 * PICO, "list_used": 800 * PICO, "used_us": 200 * HOUR_US, "unused_us": 200 * HOUR_US,
        "list_missing": 0, "hours_missing": 0, "use_from_us": START, "use_to_us": START + 100 * HOUR_US,
    } | more  # fmt: skip


TERM = {"id": "c", "once_start_us": START, "once_end_us": START + 365 * 24 * HOUR_US}


def test_a_bill_says_units_rates_and_the_term_of_what_was_paid_at_once() -> None:
    (one,) = known([told_by_bill([row()], [TERM])]).commitments
    assert (one.quantity, one.unit, one.rate, one.on_demand_rate) == (4, "GPU", D("0.5"), 4)
    assert one.upfront == D("1.5") * 4 * 365 * 24, "the rest of its cost was paid at the start"
    assert (one.start, one.end, one.product) == (date(2026, 10, 1), date(2027, 10, 1), "azure_reservation")


def test_money_that_is_of_no_whole_number_of_gpus_is_one_unit() -> None:
    for more in ({"hours_missing": 1}, {"category": "Spend"}, {"used_us": 199 * HOUR_US}):
        (one,) = known([told_by_bill([row(**more)], [TERM])]).commitments
        assert (one.quantity, one.unit, one.rate, one.on_demand_rate) == (1, "commitment", 2, 16)


def test_a_moment_of_payment_is_no_term() -> None:
    moment = {**TERM, "once_end_us": START + HOUR_US}
    assert known([told_by_bill([row()], [moment])]).missing == {"c": ("start", "end")}
    assert "on_demand_rate" not in told_by_bill([row(list_missing=3)], []).entries["c"]
    assert told_by_bill([row(), row(currency="EUR")], []).entries == {}


def test_a_providers_word_means_a_product_only_where_it_means_one() -> None:
    assert product_named("Amazon Web Services", "Savings Plan", "x") == "aws_savings_plan"
    assert product_named(None, None, "arn:aws:savingsplans::1:savingsplan/2") == "aws_savings_plan"
    assert product_named("Microsoft", "SavingsPlan", "x") == "azure_savings_plan"
    assert product_named("Amazon Web Services", "Reserved Instance", "x") == "", "standard or convertible: the bill does not say"
    assert product_named("Acme", "Reservation", "x") == ""
