"""Contracts from TOML and from FOCUS rows: good ones are read, contradictions are findings, nothing is guessed."""

from __future__ import annotations

import gzip
import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest

from netyield.core.errors import WrongUse
from netyield.core.finding import Severity
from netyield.economics.commitments.contract_file import read_contracts

GOOD = """
[[commitment]]
id = "a"
product = "gcp_cud"
quantity = 8
start = 2026-01-01
end = 2027-01-01
rate = 1.25
on_demand_rate = "2"
"""


def read(folder: Path, text: str, name: str = "contracts.toml") -> tuple[list[str], list[tuple[str, Severity]]]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    contracts, findings = read_contracts(path)
    assert all(finding.file == str(path) and finding.repair for finding in findings)
    return [one.id for one in contracts], [(finding.code, finding.severity) for finding in findings]


def test_a_contract_with_exact_amounts(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_text(GOOD + "[commitment.exit]\ntermination_fee = 1000.01\n", encoding="utf-8")
    (one,), findings = read_contracts(path)
    assert findings == []
    assert (one.rate, one.on_demand_rate, one.inputs) == (Decimal("1.25"), Decimal(2), {"termination_fee": Decimal("1000.01")})
    assert one.owed_after(date(2026, 12, 31)) == Decimal("1.25") * 8 * 24
    assert one.term_hours == 8760


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("end = 2027-01-01", "end = 2025-01-01", "ends_before_start"),
        ("quantity = 8", "quantity = 0", "no_quantity"),
        ("rate = 1.25", "rate = -1", "negative_money"),
        ("rate = 1.25", "rate = 0", "costs_nothing"),
        ('on_demand_rate = "2"', 'on_demand_rate = "0"', "no_on_demand_rate"),
        ('on_demand_rate = "2"', 'used_units = "-1"', "negative_use"),
        ('"gcp_cud"', '"gcp_cod"', "unknown_product"),
        ("quantity = 8", "quantity = 8\nquantitty = 9", "unknown_key"),
        ("quantity = 8", 'quantity = "many"', "bad_value"),
        ("quantity = 8", "", "incomplete"),
        ("start = 2026-01-01", "", "incomplete"),
        ("rate = 1.25", "", "incomplete"),
        ('on_demand_rate = "2"', 'currency = "dollars"', "bad_value"),
        ('on_demand_rate = "2"', "[commitment.exit]\nfee_share = 1.5", "bad_value"),
        ('on_demand_rate = "2"', "[commitment.exit]\nnew_end = 2020-01-01", "offer_ends_before_start"),
    ],
)
def test_contradictions_are_errors_and_the_contract_is_left_out(tmp_path: Path, old: str, new: str, code: str) -> None:
    assert GOOD.count(old) == 1
    kept, found = read(tmp_path, GOOD.replace(old, new) + GOOD.replace('"a"', '"b"'))
    assert kept == ["b"]
    assert found == [(f"commitments.{code}", Severity.ERROR)]


def test_a_rate_above_on_demand_is_a_doubt_and_the_contract_stays(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD.replace("1.25", "2.25")) == (["a"], [("commitments.dearer_than_on_demand", Severity.WARNING)])


def test_two_contracts_of_one_id(tmp_path: Path) -> None:
    assert read(tmp_path, GOOD + GOOD) == (["a"], [("commitments.twice", Severity.ERROR)])


def test_rows_of_the_focus_contract_commitment_dataset(tmp_path: Path) -> None:
    terms = '"{""product"": ""azure_reservation"", ""rate"": ""1.5"", ""exit"": {""cancelled_last_12_months"": 0}}"'
    header = (
        "ContractCommitmentId,ContractCommitmentPeriodStart,ContractCommitmentPeriodEnd,ContractCommitmentQuantity,"
        "ContractCommitmentUnit,BillingCurrency,ContractCommitmentLifecycleStatus,x_ExitTerms"
    )
    rows = [
        f"r1,2026-01-01T00:00:00Z,2029-01-01T00:00:00Z,16,GPU,EUR,Active,{terms}",
        f"r2,2020-01-01T00:00:00Z,2021-01-01T00:00:00Z,16,GPU,EUR,Expired,{terms}",
        "r3,2026-01-01T00:00:00Z,2029-01-01T00:00:00Z,16,GPU,EUR,Active,",
        "r4,2026-01-01T00:00:00Z,2029-01-01T00:00:00Z,16,GPU,EUR,Active,{no",
    ]
    path = tmp_path / "commitments.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    contracts, findings = read_contracts(path)
    (one,) = contracts
    assert (one.id, one.quantity, one.end, one.currency, one.rate) == ("r1", 16, date(2029, 1, 1), "EUR", Decimal("1.5"))
    assert one.inputs == {"cancelled_last_12_months": Decimal(0)}
    assert [(f.code, f.row, f.message.split(":")[0]) for f in findings] == [
        ("contract_commitments.bad_row", 5, "x_ExitTerms is no JSON object."), ("commitments.incomplete", None, "r3"),
    ]  # fmt: skip


