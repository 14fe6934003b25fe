"""The figures of the page about commitments are what its commands print, and its tables are the code's."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from doc_pages import ROOT

from netyield.economics.commitments.products import products
from netyield.faces.cli.main import call

PAGE = (ROOT / "docs" / "commitments.md").read_text(encoding="utf-8")
DATA = ROOT / "tests" / "data" / "commitments"


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert call([*map(str, words), "--json", "--fail-on", "never"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def cents(amount: str) -> str:
    return f"{Decimal(amount):,.2f}"


def test_buy_nothing_and_release(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    hours, offers = DATA / "h100_hours.csv", DATA / "offers.toml"
    found = asked(capsys, "commitments", "buy", "--demand", hours, "--offers", offers, "--headroom", "0.3")
    assert found["advice"] == "buy nothing, release 52"
    assert "Buy nothing, release 52" in PAGE
    assert found["series"]["allocated"]["of_paid"] == pytest.approx(0.67, abs=0.005)
    assert found["series"]["active"]["of_paid"] == pytest.approx(0.09, abs=0.005)
    bare = tmp_path / "hours.csv"
    bare.write_text("\n".join(line.rpartition(",")[0] for line in hours.read_text().splitlines()) + "\n")
    words = ("commitments", "buy", "--demand", bare, "--offers", offers, "--headroom", "0.3")
    few, many = (asked(capsys, *words, "--plan-on", series) for series in ("needed", "allocated"))
    assert [sum(row["quantity"] for row in found["plan"]) for found in (few, many)] == [8, 41]
    extra = cents(many["planning_on_allocated"]["extra_cost"])
    assert f"41 GPUs instead of 8: {extra} more in four weeks" in PAGE


def test_the_cheapest_way_out_and_what_turns_it(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--contracts", DATA / "h100_contract.toml", "--from", "2026-12-01", "--demand", DATA / "h100_hours.csv", "--headroom", "0.3")
    found = asked(capsys, "commitments", "exit", "h100-block", *words)
    rows = [row for row in found["rows"] if row["option"] != "keep"]
    assert [row["units"] for row in rows] == [64, 52, 64]
    for row in rows:
        assert row["when"] == "2026-12-01"
        line = f"| {cents(row['value'])} | {cents(row['value_low'])} to {cents(row['value_high'])} |"
        assert line in PAGE, line
    turns = {row["input"]: row["turns_at"] for row in found["turns"]}
    assert turns["used units"] is turns["on-demand rate"] is None
    assert cents(turns["cost of the exit"]) in PAGE
    assert Decimal(found["sunk_prepayment"]) == 250_000


def test_what_it_books(capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "assets", "impair", "--case", DATA / "h100_onerous.toml")
    assert cents(found["ifrs"]["net_cost_of_contract"]) in PAGE
    assert (found["ifrs"]["dedicated_assets_written_down"], found["ifrs"]["provision"]) == ("250000", "150000")
    assert found["us_gaap"]["loss"] == "0"


def test_every_product_and_what_it_asks_for_is_on_the_page() -> None:
    table = PAGE.split("### Products")[1].split("## Report")[0]
    for product in products().values():
        line = next(line for line in table.splitlines() if f"`{product.id}`" in line)
        needed = {need for term in product.exits for need in term.needs} - {"exchange_new_total", "exchange_displaces"}
        assert [need for need in needed if f"`{need}`" not in line] == []


def test_every_finding_of_the_code_is_on_the_page() -> None:
    sources = [*(ROOT / "src/netyield/economics/commitments").glob("*.py"), ROOT / "src/netyield/answers/coverage.py",
               ROOT / "src/netyield/answers/exit.py", ROOT / "src/netyield/project/commitments.py"]  # fmt: skip
    raised = {code for source in sources for code in re.findall(r'"((?:commitments|demand|offers)\.\w+)"', source.read_text())}
    contracts = (ROOT / "src/netyield/economics/commitments/contract_file.py").read_text()
    raised |= {f"commitments.{code}" for code in re.findall(r'yield "(\w+)"', contracts)}
    assert len(raised) > 12
    told = PAGE.split("## Findings")[1]
    assert [code for code in raised if f"`{code}`" not in told and f"`.{code.partition('.')[2]}`" not in told] == []
