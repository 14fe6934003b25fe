"""Owned GPUs in the ledger: a change of useful life in month 20, unit costs with and without depreciation, cash flows."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from netyield.answers.books import Query
from netyield.core.errors import ConfigError
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
[[source]]
type = "gpu_csv"
path = "gpu.csv"
metric = "gpu_util_percent"
pool = "llm"
columns = {time = "t", device = "d", value = "v"}
interval_seconds = 3600
[[pool]]
name = "llm"
tags = {pool = "llm"}
models = ["own", "big"]
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
US_LIFE = "[asset.us_gaap]\nuseful_life = '5y'\n"
NON_AI = "[[scope]]\nscope = 'non_ai'\nservice = 'Owned hardware'\n"
SHELF = "[[asset]]\nid = 'shelf'\ncost = 7200\nin_service = 2026-02-01\nuseful_life = '6y'\n"
POWER = "[[running]]\nkind = 'maintenance'\nassets = 'dgx'\nper_month = 1000\n"
BEFORE, AFTER = datetime(2026, 10, 4, tzinfo=UTC), datetime(2026, 10, 6, tzinfo=UTC)
CALLS, DAYS = 8, 2
WINDOW = Query(since="2026-02-01", until="2026-02-03")


def opened(folder: Path, register: str, times: list[datetime]) -> Project:
    """A project whose every second call is the larger model's; all are accepted. Its 8 GPUs are busy in every third hour."""
    models = ("own", "big")
    calls = "".join(f"{at.isoformat()},c{n},{models[n % 2]},100,{1000 + n}\n" for n, at in enumerate(times))
    said = "".join(json.dumps({"at": at.isoformat(), "call": f"c{n}", "said": "accepted"}) + "\n" for n, at in enumerate(times))
    hours = [times[0].replace(hour=0, minute=0) + timedelta(hours=n) for n in range(24 * DAYS)]
    busy = "".join(f"{at.isoformat()},g{gpu},{0 if n % 3 else 90}\n" for n, at in enumerate(hours) for gpu in range(8))
    for name, text in (
        ("gpu.csv", "t,d,v\n" + busy),
        ("netyield.toml", TOML + NON_AI), ("assets.toml", register), ("calls.csv", "at,id,model,in,out\n" + calls), ("said.jsonl", said),
    ):  # fmt: skip
        (folder / name).write_text(text, encoding="utf-8")
    project = Project.open(folder)
    project.ingest(now=BEFORE)
    return project


