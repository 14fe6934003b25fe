"""The asset verbs as a person or a script calls them: JSON, CSV, HTML, exit codes, journals and tie-out."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from beancount import loader
from beancount.core import data

from netyield.faces.cli.main import call

DATA = Path(__file__).parents[2] / "data" / "assets"
CRANE = """
id = "crane"
currency = "USD"
cost = 500000
residual = 50000
in_service = 2026-01-01
useful_life = "5y"
"""
GPU = 'id = "gpu"\ncurrency = "USD"\ncost = 40000\nin_service = 2026-01-01\nuseful_life = "6y"\n'
CUT = "[[change]]\neffective = 2027-08-01\nrecorded = 2027-08-03\nuseful_life = '4y'\n"


@pytest.fixture
def register(tmp_path: Path) -> Path:
    path = tmp_path / "asset.toml"
    path.write_text(CRANE, encoding="utf-8")
    return path


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    """The JSON object of a call that must succeed."""
    assert call(["assets", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("method", "charges"),
    [
        ("straight_line", ["90000"] * 5),
        ("sum_of_years", ["150000", "120000", "90000", "60000", "30000"]),
        ("declining", ["200000", "120000", "72000", "43200", "14800"]),
    ],
)
def test_the_crane_in_json(method: str, charges: list[str], register: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Case D1 through the contract: rows of period, charge, accumulated, carrying."""
    register.write_text(f'{CRANE}method = "{method}"\n', encoding="utf-8")
    rows = asked(capsys, "schedule", "--asset", register, "--by", "year")["rows"]
    assert [row["charge"] for row in rows] == charges
    assert [row["period"] for row in rows] == ["2026", "2027", "2028", "2029", "2030"]
    assert (rows[-1]["accumulated"], rows[-1]["carrying"]) == ("450000", "50000")


