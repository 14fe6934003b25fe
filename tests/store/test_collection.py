"""Old states go after a grace time; what somebody may still read stays, and a kill at any step loses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow.parquet as pq
import pytest
from fake_source import Fake, Given, attempt, canonical, charge, rows_of

from netyield.core.errors import StoreError
from netyield.ledger.close import close_month
from netyield.ledger.ingest import ingest
from netyield.store import collection
from netyield.store.collection import collect, collectable
from netyield.store.folder import Folder

DAY = timedelta(days=1)
BEGIN = datetime(2026, 12, 1, tzinfo=UTC)
GRACE = 5 * DAY
RUNS = 20


def bill(number: int) -> Given:
    """The month again, each time with other amounts: every run replaces the segment of the one before."""
    rows = {"charges": [charge(f"{number}-{k}", f"{number}.5") for k in range(3)]}
    return Given(f"bill{number}", rows, "snapshot", snapshot_keys=("Cloud|1|2026-11-01T00:00:00Z",))


def run(folder: Folder, number: int, history: timedelta = 1000 * DAY) -> None:
    log = Given(f"log{number}", {"attempts": [attempt(f"a{number}", number / 10)]})
    ingest(folder, {"bill": Fake(bill(number)), "log": Fake(log)}, now=BEGIN + number * DAY, history=history)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Twenty days of ingests, one a day, November closed on the fourth; nothing collected yet."""
    made = Folder.create(tmp_path)
    for number in range(RUNS):
        run(made, number)
        if number == 3:
            close_month(made, "2026-11", BEGIN + number * DAY)
    return made


NOW = BEGIN + (RUNS - 1) * DAY


def files(folder: Folder) -> set[str]:
    return {str(path.relative_to(folder.data)) for part in ("segments", "manifests") for path in (folder.data / part).rglob("*.*")}


def amounts(folder: Folder, as_of: datetime | None = None) -> set[str]:
    return {str(row["effective_cost"].normalize()) for row in rows_of(folder, "charges", folder.manifest(as_of))}


def readable(folder: Folder, number: int) -> bool:
    return all(pq.read_metadata(folder.path(s)).num_rows == s.rows for s in folder.manifest_number(number).segments)


def test_nothing_goes_within_the_grace_time(folder: Folder) -> None:
    before = files(folder)
    with folder.writer():
        assert collect(folder, NOW, 30 * DAY).empty
    assert files(folder) == before


def test_what_is_older_goes_and_every_moment_of_the_grace_time_answers_as_before(folder: Folder) -> None:
    moments = [NOW - hours * timedelta(hours=6) for hours in range(21)]
    before = [(folder.manifest(moment), amounts(folder, moment)) for moment in moments]
    held = files(folder)
    with folder.writer():
        gone = collect(folder, NOW, GRACE)
    assert gone.manifests
    assert gone.segments
    assert len(files(folder)) == len(held) - len(gone.manifests) - len(gone.segments)
    again = Folder.open(folder.root)
    assert [(again.manifest(moment), amounts(again, moment)) for moment in moments] == before
    assert amounts(again) == {f"{RUNS - 1}.5"}
    assert collectable(again, NOW, GRACE).empty


def test_an_older_moment_is_refused_and_not_answered_with_something_else(folder: Folder) -> None:
    with folder.writer():
        collect(folder, NOW, GRACE)
    with pytest.raises(StoreError, match="goes back to 2026-12-15") as refused:
        Folder.open(folder.root).manifest(BEGIN + 8 * DAY)
    assert "history_days" in refused.value.repair


def test_the_state_a_closed_month_names_stays(folder: Folder) -> None:
    closed = folder.manifest().closed["2026-11"]["manifest"]
    with folder.writer():
        collect(folder, NOW, GRACE)
    again = Folder.open(folder.root)
    assert readable(again, closed)
    then = again.manifest_number(closed)
    assert {str(row["effective_cost"].normalize()) for row in rows_of(again, "charges", then)} == {"3.5"}


def test_a_reader_that_holds_an_old_state_reads_on(folder: Folder) -> None:
    """It opened the books three days ago and reads its segments only now."""
    reader = Folder.open(folder.root)
    held = reader.manifest(NOW - 3 * DAY)
    with folder.writer():
        assert collect(folder, NOW, GRACE).segments
    assert {str(row["effective_cost"].normalize()) for row in rows_of(reader, "charges", held)} == {f"{RUNS - 4}.5"}
    assert reader.manifest() == Folder.open(folder.root).manifest()


class Killed(BaseException):
    """As sudden as SIGKILL: nobody catches it."""


@contextmanager
def killed_after(steps: int) -> Iterator[None]:
    """The process ends after so many writes and removals of a collection."""
    left = [steps]

    def counting(action: Any) -> Any:
        def done(*words: Any, **more: Any) -> Any:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return action(*words, **more)

        return done

    unlink, publish = counting(Path.unlink), counting(collection.publish)
    with mock.patch.object(Path, "unlink", unlink), mock.patch.object(collection, "publish", publish):
        yield


def test_killed_between_any_two_steps_the_next_run_ends_it(folder: Folder) -> None:
    want = {moment: amounts(folder, NOW - moment * DAY) for moment in range(5)}
    everything = canonical(folder, "attempts")
    kills = 0
    while True:
        with folder.writer():
            try:
                with killed_after(kills % 7):
                    collect(folder, NOW, GRACE)
                break
            except Killed:
                kills += 1
        again = Folder.open(folder.root)
        assert {moment: amounts(again, NOW - moment * DAY) for moment in range(5)} == want
        assert canonical(again, "attempts") == everything
        assert readable(again, again.manifest().closed["2026-11"]["manifest"])
        assert kills < 100
    assert kills > 7
    assert collectable(Folder.open(folder.root), NOW, GRACE).empty
    kept = {s.path for n in folder.numbers() for s in Folder.open(folder.root).manifest_number(n).segments}
    assert {name for name in files(folder) if name.startswith("segments")} == kept


def test_ingest_collects_and_goes_on(folder: Folder) -> None:
    for number in range(RUNS, RUNS + 4):
        run(folder, number, GRACE)
    again = Folder.open(folder.root)
    assert amounts(again) == {f"{RUNS + 3}.5"}
    assert len(rows_of(again, "attempts")) == RUNS + 4
    assert again.numbers()[1] > 4
    assert all(readable(again, number) for number in again.numbers() if number >= again.horizon())