@pytest.fixture(scope="module")
def february(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two days of February 2026: 8 GPUs at 5,555.56 a month, 1,000 of maintenance, and a shelf that is no AI."""
    times = [datetime(2026, 2, 1, tzinfo=UTC) + timedelta(hours=6 * n) for n in range(CALLS)]
    times[-1] = datetime(2026, 2, 2, 23, 30, tzinfo=UTC)
    register = REGISTER + US_LIFE + SHELF + POWER
    return opened(tmp_path_factory.mktemp("february"), register, times)


def asked(capsys: pytest.CaptureFixture[str], *words: object) -> dict[str, Any]:
    assert call([*map(str, words), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_change_of_life_in_month_20(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The last day of month 19 and the first of month 20, before and after the change was recorded."""
    start = datetime(2026, 9, 30, tzinfo=UTC)
    project = opened(tmp_path, REGISTER, [start + timedelta(hours=12 * n, minutes=1) for n in range(4)])
    days = ("--since", "2026-09-30", "--until", "2026-10-02")
    report = ["report", *days, "--json", "--as-of", "2026-10-05", "--project", str(tmp_path)]

    def costs() -> dict[str, dict[str, Any]]:
        trend = project.answer("unit_cost", Query(since=days[1], until=days[3])).views["trend"][0].to_pylist()
        return {f"{row['day']}|{row['slice']}": row for row in trend}

    earlier = costs()
    assert call(report) == 0
    told = capsys.readouterr().out
    (tmp_path / "assets.toml").write_text(REGISTER + CUT, encoding="utf-8")
    project.ingest(now=AFTER)
    later = costs()
    assert call(report) == 0
    assert capsys.readouterr().out == told  # the old report, run again as of its day

    # 400,000 over 72 months is 5,555.56 a month; the 294,444.44 left over 29 months are 10,153.26.
    assert [row for key, row in later.items() if key.startswith("2026-09-30")] == [
        row for key, row in earlier.items() if key.startswith("2026-09-30")
    ]
    for model in ("own", "big"):
        old, new = (each[f"2026-10-01|{model}"]["usd_per_useful_mtok_high"] for each in (earlier, later))
        assert near(new / old, Decimal("10153.26") / Decimal("5555.56"), "1e-5")


def month_of(amount: str) -> Decimal:
    """What two days of February are of a month's amount."""
    return Decimal(amount) * DAYS / 28


def near(one: str | Decimal, other: str | Decimal, within: str = "1e-6") -> bool:
    return abs(Decimal(one) - Decimal(other)) < Decimal(within)


def test_cost_per_useful_token_with_and_without_depreciation(february: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """In all as the report's headline has it, and by model; the shelf's depreciation is not in scope and not counted."""
    headline = february.answer("waterfall", WINDOW).headline
    body = asked(capsys, "assets", "schedule", "--project", february.root)
    (month,) = body["unit_cost"]
    assert (month["period"], month["since"], month["until"]) == ("2026-02", "2026-02-01", "2026-02-03")
    assert near(month["in_scope"], month_of("6555.56"))
    assert near(month["depreciation"], month_of("5555.56"))
    assert (month["in_scope"], month["with_low"]) == (headline["in_scope_total"], headline["cost_per_useful_mtok"]["low"])
    assert near(Decimal(month["without_low"]) / Decimal(month["with_low"]), Decimal(1000) / Decimal("6555.56"))
    assert {row["period"]: row["charge"] for row in body["rows"]}["2026-02"] == "5655.56"  # the shelf's 100 too
    by_model = body["unit_cost_by"]["model"]
    assert {row["slice"] for row in by_model} >= {"big", "own"}
    for key in ("in_scope", "depreciation"):
        assert sum(Decimal(row[key]) for row in by_model) == Decimal(month[key])
    report = february.answer("unit_cost", WINDOW).body["rows"]
    assert {row["slice"]: row["with_low"] for row in by_model} == {row["slice"]: row["usd_per_useful_mtok_low"] for row in report}
    assert min(Decimal(row["without_low"]) for row in by_model if row["slice"] in ("own", "big")) > 0
    assert "unit cost" in body["definition"]


def test_the_other_book_has_its_own_cost_and_the_same_without(february: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Five years instead of six: 6,666.67 a month in US GAAP; what is no depreciation stays."""
    (ours,) = asked(capsys, "assets", "schedule", "--project", february.root)["unit_cost"]
    (theirs,) = asked(capsys, "assets", "schedule", "--project", february.root, "--book", "us_gaap")["unit_cost"]
    assert near(theirs["depreciation"], month_of("6666.67"))
    assert near(theirs["in_scope"], month_of("7666.67"))
    assert (theirs["without_low"], theirs["without_high"]) == (ours["without_low"], ours["without_high"])
    assert near(Decimal(theirs["with_low"]) / Decimal(ours["with_low"]), Decimal("7666.67") / Decimal("6555.56"))


def test_a_what_if_moves_the_cost_of_later_months_only(february: Project, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("assets", "what-if", "--project", february.root, "--assets", "dgx", "--useful-life", "4y", "--from")
    (later,) = asked(capsys, *words, "2026-03-01")["unit_cost"]
    assert later["after_low"] == later["before_low"]
    found = asked(capsys, *words, "2026-02-01")
    (month,) = found["unit_cost"]
    charge = {row["period"]: row["charge"] for row in found["rows"]}["2026-02"]
    assert charge == "9159.16"  # 338,888.89 over 37 months
    assert near(Decimal(month["after_low"]) / Decimal(month["before_low"]), (1000 + Decimal(charge)) / Decimal("6555.56"))


def test_the_report_has_the_same_schedule(february: Project, capsys: pytest.CaptureFixture[str]) -> None:
    body = asked(capsys, "report", "depreciation", "--project", february.root)
    assert body == asked(capsys, "assets", "schedule", "--project", february.root)
    few = asked(capsys, "report", "depreciation", "--project", february.root, "--since", "2026-01-01", "--until", "2026-03-01")
    assert few["rows"] == [row for row in body["rows"] if row["period"] in ("2026-01", "2026-02")]
    assert call(["report", "depreciation", "--project", str(february.root), "--where", "model=own"]) == 2


def test_unit_costs_as_of_a_day_before_there_were_books(february: Project) -> None:
    found, findings = unit_costs(february, as_of=date(2026, 10, 3))
    assert (found, [finding.code for finding in findings]) == ([], ["assets.no_books"])
    assert unit_costs(february, as_of=BEFORE.date()) == unit_costs(february)


CASE = """carrying = 90000
[output]
start = 2026-10-01
months = 12
running_cost_per_month = 1000
price_per_mtok = [{ since = 2026-01-01, price = 100000 }]
"""


def test_cash_flows_from_the_ledgers_own_useful_output(february: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """Eight calls of 1,000 to 1,007 tokens in two days, all accepted; sold at 100,000 per million for a year."""
    case = february.root / "case.toml"
    case.write_text(CASE, encoding="utf-8")
    body = asked(capsys, "assets", "impair", "--case", case, "--project", february.root)
    window = february.answer("waterfall", Query()).window
    tokens = sum(1000 + n for n in range(CALLS))
    per_month = Decimal(tokens) * 2_629_800 / window.seconds / 1_000_000
    assert abs(Decimal(body["cash_flows"]["undiscounted"]) - 12 * (per_month * 100_000 - 1000)) < Decimal("0.01")
    assert body["definition"]["useful output"].startswith(f"{tokens:,} output tokens of pool llm proven useful in 2.0 days")
    assert call(["assets", "impair", "--case", str(case)]) == 2
    capsys.readouterr()
    case.write_text(CASE + "where = { model = 'big' }\n", encoding="utf-8")
    less = asked(capsys, "assets", "impair", "--case", case, "--project", february.root)
    assert Decimal(less["cash_flows"]["undiscounted"]) < Decimal(body["cash_flows"]["undiscounted"])


def test_output_nobody_judged_is_unknown_and_not_nothing(february: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """No cash flows, no loss decided, only its bounds; and a finding that says what to connect."""
    case = february.root / "unjudged.toml"
    case.write_text(CASE + "where = { model = 'none' }\n", encoding="utf-8")
    body = asked(capsys, "assets", "impair", "--case", case, "--project", february.root)
    assert body["cash_flows"]["undiscounted"] is None
    assert [(body[book]["loss"], body[book]["loss_high"]) for book in ("ifrs", "us_gaap")] == [(None, "90000")] * 2
    assert body["definition"]["useful output"].startswith("unknown: the ledger proves no useful output of model none")
    assert call(["assets", "impair", "--case", str(case), "--project", str(february.root), "--fail-on", "warning"]) == 1
    assert "impairment.useful_output_unknown" in capsys.readouterr().out
    given = asked(capsys, "assets", "impair", "--case", case, "--project", february.root, "--mtok-per-month", "1")
    assert given["cash_flows"]["undiscounted"] == "1188000"


def test_the_price_of_a_model_the_price_list_knows(february: Project, capsys: pytest.CaptureFixture[str]) -> None:
    """gpt-4o's output: 10 dollars per million tokens, of the dated list that comes with genai-prices."""
    case = february.root / "listed.toml"
    listed = CASE.replace("price_per_mtok = [{ since = 2026-01-01, price = 100000 }]", "price_of = 'gpt-4o'\nmtok_per_month = 500")
    case.write_text(listed, encoding="utf-8")
    body = asked(capsys, "assets", "impair", "--case", case, "--project", february.root)
    assert body["cash_flows"]["undiscounted"] == "48000"  # 12 * (500 * 10 - 1,000)
    assert body["definition"]["price"].startswith("gpt-4o, per million useful output tokens: 10")
    case.write_text(listed.replace("gpt-4o", "no-such-model"), encoding="utf-8")
    assert call(["assets", "impair", "--case", str(case), "--project", str(february.root)]) == 2


def test_a_project_without_a_register_says_so(tmp_path: Path) -> None:
    (tmp_path / "netyield.toml").write_text("", encoding="utf-8")
    with pytest.raises(ConfigError, match="no asset register"):
        registers(Project.open(tmp_path))
    answer = Project.open(tmp_path).answer("depreciation", Query())
    assert (answer.table.num_rows, answer.description) == (0, "There is no asset to depreciate.")
