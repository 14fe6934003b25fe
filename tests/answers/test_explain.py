"""Every figure leads back to its leaves, the lines that paid and the readings that split them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from ledger_rows import START, make_project

from netyield.answers import explain
from netyield.answers.books import Books, Query
from netyield.core.errors import WrongUse
from netyield.project import Project
from netyield.project.books import raw_engine
from netyield.store.engine import Engine

TOML = '[[pool]]\nname = "a"\ntags = {pool = "a"}\ndevices = ["a*"]\n[[pool]]\nname = "b"\ndevices = ["b*"]\n'
HOUR = timedelta(hours=1)
DAY = {"charge_start": START, "charge_end": START + 24 * HOUR, "billing_period_start": START.replace(day=1)}
GPU = DAY | {
    "gpu_count": 2,
    "consumed_quantity": Decimal(24),
    "consumed_unit": "Hours",
    "tags": '{"pool": "a"}',
    "service_name": "Compute",
    "provider": "AWS",
}
WHOLE = Query(since="2026-10-05", until="2026-10-06")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two GPUs at 1 an hour, half of the time idle; an unused reservation, an API bill, a seat, tax and a rate card."""
    readings = [
        {"device_id": d, "value": 100.0 * (h % 2), "event_time": START + h * HOUR, "hold_us": 3_600_000_000}
        for d in ("a0", "b0")
        for h in range(24)
    ]
    lines: list[dict[str, Any]] = [
        GPU | {"effective_cost": Decimal(48)},
        GPU
        | {
            "effective_cost": Decimal(7),
            "commitment_id": "r",
            "commitment_status": "Unused",
            "service_name": "Reservation",
        },
        DAY
        | {"effective_cost": Decimal(5), "service_name": "OpenAI API", "provider": "OpenAI", "model": "gpt-4o-mini"},
        DAY | {"effective_cost": Decimal(3), "service_name": "GitHub Copilot", "provider": "GitHub"},
        GPU | {"effective_cost": Decimal(2), "charge_category": "Tax"},
        DAY
        | {"effective_cost": Decimal(4000), "service_name": "GitHub Copilot", "provider": "GitHub", "currency": "KRW"},
    ]
    cards = [
        {
            "pool": p,
            "rate_per_gpu_hour": Decimal(1),
            "valid_from": START - 24 * HOUR,
            "event_time": START,
            "event_key": p,
        }
        for p in ("b", "zzz")
    ]
    calls = [
        {
            "event_time": START + 3 * HOUR,
            "model": "gpt-4o-mini",
            "provider": "openai",
            "in_uncached": 1000,
            "out_text": 500,
        }
    ]
    return make_project(
        tmp_path_factory.mktemp("books"), TOML, charges=lines, rate_cards=cards, gpu_samples=readings, attempts=calls
    )


@pytest.fixture(scope="module")
def books(project: Project) -> Iterator[Books]:
    held = project.books(WHOLE)
    yield held
    held.engine.close()


@pytest.fixture(scope="module")
def raw(project: Project, books: Books) -> Iterator[Engine]:
    engine = raw_engine(project.folder, project.manifest(), project.config, books)
    engine.register("deliveries", pa.table({"delivery": ["made"], "file": ["made.csv"]}))
    yield engine
    engine.close()


def told(raw: Engine, books: Books, figure: str, kind: str) -> list[dict[str, str]]:
    return [line for line in explain.answer(figure, books, raw).body["lines"] if line["kind"] == kind]


def test_the_leaves_of_every_step_add_up_to_its_figure(project: Project, raw: Engine, books: Books) -> None:
    for row in project.answer("waterfall", WHOLE).body["rows"]:
        found = told(raw, books, f"waterfall/{row['step']}", "leaf")
        assert sum(Decimal(line["amount"]) for line in found) == Decimal(row["amount"]), row["step"]


def test_money_of_a_state_leads_to_the_lines_of_its_pool_and_to_its_devices_readings(raw: Engine, books: Books) -> None:
    paid = told(raw, books, "waterfall/idle", "charges")
    assert [(c["text"], c["amount"], c["rows"], c["file"]) for c in paid if "lines" in c["text"]] == [
        ("Usage lines of Compute (whole charge periods)", "48", "1", "made.csv")
    ]
    assert [c["text"].split(":")[0] for c in paid if "rate card" in c["text"]] == ["rate card b"]
    assert [t["rows"] for t in told(raw, books, "waterfall/idle", "telemetry")] == ["1 to 48 (48 rows)"]


@pytest.mark.parametrize(
    ("step", "line", "amount"),
    [
        ("commitment_unused", "Usage lines of Reservation (whole charge periods)", "7"),
        ("tax", "Tax lines of Compute (whole charge periods)", "2"),
        ("unreconciled", "Usage lines of OpenAI API (whole charge periods)", "5"),
        ("unproven", "Usage lines of OpenAI API (whole charge periods)", "5"),
    ],
)
def test_money_that_went_to_its_step_leads_to_that_steps_own_lines(
    raw: Engine, books: Books, step: str, line: str, amount: str
) -> None:
    assert [(c["text"], c["amount"]) for c in told(raw, books, f"waterfall/{step}", "charges")] == [(line, amount)]


