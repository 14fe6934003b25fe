"""A file that cannot be read is named, and the files sorted after it are read: every source that reads files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from netyield.core.finding import Severity
from netyield.ledger.ingest import Ingested, ingest
from netyield.sources.registry import build
from netyield.store.folder import Folder

NOW = datetime(2026, 11, 20, tzinfo=UTC)
BILL = (
    "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,ChargePeriodStart,ChargePeriodEnd,ChargeCategory\n"
    "{n},{n},{n},{n},USD,2026-10-01,2026-10-02,Usage\n"
)


def costs(number: int) -> str:
    start = 1_790_000_000 // 86_400 * 86_400 + number * 86_400
    results = [{"object": "organization.costs.result", "amount": {"value": number, "currency": "usd"}, "line_item": "x"}]
    return json.dumps({"object": "page", "data": [{"start_time": start, "end_time": start + 86_400, "results": results}]})


SOURCES: dict[str, tuple[dict[str, Any], str, Any]] = {
    "focus": ({}, "csv", lambda n: BILL.format(n=n)),
    "gpu_csv": (
        {"layout": "long", "metric": "gpu_util_percent", "columns": {"time": "t", "device": "d", "value": "v"},
         "time_unit": "s", "interval_seconds": 60, "pool": "p"},
        "csv", lambda n: f"t,d,v\n{1_790_000_000 + n},g{n},5\n",
    ),
    "capacity_csv": (
        {"columns": {"time": "t", "total": "n", "allocated": "a"}, "time_unit": "s", "interval_seconds": 60, "pool": "p"},
        "csv", lambda n: f"t,n,a\n{1_790_000_000 + n},8,{n}\n",
    ),
    "requests": (
        {"columns": {"time": "t", "model": "m", "input_tokens": "i", "output_tokens": "o"}},
        "csv", lambda n: f"t,m,i,o\n2026-10-0{n}T00:00:00Z,gpt,1{n},5\n",
    ),
    "outcomes": (
        {"columns": {"time": "t", "request_id": "k", "verdict": "v"}},
        "csv", lambda n: f"t,k,v\n2026-10-0{n}T00:00:00Z,r{n},accepted\n",
    ),
    "fx": ({}, "csv", lambda n: f"date,base,quote,rate\n2026-10-0{n},EUR,USD,1.1{n}\n"),
    "openai_costs": ({}, "json", costs),
}  # fmt: skip


@contextmanager
def refused(name: str) -> Iterator[None]:
    """What a user without permission meets, also when the tests run as root."""
    opened = Path.open

    def refuse(path: Path, *words: Any, **more: Any) -> Any:
        if path.name == name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *words, **more)

    with mock.patch.object(Path, "open", refuse):
        yield


def read(root: Path, kind: str, hours: int = 0, **more: Any) -> Ingested:
    options, ending, _ = SOURCES[kind]
    source = build({"type": kind, "name": "s", "path": f"in/*.{ending}", **options, **more}, root)
    folder = Folder.open(root) if (root / ".netyield").exists() else Folder.create(root)
    return ingest(folder, {"s": source}, now=NOW + timedelta(hours=hours))


def deliver(root: Path, kind: str) -> list[str]:
    _, ending, content = SOURCES[kind]
    names = [f"{number}.{ending}" for number in (1, 2, 3)]
    (root / "in").mkdir()
    for number, name in enumerate(names, 1):
        (root / "in" / name).write_text(content(number))
    return names


@pytest.mark.parametrize("kind", SOURCES)
def test_the_files_after_it_are_read_and_it_is_named(tmp_path: Path, kind: str) -> None:
    first, second, third = deliver(tmp_path, kind)
    with refused(second):
        done = read(tmp_path, kind)
    assert [record.name for record in done.booked] == [f"in/{first}", f"in/{third}"]
    (told,) = (finding for finding in done.findings if finding.severity is Severity.ERROR)
    assert (told.code, told.file) == (f"{kind}.unreadable", f"in/{second}")
    assert "Permission denied" in told.message
    again = read(tmp_path, kind, hours=1)
    assert [record.name for record in again.booked] == [f"in/{second}"]
    assert not [finding for finding in again.findings if finding.severity is Severity.ERROR]


@pytest.mark.parametrize("kind", SOURCES)
def test_the_probe_names_it_and_does_not_fail(tmp_path: Path, kind: str) -> None:
    _, second, _ = deliver(tmp_path, kind)
    options, ending, _ = SOURCES[kind]
    with refused(second):
        probe = build({"type": kind, "name": "s", "path": f"in/*.{ending}", **options}, tmp_path).probe()
    assert probe.found


def test_more_unreadable_files_than_a_source_may_fail_do_not_end_it(tmp_path: Path) -> None:
    deliver(tmp_path, "focus")
    for number in range(4, 9):
        (tmp_path / "in" / f"{number}.csv").symlink_to(tmp_path / "nowhere")
        (tmp_path / "in" / f"0{number}.csv").write_text(BILL.format(n=number))
    opened = Path.open

    def refuse(path: Path, *words: Any, **more: Any) -> Any:
        if path.parent.name == "in" and path.name.startswith("0"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *words, **more)

    with mock.patch.object(Path, "open", refuse):
        done = read(tmp_path, "focus")
    assert len(done.booked) == 3
    assert sum(finding.count for finding in done.findings if finding.code == "focus.unreadable") == 5


def test_a_snapshot_is_not_taken_back_because_the_newer_file_cannot_be_read_just_now(tmp_path: Path) -> None:
    deliver(tmp_path, "focus")
    read(tmp_path, "focus", delivery="snapshot")
    with refused("3.csv"):
        done = read(tmp_path, "focus", hours=1, delivery="snapshot")
    assert not done.booked


def test_prices_stand_while_a_file_of_contract_prices_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("provider,model,input_mtok,output_mtok,since\nopenai,gpt-4o,1.00,2.00,2026-01-01\n")
    folder = Folder.create(tmp_path)

    def prices(hours: int) -> Ingested:
        source = build({"type": "prices", "name": "p", "path": "c.csv", "catalogue": False}, tmp_path)
        return ingest(folder, {"p": source}, now=NOW + timedelta(hours=hours))

    assert len(prices(0).booked) == 1
    (tmp_path / "c.csv").write_text("provider,model,input_mtok,output_mtok,since\nopenai,gpt-4o,9.00,2.00,2026-01-01\n")
    with refused("c.csv"):
        done = prices(1)
    assert not done.booked
    assert "prices.unreadable" in {finding.code for finding in done.findings}
    assert len(prices(2).booked) == 1
