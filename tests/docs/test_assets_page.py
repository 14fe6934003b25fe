"""Every register and case on the page about owned hardware works, and the figures told there are what the commands say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from doc_pages import ROOT

from netyield.faces.cli.main import call

PAGE = ROOT / "docs" / "assets.md"
BLOCK = re.compile(r"^ *```text\n(?P<text> *# (?P<name>[\w.-]+)\n.*?)^ *```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The page's files, and the fleet its story speaks of."""
    for found in BLOCK.finditer(PAGE.read_text(encoding="utf-8")):
        (tmp_path / found["name"]).write_text(dedent(found["text"]), encoding="utf-8")
    fleet = "".join(f"dgx-{n},400000,2026-01-01,6y,8,h100\n" for n in range(8))
    (tmp_path / "story-fleet.csv").write_text("id,cost,in_service,useful_life,gpus,pool\n" + fleet, encoding="utf-8")
    return tmp_path


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert call(["assets", *map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def told(*amounts: str) -> None:
    """Each amount stands on the page, with its thousands apart."""
    text = PAGE.read_text(encoding="utf-8")
    for amount in amounts:
        whole, _, cents = amount.partition(".")
        assert f"{int(whole):,}{'.' + cents.ljust(2, '0') if cents else ''}" in text, amount


def test_the_example_register_and_cases(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(capsys, "schedule", "--asset", folder / "assets.toml")
    assert found["findings"] == 0
    assert [phase["from"] for phase in found["assets"][0]["phases"]] == ["2026-01", "2027-08"]
    best, worse = (asked(capsys, "impair", "--case", folder / "case.toml", *more) for more in ([], ["--scenario", "worse"]))
    assert best["us_gaap"]["loss"] == "0"
    assert worse["us_gaap"]["loss"] == "75000"
    both = asked(capsys, "lease", "--case", folder / "lease.toml", "--fail-on", "error")
    lease, change = both["ifrs"], both["ifrs"]["modifications"][0]
    assert both["us_gaap"]["modifications"][0]["gain"] == "0"
    assert (round(float(lease["liability"])), round(float(change["gain"])), round(float(change["liability"]))) == (368_004, 13_308, 129_884)


def test_the_forecast_of_useful_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The [output] table of the page in a case of its own: 100 million tokens in the first month at 2.40, 9,000 to run."""
    table = re.search(r"^```text\n(\[output\]\n.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert table is not None
    (folder / "output.toml").write_text("carrying = 600000\n" + table[1], encoding="utf-8")
    found = asked(capsys, "impair", "--case", folder / "output.toml", "--mtok-per-month", "10000")
    flows = [10_000 * 0.99**month * (2.40 if month < 12 else 1.80) - 9_000 for month in range(36)]
    assert abs(float(found["cash_flows"]["undiscounted"]) - sum(flows) - 100_000) < 0.01


def test_the_story(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register = folder / "story-assets.toml"
    row = asked(capsys, "schedule", "--asset", register)["rows"][23]
    case = asked(capsys, "impair", "--case", folder / "story-case.toml")
    other = asked(capsys, "what-if", "--asset", register, "--useful-life", "4y", "--from", "2027-08-01")["rows"][23]
    assert row["period"] == other["period"] == "2027-12"
    less = f"{float(row['carrying']) - float(other['carrying']):.2f}"
    told(row["carrying"], case["ifrs"]["loss"], case["us_gaap"]["loss"], other["carrying"], less)
    told(case["cash_flows"]["undiscounted"], f"{float(case['cash_flows']['value_in_use']):.2f}", other["charge"])
    for book, monthly in (("ifrs", "24167"), ("us_gaap", "25000")):
        left = sum(float(part["after"]) for part in case[book]["parts"])
        assert f"{left / 48:.0f}" == monthly
        told(monthly)
