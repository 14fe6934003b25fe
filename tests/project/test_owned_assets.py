"""A change of useful life in month 20, through the ledger: later months cost more, earlier reports stay byte for byte."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from netyield.answers.books import Query
from netyield.core.errors import ConfigError
from netyield.core.period import iso
from netyield.faces.cli.main import call
from netyield.project import Project
from netyield.project.owned_assets import registers, unit_costs

TOML = """
[project]
currency = "USD"
[[source]]
type = "assets"
path = "assets.toml"
until = "2027-01-01"
[[source]]
type = "requests"
path = "calls.csv"
[source.columns]
time = "at"
request_id = "id"
model = "model"
input_tokens = "in"
output_tokens = "out"
[[source]]
type = "outcomes"
path = "said.jsonl"
grade = 4
columns = {time = "at", request_id = "call", verdict = "said"}
[[pool]]
name = "llm"
tags = {pool = "llm"}
models = ["own"]
"""
REGISTER = """
currency = "USD"
[[asset]]
id = "dgx"
cost = 400000
in_service = 2025-03-01
useful_life = "6y"
gpus = 8
pool = "llm"
"""
CUT = "[[asset.change]]\neffective = 2026-10-01\nrecorded = 2026-10-05\nuseful_life = '4y'\n"
BEFORE, AFTER = datetime(2026, 10, 4, tzinfo=UTC), datetime(2026, 10, 6, tzinfo=UTC)
MONTH_19, MONTH_20 = ("2026-09-30", "2026-10-01"), ("2026-10-01", "2026-10-02")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    start = datetime(2026, 9, 29, tzinfo=UTC)
    times = [start + timedelta(hours=6 * n, minutes=1) for n in range(16)]
    calls = "".join(f"{at.isoformat()},c{n},own,100,{1000 + n}\n" for n, at in enumerate(times))
    said = "".join(json.dumps({"at": at.isoformat(), "call": f"c{n}", "said": "accepted"}) + "\n" for n, at in enumerate(times))
    for name, text in (
        ("netyield.toml", TOML), ("assets.toml", REGISTER), ("calls.csv", "at,id,model,in,out\n" + calls), ("said.jsonl", said),
    ):  # fmt: skip
        (tmp_path / name).write_text(text, encoding="utf-8")
    opened = Project.open(tmp_path)
    opened.ingest(now=BEFORE)
    return opened


def report(project: Project, days: tuple[str, str], as_of: datetime | None = None) -> bytes:
    asked = Query(since=days[0], until=days[1], as_of=iso(as_of) if as_of else None)
    return json.dumps(project.answer("waterfall", asked).body).encode()


def cost(body: bytes) -> Decimal:
    return Decimal(json.loads(body)["headline"]["cost_per_useful_mtok"]["high"])


def test_a_change_of_life_in_month_20(project: Project) -> None:
    earlier, later = report(project, MONTH_19), report(project, MONTH_20)
    as_of = {days: report(project, days, BEFORE) for days in (MONTH_19, MONTH_20)}
    (project.root / "assets.toml").write_text(REGISTER + CUT, encoding="utf-8")
    project.ingest(now=AFTER)

    # 400,000 over 72 months is 5,555.56 a month; the 294,444.44 left over 29 months are 10,153.26.
    assert json.loads(report(project, MONTH_19))["rows"] == json.loads(earlier)["rows"]
    assert cost(report(project, MONTH_19)) == cost(earlier)
    before, after = Decimal(json.loads(later)["total"]), Decimal(json.loads(report(project, MONTH_20))["total"])
    assert round(before * 31, 2) == Decimal("5555.55")
    assert round(after * 31, 2) == Decimal("10153.26")
    assert abs(cost(report(project, MONTH_20)) / cost(later) - after / before) < Decimal("1e-6")
    assert {days: report(project, days, BEFORE) for days in as_of} == as_of


def test_the_gpu_hours_of_owned_gpus_are_paid_hours(project: Project) -> None:
    body = json.loads(report(project, MONTH_19))
    assert {row["step"] for row in body["rows"]} & {"useful"}
    groups = {finding.code for finding in project.check()}
    assert "scope.unclassified" not in groups


def test_cost_per_useful_token_with_and_without_depreciation(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Power of 1,000 a month beside 5,555.55 of depreciation: without it a useful token costs 1,000 / 6,555.55 of it."""
    running = '[[running]]\nkind = "maintenance"\nper_month = 1000\n'
    (project.root / "assets.toml").write_text(REGISTER + running, encoding="utf-8")
    head = "at,id,model,in,out\n"
    rows = "".join(f"2026-{day}T00:00:00Z,c{n},own,100,1000\n" for n, day in enumerate(("09-01", "09-15", "10-01")))
    (project.root / "calls.csv").write_text(head + rows, encoding="utf-8")
    project.ingest(now=AFTER)
    listed = registers(project)
    found, findings = unit_costs(project, listed[0][1].assets, "ifrs", 1)
    assert findings == []
    (month,) = found
    assert (month.period, month.depreciation, month.in_scope) == ("2026-09", Decimal("5555.56"), Decimal("6555.56"))
    bare = month.with_depreciation(Decimal(0))
    assert month.low is not None
    assert bare.low is not None
    assert abs(bare.low / month.low - Decimal(1000) / Decimal("6555.56")) < Decimal("1e-6")
    assert call(["assets", "schedule", "--project", str(project.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unit_cost"][-1] == month.plain()


def test_cash_flows_from_the_ledgers_own_useful_output(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """16 calls of 1,000 to 1,015 tokens, all accepted, in 3 days and 19 hours; sold at 100,000 per million for a year."""
    case = """carrying = 90000
    [output]
    start = 2026-10-01
    months = 12
    running_cost_per_month = 1000
    price_per_mtok = [{ since = 2026-01-01, price = 100000 }]
    """
    (project.root / "case.toml").write_text(case, encoding="utf-8")
    words = ["assets", "impair", "--case", str(project.root / "case.toml"), "--json"]
    assert call([*words, "--project", str(project.root)]) == 0
    body = json.loads(capsys.readouterr().out)
    window = project.answer("waterfall", Query()).window
    per_month = Decimal(sum(range(1000, 1016))) * 2_629_800 / window.seconds / 1_000_000
    assert abs(Decimal(body["cash_flows"]["undiscounted"]) - 12 * (per_month * 100_000 - 1000)) < Decimal("0.01")
    assert body["definition"]["useful output"].startswith("16,120 output tokens proven useful in ")
    assert call(words) == 2


def test_a_project_without_a_register_says_so(tmp_path: Path) -> None:
    (tmp_path / "netyield.toml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="no asset register"):
        registers(Project.open(tmp_path))
