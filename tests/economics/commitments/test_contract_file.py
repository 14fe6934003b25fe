"""Contracts from TOML and from FOCUS rows: good ones are read, contradictions are findings, nothing is guessed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

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
        ("quantity = 8", "", "bad_value"),
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
    assert [(f.code, f.message.split(":")[0]) for f in findings] == [
        ("commitments.bad_value", "r3"), ("commitments.bad_value", "r4"),
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), [("c.toml", "x = ["), ("c.toml", ""), ("c.csv", "")])
def test_a_file_that_is_none(tmp_path: Path, name: str, text: str) -> None:
    with pytest.raises(WrongUse):
        read(tmp_path, text, name)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="cannot be read"):
        read_contracts(tmp_path / "none.toml")