def test_lines_in_two_currencies_are_not_added_up(raw: Engine, books: Books) -> None:
    assert [(c["text"], c["amount"]) for c in told(raw, books, "waterfall/seats", "charges")] == [
        ("Usage lines of GitHub Copilot (whole charge periods, in KRW)", "4000"),
        ("Usage lines of GitHub Copilot (whole charge periods)", "3"),
    ]


def test_requests_name_their_log_and_the_rule_that_judged_them(raw: Engine, books: Books) -> None:
    assert [r["text"] for r in told(raw, books, "waterfall/unproven", "requests")] == ["attempts with status ok"]
    assert any("no_signal" in e["text"] for e in told(raw, books, "waterfall/unproven", "evidence"))


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("waterfall/idel", "there is no step 'idel'.*idle"),
        ("waterfall/platform", "there is no money and no token in 'platform'"),
        ("idle", "not a figure.*waterfall/STEP"),
        ("waterfall/", "not a figure"),
        ("fleet/zzz", "fleet has no 'zzz'"),
        ("waterfall/x' OR '1", "no step"),
    ],
)
def test_a_figure_that_does_not_exist_is_refused_with_those_that_do(
    raw: Engine, books: Books, figure: str, words: str
) -> None:
    with pytest.raises(WrongUse, match=words):
        told(raw, books, figure, "leaf")


def test_every_word_an_answer_offers_can_be_explained(project: Project, raw: Engine, books: Books) -> None:
    for name in ("waterfall", "fleet", "usefulness"):
        for figure in project.answer(name, WHOLE).drill.values():
            assert told(raw, books, figure, "formula"), figure


def test_amounts_up_to_a_thousand_billion_are_read_to_the_last_digit(tmp_path: Path) -> None:
    amount = Decimal("999999999999999.000000000001")
    made = make_project(
        tmp_path,
        "",
        charges=[DAY | {"effective_cost": amount, "billed_cost": amount, "service_name": "Compute", "currency": "VND"}],
    )
    body = made.answer("waterfall", WHOLE).body
    assert (body["currency"], body["total"]) == ("VND", str(amount))


def test_every_line_of_the_bridge_is_explained_with_the_figure_it_shows(project: Project, raw: Engine, books: Books) -> None:
    answer = project.answer("reconciliation", WHOLE)
    shown = {row["line"]: row["amount"] for row in answer.body["bridge"]}
    assert set(answer.drill) == set(shown)
    for line, figure in answer.drill.items():
        found = explain.answer(figure, books, raw)
        assert abs(Decimal(found.body["amount"])) == abs(Decimal(shown[line])), figure
        assert found.body["lines"][0]["kind"] == "formula"


def test_the_bridge_leads_to_bill_lines_and_the_others_to_leaves(raw: Engine, books: Books) -> None:
    """The fixture bills nothing (BilledCost is empty): all of the bill is amortisation, file and rows beside it."""
    found = told(raw, books, "reconciliation/amortisation", "charges")
    assert ("Usage lines of Compute (whole charge periods)", "48", "made.csv") in [(c["text"], c["amount"], c["file"]) for c in found]
    assert told(raw, books, "reconciliation/invoice", "charges") == []
    assert {line["text"].split(";")[1].strip() for line in told(raw, books, "reconciliation/rate_card", "leaf")} == {"derived by device time"}


def test_a_model_of_the_api_bill_is_explained(project: Project, raw: Engine, books: Books) -> None:
    row = next(r for r in project.answer("reconciliation", WHOLE).body["by_day"] if r["model"])
    found = explain.answer(f"reconciliation/{row['model']}", books, raw).body
    assert Decimal(found["amount"]) == Decimal(row["billed"])  # what its calls carry and what they leave make up the bill
    with pytest.raises(WrongUse, match="no 'nothing'") as wrong:
        explain.answer("reconciliation/nothing", books, raw)
    assert row["model"] in wrong.value.repair


def test_a_key_figure_is_told_itself_beside_the_money_behind_it(project: Project, raw: Engine, books: Books) -> None:
    lead = project.answer("waterfall", WHOLE)
    for name, value in lead.headline.items():
        found = explain.answer(f"headline/{name}", books, raw)
        assert found.body["value"] == found.headline[name] == value
        assert found.title.endswith("USD of money behind it")
    assert "value" not in explain.answer("waterfall/idle", books, raw).body


def test_a_reason_is_found_as_it_is_printed(raw: Engine, books: Books) -> None:
    """Terminal and page print ``no signal`` for no_signal."""
    reasons = [r for r in books.engine.query("SELECT DISTINCT reason FROM leaves").column(0).to_pylist() if "_" in r]
    assert reasons
    for reason in reasons:
        stored, printed = (explain.answer(f"usefulness/{words}", books, raw).body for words in (reason, reason.replace("_", " ")))
        assert stored["lines"] == printed["lines"]
