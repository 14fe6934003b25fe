"""Outcomes find their attempts by every key of the ladder, early, late, and whatever came first."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import pytest
from fake_source import NOW, Fake, Given, at, attempt, canonical, codes, outcome, rows_of

from netyield.ledger import outcome_matching
from netyield.ledger.ingest import Ingested, ingest
from netyield.store.folder import Folder
from netyield.store.manifest import inputs_key


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.create(tmp_path)


def book(folder: Folder, hours: float = 0, **given: Given) -> Ingested:
    return ingest(folder, {name: Fake(one) for name, one in given.items()}, now=NOW + timedelta(hours=hours))


def matched(folder: Folder) -> dict[str, set[str | None]]:
    found: dict[str, set[str | None]] = {}
    for row in rows_of(folder, "outcomes"):
        found.setdefault(row["event_key"], set()).add(row["attempt_key"])
    return found


def log(name: str, *rows: dict[str, object]) -> Given:
    return Given(name, {"attempts": rows})


def marks(name: str, *rows: dict[str, object]) -> Given:
    return Given(name, {"outcomes": rows})


LADDER = [
    ("response_id", "r1", {"response_id": "r1"}),
    ("span", "t1/s1", {"trace_id": "t1", "span_id": "s1"}),
    ("request_id", "q1", {"request_id": "q1"}),
    ("turn", "c1/3", {"conversation_id": "c1", "turn": "3"}),
    ("agent_run_id", "g1", {"agent_run_id": "g1"}),
    ("event_key", "a", {}),
]


@pytest.mark.parametrize(("key_type", "key", "columns"), LADDER)
@pytest.mark.parametrize("first", ["traffic", "outcomes"])
def test_each_key_of_the_ladder(
    folder: Folder, key_type: str, key: str, columns: dict[str, str], first: str
) -> None:
    traffic = log("log", attempt("a", 1, **columns), attempt("b", 2, trace_id="", span_id="", response_id=""))
    events = marks("marks", outcome("o", key_type, key, 50), outcome("none", key_type, "", 50))
    order = [("t", traffic), ("m", events)]
    for name, given in order if first == "traffic" else reversed(order):
        done = book(folder, **{name: given})
    assert matched(folder) == {"o": {"a"}, "none": {None}}
    row = next(row for row in rows_of(folder, "outcomes") if row["event_key"] == "o")
    assert (row["attempt_time"], row["event_time"], row["recorded_at"]) == (at(1), at(50), NOW)
    assert {s.day: s.rows for s in folder.manifest().of("outcomes")} == {"2026-11-01": 1, "2026-11-03": 1}
    assert [(f.code, f.count) for f in done.findings] == [("ledger.outcome_waits", 1)]


def test_a_late_outcome_touches_only_the_day_of_its_attempt(folder: Folder) -> None:
    book(folder, t=log("log", *(attempt(f"a{n}", 24 * n, response_id=f"r{n}") for n in range(4))))
    book(folder, m=marks("m1", *(outcome(f"o{n}", "response_id", f"r{n}", 24 * n) for n in range(4))))

    def days() -> dict[str, str]:
        window = folder.manifest()
        return {
            str(n): inputs_key(folder.segments(window, "outcomes", at(24 * n), at(24 * (n + 1)))) for n in range(30)
        }

    before = days()
    book(folder, m=marks("m2", outcome("late", "response_id", "r1", 24 * 20)))
    assert [day for day, key in days().items() if key != before[day]] == ["1"]


def test_the_last_attempt_of_a_key_is_meant_and_an_agent_run_means_all(folder: Folder) -> None:
    events = marks("m", outcome("o", "request_id", "q", 9), outcome("run", "agent_run_id", "g", 9))
    keys = {"request_id": "q", "agent_run_id": "g"}
    parts = [log(f"log{n}", attempt(f"a{n}", hour, **keys)) for n, hour in enumerate((5, 30, 2))]
    book(folder, m=events)
    for number, part in enumerate(parts):
        book(folder, t=part)
        expected = {"a0"} if number == 0 else {"a1"}
        assert matched(folder) == {"o": expected, "run": {f"a{n}" for n in range(number + 1)}}
    assert len(rows_of(folder, "outcomes")) == 4


def test_every_order_of_arrival_gives_the_same_rows(tmp_path: Path) -> None:
    steps = [
        ("t", log("1", attempt("a", 1, request_id="q", response_id="x"), attempt("b", 30, agent_run_id="g"))),
        ("t", log("2", attempt("c", 2, request_id="q", agent_run_id="g"))),
        # A later version of a: its response id was corrected, so that outcome p no longer speaks of it.
        ("t", log("3", attempt("a", 1, request_id="q", response_id="y", finish_reason="stop"))),
        ("m", marks("4", outcome("o", "request_id", "q", 60), outcome("p", "response_id", "x", 60))),
        ("m", marks("5", outcome("run", "agent_run_id", "g", 60), outcome("o", "request_id", "q", 61))),
    ]
    books = []
    for number, order in enumerate(itertools.permutations(steps)):
        if number % 17 == 0:
            folder = Folder.create(tmp_path / str(number))
            for name, given in order:
                book(folder, **{name: given})
            books.append([canonical(folder, table) for table in ("outcomes", "attempts", "quarantine")])
            assert matched(folder) == {"o": {"c"}, "p": {None}, "run": {"b", "c"}}
    assert len(books) == 8
    assert all(other == books[0] for other in books)


def test_batches_and_compaction_do_not_change_the_result(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcome_matching, "BATCH_OUTCOMES", 7)
    calls = [attempt(f"a{n}", n / 2, response_id=f"r{n}", agent_run_id=f"g{n % 5}") for n in range(60)]
    book(folder, t=log("log", *calls))
    for part in range(12):
        rows = [outcome(f"o{n}", "response_id", f"r{n}", 80) for n in range(part * 5, part * 5 + 5)]
        runs = [outcome(f"g{part % 5}", "agent_run_id", f"g{part % 5}", 80)]
        book(folder, m=marks(f"m{part}", *rows, *runs))
    found = matched(folder)
    assert {key: found[key] for key in found if key.startswith("o")} == {f"o{n}": {f"a{n}"} for n in range(60)}
    assert found["g3"] == {f"a{n}" for n in range(3, 60, 5)}
    assert len(rows_of(folder, "outcomes")) == 120
    assert len(folder.manifest().of("outcomes")) <= 3 * 9
    number = folder.manifest().number
    assert codes(book(folder).findings) == []
    assert folder.manifest().number == number, "nothing new: nothing is matched again"


def test_a_removed_attempt_gives_its_outcome_back(folder: Folder) -> None:
    first = Given("calls", {"attempts": [attempt("a", 1, response_id="r"), attempt("b", 2)]}, "snapshot")
    book(folder, t=first, m=marks("m", outcome("o", "response_id", "r", 50)))
    assert matched(folder) == {"o": {"a"}}
    book(folder, t=Given("calls", {"attempts": [attempt("b", 2)]}, "snapshot"))
    assert matched(folder) == {"o": {None}}