def test_units_of_both_cranes_in_json(register: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Case D1 by hours, 60,000 in the first year, and case D2, 31 an hour."""
    words = CRANE.replace('useful_life = "5y"', 'method = "units"\nunits_total = 30000\nunits = { "2026" = 4000 }')
    register.write_text(words, encoding="utf-8")
    assert asked(capsys, "schedule", "--asset", register, "--by", "year")["rows"][0]["charge"] == "60000"
    hours = "units = { '2026'=1800, '2027'=2000, '2028'=2500, '2029'=1500, '2030'=1200, '2031'=1000 }"
    niles = f"currency='USD'\ncost=350000\nresidual=40000\nin_service=2026-01-01\nmethod='units'\nunits_total=10000\n{hours}\n"
    register.write_text(niles, encoding="utf-8")
    rows = asked(capsys, "schedule", "--asset", register, "--by", "year")["rows"]
    assert [row["charge"] for row in rows] == ["55800", "62000", "77500", "46500", "37200", "31000"]


def test_the_old_schedule_run_again_as_of_its_day_has_the_same_bytes(register: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register.write_text(GPU, encoding="utf-8")
    assert call(["assets", "schedule", "--asset", str(register), "--json"]) == 0
    before = capsys.readouterr().out
    register.write_text(GPU + CUT, encoding="utf-8")
    assert call(["assets", "schedule", "--asset", str(register), "--json", "--as-of", "2027-08-02"]) == 0
    assert capsys.readouterr().out == before
    after = asked(capsys, "schedule", "--asset", register)
    assert after["rows"][:19] == json.loads(before)["rows"][:19]
    assert after["rows"][19] != json.loads(before)["rows"][19]
    assert [phase["from"] for phase in after["assets"][0]["phases"]] == ["2026-01", "2027-08"]


@pytest.mark.parametrize(
    ("case", "scenario", "ifrs", "us_gaap"),
    [
        ("asc360_two_steps", None, None, "75000"),
        ("asc360_two_steps", "better", None, "0"),
        ("divergence", None, "20", "0"),
        ("ias36_value_in_use", None, "973", "0"),
        ("unit_loss", None, "390000", "390000"),
        ("onerous", None, "120000", "0"),
    ],
)
def test_impair_in_json(
    case: str, scenario: str | None, ifrs: str | None, us_gaap: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["impair", "--case", DATA / f"{case}.toml", *(["--scenario", scenario] if scenario else [])]
    found = asked(capsys, *words)
    assert (found["ifrs"]["loss"], found["us_gaap"]["loss"]) == (ifrs, us_gaap)


def test_what_if_changes_later_months_only(register: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register.write_text(GPU, encoding="utf-8")
    found = asked(capsys, "what-if", "--asset", register, "--useful-life", "4y", "--from", "2027-08-01")
    assert found["first_changed"] == "2027-08"
    assert {row["change"] for row in found["rows"][:19]} == {"0"}
    assert found["rows"][19]["change"] == "459.78"  # 29,444.44 / 29 instead of 555.55
    assert found["rows"][-1]["carrying"] == "0"
    register.write_text(GPU + CUT, encoding="utf-8")
    changed = asked(capsys, "schedule", "--asset", register)["rows"]
    assert [row["charge"] for row in found["rows"][: len(changed)]] == [row["charge"] for row in changed]


def test_a_lease_in_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lease.toml"
    path.write_text('unit = 1\npayments = [10000, 12000, 14000]\ntiming = "arrears"\nliability = 33000\n', encoding="utf-8")
    found = asked(capsys, "lease", "--case", path)
    assert found["rate"] == "0.042355621"
    assert [row["cost"] for row in found["us_gaap"]["rows"]] == ["12000"] * 3
    path.write_text('payments = [1]\ntiming = "arrears"\nliability = 33000000\n', encoding="utf-8")
    assert call(["assets", "lease", "--case", str(path)]) == 2


def test_terminal_csv_and_html(register: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["assets", "schedule", "--asset", str(register)]) == 0
    printed = capsys.readouterr().out
    assert "1 asset depreciates by 450,000.00 USD from 2026-01 to 2030-12" in printed
    assert "450,000.00 USD evenly over 60 months" in printed
    assert call(["assets", "schedule", "--asset", str(register), "--each", "--csv", "-"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert (len(rows), rows[0]["asset"], rows[0]["charge"]) == (60, "crane", "7500")
    page = tmp_path / "page.html"
    assert call(["assets", "schedule", "--asset", str(register), "--html", str(page)]) == 0
    assert "Carrying amount" in page.read_text(encoding="utf-8")
    assert call(["assets", "impair", "--case", str(DATA / "unit_loss.toml"), "--html", str(page)]) == 0
    assert "84,783" in page.read_text(encoding="utf-8")


def test_journal_and_trial_balance(register: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal, balance = tmp_path / "journal.csv", tmp_path / "tb.csv"
    balance.write_text("account,balance\nAssets:Gpus:Cost,500000\nExpenses:Depreciation,89000\n", encoding="utf-8")
    found = asked(
        capsys, "schedule", "--asset", register, "--until", "2027-01", "--journal", journal, "--trial-balance", balance,
        "--account", "cost=Assets:Gpus:Cost",
    )  # fmt: skip
    ties = {row["account"]: row for row in found["general_ledger"]}
    assert ties["Assets:Gpus:Cost"]["difference"] == "0"
    assert ties["Expenses:Depreciation"]["difference"] == "-1000"
    assert ties["Assets:Equipment:AccumulatedDepreciation"]["general_ledger"] is None
    # 410,000 on the register, 500,000 in the general ledger, which knows no accumulated depreciation: 90,000 a line of its own.
    assert [(row["line"], row["amount"]) for row in found["reconciliation"]] == [
        ("Owned assets, as the register has them", "410000"),
        ("Difference: Assets:Equipment:AccumulatedDepreciation", "90000"),
        ("General ledger", "500000"),
    ]
    assert journal.read_text(encoding="utf-8").count("depreciation 2026-") == 24
    words = ["assets", "schedule", "--asset", str(register), "--trial-balance", str(balance)]
    assert call([*words, "--until", "2027-01", "--fail-on", "warning"]) == 1
    assert call(words) == 2


LEASE = 'payment = 50000\nperiods = 4\ntiming = "advance"\nrate = "0.05"\nstart = 2026-01-01\nmonths_per_period = 12\n'
LOSS = "title = 'h100'\nat = 2026-12-31\nregister = '{register}'\nvalue_in_use = 300000\nfair_value = 290000\nundiscounted = 350000\n"
SOLD = "disposed = 2028-03-09\nproceeds = '300000'\nwrite_down = [{ date = 2027-12-31, amount = 1000.01 }]\n"


@pytest.mark.parametrize(
    ("verb", "file", "more"),
    [
        (["schedule", "--asset"], CRANE, []),
        (["schedule", "--asset"], CRANE + SOLD, []),
        (["schedule", "--asset"], CRANE + SOLD, ["--book", "us_gaap", "--until", "2028-01"]),
        (["what-if", "--asset"], CRANE + SOLD, ["--useful-life", "4y", "--from", "2026-08-01"]),
        (["impair", "--case"], LOSS, []),
        (["impair", "--case"], LOSS, ["--book", "us_gaap"]),
        (["lease", "--case"], LEASE, []),
        (["lease", "--case"], LEASE, ["--book", "us_gaap"]),
        (["lease", "--case"], LEASE + "us_class = 'finance'", ["--book", "us_gaap"]),
    ],
    ids=["schedule", "disposal", "us-until", "what-if", "write-down", "us-write-down", "lease", "operating-lease", "finance-lease"],
)
def test_beancount_reads_what_every_verb_writes(
    verb: list[str], file: str, more: list[str], register: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, journal = register.with_name("asked.toml"), register.with_suffix(".beancount")
    path.write_text(file.replace("{register}", register.name), encoding="utf-8")
    asked(capsys, *verb, path, *more, "--journal", journal)
    found, errors, _ = loader.load_file(str(journal))
    assert errors == []
    assert sum(isinstance(entry, data.Transaction) for entry in found) >= 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["schedule", "--asset", "none.toml"], "there is no file"),
        (["schedule", "--asset", "{register}", "--as-of", "yesterday"], "is not a day"),
        (["schedule", "--asset", "{register}", "--until", "soon"], "is not a month"),
        (["schedule", "--asset", "{register}", "--json", "--csv", "-"], "both want stdout"),
        (["schedule", "--asset", "{register}", "--journal", "x.csv", "--account", "cost=gpus"], "no account name"),
        (["what-if", "--asset", "{register}", "--from", "2027-01-01"], "nothing to change"),
        (["what-if", "--asset", "{register}", "--from", "soon", "--useful-life", "4y"], "is no day"),
        (["impair", "--case", "none.toml"], "cannot be read"),
        (["lease", "--case", "{lease}"], "finer than the smallest coin"),
        (["impair", "--case", "{huge}"], "is no amount"),
        (["impair", "--case", "{unit}", "--scenario", "worse"], "there is no scenario"),
    ],
)
def test_wrong_use_says_what_to_do(words: list[str], said: str, register: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lease, huge = register.with_name("lease.toml"), register.with_name("huge.toml")
    lease.write_text('payments = [5, "0.005"]\ntiming = "arrears"\nrate = "0.1"\n', encoding="utf-8")
    huge.write_text("carrying = 1e40\n", encoding="utf-8")
    filled = [word.format(register=register, unit=DATA / "unit_loss.toml", lease=lease, huge=huge) for word in words]
    assert call(["assets", *filled]) == 2
    assert said in capsys.readouterr().err


def test_a_contradiction_exits_with_1_and_is_told(register: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register.write_text(CRANE.replace("residual = 50000", "residual = -1"), encoding="utf-8")
    assert call(["assets", "schedule", "--asset", str(register)]) == 1
    assert "assets.negative_residual" in capsys.readouterr().out
