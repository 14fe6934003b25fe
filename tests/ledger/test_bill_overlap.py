"""A bill delivered again in another file counts once, whichever file comes first, and both files are named."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fake_source import NOW, START, Fake, Given, charge, rows_of
from hypothesis import given, settings
from hypothesis import strategies as st

from netyield.core.finding import Finding, Severity
from netyield.ledger.ingest import ingest
from netyield.store.folder import Folder

DAY = timedelta(days=1)


def line(number: int, amount: str = "1.50", day: int = 0, **more: Any) -> dict[str, Any]:
    return charge(f"k{number}", amount, START + day * DAY, 1, billing_period_start=START, resource_id=f"r{number}") | more


def bill(name: str, *lines: dict[str, Any], **more: Any) -> Given:
    """A file: its event keys are its own, as those of FOCUS files are."""
    named = [{**row, "event_key": f"{name}:{number}"} for number, row in enumerate(lines)]
    return Given(name, {"charges": named}, kind="immutable", **more)


def read(root: Path, *files: Given, hours: int = 0) -> tuple[Folder, list[Finding]]:
    folder = Folder.create(root) if not (root / ".netyield").exists() else Folder.open(root)
    findings = ingest(folder, {"bills": Fake(*files)}, now=NOW + timedelta(hours=hours)).findings
    return folder, findings


def total(folder: Folder) -> Decimal:
    return sum((row["effective_cost"] for row in rows_of(folder, "charges")), Decimal(0))


def overlap(findings: list[Finding]) -> Finding | None:
    return next((f for f in findings if f.code == "ledger.bill_overlap"), None)


MONTH = [line(n, day=n % 28) for n in range(100)]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_month_exported_again_with_one_more_line_counts_once(tmp_path: Path, order: tuple[int, int]) -> None:
    files = [bill("first.csv", *MONTH), bill("again.csv", *MONTH, line(100, "7.00", day=28))]
    folder, findings = read(tmp_path, *(files[n] for n in order))
    assert total(folder) == 150 + 7
    told = overlap(findings)
    assert told is not None
    assert (told.file, told.count) == (files[order[1]].name, 100)
    assert files[order[0]].name in told.message
    assert "100 lines (150.00 USD) of Cloud account 1, billing period 2026-11-01" in told.message
    assert "snapshot" in told.repair
    assert told.severity == (Severity.ERROR if order == (0, 1) else Severity.WARNING)
    waiting = rows_of(folder, "quarantine")
    assert len(waiting) == 100
    assert {row["code"] for row in waiting} == {"ledger.repeated_line"}
    assert '"resource_id":"r7"' in {row["row_number"]: row["record"] for row in waiting}[9]


def test_in_two_runs_and_from_two_sources_too(tmp_path: Path) -> None:
    read(tmp_path, bill("first.csv", *MONTH))
    folder, findings = read(tmp_path, bill("again.csv", *MONTH, line(100)), hours=1)
    assert overlap(findings) is not None
    other = Fake(bill("copy.csv", *MONTH[:50]))
    assert overlap(ingest(folder, {"other": other}, now=NOW + timedelta(hours=2)).findings) is not None
    assert total(folder) == Decimal("151.50")


def test_a_corrected_line_is_booked_beside_the_old_one_and_the_finding_says_so(tmp_path: Path) -> None:
    corrected = [line(0, "9.00"), *MONTH[1:]]
    folder, findings = read(tmp_path, bill("first.csv", *MONTH), bill("again.csv", *corrected))
    assert total(folder) == 150 + 9
    told = overlap(findings)
    assert told is not None
    assert told.severity is Severity.ERROR
    assert "1 lines of the same days differ" in told.message
    assert "both versions" in told.message


def test_files_that_do_not_overlap_are_not_compared_by_chance(tmp_path: Path) -> None:
    daily = [bill(f"{day}.csv", *(line(n, day=day) for n in range(5))) for day in range(3)]
    twins = [line(n, resource_id=None) for n in (1, 1, 1)]  # equal lines within a file all count
    parts = [bill("p1.csv", *twins, *(line(n, day=20) for n in range(9))),
             bill("p2.csv", line(0, day=20), *(line(n, day=20) for n in range(10, 19)))]
    folder, findings = read(tmp_path, *daily, *parts)
    assert overlap(findings) is None
    assert len(rows_of(folder, "charges")) == 15 + 12 + 10


def test_another_account_or_billing_period_is_another_bill(tmp_path: Path) -> None:
    elsewhere = [line(n) | {"billing_account_id": "2"} for n in range(4)]
    folder, findings = read(tmp_path, bill("1.csv", *(line(n) for n in range(4))), bill("2.csv", *elsewhere))
    assert overlap(findings) is None
    assert total(folder) == 12


def test_the_same_sums_in_other_words_are_a_doubt_and_stay(tmp_path: Path) -> None:
    said = [line(n, str(n), charge_description="later name") for n in (1, 2, 3)]
    folder, findings = read(tmp_path, bill("1.csv", *(line(n, str(n)) for n in (1, 2, 3))), bill("2.csv", *said))
    (told,) = (f for f in findings if f.code == "ledger.bill_alike")
    assert (told.severity, told.file) == (Severity.WARNING, "2.csv")
    assert "1.csv" in told.message
    assert total(folder) == 12


def test_snapshots_replace_and_are_not_compared(tmp_path: Path) -> None:
    key = ("Cloud|1|2026-11-01T00:00:00Z",)
    old, new = bill("1.csv", *MONTH), bill("2.csv", *MONTH, line(100))
    for file in (old, new):
        file.kind, file.snapshot_keys = "snapshot", key
    folder, findings = read(tmp_path, old, new)
    assert overlap(findings) is None
    assert len(rows_of(folder, "charges")) == 101


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 3)), min_size=4, max_size=10), st.data())
def test_growing_exports_give_the_same_books_in_every_order(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Each file holds the lines of the file before, equal ones included, and some more."""
    rows = [line(number, day=day) for number, day in lines]
    ends = sorted({data.draw(st.integers(1, len(rows))), data.draw(st.integers(1, len(rows))), len(rows)})
    files = [bill(f"{end}.csv", *rows[:end]) for end in ends]
    want = Counter((row["resource_id"], row["charge_start"]) for row in rows)
    for order in itertools.permutations(files):
        folder, _ = read(tmp_path_factory.mktemp("books"), *order)
        assert Counter((row["resource_id"], row["charge_start"]) for row in rows_of(folder, "charges")) == want
