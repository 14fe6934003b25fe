"""Netyield finds what was planted: exactly where the truth is exact, within the interval where a method estimates."""

from __future__ import annotations

import shutil
from collections import defaultdict
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from company import Company

from netyield.answers.books import Query
from netyield.project.project import Project

# Steps whose money a rule divides among requests that share a GPU, and how far from the reference it may lie.
ESTIMATE_SHARE = Decimal("0.03")  # of the money so divided
DUST = Decimal("0.000001")  # an hour's cost over 132 multiprocessors does not end
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def project(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("books") / "company"
    shutil.copytree(company.folder, folder)
    opened = Project.open(folder)
    ingested = opened.ingest()
    assert [finding.line() for finding in ingested.findings if finding.severity == "error"] == []
    return opened


@pytest.fixture(scope="module")
def early(project: Project) -> dict[str, Any]:
    return dict(project.answer("waterfall", Query()).body)


@pytest.fixture(scope="module")
def late(project: Project, early: dict[str, Any]) -> dict[str, Any]:
    """After the late outcomes were delivered."""
    for path in (project.root / "outcomes" / "late").glob("*.jsonl"):
        shutil.copy(path, project.root / "outcomes")
    project.ingest()
    return dict(project.answer("waterfall", Query()).body)


@pytest.fixture(params=["early", "late"])
def told(request: pytest.FixtureRequest, company: Company) -> tuple[dict[str, Any], dict[str, Any]]:
    """(what Netyield says, what is true) before and after the late outcomes."""
    return request.getfixturevalue(request.param), company.truth[request.param]


def _steps(body: dict[str, Any]) -> dict[str, Decimal]:
    return {row["step"]: Decimal(row["amount"]) for row in body["rows"]}


def test_the_window_is_the_companys_and_the_rows_add_up_to_its_bill(early: dict[str, Any], company: Company) -> None:
    truth = company.truth
    assert early["window"] == {"since": truth["since"], "until": truth["until"]}
    assert early["currency"] == truth["currency"]
    assert Decimal(early["total"]) == Decimal(truth["bill"]["window_totals"]["EffectiveCost"])
    assert sum(_steps(early).values()) == Decimal(early["total"])


def test_every_planted_amount_is_found(told: tuple[dict[str, Any], dict[str, Any]]) -> None:
    body, truth = told
    found = _steps(body)
    assert set(found) >= {step for step, amount in truth["steps"].items() if Decimal(amount["high"])}
    assert {step for step, amount in found.items() if amount} <= set(truth["steps"])
    for step, planted in truth["steps"].items():
        low, high = Decimal(planted["low"]), Decimal(planted["high"])
        dust = DUST if step in ("idle", "fragmented") else Decimal(0)
        assert low - dust <= found.get(step, Decimal(0)) <= high + dust, step


def test_estimates_lie_near_an_independent_reference(told: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """The reference shares every instant equally among the requests being served; no method knows it."""
    body, truth = told
    found, reference, api = _steps(body), truth["gpu_reference"], truth["api_money"]
    divided = sum(map(Decimal, reference.values()))
    for step, money in reference.items():
        expected = Decimal(money) + Decimal(api.get(step, "0"))
        assert abs(found[step] - expected) <= ESTIMATE_SHARE * divided, step


def test_visible_tokens_by_verdict_are_exact(told: tuple[dict[str, Any], dict[str, Any]], company: Company) -> None:
    body, truth = told
    planted: dict[str, int] = defaultdict(int)
    for table in (truth["tokens"], truth["unpriced_tokens"]):
        for step, classes in table.items():
            planted[step] += classes.get("out_text", 0)
    found = body["usage"]["tokens_by_verdict"]
    assert {step: tokens for step, tokens in found.items() if tokens} == {k: v for k, v in planted.items() if v}
    assert body["usage"]["tokens_by_class"] == company.truth["tokens_by_class"]


def test_hours_by_state_are_exact(early: dict[str, Any], company: Company) -> None:
    hours: dict[str, Fraction] = defaultdict(Fraction)
    for pool in company.truth["pools"].values():
        for row in pool["state_us"].values():
            for state, us in row.items():
                hours[state] += Fraction(us, HOUR_US)
    found = early["usage"]["gpu_hours_by_state"]
    assert set(found) == set(hours)
    assert all(abs(found[state] - float(hours[state])) < 1e-5 for state in hours)
    paid = sum(Decimal(pool["gpu_hours_paid"]) for pool in company.truth["pools"].values())
    assert early["usage"]["gpu_hours_paid"] == float(paid)


def test_activity_is_the_mean_signal_of_the_paid_hours(early: dict[str, Any], company: Company) -> None:
    """The unknown minutes may have been idle or busy: an interval."""
    pools = company.truth["pools"].values()
    paid = sum(sum(row.values()) for pool in pools for row in pool["state_us"].values())
    known = sum(pool["signal_us"] for pool in pools)
    unknown = sum(row.get("unknown", 0) for pool in pools for row in pool["state_us"].values())
    activity = early["headline"]["activity"]
    assert activity["low"] == pytest.approx(known / paid, abs=1e-4)
    assert activity["high"] == pytest.approx((known + unknown) / paid, abs=1e-4)


def test_a_day_on_its_own_adds_up_with_the_other_to_the_whole(
    project: Project, late: dict[str, Any], company: Company
) -> None:
    middle = "2026-10-06T00:00:00Z"
    halves = [
        _steps(dict(project.answer("waterfall", Query(since=since, until=until)).body))
        for since, until in ((company.truth["since"], middle), (middle, company.truth["until"]))
    ]
    whole = _steps(late)
    for step in whole:
        assert sum(half.get(step, Decimal(0)) for half in halves) == whole[step], step
    for pool_step in ("down", "unknown"):  # the node dies on the second day, the exporter on the first
        assert [bool(half.get(pool_step)) for half in halves] == [pool_step == "unknown", pool_step == "down"]


def test_the_example_needs_no_repair(project: Project, early: dict[str, Any]) -> None:
    """Its only remarks are the planted ones: a model without a price, and a service no rule knows."""
    codes = {finding.code for finding in project.answer("waterfall", Query()).findings}
    assert early["findings"]["error"] == 0
    assert {"prices.unpriced", "scope.unclassified"} <= codes


def test_files_the_demo_names_exist(company: Company) -> None:
    readme = (company.folder / "README.md").read_text()
    for line in readme.splitlines():
        if line.startswith("| ") and "/" in line.split("|")[1]:
            assert list(company.folder.glob(line.split("|")[1].strip())), line
    assert Path(company.folder / "netyield.toml").is_file()
