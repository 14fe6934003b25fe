"""The journal, read by an independent ledger program, and tied to a general ledger."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from beancount import loader
from beancount.core import data, realization

from netyield.answers import impairment
from netyield.core.depreciation import month_number
from netyield.core.errors import WrongUse
from netyield.economics.assets.case_journal import CASE_ACCOUNTS, impairment_entries, lease_entries
from netyield.economics.assets.impairment_terms import Case, Part
from netyield.economics.assets.journal import ACCOUNT, ACCOUNTS, as_beancount, as_csv, entries
from netyield.economics.assets.lease_terms import Lease
from netyield.economics.assets.leases import measured
from netyield.economics.assets.trial_balance import differences, read_trial_balance, tie
from netyield.sources.bills.assets.history import history
from netyield.sources.bills.assets.register import read_register
from netyield.sources.bills.assets.terms import BookName

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


def test_income_and_expenses_of_a_trial_balance_are_those_of_its_year(journal: list) -> None:
    """A general ledger closes them every year; balance sheet accounts go on, and what others post to as well is left out."""
    booked = [entry for entry in journal if entry.currency == "USD" and entry.day.year <= 2027]
    ties = {each.account: each.assets for each in tie(booked, {}, date(2027, 1, 1), {ACCOUNTS["cash"]})}
    in_2027 = sum(line.coins for entry in booked if entry.day.year == 2027 for line in entry.lines if line.account == ACCOUNTS["depreciation"])
    assert ties[ACCOUNTS["depreciation"]] == Decimal(in_2027) / 100
    assert -ties[ACCOUNTS["accumulated"]] > ties[ACCOUNTS["depreciation"]]
    assert ACCOUNTS["cash"] not in ties


def test_the_journal_can_stop_before_a_month(tmp_path: Path) -> None:
    path = tmp_path / "register.toml"
    path.write_text(REGISTER, encoding="utf-8")
    found = [history(asset, "ifrs") for asset in read_register(path).assets]
    assert max(entry.day for entry in entries(found, until=month_number("2026-07"))).isoformat() == "2026-06-30"


def lease_text(book: BookName, **words: object) -> str:
    lease = Lease.model_validate({"unit": 1, "start": "2026-01-31", "months_per_period": 12, **words})
    names = {**ACCOUNTS, **CASE_ACCOUNTS}
    return as_beancount(lease_entries(lease, measured(lease, book), lease.start, 12, names))


RELEASE = {"after": 5, "returned_share": "0.5", "payments": [30_000] * 5, "rate": "0.05"}


@pytest.mark.parametrize("timing", ["arrears", "advance"])
@pytest.mark.parametrize("change", [[], [RELEASE]], ids=["as-signed", "half-returned"])
@pytest.mark.parametrize(("book", "kind"), [("ifrs", None), ("us_gaap", "operating"), ("us_gaap", "finance")])
def test_a_leases_journal_balances_and_closes(timing: str, book: BookName, kind: str | None, change: list) -> None:
    text = lease_text(book, us_class=kind, payment=50_000, periods=10, timing=timing, rate="0.06", initial_direct_cost=2_000, modification=change)
    found, errors, _ = loader.load_string(text)
    assert errors == []
    root = realization.realize(found)

    def balance(name: str) -> Decimal:
        account = realization.get(root, {**ACCOUNTS, **CASE_ACCOUNTS}[name])
        return Decimal(0) if account is None else account.balance.get_currency_units("USD").number

    assert (balance("right_of_use"), balance("lease_liability")) == (0, 0)
    paid = 402_000 if change else 502_000  # five payments of 30,000 instead of 50,000
    assert balance("cash") == -paid
    costs = sum((balance(name) for name in ("lease_interest", "lease_amortisation", "lease_cost", "lease_gain")), Decimal(0))
    assert costs == paid
    if change and timing == "arrears" and kind != "operating":
        assert balance("lease_gain") == pytest.approx(-13_308 + 500, abs=1)  # half of the unamortised direct cost goes too


def test_the_journal_of_a_write_down(tmp_path: Path) -> None:
    words = {
        "title": "u", "at": "2027-12-31", "unit": 1, "goodwill": 100, "value_in_use": 500, "undiscounted": 500, "fair_value": 480,
        "asset": [{"id": "a", "carrying": 400}, {"id": "b", "carrying": 200}],
        "onerous": {"periods": 10, "income": 5, "cost": 7, "penalty": 90, "dedicated_carrying": 5},
    }  # fmt: skip
    case = Case.model_validate(words)
    asked = impairment.Asked(case, (case.asset, case.asset))
    names = {**ACCOUNTS, **CASE_ACCOUNTS}
    for book, expected in (("ifrs", (100 + 100 + 5, 15)), ("us_gaap", (120, 0))):
        result, provision = impairment.measured(asked)[book]
        text = as_beancount(impairment_entries(case, result, provision, case.at, names))
        found, errors, _ = loader.load_string(text)
        assert errors == []
        root = realization.realize(found)
        booked = {
            name: realization.get(root, names[name]).balance.get_currency_units("USD").number
            for name in ("impairment", "onerous") if realization.get(root, names[name]) is not None
        }  # fmt: skip
        assert (booked["impairment"], booked.get("onerous", 0)) == expected
        assert sum(booked.values()) == Decimal(impairment.answer(asked).body[book]["loss"])


@pytest.mark.parametrize(
    ("words", "entries_made"),
    [
        ({"asset": [{"id": "a", "carrying": 100, "unimpaired": 104}, {"id": "b", "carrying": 200, "unimpaired": 290}]}, 2),
        ({"carrying": 300, "unimpaired": 394}, 1),
    ],
    ids=["by-asset", "as-a-unit"],
)
def test_the_journal_of_a_reversal(words: dict, entries_made: int) -> None:
    case = Case.model_validate({"title": "u", "at": "2027-12-31", "value_in_use": 350, "undiscounted": 500, **words})
    parts = case.asset or [Part(id="u", carrying=Decimal(300))]
    asked = impairment.Asked(case, (parts, parts))
    result, provision = impairment.measured(asked)["ifrs"]
    text = as_beancount(impairment_entries(case, result, provision, case.at, {**ACCOUNTS, **CASE_ACCOUNTS}))
    found, errors, _ = loader.load_string(text)
    assert errors == []
    assert len([entry for entry in found if isinstance(entry, data.Transaction)]) == entries_made
    root = realization.realize(found)
    assert realization.get(root, ACCOUNTS["reversal"]).balance.get_currency_units("USD").number == -50
