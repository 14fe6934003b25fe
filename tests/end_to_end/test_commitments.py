"""From a FOCUS file to ``netyield commitments report`` and ``exit``, as a person runs them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from command import MakeProduct, Product
from focus_bill import GPU, bill, line

TOML = """
[project]
name = "Acme"
currency = "USD"
[[source]]
type = "focus"
path = "bill.csv"
[[commitment]]
id = "ri-1"
product = "neocloud_take_or_pay"
owner = "platform"
quantity = 10
start = 2026-03-01
end = 2027-03-01
rate = "2"
on_demand_rate = "3"
"""
MARCH = ("--since", "2026-03-01", "--until", "2026-04-01")


def day_of_ten(**purchase: str) -> str:
    """A day of ten committed GPUs, four of them used, one more on demand."""
    held = {**GPU, "CommitmentDiscountId": "ri-1", "CommitmentDiscountCategory": "Usage"}
    used = [line("48", **held, CommitmentDiscountStatus="Used", ResourceId=f"i-{n}", ListCost="72", BilledCost="0") for n in range(4)]
    idle = {**held, "ConsumedQuantity": "", "ConsumedUnit": "", "PricingQuantity": "24", "PricingUnit": "Hours"}
    unused = [line("48", **idle, CommitmentDiscountStatus="Unused", ResourceId=f"u-{n}", ListCost="0", BilledCost="0") for n in range(6)]
    paid = line("0", ChargeCategory="Purchase", CommitmentDiscountId="ri-1", BilledCost="480", SkuPriceDetails=GPU["SkuPriceDetails"], **purchase)
    rented = line("72", **GPU, ResourceId="i-9")
    return bill(*used, *unused, paid, rented)


@pytest.fixture(scope="module")
def product(make_shared: MakeProduct) -> Product:
    """A day in which four of ten committed GPUs were used, and one more was on demand."""
    made = make_shared(TOML)
    made.put("bill.csv", day_of_ten())
    made.ingest()
    return made


def test_the_report_of_a_bill(product: Product) -> None:
    said = product.run("commitments", "report", *MARCH, "--json")
    assert said.code == 0, said.err
    total = said.body["total"]
    assert (Decimal(total["used"]), Decimal(total["unused"]), Decimal(total["fees"])) == (192, 288, 0)
    assert (total["utilisation"], total["utilisation_hours"], total["unused_hours"]) == (0.4, 0.4, 144.0)
    assert (total["coverage"], total["coverage_hours"]) == (0.8, 0.8)
    assert total["effective_savings_rate"] == pytest.approx(1 - 480 / 288, abs=1e-6)
    assert said.body["waste_by_owner"][0]["owner"] == "platform"
    assert said.body["expiry"][0]["ends"] == "2027-03-01"
    steps = {row["step"]: Decimal(row["amount"]) for row in product.report(*MARCH)["rows"]}
    assert Decimal(said.body["reconciliation"]["waterfall_commitment_unused"]) == steps["commitment_unused"] == 288
    assert said.body["reconciliation"]["difference"] == "0"


def test_its_terminal_table_and_page(product: Product) -> None:
    said = product.run("commitments", "report", *MARCH, "--html", str(product.root / "page.html"))
    assert said.code == 0
    assert "1 commitment: 288.00 USD of 480.00 unused" in said.out
    assert "Who answers for what nobody used" in said.out
    page = (product.root / "page.html").read_text(encoding="utf-8")
    assert "Covered, unused and on demand" in page
    assert "When each commitment ends" in page


def test_use_is_measured_on_the_bill_where_nobody_declares_it(product: Product) -> None:
    said = product.run("commitments", "exit", "ri-1", "--from", "2026-04-01", "--json", "--fail-on", "never")
    assert said.code == 0, said.err
    assert said.body["used_units"] == "4"
    assert "40.0%" in said.body["definition"]["use"]
    assert said.body["best"]["action"] == "keep"
    asked = {row["option"]: row["asks_for"] for row in said.body["not_to_be_had"]}
    assert asked["termination fee"] == "termination_fee"


CONTRACTS = """ContractCommitmentId,ContractCommitmentPeriodStart,ContractCommitmentPeriodEnd,ContractCommitmentCost,ContractCommitmentQuantity,\
ContractCommitmentUnit,BillingCurrency,ContractCommitmentPaymentModel,ContractCommitmentLastUpdated
ri-1,2026-03-01T00:00:00Z,2027-03-01T00:00:00Z,175200,10,GPU,USD,No Upfront,2026-03-01T00:00:00Z
"""
SOURCE = '[[source]]\ntype = "contract_commitments"\npath = "contracts/*"\n'


def test_the_contract_dataset_is_kept_in_the_books_and_says_what_toml_does_not(make_shared: MakeProduct) -> None:
    """Its end and what is owed come from the dataset, the list price from the bill; a later row replaces an earlier one."""
    toml = TOML.partition("[[commitment]]")[0] + SOURCE
    made = make_shared(toml)
    made.put("bill.csv", day_of_ten())
    made.put("contracts/march.csv", CONTRACTS)
    made.ingest()
    first = made.run("commitments", "report", *MARCH, "--json").body
    ladder = first["expiry"]
    assert [(rung["commitment"], rung["ends"], rung["units"]) for rung in ladder] == [("ri-1", "2027-03-01", 10)]
    assert Decimal(ladder[0]["owed"]) == 2 * 10 * 24 * (365 - 31)
    words = ("commitments", "exit", "ri-1", "--from", "2026-04-01")
    refused = made.run(*words)
    assert refused.code == 2
    assert "which product" in refused.err
    made.configure(toml + '[[commitment]]\nid = "ri-1"\nproduct = "neocloud_take_or_pay"\n[commitment.exit]\ntermination_fee = "1000"\n')
    found = made.run(*words, "--json", "--fail-on", "never").body
    assert (found["used_units"], found["owed"], found["best"]["action"]) == ("4", str(2 * 10 * 24 * (365 - 31)), "termination_fee")
    made.put("contracts/may.csv", CONTRACTS.replace("2026-03-01T00:00:00Z\n", "2026-05-01T00:00:00Z\n").replace("2027-03-01", "2026-12-01"))
    made.ingest()
    assert made.run("commitments", "report", *MARCH, "--json").body["expiry"][0]["ends"] == "2026-12-01"
    then = made.run("commitments", "report", *MARCH, "--json", "--as-of", first["as_of"]).body
    assert then["expiry"] == ladder, "as the books were"
    made.configure(toml + '[[commitment]]\nid = "ri-1"\nend = 2028-01-01\nproduct = "gcp_cud"\n')
    said = made.run("commitments", "report", *MARCH)
    assert "end is 2028-01-01 in netyield.toml, and 2026-12-01 in the contract dataset" in " ".join(said.out.split())


def test_a_commitment_nobody_declared_is_known_as_far_as_the_bill_says(make_shared: MakeProduct) -> None:
    """A year paid at once: the bill has its term, its units, its rates and what runs under it; only the product is asked for."""
    made = make_shared(TOML.partition("[[commitment]]")[0])
    year = {"ChargePeriodStart": "2026-03-01T00:00:00Z", "ChargePeriodEnd": "2027-03-01T00:00:00Z", "ChargeFrequency": "One-Time"}
    made.put("bill.csv", day_of_ten(**year))
    made.ingest()
    said = made.run("commitments", "report", *MARCH, "--json")
    (rung,) = said.body["expiry"]
    assert (rung["commitment"], rung["ends"], rung["units"], Decimal(rung["owed"])) == ("ri-1", "2027-03-01", 10, 0)
    words = ("commitments", "exit", "ri-1", "--from", "2026-04-01", "--json", "--fail-on", "never")
    assert "Declare product" in made.run(*words).err
    made.configure(TOML.partition("[[commitment]]")[0] + '[[commitment]]\nid = "ri-1"\nproduct = "vast_reserved"\n')
    found = made.run(*words).body
    assert (found["used_units"], found["owed"]) == ("4", "0")
    assert Decimal(found["sunk_prepayment"]) == 2 * 10 * 24 * (365 - 31)


def test_a_contract_that_contradicts_itself_fails_the_report(product: Product) -> None:
    product.configure(TOML.replace("end = 2027-03-01", "end = 2025-03-01"))
    said = product.run("commitments", "report", *MARCH)
    product.configure(TOML)
    assert said.code == 1
    assert "commitments.ends_before_start" in said.out