COLUMNS = (
    "ContractId,ContractCommitmentId,ContractCommitmentType,ServiceProviderName,ContractCommitmentCategory,ContractCommitmentCost,"
    "ContractCommitmentQuantity,ContractCommitmentUnit,BillingCurrency,ContractCommitmentPeriodStart,ContractCommitmentPeriodEnd,"
    "ContractCommitmentFulfillmentInterval,ContractCommitmentPaymentModel,ContractCommitmentPaymentUpfrontPercentage,"
    "ContractCommitmentDiscountPercentage,ContractCommitmentLifecycleStatus,ContractCommitmentLastUpdated"
)
TERM = "2026-01-01T00:00:00Z,2027-01-01T00:00:00Z"
DATASET = [
    COLUMNS,
    f"k,all,Reservation,Microsoft,Usage,70080,4,GPU,USD,{TERM},Hourly,All Upfront,,0.5,Active,2026-01-02T00:00:00Z",
    f"k,part,Other,Acme,Usage,70080,8,Hours,USD,{TERM},Hourly,Partial Upfront,0.25,,Active,2026-01-02T00:00:00Z",
    f"k,part,Other,Acme,Usage,35040,4,Hours,USD,{TERM},Hourly,Partial Upfront,0.25,,Active,2026-03-02T00:00:00Z",
    f"k,pool,Other,Acme,Usage,17520,17520,GPU-Hours,USD,{TERM},Full Period,No Upfront,,,Active,2026-01-02T00:00:00Z",
    f"k,spend,Savings Plan,AWS,Spend,87600,,,USD,{TERM},Hourly,No Upfront,,0.2,Active,2026-01-02T00:00:00Z",
    f"k,offer,Other,Acme,Usage,1,1,GPU,USD,{TERM},Hourly,No Upfront,,,Proposed,2026-01-02T00:00:00Z",
    f"k,silent,Other,Acme,Usage,17520,2,GPU,USD,{TERM},Hourly,,,,Active,2026-01-02T00:00:00Z",
]


@pytest.mark.parametrize("form", ["csv", "csv.gz", "parquet"])
def test_what_the_dataset_says_of_money_and_units(tmp_path: Path, form: str) -> None:
    text, path = "\n".join(DATASET) + "\n", tmp_path / f"contracts.{form}"
    if form == "parquet":
        pq.write_table(pacsv.read_csv(io.BytesIO(text.encode())), path)
    else:
        path.write_bytes(gzip.compress(text.encode()) if form == "csv.gz" else text.encode())
    contracts, findings = read_contracts(path)
    found = {one.id: one for one in contracts}
    told = {name: (one.quantity, one.unit, one.rate, one.upfront, one.on_demand_rate) for name, one in found.items()}
    assert told == {
        "all": (4, "GPU", 0, 70080, 4),  # 2 an hour and unit, at half of the list price
        "part": (4, "unit", Decimal("0.75"), 8760, None),  # the row changed last
        "pool": (2, "gpu", 1, 0, None),
        "spend": (1, "commitment", 10, 0, Decimal("12.5")),
    }
    assert {name: one.product for name, one in found.items()} == {
        "all": "azure_reservation", "part": "", "pool": "", "spend": "aws_savings_plan",
    }  # fmt: skip
    assert sorted({(f.code, f.message.split(" ")[0].rstrip(":")) for f in findings}) == [
        ("commitments.incomplete", "silent"), ("commitments.no_product", "part"), ("commitments.no_product", "pool"),
        ("commitments.not_signed", "offer"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (",0.5,Active", ",50,Active", "between 0 and 1"),
        ("2027-01-01T00:00:00Z", "2025-01-01T00:00:00Z", "not after its start"),
        ("2027-01-01T00:00:00Z", "someday", "is no time"),
        ("70080,4", "-70080,4", "is not between"),
        ("70080,4", "much,4", "is not a number"),
        (",USD,", ",dollars,", "no ISO 4217 code"),
        ("k,all", "k,", "ContractCommitmentId is empty"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    path = tmp_path / "contracts.csv"
    assert old in DATASET[1]
    path.write_text("\n".join([COLUMNS, DATASET[1].replace(old, new), DATASET[5]]) + "\n", encoding="utf-8")
    contracts, findings = read_contracts(path)
    assert [one.id for one in contracts] == ["spend"]
    (finding,) = findings
    assert (finding.code, finding.row, finding.severity) == ("contract_commitments.bad_row", 2, Severity.ERROR)
    assert told in finding.message


@pytest.mark.parametrize(("name", "text"), [("c.toml", "x = ["), ("c.toml", ""), ("c.csv", "")])
def test_a_file_that_is_none(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(WrongUse):
        read(tmp_path, text, name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot be read"):
        read_contracts(tmp_path / "none.toml")
