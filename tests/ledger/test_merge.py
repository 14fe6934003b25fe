"""Versions of one event: the rule itself, and that neither order nor repetition matters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fake_source import NOW, Fake, Given, at, attempt, canonical, capacity, codes, outcome, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from netyield.core.finding import Severity
from netyield.ledger.ingest import ingest
from netyield.store.folder import Folder


def books(folder: Folder, table: str, versions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    for number, row in enumerate(versions):
        ingest(folder, {"s": Fake(Given(f"{number}", {table: [row]}))}, now=NOW)
    (row,) = rows_of(folder, table)
    return row


def test_a_final_version_wins_over_larger_counts(tmp_path: Path) -> None:
    partial = attempt("a", 1, status="unknown", out_text=500, team="early")
    final = attempt("a", 1, finish_reason="stop", end_time=at(1.1), out_text=40, team="late")
    for number, order in enumerate(([partial, final], [final, partial])):
        row = books(Folder.create(tmp_path / str(number)), "attempts", order)
        assert (row["out_text"], row["team"], row["version"]) == (40, "late", 2)


def test_among_equally_final_versions_the_largest_count_per_class_stands(tmp_path: Path) -> None:
    one = attempt("a", 1, in_uncached=100, in_cache_read=None, out_text=3, end_time=at(1.2), team="one")
    two = attempt("a", 1, in_uncached=90, in_cache_read=7, out_text=5, end_time=at(1.1), team="two")
    for number, order in enumerate(([one, two], [two, one], [one, two, one, two])):
        folder = Folder.create(tmp_path / str(number))
        row = books(folder, "attempts", order)
        assert (row["in_uncached"], row["in_cache_read"], row["out_text"]) == (100, 7, 5)
        assert (row["team"], row["end_time"], row["version"]) == ("one", at(1.2), 2)
        assert len(rows_of(folder, "quarantine")) == 2, "neither version stands as delivered, both are kept"


def test_a_version_that_equals_the_merged_row_is_no_longer_superseded(tmp_path: Path) -> None:
    one, two = attempt("a", 1, in_uncached=100, out_text=3), attempt("a", 1, in_uncached=90, out_text=5)
    both = attempt("a", 1, in_uncached=100, out_text=5)
    expected = None
    for number, order in enumerate(([one, two, both], [both, one, two], [two, both, one, both])):
        folder = Folder.create(tmp_path / str(number))
        assert books(folder, "attempts", order)["version"] == 3
        found = (canonical(folder, "attempts"), canonical(folder, "quarantine"))
        expected = expected or found
        assert found == expected
        assert len(found[1]) == 2


def test_the_best_grade_of_an_outcome_stands_then_the_latest(tmp_path: Path) -> None:
    weak = outcome("o", "request_id", "q", 9, grade=2, verdict="rejected")
    strong = outcome("o", "request_id", "q", 5, grade=4)
    later = outcome("o", "request_id", "q", 7, grade=4, verdict="rejected")
    assert books(Folder.create(tmp_path / "1"), "outcomes", [strong, weak])["verdict"] == "accepted"
    row = books(Folder.create(tmp_path / "2"), "outcomes", [weak, later, strong])
    assert (row["verdict"], row["event_time"]) == ("rejected", at(7))


def test_versions_of_what_should_have_none_are_a_warning(tmp_path: Path) -> None:
    folder = Folder.create(tmp_path)
    rows = [capacity("c", 1, total=8), capacity("c", 1, total=9), capacity("d", 1)]
    done = ingest(folder, {"s": Fake(Given("1", {"capacity_samples": rows}))}, now=NOW)
    assert codes(done.findings) == ["ledger.superseded_version"]
    assert done.findings[0].severity is Severity.WARNING
    assert {row["event_key"]: row["gpus_total"] for row in rows_of(folder, "capacity_samples")} == {"c": 9, "d": 8}


COUNT = st.one_of(st.none(), st.integers(0, 3))
VERSION = st.builds(
    attempt,
    st.sampled_from(["a", "b"]),
    st.sampled_from([1, 30]),
    in_uncached=COUNT,
    out_text=COUNT,
    status=st.sampled_from(["ok", "unknown"]),
    finish_reason=st.sampled_from([None, "stop"]),
    end_time=st.sampled_from([None, at(2), at(3)]),
    team=st.sampled_from([None, "x", "y"]),
)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(VERSION, min_size=2, max_size=6), st.randoms(use_true_random=False))
def test_any_order_grouping_and_repetition_give_the_same_books(versions: list[dict[str, Any]], rng: Any) -> None:
    found = []
    for trial in range(3):
        rows = list(versions)
        if trial:
            rows += rng.sample(versions, rng.randint(0, len(versions)))
            rng.shuffle(rows)
        size = rng.randint(1, 3) if trial else len(rows)
        parts = [Given(f"{n}", {"attempts": rows[n : n + size]}) for n in range(0, len(rows), size)]
        with TemporaryDirectory() as place:
            folder = Folder.create(Path(place))
            ingest(folder, {"s": Fake(*parts)}, now=NOW)
            found.append((canonical(folder, "attempts"), canonical(folder, "quarantine")))
    assert found[1] == found[0]
    assert found[2] == found[0]
    delivered = {(row["event_key"], repr(sorted(row.items(), key=str))) for row in versions}
    stands = {row[2]: row[-1] for row in found[0][0]}
    assert stands == {key: sum(1 for other, _ in delivered if other == key) for key, _ in delivered}


@pytest.mark.parametrize("table", ["attempts", "outcomes"])
def test_nothing_of_a_version_is_lost(tmp_path: Path, table: str) -> None:
    make = {"attempts": lambda n: attempt("k", 1, team=f"t{n}"), "outcomes": lambda n: outcome("k", "turn", f"c/{n}")}
    folder = Folder.create(tmp_path)
    books(folder, table, [make[table](n) for n in range(4)])
    kept = " ".join(row["record"] for row in rows_of(folder, "quarantine")) + str(rows_of(folder, table))
    assert all((f"t{n}" if table == "attempts" else f"c/{n}") in kept for n in range(4))
