"""The journal, read by an independent ledger program, and tied to a general ledger."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data, realization

from netyield.core.depreciation import month_number
from netyield.core.errors import WrongUse
from netyield.economics.assets.journal import ACCOUNT, ACCOUNTS, as_beancount, as_csv, entries
from netyield.economics.assets.trial_balance import differences, read_trial_balance, tie
from netyield.sources.bills.assets.history import history
from netyield.sources.bills.assets.register import read_register

REGISTER = """
currency = "USD"
[[asset]]
id = 'dgx "one"'
cost = "400000"
in_service = 2026-01-17
useful_life = "4y"
residual = "16000"
convention = "day"
disposed = 2028-03-09
proceeds = "250000"
[[asset.write_down]]
date = 2027-01-01
amount = "30000.01"
[[asset.change]]
effective = 2027-06-01
useful_life = "3y"
[[asset]]
id = "yen"
currency = "JPY"
cost = 6000000
in_service = 2026-02-01
useful_life = "5y"
method = "declining"
[[asset.write_down]]
date = 2027-01-01
amount = 500000
book = "ifrs"
[[asset.reversal]]
date = 2028-01-01
amount = 100000
book = "ifrs"
[[asset]]
id = "scrap"
cost = 5000
in_service = 2026-02-01
useful_life = "5y"
disposed = 2027-02-15
proceeds = 10
"""


@pytest.fixture
def journal(tmp_path: Path) -> list:
    path = tmp_path / "register.toml"
    path.write_text(REGISTER, encoding="utf-8")
    register = read_register(path)
    assert register.findings == []
    return entries([history(asset, "ifrs") for asset in register.assets])


def test_beancount_reads_the_journal_and_it_balances(journal: list) -> None:
    """Beancount checks that every transaction balances to zero; what is left at the end is the yen's residual of nothing."""
    found, errors, _ = loader.load_string(as_beancount(journal))
    assert errors == []
    transactions = [entry for entry in found if isinstance(entry, data.Transaction)]
    assert len(transactions) == len(journal)
    root = realization.realize(found)

    def balance(name: str, currency: str) -> Decimal:
        account = realization.get(root, ACCOUNTS[name])
        return Decimal(0) if account is None else account.balance.get_currency_units(currency).number

    assert [balance(name, "USD") for name in ("cost", "accumulated", "impaired")] == [0, 0, 0]
    profit = sum((balance(name, "USD") for name in ("depreciation", "impairment", "gain", "loss")), Decimal(0))
    assert profit == 405_000 - 250_010  # what was paid less what came back
    assert balance("cash", "USD") == -profit
    assert balance("cost", "JPY") + balance("accumulated", "JPY") + balance("impaired", "JPY") == 0
    assert balance("reversal", "JPY") == -100_000


def test_every_entry_adds_up_to_zero_in_the_csv_too(journal: list) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(journal))))
    sums: dict[str, Decimal] = {}
    for row in rows:
        amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        sums[row["entry"]] = sums.get(row["entry"], Decimal(0)) + amount
    assert set(sums.values()) == {0}
    assert len(sums) == len(journal)
    assert all(ACCOUNT.match(name) for name in ACCOUNTS.values())


def test_a_trial_balance_that_agrees_and_one_that_does_not(journal: list, tmp_path: Path) -> None:
    until = [entry for entry in journal if entry.currency == "USD" and entry.day.year == 2026]
    path = tmp_path / "tb.csv"
    depreciation = sum(line.coins for entry in until for line in entry.lines if line.account == ACCOUNTS["depreciation"])
    rows = [
        ("Assets:Equipment:Cost", "405000.00", ""), ("Assets:Clearing:Equipment", "", "405000.00"),
        ("Expenses:Depreciation", f"{Decimal(depreciation) / 100}", ""),
        ("Assets:Equipment:AccumulatedDepreciation", "", f"{Decimal(depreciation) / 100}"), ("Equity:Other", "5", ""),
    ]  # fmt: skip
    path.write_text("account,debit,credit\n" + "".join(",".join(row) + "\n" for row in rows), encoding="utf-8")
    balances, findings = read_trial_balance(path, "USD")
    assert findings == []
    assert differences(tie(until, balances), "tb.csv") == []
    assert [each.difference for each in tie(until, balances)] == [0, 0, 0, 0]

    path.write_text("account,balance\nAssets:Equipment:Cost,404000\nExpenses:Depreciation,x\n", encoding="utf-8")
    balances, findings = read_trial_balance(path, "USD")
    assert [finding.row for finding in findings] == [3]
    ties = {each.account: each for each in tie(until, balances)}
    assert ties["Assets:Equipment:Cost"].difference == -1000
    assert ties["Expenses:Depreciation"].general_ledger is None
    assert len(differences(list(ties.values()), "tb.csv")) == 4
    path.write_text("name,amount\n", encoding="utf-8")
    with pytest.raises(WrongUse, match="columns account"):
        read_trial_balance(path, "USD")


def test_the_journal_can_stop_before_a_month(tmp_path: Path) -> None:
    path = tmp_path / "register.toml"
    path.write_text(REGISTER, encoding="utf-8")
    found = [history(asset, "ifrs") for asset in read_register(path).assets]
    assert max(entry.day for entry in entries(found, until=month_number("2026-07"))).isoformat() == "2026-06-30"
