"""What changes in a closed month is posted on every basis and in every currency, under the project's tenant."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from ledger_rows import START, make_project, table_of

from netyield.project import Project, Query

CLOSED, LATE = datetime(2026, 11, 3, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
POSTED = {"since": "2026-11-11", "until": "2026-11-12"}
TOML = '[project]\ntenant = "acme"\ncurrency = "USD"\n'


def line(key: str, effective: str, billed: str, currency: str = "USD") -> dict[str, Any]:
    costs = {"effective_cost": effective, "billed_cost": billed, "list_cost": effective, "contracted_cost": "5"}
    return {
        "event_key": key,
        "charge_start": START,
        "charge_end": START + timedelta(days=1),
        "service_name": "Amazon SageMaker",
        "currency": currency,
        **{name: Decimal(amount) for name, amount in costs.items()},
    }


def rate(base: str, quote: str, amount: str) -> dict[str, Any]:
    names = {"base": base, "quote": quote, "event_key": f"{base}/{quote}"}
    return names | {"rate_date": "2026-10-01", "event_time": START, "rate": Decimal(amount)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """October closed with 100 USD and 50 EUR; then corrections come: 7 (billed: 0) USD and 2 (billed: 3) EUR."""
    first = [line("a", "100", "100"), line("b", "50", "50", "EUR")]
    made = make_project(tmp_path_factory.mktemp("closed"), TOML, charges=first, fx_rates=[rate("EUR", "USD", "2.0"), rate("USD", "CHF", "0.5")])
    made.close_month("2026-10", CLOSED)
    with made.folder.writer() as writer:
        late = [line("c", "7", "0"), line("d", "2", "3", "EUR")]
        writer.write_segments("charges", table_of("charges", late), "late", recorded_at=LATE)
        writer.commit(recorded_at=LATE)
    made.ingest(now=datetime(2026, 11, 11, 5, tzinfo=UTC))
    return made


@pytest.mark.parametrize(
    ("basis", "currency", "total"),
    [
        ("effective", "USD", "11"),  # 7 and 2 EUR at 2.0
        ("billed", "USD", "6"),
        ("list", "USD", "11"),
        ("contracted", "USD", "15"),
        ("effective", None, "11"),
        ("billed", None, "6"),
        ("effective", "CHF", "5.5"),  # the books hold no francs: what was posted in dollars, converted
    ],
)
def test_the_correction_is_posted_on_every_basis_and_in_every_currency(
    project: Project, basis: str, currency: str | None, total: str
) -> None:
    body = project.answer("waterfall", Query(**POSTED, basis=basis, currency=currency)).body
    assert Decimal(body["total"]) == Decimal(total)
    assert sum(Decimal(row["amount"]) for row in body["rows"]) == Decimal(total)


def test_in_euro_the_corrections_in_dollars_are_converted_too(project: Project) -> None:
    assert project.answer("waterfall", Query(**POSTED, currency="EUR")).body["total"] == "5.5"
    assert project.answer("waterfall", Query(**POSTED, currency="EUR", basis="billed")).body["total"] == "3"


def test_a_closed_month_stays_as_it_was_on_every_basis(project: Project) -> None:
    october = {"since": "2026-10-05", "until": "2026-10-06"}
    found = {basis: project.answer("waterfall", Query(**october, basis=basis)).body["total"] for basis in ("effective", "billed")}
    assert found == {"effective": "200", "billed": "200"}


def test_rows_carry_the_tenant_and_a_key_of_their_own(project: Project) -> None:
    segments = project.folder.manifest().of("adjustments")
    rows = [row for path in project.folder.paths(segments) for row in pq.ParquetFile(path).read().to_pylist()]
    assert {row["tenant"] for row in rows} == {"acme"}
    assert len({row["event_key"] for row in rows}) == len(rows)
    assert {(row["basis"], row["currency"]) for row in rows} == {
        (basis, currency) for basis in ("effective", "billed", "list", "contracted") for currency in ("USD", "EUR")
    }


def test_nothing_is_posted_twice(project: Project, tmp_path: Path) -> None:
    project = Project.open(shutil.copytree(project.root, tmp_path / "again"))
    project.ingest(now=datetime(2026, 11, 12, 5, tzinfo=UTC))
    body = project.answer("waterfall", Query(since="2026-11-11", until="2026-11-13")).body
    assert body["total"] == "11"
