"""Results of days go when nobody asked for them for a while and a later one stands."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fake_source import Fake, Given, attempt

from netyield.ledger.ingest import ingest
from netyield.store.derived import collect_results
from netyield.store.folder import Folder

NOW = datetime.now(UTC)  # the clock of files
WEEK = timedelta(days=7)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.create(tmp_path)


def result(folder: Folder, day: str, key: str, used: datetime) -> Path:
    path = folder.derived_path("leaves", day, key)
    path.write_bytes(b"rows")
    os.utime(path, (used.timestamp(), used.timestamp()))
    return path


def test_what_a_later_result_replaced_goes_and_the_last_used_of_each_day_stays(folder: Folder) -> None:
    replaced = result(folder, "2026-11-01", "a", NOW - 3 * WEEK)
    recent = result(folder, "2026-11-01", "b", NOW - timedelta(days=1))
    newest = result(folder, "2026-11-01", "c", NOW)
    only = result(folder, "2026-11-02", "a", NOW - 50 * WEEK)
    assert collect_results(folder, NOW - WEEK) == (replaced,)
    assert [path.exists() for path in (replaced, recent, newest, only)] == [False, True, True, True]
    assert collect_results(folder, NOW - WEEK) == ()


def test_a_result_that_was_asked_for_stays(folder: Folder) -> None:
    old = result(folder, "2026-11-01", "a", NOW - 3 * WEEK)
    result(folder, "2026-11-01", "b", NOW)
    assert folder.derived_path("leaves", "2026-11-01", "a") == old
    assert collect_results(folder, NOW - WEEK) == ()


def test_who_may_not_remove_one_leaves_it(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    old, _ = result(folder, "2026-11-01", "a", NOW - 3 * WEEK), result(folder, "2026-11-01", "b", NOW)

    def refused(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(path)

    monkeypatch.setattr(Path, "unlink", refused)
    assert collect_results(folder, NOW - WEEK) == ()
    assert old.exists()


def test_every_ingest_collects(folder: Folder) -> None:
    long_ago = datetime.now(UTC) - 2 * WEEK
    old, last = result(folder, "2026-11-01", "a", long_ago), result(folder, "2026-11-01", "b", long_ago + timedelta(days=1))
    ingest(folder, {"log": Fake(Given("log", {"attempts": [attempt("a1", 0.1)]}))}, now=NOW)
    assert (old.exists(), last.exists()) == (False, True)
