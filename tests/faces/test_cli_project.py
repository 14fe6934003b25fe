"""From files to figures through the command line alone, on a project small enough to reckon by hand.

Two GPUs for two hours at $2.00 an hour are $8.00; one of them is allocated throughout, so $4.00 is unallocated and,
since counts know no activity, $4.00 is unknown.
"""

from __future__ import annotations

import json
import tomllib
from decimal import Decimal
from pathlib import Path

import pytest
from fake_project import Run

ROWS = "".join(f"2025-11-01 {hour:02d}:{minute:02d}:00,2,1\n" for hour in (0, 1) for minute in range(0, 60, 10))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "cluster.csv").write_text("time,total_gpus,allocated_gpus\n" + ROWS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_finds_the_file_and_shows_a_first_report(run: Run, project: Path) -> None:
    ran = run("init", "--yes", "--rate", "pool=*:2.00", "--name", "Acme", "--currency", "USD")
    assert ran.code == 0, ran.out + ran.err
    sources = tomllib.loads((project / "netyield.toml").read_text(encoding="utf-8"))["source"]
    assert [source["type"] for source in sources] == ["rate_card", "capacity_csv"]
    assert sources[1]["interval_seconds"] == 600
    assert "Not measured yet, and what would fill it" in ran.out
    assert "Total $8.00" in ran.out


def test_the_object_of_the_contract(run: Run, project: Path) -> None:
    run("init", "--yes", "--rate", "2.00", "--no-report")
    assert run("ingest").code == 0
    ran = run("report", "--json")
    assert ran.code == 0, ran.err
    found = json.loads(ran.out)
    assert set(found) >= {
        "answer", "as_of", "window", "currency", "basis", "total", "rows", "headline", "usage", "findings",
    }  # fmt: skip
    assert Decimal(found["total"]) == 8
    amounts = {row["step"]: Decimal(row["amount"]) for row in found["rows"]}
    assert {step: amount for step, amount in amounts.items() if amount} == {"unallocated": 4, "unknown": 4}
    assert found["usage"]["gpu_hours_paid"] == 4.0
    assert run("report", "--json", "--as-of", found["as_of"]).out == ran.out  # the same books, the same bytes


def test_a_second_ingest_changes_nothing(run: Run, project: Path) -> None:
    run("init", "--yes", "--rate", "2.00", "--no-report")
    run("ingest")
    before = json.loads(run("report", "--json").out)
    again = json.loads(run("ingest", "--json").out)
    assert again["booked"] == []
    assert json.loads(run("report", "--json").out)["rows"] == before["rows"]


def test_every_face_of_every_answer(run: Run, project: Path) -> None:
    run("init", "--yes", "--rate", "2.00")
    for answer in ("waterfall", "unit_cost", "fleet", "allocation", "usefulness", "reconciliation"):
        assert json.loads(run("report", answer, "--json").out)["answer"] == answer
        assert run("report", answer).code == 0
        assert run("report", answer, "--csv", "-").out.count("\n") >= 1
        assert run("report", answer, "--html", f"{answer}.html").code == 0
        assert (project / f"{answer}.html").stat().st_size > 10_000
    assert run("report", "--html", "all.html").code == 0
    for name in ("csv", "parquet", "json", "svg"):
        ran = run("export", "--format", name)
        assert ran.code == 0, ran.err
    assert "Unallocated" in (project / "export" / "waterfall.svg").read_text(encoding="utf-8")


def test_a_figure_is_explained_down_to_its_file(run: Run, project: Path) -> None:
    run("init", "--yes", "--rate", "2.00")
    ran = run("explain", "waterfall/unallocated")
    assert ran.code == 0, ran.err
    assert "cluster.csv" in ran.out
    wrong = run("explain", "waterfall/idel")
    assert wrong.code == 2
    assert "unallocated" in wrong.err


def test_a_report_before_anything_is_booked_says_what_to_do(run: Run, project: Path) -> None:
    run("init", "--yes", "--rate", "2.00", "--no-report")
    ran = run("report", "--json")
    assert (ran.code, ran.out) == (2, "")
    assert "netyield ingest" in ran.err


def test_a_wrong_key_in_the_configuration_names_the_near_one(run: Run, project: Path) -> None:
    (project / "netyield.toml").write_text('[projekt]\nname = "x"\n', encoding="utf-8")
    ran = run("report")
    assert ran.code == 2
    assert "project" in ran.err


def test_check_and_doctor_on_a_real_project(run: Run, project: Path) -> None:
    run("init", "--yes", "--rate", "2.00")
    assert run("check").code == 0
    assert run("doctor").code == 0


def test_a_closed_month_says_so(run: Run, project: Path) -> None:
    run("init", "--yes", "--rate", "2.00")
    ran = run("close", "2025-11")
    assert ran.code == 0, ran.err
    assert "Closed 2025-11" in ran.out
