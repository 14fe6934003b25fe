"""Closing a month."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from fake_source import NOW, Fake, Given, at, attempt, rows_of

from netyield.core.errors import WrongUse
from netyield.ledger.close import close_month, month_end
from netyield.ledger.ingest import ingest
from netyield.store.folder import Folder


def test_a_closed_month_keeps_its_manifest(tmp_path: Path) -> None:
    folder = Folder.create(tmp_path)
    ingest(folder, {"s": Fake(Given("1", {"attempts": [attempt("a", -48)]}))}, now=NOW)
    manifest = close_month(folder, "2026-10", NOW)
    assert manifest.closed == {"2026-10": {"manifest": 2, "adjusted_to": 2}}
    assert close_month(folder, "2026-10", NOW).number == manifest.number
    ingest(folder, {"s": Fake(Given("2", {"attempts": [attempt("b", -48)]}))}, now=at(24 * 40))
    assert {row["event_key"]: row["posting_period"] for row in rows_of(folder, "attempts")} == {
        "a": "2026-10", "b": "2026-12"
    }  # fmt: skip
    then = folder.manifest_number(folder.manifest().closed["2026-10"]["manifest"])
    assert [row["event_key"] for row in rows_of(folder, "attempts", then)] == ["a"]


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "october", "2026-10-01", ""])
def test_what_is_no_month_is_wrong_use(tmp_path: Path, month: str) -> None:
    with pytest.raises(WrongUse, match="2026-10"):
        close_month(Folder.create(tmp_path), month, NOW)


def test_a_month_that_has_not_ended_cannot_be_closed(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match="ends at 2026-12-01T00:00:00Z"):
        close_month(Folder.create(tmp_path), "2026-11", NOW)


def test_month_ends() -> None:
    assert month_end("2026-12") == datetime(2027, 1, 1, tzinfo=UTC)
    assert month_end("2024-02") == datetime(2024, 3, 1, tzinfo=UTC)
