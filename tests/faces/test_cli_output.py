"""Stdout holds what was asked for and nothing else; exit codes say how it ended."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet
import pytest
import sample_answers as sample
from fake_project import FakeProject, Run

from netyield.core.errors import ConservationError, SourceError, StoreError
from netyield.core.finding import Finding
from netyield.faces.cli.report import WHOLE


def test_json_is_the_contracts_object_alone(run: Run, fake: FakeProject) -> None:
    ran = run("report", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found == sample.waterfall().body
    assert found["total"] == "106060.223456789012"  # every digit
    assert [name for name, _ in fake.asked] == ["waterfall"]  # and nothing computed in vain


@pytest.mark.parametrize("answer", ["waterfall", "unit-cost", "unit_cost", "fleet", "usefulness", "reconciliation"])
def test_every_answer_prints_its_own_object(run: Run, fake: FakeProject, answer: str) -> None:
    assert json.loads(run("report", answer, "--json").out)["answer"] == answer.replace("-", "_")


def test_csv_on_stdout_is_csv_alone_with_every_digit(run: Run, fake: FakeProject) -> None:
    rows = list(csv.DictReader(io.StringIO(run("report", "--csv", "-").out)))
    assert len(rows) == len(sample.STEPS)
    unknown = next(row for row in rows if row["step"] == "unknown")
    assert unknown["amount"] == "2200.123456789012"
    assert next(row for row in rows if row["step"] == "fragmented")["amount"] == ""


def test_csv_in_a_file_leaves_stdout_empty(run: Run, fake: FakeProject) -> None:
    ran = run("report", "fleet", "--csv", "out/fleet.csv")
    assert ran.out == ""
    assert "Wrote out/fleet.csv" in ran.err
    assert Path("out/fleet.csv").read_text(encoding="utf-8").startswith("pool,gpu_hours_paid,")


def test_hostile_text_is_defused_in_csv_and_amounts_are_not(run: Run, fake: FakeProject) -> None:
    table = sample.waterfall().table
    formula = table.set_column(1, "label", [["=HYPERLINK(1)"] * table.num_rows])
    from netyield.faces.cli.output import csv_bytes

    rows = list(csv.DictReader(io.StringIO(csv_bytes(formula).decode())))
    assert {row["label"] for row in rows} == {"'=HYPERLINK(1)"}
    assert next(row for row in rows if row["step"] == "credits")["amount"] == "-1500"


def test_html_beside_json(run: Run, fake: FakeProject) -> None:
    ran = run("report", "--json", "--html", "report.html")
    json.loads(ran.out)
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "Wrote report.html" in ran.err
    assert [name for name, _ in fake.asked] == [name for name, _ in WHOLE]


def test_two_things_cannot_have_stdout(run: Run, fake: FakeProject) -> None:
    ran = run("report", "--json", "--csv", "-")
    assert (ran.code, ran.out) == (2, "")
    assert "Give --csv a file." in ran.err


@pytest.mark.parametrize(("fail_on", "code"), [("error", 0), ("warning", 1), ("info", 1), ("never", 0)])
def test_findings_decide_the_exit_code(run: Run, fake: FakeProject, fail_on: str, code: int) -> None:
    """The sample has one warning and one info."""
    assert run("report", "--json", "--fail-on", fail_on).code == code


def test_check_lists_findings_one_a_line(run: Run, fake: FakeProject, warning: Finding, error: Finding) -> None:
    fake.findings = [error, warning]
    ran = run("check")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "bill.csv:7: error focus.bad_amount: Not a number. Mend it.",
        "h100.om:812: warning prometheus.gap: A gap. (3 times) Check it.",
    ]
    assert ran.err == "1 error, 1 warning, 0 info\n"
    assert run("check", "--fail-on", "never").code == 0


def test_check_as_json(run: Run, fake: FakeProject, warning: Finding) -> None:
    fake.findings = [warning]
    ran = run("check", "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found["findings"] == {"error": 0, "warning": 1, "info": 0}
    assert found["remarks"][0] == {
        "code": "prometheus.gap", "severity": "warning", "message": "A gap.", "repair": "Check it.",
        "file": "h100.om", "row": 812, "count": 3,
    }  # fmt: skip


def test_check_without_findings_says_so_beside_stdout(run: Run, fake: FakeProject) -> None:
    ran = run("check")
    assert (ran.code, ran.out, ran.err) == (0, "", "No findings.\n")


def test_ingest_says_what_it_booked(run: Run, fake: FakeProject, error: Finding) -> None:
    ran = run("ingest")
    assert ran.code == 0
    assert "Booked 1 delivery; 2 known already." in ran.out
    assert "1,000 charges" in ran.out
    fake.findings = [error]
    as_json = run("ingest", "--json")
    assert as_json.code == 1
    assert json.loads(as_json.out)["booked"][0]["rows"] == {"charges": 1000}


def test_a_dry_run_books_nothing_and_shows_each_source(run: Run, fake: FakeProject) -> None:
    ran = run("ingest", "--dry-run")
    assert "Nothing is booked." in ran.out
    assert "1 bill file, 1,000 rows" in ran.out
    found = json.loads(run("ingest", "--dry-run", "--json").out)
    assert found["sources"]["bill"]["window"] == {"since": "2026-10-01T00:00:00Z", "until": "2026-10-15T00:00:00Z"}
    assert found["sources"]["prom"]["reachable"] is False


def test_close_takes_a_month(run: Run, fake: FakeProject) -> None:
    assert run("close", "2026-10").code == 0
    assert fake.closed == ["2026-10"]
    wrong = run("close", "October")
    assert (wrong.code, wrong.out) == (2, "")
    assert "Write it as 2026-10." in wrong.err


def test_explain_shows_formula_and_source_rows(run: Run, fake: FakeProject) -> None:
    ran = run("explain", "waterfall/idle", "--where", "pool=h100-a", "--since", "2026-10-05", "--until", "2026-10-06")
    assert ran.code == 0
    assert "bill.csv: 2 to 90 (89 rows)" in ran.out
    figure, query = fake.asked[0]
    assert figure == "waterfall/idle"
    assert query.where == {"pool": "h100-a"}
    assert json.loads(run("explain", "waterfall/idle", "--json").out)["figure"] == "waterfall/idle"


def test_export_writes_every_view_in_each_format(run: Run, fake: FakeProject) -> None:
    for name in ("csv", "parquet", "json", "svg", "png"):
        assert run("export", "unit_cost", "--format", name, "--to", "out").code == 0
    files = {path.name for path in Path("out").iterdir()}
    assert files == {
        "unit_cost.csv", "unit_cost_trend.csv", "unit_cost.parquet", "unit_cost_trend.parquet", "unit_cost.json",
        "unit_cost_trend_1.svg", "unit_cost_trend_2.svg", "unit_cost_trend_1.png", "unit_cost_trend_2.png",
    }  # fmt: skip
    again = pyarrow.parquet.read_table("out/unit_cost.parquet")
    assert again.equals(sample.unit_cost().table)


@pytest.mark.parametrize(
    ("raised", "code", "shown"),
    [
        (StoreError("The project is locked.", "Wait for the other run."), 2, "Wait for the other run."),
        (SourceError("Prometheus does not answer.", "Check the URL."), 1, "Check the URL."),
        (ConservationError("1 pico-unit is missing."), 3, "a fault of Netyield itself"),
        (ZeroDivisionError("division by zero"), 3, "ZeroDivisionError"),
    ],
)
def test_a_failure_is_a_message_and_a_repair_never_a_traceback(
    run: Run, fake: FakeProject, monkeypatch: pytest.MonkeyPatch, raised: Exception, code: int, shown: str
) -> None:
    def failing(*_: object) -> None:
        raise raised

    monkeypatch.setattr(fake, "answer", failing)
    ran = run("report", "--json")
    assert (ran.code, ran.out) == (code, "")
    assert shown in ran.err
    assert "Traceback" not in ran.err


def test_debug_shows_the_traceback(run: Run, fake: FakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fake, "answer", failing)
    monkeypatch.setenv("NETYIELD_DEBUG", "1")
    assert "Traceback" in run("report", "--json").err


def test_a_file_that_cannot_be_written_is_wrong_use(run: Run, fake: FakeProject) -> None:
    Path("taken").write_text("", encoding="utf-8")
    ran = run("report", "--csv", "taken/out.csv")
    assert ran.code == 2
    assert "cannot be written" in ran.err
