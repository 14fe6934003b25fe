"""Ingest: deliveries of each kind, repeats, failures, lineage, quarantine, bounded memory."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fake_source import (
    NOW,
    Fake,
    Given,
    at,
    attempt,
    canonical,
    capacity,
    charge,
    codes,
    outcome,
    rows_of,
    table_of,
)

from netyield.core.errors import ConservationError, SourceError, StoreError
from netyield.core.finding import Finding, Severity
from netyield.ledger import staging
from netyield.ledger.close import close_month
from netyield.ledger.ingest import Ingested, ingest
from netyield.sources.contract import Chunk, Probe, file_hash
from netyield.store.folder import Folder
from netyield.store.manifest import inputs_key


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.create(tmp_path)


def book(folder: Folder, *given: Given | BaseException, name: str = "s", hours: float = 0) -> Ingested:
    return ingest(folder, {name: Fake(*given)}, now=NOW + timedelta(hours=hours))


def test_every_row_carries_its_lineage(folder: Folder) -> None:
    given = Given("log.jsonl", {"attempts": [attempt("a", 1), attempt("b", 30)]}, cursor={"offset": 7})
    done = book(folder, given)
    first, second = sorted(rows_of(folder, "attempts"), key=lambda row: row["event_key"])
    assert (first["tenant"], first["source"], first["delivery"]) == ("default", "s", given.content_hash)
    assert (first["row_number"], second["row_number"]) == (2, 3)
    assert first["recorded_at"] == NOW
    assert first["posting_period"] == "2026-11"
    assert first["run_id"] == second["run_id"] == "20261120T120000Z-1"
    manifest = folder.manifest()
    assert [segment.day for segment in manifest.segments] == ["2026-11-01", "2026-11-02"]
    record = manifest.deliveries[first["delivery"]]
    assert (record.source, record.name, record.kind, record.rows) == ("s", "log.jsonl", "append", {"attempts": 2})
    assert manifest.cursors["s"] == {"offset": 7}
    assert done.booked == [record]
    assert done.skipped == 0
    again = Fake(given)
    assert ingest(folder, {"s": again}, now=NOW).skipped == 1
    assert again.cursors == [{"offset": 7}]


def test_a_known_delivery_is_skipped_without_reading_it(folder: Folder) -> None:
    given = Given("part.csv", {"capacity_samples": [capacity("c", 1)]}, kind="immutable", content="same bytes")
    book(folder, given)
    number = folder.manifest().number
    again = book(folder, replace(given, fails=RuntimeError("must not be read")))
    assert again.skipped == 1
    assert again.findings == []
    assert folder.manifest().number == number


@pytest.mark.parametrize("kind", ["append", "immutable"])
def test_rows_booked_before_are_dropped_with_file_and_row(folder: Folder, kind: str) -> None:
    old = [attempt(key, hour) for hour, key in enumerate("abc")]
    new = [*old[1:], attempt("d", 4), attempt("d", 4)]
    book(folder, Given("1.jsonl", {"attempts": old}, kind=kind))
    done = book(folder, Given("2.jsonl", {"attempts": new}, kind=kind))
    assert sorted(row["event_key"] for row in rows_of(folder, "attempts")) == ["a", "b", "c", "d"]
    (finding,) = done.findings
    assert (finding.code, finding.severity, finding.where) == ("ledger.repeated_rows", Severity.INFO, "2.jsonl:2")
    assert finding.count == 3
    assert done.booked[0].rows == {"attempts": 1}


def test_the_same_key_of_another_source_or_tenant_is_another_event(folder: Folder) -> None:
    given = Given("log", {"attempts": [attempt("a", 1)]})
    book(folder, given, name="one")
    book(folder, given, name="two")
    assert len(rows_of(folder, "attempts")) == 2
    records = folder.manifest().deliveries
    assert {record.source for record in records.values()} == {"one", "two"}
    assert {row["delivery"] for row in rows_of(folder, "attempts")} == set(records)
    assert book(folder, given, name="two").skipped == 1
    assert book(folder, given, name="one").skipped == 1


def test_an_event_found_again_on_another_day_is_one_event(folder: Folder) -> None:
    book(folder, Given("1", {"attempts": [attempt("a", 23), attempt("b", 23)]}))
    book(folder, Given("2", {"attempts": [attempt("a", 25, end_time=at(26)), attempt("c", 26)]}))
    rows = {row["event_key"]: row for row in rows_of(folder, "attempts")}
    assert set(rows) == {"a", "b", "c"}
    assert (rows["a"]["event_time"], rows["a"]["version"]) == (at(25), 2)
    assert sum(segment.rows for segment in folder.manifest().of("attempts")) == 3


def test_another_version_touches_only_its_own_day(folder: Folder) -> None:
    book(folder, Given("1", {"attempts": [attempt("a", 1), attempt("b", 30), attempt("c", 60)]}))
    before = folder.manifest()
    book(folder, Given("2", {"attempts": [attempt("b", 30, out_text=9)]}))
    after = folder.manifest()
    changed = [
        day
        for day in ("2026-11-01", "2026-11-02", "2026-11-03")
        if inputs_key(s for s in before.of("attempts") if s.day == day)
        != inputs_key(s for s in after.of("attempts") if s.day == day)
    ]
    assert changed == ["2026-11-02"]
    assert [row["out_text"] for row in rows_of(folder, "attempts") if row["event_key"] == "b"] == [9]
    assert [row["out_text"] for row in rows_of(folder, "attempts", before) if row["event_key"] == "b"] == [5]
    (lost,) = rows_of(folder, "quarantine")
    assert (lost["table"], lost["code"]) == ("attempts", "ledger.superseded_version")
    assert '"out_text":5' in lost["record"]


def test_order_repetition_and_interleaving_of_deliveries_do_not_matter(tmp_path: Path) -> None:
    # Versions of one event in several files, files that overlap, two sources, late ones, ids that move to other days.
    rng = random.Random(7)
    pool = [
        attempt(
            f"k{key}", hour, in_uncached=rng.choice([10, 20, 30]), out_text=rng.choice([1, 2, None]),
            end_time=rng.choice([None, at(hour + 1)]), status=rng.choice(["ok", "unknown", "error"]),
            finish_reason=rng.choice([None, "stop"]), response_id=f"r{key % 7}", agent_run_id=f"run{key % 3}",
        )
        for key in range(20) for hour in (rng.choice([1, 30]), rng.choice([2, 31]))
    ]  # fmt: skip
    events = [
        outcome(f"o{key}", *rng.choice([("response_id", f"r{key % 9}"), ("agent_run_id", f"run{key % 4}")]), hours=40,
                verdict=rng.choice(["accepted", "rejected"]), grade=rng.choice([3, 4]))
        for key in range(12) for _ in range(2)
    ]  # fmt: skip
    files = [Given(f"log{n}", {"attempts": rng.sample(pool, 12)}) for n in range(4)]
    marks = [Given(f"marks{n}", {"outcomes": rng.sample(events, 9)}) for n in range(3)]
    books = []
    for trial in range(4):
        folder = Folder.create(tmp_path / str(trial))
        steps = [("log", given) for given in files] + [("marks", given) for given in marks]
        if trial:
            steps = steps + rng.sample(steps, 3)
            rng.shuffle(steps)
        if trial % 2:
            for name, given in steps:
                book(folder, given, name=name)
        else:
            grouped = {name: Fake(*(given for kind, given in steps if kind == name)) for name in ("marks", "log")}
            ingest(folder, grouped, now=NOW)
        assert [row["event_key"] for row in rows_of(folder, "attempts")].count("k3") <= 1
        quarantine = canonical(folder, "quarantine", ("delivery", "row_number", "recorded_at", "run_id"))
        books.append((canonical(folder, "attempts"), canonical(folder, "outcomes"), quarantine))
    assert all(other == books[0] for other in books[1:])
    assert any(row["version"] > 1 for row in rows_of(folder, "attempts"))
    assert any(row["attempt_key"] is None for row in rows_of(folder, "outcomes"))


NOV = ("Cloud|1|2026-11-01T00:00:00Z",)


def test_a_newer_snapshot_replaces_its_period_and_as_of_still_sees_the_older(folder: Folder) -> None:
    first = Given("nov-1.csv", {"charges": [charge("a", "10"), charge("b", "5")]}, "snapshot", snapshot_keys=NOV)
    second = Given("nov-2.csv", {"charges": [charge("a", "11")]}, "snapshot", snapshot_keys=NOV)
    october = at(-31 * 24)
    other = Given(
        "oct.csv", {"charges": [charge("o", "7", october, billing_account_id="1")]}, "snapshot",
        snapshot_keys=("Cloud|1|2026-10-01T00:00:00Z",),
    )  # fmt: skip
    book(folder, other, first)
    book(folder, second, hours=1)
    assert sorted(row["billed_cost"] for row in rows_of(folder, "charges")) == [Decimal(7), Decimal(11)]
    assert sum(row["billed_cost"] for row in rows_of(folder, "charges", folder.manifest(NOW))) == 22
    assert book(folder, first, second, other, hours=2).skipped == 3
    assert sum(row["billed_cost"] for row in rows_of(folder, "charges")) == 18


def test_two_snapshots_of_one_period_in_one_pass_are_remarked(folder: Folder) -> None:
    parts = [Given(f"part-{n}.csv", {"charges": [charge(f"{n}", "1")]}, "snapshot", snapshot_keys=NOV) for n in (1, 2)]
    done = book(folder, *parts)
    assert "ledger.period_replaced_twice" in codes(done.findings)
    assert [row["event_key"] for row in rows_of(folder, "charges")] == ["2"]


def test_a_sender_that_goes_back_to_an_earlier_snapshot_is_followed(folder: Folder) -> None:
    first = Given("bill.csv", {"charges": [charge("a", "10")]}, "snapshot", snapshot_keys=NOV)
    second = Given("bill.csv", {"charges": [charge("a", "11")]}, "snapshot", snapshot_keys=NOV)
    for given in (first, second, first):
        done = book(folder, given)
    assert codes(done.findings) == ["ledger.period_taken_back"]
    assert [row["billed_cost"] for row in rows_of(folder, "charges")] == [Decimal(10)]
    assert book(folder, first).findings == []


def test_one_file_of_many_accounts_and_months_is_cut_by_period(folder: Folder) -> None:
    november, december = at(0), at(30 * 24)
    rows = [
        charge(f"{account}{month}", "1", month, billing_account_id=account)
        for account in ("1", "2") for month in (november, december)
    ]  # fmt: skip
    keys = tuple(f"Cloud|{account}|{month:%Y-%m-%d}" for account in ("1", "2") for month in (november, december))
    book(folder, Given("all.csv", {"charges": rows}, "snapshot", snapshot_keys=keys))
    assert {segment.snapshot_key for segment in folder.manifest().segments} == set(keys)
    again = Given("one.csv", {"charges": [charge("x", "5", december, billing_account_id="2")]}, "snapshot",
                  snapshot_keys=(keys[3],))  # fmt: skip
    book(folder, again, hours=1)
    assert sum(row["billed_cost"] for row in rows_of(folder, "charges")) == 8


def test_a_snapshot_without_keys_replaces_the_delivery_of_that_name(folder: Folder) -> None:
    for rate in ("2.00", "2.50"):
        row = {"event_key": rate, "event_time": at(0), "pool": "*", "currency": "USD", "valid_from": at(0),
               "rate_per_gpu_hour": Decimal(rate)}  # fmt: skip
        book(folder, Given("rates", {"rate_cards": [row]}, "snapshot"))
    assert [row["rate_per_gpu_hour"] for row in rows_of(folder, "rate_cards")] == [Decimal("2.5")]


def test_refused_rows_wait_in_quarantine_with_their_lineage(folder: Folder) -> None:
    finding = Finding("fake.bad_amount", Severity.ERROR, "not a number", "repair it", "bill.csv", 3)
    refused = (3, "attempts", "fake.bad_amount", "not a number", {"x": 1})
    given = Given("bill.csv", {"attempts": [attempt("a", 1)]}, rejected=[refused], findings=[finding, finding])
    done = book(folder, given)
    (row,) = rows_of(folder, "quarantine")
    assert row["event_key"] == f"{given.content_hash}:3:fake.bad_amount"
    assert (row["row_number"], row["table"], row["record"], row["source"]) == (3, "attempts", '{"x": 1}', "s")
    assert [(f.code, f.count) for f in done.findings] == [("fake.bad_amount", 2)]
    stored = folder.manifest().deliveries[given.content_hash].findings
    assert stored[0]["code"] == "fake.bad_amount"
    assert stored[0]["count"] == 2
    assert len(rows_of(folder, "attempts")) == 1


def test_impossible_and_future_times(folder: Folder) -> None:
    rows = [attempt("a", 1), attempt("late", 24 * 60), attempt("old", -24 * 365 * 60)]
    done = book(folder, Given("log", {"attempts": rows}))
    assert sorted(row["event_key"] for row in rows_of(folder, "attempts")) == ["a", "late"]
    found = {finding.code: finding for finding in done.findings}
    impossible, future = found["ledger.impossible_time"], found["ledger.future_time"]
    assert (impossible.severity, impossible.where) == (Severity.ERROR, "log:4")
    assert (future.severity, future.where) == (Severity.WARNING, "log:3")
    (lost,) = rows_of(folder, "quarantine")
    assert '"event_key":"old"' in lost["record"]


def test_a_failing_source_is_a_finding_and_the_others_still_run(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    good = Given("log", {"attempts": [attempt("a", 1)]})
    broken_table = pa.table({"nonsense": [1]})
    sources = {
        "down": Fake(SourceError("cannot reach http://x:9090.", "Is it running?")),
        "buggy": Fake(Given("page", {"attempts": [attempt("b", 1)]}, fails=KeyError("secret text"))),
        "odd": Fake(Given("page", arrow=lambda: iter([Chunk({"attempts": broken_table})]))),
        "empty": Fake(probe=Probe(False, "", findings=(Finding("fake.no_file", Severity.ERROR, "no match", "look"),))),
        "good": Fake(good),
    }
    with caplog.at_level(logging.ERROR):
        done = ingest(folder, sources, now=NOW)
    assert [row["event_key"] for row in rows_of(folder, "attempts")] == ["a"]
    assert {(f.code, f.file) for f in done.findings} == {
        ("ledger.source_failed", "down"), ("ledger.source_failed", "page"), ("fake.no_file", "")
    }  # fmt: skip
    lines = " ".join(finding.line() for finding in done.findings)
    assert "cannot reach http://x:9090. Is it running?" in lines
    assert "'buggy' (fake) failed while reading page: KeyError" in lines
    assert "secret text" not in lines
    assert "secret text" in caplog.text
    assert all(finding.severity is Severity.ERROR for finding in done.findings)


def test_a_failed_delivery_is_not_passed_over_by_the_cursor(folder: Folder) -> None:
    one = Given("1", {"attempts": [attempt("a", 1)]}, cursor={"until": 1})
    two = Given("2", {"attempts": [attempt("b", 2)]}, cursor={"until": 2}, fails=SourceError("time-out."))
    three = Given("3", {"attempts": [attempt("c", 3)]}, cursor={"until": 3})
    book(folder, one, two, three)
    assert sorted(row["event_key"] for row in rows_of(folder, "attempts")) == ["a", "c"]
    source = Fake(replace(two, fails=None), three)
    done = ingest(folder, {"s": source}, now=NOW)
    assert source.cursors == [{"until": 1}]
    assert done.skipped == 1
    assert sorted(row["event_key"] for row in rows_of(folder, "attempts")) == ["a", "b", "c"]


def test_three_failures_in_a_row_end_the_pass(folder: Folder) -> None:
    bad = [Given(f"{n}", {"attempts": [attempt(f"{n}", n)]}, fails=SourceError("down.")) for n in range(5)]
    assert len(book(folder, *bad).findings) == 3


def test_a_broken_conservation_is_never_caught(folder: Folder) -> None:
    with pytest.raises(ConservationError):
        book(folder, Given("x", fails=ConservationError("money lost")))


def test_the_delivered_file_is_kept_by_hash_and_a_large_one_is_only_named(folder: Folder, tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("one line\n")
    book(folder, Given("log.jsonl", {"attempts": [attempt("a", 1)]}, raw=path))
    (record,) = folder.manifest().deliveries.values()
    assert record.raw == f"raw/{file_hash(path)}"
    path.write_text("one line\ntwo lines\n")
    kept = folder.data / str(record.raw)
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == kept.name
    given = Given("log.jsonl", {"attempts": [attempt("b", 1)]}, raw=path)
    done = ingest(folder, {"s": Fake(given)}, now=NOW, keep_raw_max_bytes=5)
    assert codes(done.findings) == ["ledger.raw_not_kept"]
    assert folder.manifest().deliveries[given.content_hash].raw is None
    done = book(folder, Given("gone", {"attempts": [attempt("c", 1)]}, raw=tmp_path / "gone"))
    assert codes(done.findings) == ["ledger.source_failed"]
    assert len(rows_of(folder, "attempts")) == 2


def test_changed_settings_of_a_known_delivery_are_remarked(folder: Folder) -> None:
    given = Given("log", {"attempts": [attempt("a", 1)]})
    ingest(folder, {"s": Fake(given, mapping="x")}, now=NOW)
    assert ingest(folder, {"s": Fake(given, mapping="x")}, now=NOW).findings == []
    done = ingest(folder, {"s": Fake(given, mapping="y")}, now=NOW)
    assert codes(done.findings) == ["ledger.settings_changed"]


def test_rows_for_a_closed_month_are_posted_to_the_month_they_arrive_in(folder: Folder) -> None:
    book(folder, Given("1", {"attempts": [attempt("a", -48), attempt("b", 1)]}))
    closed = close_month(folder, "2026-10", NOW)
    book(folder, Given("2", {"attempts": [attempt("c", -48), attempt("d", 1), attempt("a", -48, out_text=50)]}))
    rows = {row["event_key"]: row for row in rows_of(folder, "attempts")}
    posted = {key: row["posting_period"] for key, row in rows.items()}
    assert posted == {"a": "2026-11", "b": "2026-11", "c": "2026-11", "d": "2026-11"}
    then = {row["event_key"]: row for row in rows_of(folder, "attempts", closed)}
    assert (then["a"]["posting_period"], then["a"]["out_text"]) == ("2026-10", 5)


def test_progress_and_small_segments_of_one_delivery(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "FLUSH_ROWS", 10)
    rows = [attempt(f"a{n}", (n * 7) % 48) for n in range(200)]
    told: list[tuple[str, int]] = []
    sources = {"s": Fake(Given("log", {"attempts": rows}, chunk_rows=10))}
    ingest(folder, sources, now=NOW, progress=lambda label, count: told.append((label, count)))
    assert told[0] == ("s", 10)
    assert told[-1] == ("s", 200)
    manifest = folder.manifest()
    assert {segment.day: segment.rows for segment in manifest.segments} == {"2026-11-01": 101, "2026-11-02": 99}
    assert manifest.number == 1
    assert manifest.segments[0].delivery == next(iter(manifest.deliveries))
    assert len(list((folder.data / "segments").rglob("*.parquet"))) == 2


def fail_at(monkeypatch: pytest.MonkeyPatch, call: int, folder: Folder, given: Given) -> StoreError | None:
    """Book with the n-th fsync failing as on a full disk; the error, or None when there were fewer calls."""
    left, real_fsync = call, os.fsync

    def full(descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        real_fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        try:
            book(folder, given)
        except StoreError as error:
            return error
    return None


def test_a_full_disk_leaves_the_books_valid_and_the_next_run_clean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = Given("1", {"attempts": [attempt("a", 1)]}), Given("2", {"attempts": [attempt("b", 1)]}, raw=b"bytes")
    seen = []
    for call in range(1, 40):
        folder = Folder.create(tmp_path / str(call))
        book(folder, one)
        error = fail_at(monkeypatch, call, folder, two)
        if error is None:
            break
        assert error.message.startswith("the disk is full (while ")
        assert "Free some space" in error.repair
        seen.append((error.message, len(rows_of(folder, "attempts"))))
        book(folder, two)
        assert sorted(row["event_key"] for row in rows_of(folder, "attempts")) == ["a", "b"]
        assert not list(folder.data.rglob("*.tmp"))
        named = {segment.path for number in folder.numbers() for segment in folder.manifest_number(number).segments}
        assert {str(p.relative_to(folder.data)) for p in (folder.data / "segments").rglob("*.parquet")} == named
    doing = "\n".join(message for message, _ in seen)
    assert all(step in doing for step in ("the rows durable", "delivered bytes", "the manifest"))
    assert seen[0][1] == 1
    assert seen[-1][1] == 2, "the last sync fails after the manifest is there: it is booked, and not booked again"


def test_a_million_rows_with_one_bad_one_in_bounded_steps(folder: Folder) -> None:
    count, piece = 1_000_000, 50_000
    template = table_of("attempts", [attempt("x", 1)])

    def chunks() -> Iterator[Chunk]:
        for start in range(0, count, piece):
            numbers = np.arange(start, start + piece)
            times = pa.array(1793491200_000000 + numbers * 170_000, pa.int64())
            bad = np.where(numbers == 777_777, -1, 0)
            filled = {
                "row_number": pa.array(numbers + 2),
                "event_key": pa.array(numbers).cast(pa.string()),
                "event_time": pa.array(np.where(bad < 0, -1, times.to_numpy())).cast(pa.timestamp("us", "UTC")),
            }
            arrays = [
                filled.get(f.name, pa.repeat(template[f.name][0], piece) if f.name not in filled else None)
                for f in template.schema
            ]
            yield Chunk({"attempts": pa.Table.from_arrays(arrays, schema=template.schema)})

    largest = 0

    def watch(_label: str, _rows: int) -> None:
        nonlocal largest
        largest = max(largest, pa.total_allocated_bytes())

    before = pa.total_allocated_bytes()
    given = Given("big.csv", content="big", arrow=chunks)
    done = ingest(folder, {"s": Fake(given)}, now=NOW, progress=watch)
    assert sum(segment.rows for segment in folder.manifest().of("attempts")) == count - 1
    (finding,) = [f for f in done.findings if f.severity is Severity.ERROR]
    assert finding.where == "big.csv:777779"
    assert largest - before < 700_000_000
    again = Given("big-again.csv", content="big again", arrow=chunks)
    done = ingest(folder, {"s": Fake(again)}, now=NOW)
    assert [(f.code, f.count) for f in done.findings if f.severity is Severity.INFO] == [
        ("ledger.repeated_rows", count - 1)
    ]
    assert sum(segment.rows for segment in folder.manifest().of("attempts")) == count - 1
