"""The project folder: readers without locks, one writer, as-of, what a crash leaves."""

from __future__ import annotations

import hashlib
import os
import re
import resource
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from netyield.core.contract import contract
from netyield.core.errors import ContractError, StoreError
from netyield.store.folder import Folder
from netyield.store.manifest import DeliveryRecord, inputs_key
from netyield.store.segments import read
from netyield.store.writer import Writer, manifest_path

NOW = datetime(2026, 11, 20, tzinfo=UTC)
DAY = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder.create(tmp_path)


def rows(*hours: float, source: str = "s") -> pa.Table:
    lineage = {"tenant": "default", "source": source, "delivery": "d", "recorded_at": NOW, "run_id": "r"}
    own = {"pool": "p", "gpus_total": 8, "gpus_allocated": 4, "hold_us": 1, "posting_period": "2026-11"}
    listed = [
        {**lineage, **own, "row_number": n, "event_key": f"{hour}", "event_time": DAY + timedelta(hours=hour)}
        for n, hour in enumerate(hours)
    ]
    return pa.Table.from_pylist(listed, schema=contract("capacity_samples").schema)


def record(name: str) -> DeliveryRecord:
    return DeliveryRecord(name, "s", name, "append", {"capacity_samples": 1}, NOW)


def keys(folder: Folder, **window: datetime) -> list[str]:
    segments = folder.segments(folder.manifest(), "capacity_samples", **window)
    return sorted(read([folder.path(s) for s in segments], "capacity_samples")["event_key"].to_pylist())


def test_nothing_is_visible_before_the_commit(folder: Folder) -> None:
    reader = Folder.open(folder.root)
    with folder.writer() as writer:
        written = writer.write_segments("capacity_samples", rows(1, 30), "d", None)
        assert [segment.day for segment in written] == ["2026-11-01", "2026-11-02"]
        assert reader.manifest().number == 0
        manifest = writer.commit([record("d")], {"s": {"offset": 3}}, recorded_at=NOW)
    assert reader.manifest() == manifest == folder.manifest_number(1)
    assert manifest.deliveries["d"].manifest == 1
    assert manifest.cursors == {"s": {"offset": 3}}
    assert reader.paths(manifest.segments) == [str(folder.data.absolute() / s.path) for s in manifest.segments]


def test_a_window_is_half_open(folder: Folder) -> None:
    with folder.writer() as writer:
        for hour in (0, 24, 48):
            writer.write_segments("capacity_samples", rows(hour), "d", None)
        writer.commit()
    assert keys(folder, since=DAY, until=DAY + timedelta(hours=24)) == ["0"]
    assert keys(folder, since=DAY + timedelta(hours=24), until=DAY + timedelta(hours=48)) == ["24"]
    assert keys(folder, since=DAY + timedelta(hours=24, microseconds=1)) == ["48"]
    assert keys(folder, until=DAY) == []
    assert keys(folder) == ["0", "24", "48"]


def test_charges_lie_in_their_billing_month_and_overlap_by_their_period(folder: Folder) -> None:
    month = datetime(2026, 11, 1, tzinfo=UTC)
    base = {name: None for name in contract("charges").schema.names}
    lineage = {"tenant": "t", "source": "s", "delivery": "d", "row_number": 1, "event_key": "k", "run_id": "r"}
    start = datetime(2026, 11, 5, tzinfo=UTC)
    row = {**base, **lineage, "event_time": start, "recorded_at": NOW, "posting_period": "2026-11", "currency": "USD",
           "charge_start": start, "charge_end": start + timedelta(days=2), "charge_category": "Usage"}  # fmt: skip
    table = pa.Table.from_pylist([row, {**row, "billing_period_start": month}], schema=contract("charges").schema)
    with folder.writer() as writer:
        (segment,) = writer.write_segments("charges", table, "d", "key")
        writer.commit()
    assert (segment.day, segment.snapshot_key, segment.rows) == ("2026-11-01", "key", 2)
    manifest = folder.manifest()
    assert folder.segments(manifest, "charges", start + timedelta(days=1), start + timedelta(days=9)) == [segment]
    assert folder.segments(manifest, "charges", start + timedelta(days=2), None) == []


def test_as_of_finds_the_newest_manifest_recorded_by_then(folder: Folder) -> None:
    with folder.writer() as writer:
        for hour in range(9):
            writer.write_segments("capacity_samples", rows(hour), "d", None)
            writer.commit(recorded_at=NOW + timedelta(hours=hour // 2))
        late = writer.commit(recorded_at=NOW - timedelta(days=9))
    assert late.recorded_at == NOW + timedelta(hours=4), "a clock that goes back does not reorder the books"
    assert folder.manifest(NOW - timedelta(seconds=1)).number == 0
    assert folder.manifest(NOW).number == 2
    assert folder.manifest(NOW + timedelta(hours=1, minutes=59)).number == 4
    assert folder.manifest(NOW + timedelta(days=1)).number == folder.manifest().number == 10


def test_many_manifests_read_the_same_from_few_or_many_files(folder: Folder) -> None:
    with folder.writer() as writer:
        for number in range(1, 70):
            drop = writer.manifest.segments[:1] if number % 5 == 0 else ()
            writer.write_segments("capacity_samples", rows(number), "d", None)
            expected = writer.commit([record(f"d{number}")], {"s": number}, drop)
    fresh = Folder.open(folder.root)
    assert fresh.manifest() == expected
    assert len(expected.segments) == 69 - 13
    assert [fresh.manifest_number(n).number for n in (69, 3, 40, 68)] == [69, 3, 40, 68]
    assert fresh.manifest_number(40).cursors == {"s": 40}
    sizes = [path.stat().st_size for path in (folder.data / "manifests").iterdir()]
    assert sum(sizes) < 69 * max(sizes) / 4, "not every manifest repeats everything"


def test_a_second_writer_waits_and_then_says_who_writes(folder: Folder) -> None:
    with folder.writer():
        with pytest.raises(StoreError, match=rf"process {os.getpid()}\).*0\.1 s") as caught, folder.writer(0.1):
            pass
        assert "Wait until it ends" in caught.value.repair
    held = threading.Event()

    def hold() -> None:
        with folder.writer():
            held.set()
            time.sleep(0.2)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    started = time.monotonic()
    with folder.writer(wait_seconds=20):
        assert time.monotonic() - started > 0.1, "it waited until the first one ended"
    thread.join()


def test_a_lock_of_a_killed_process_is_free(folder: Folder) -> None:
    script = textwrap.dedent(f"""
        import sys, time
        from pathlib import Path
        from netyield.store.folder import Folder
        with Folder.open(Path({str(folder.root)!r})).writer():
            print("held", flush=True)
            time.sleep(60)
    """)
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StoreError, match=f"process {holder.pid}"), folder.writer(0):
        pass
    holder.kill()
    holder.communicate()
    with folder.writer(5) as writer:
        assert writer.manifest.number == 0


def leave_behind(writer: Writer, data: Path) -> None:
    """What a process killed between its writes and its commit leaves."""
    writer.write_segments("capacity_samples", rows(5), "d", None)
    writer._pending.clear()
    for part in ("raw", "manifests", "segments/capacity_samples"):
        (data / part / ".half.tmp").write_bytes(b"half")


def test_the_next_writer_sweeps_what_a_killed_one_left(folder: Folder) -> None:
    with folder.writer() as writer:
        writer.write_segments("capacity_samples", rows(1), "d", None)
        writer.commit()
        leave_behind(writer, folder.data)
    derived = folder.derived_path("states", "2026-11-01", "abc")
    derived.with_suffix(".tmp").write_bytes(b"a reader is writing this")
    with folder.writer() as writer:
        assert writer.manifest.number == 1
    assert len(list((folder.data / "segments").rglob("*.*"))) == 1
    assert [path.name for path in folder.data.rglob("*.tmp")] == ["abc.tmp"]
    assert keys(folder) == ["1"]


def test_an_error_in_the_writer_books_nothing(folder: Folder) -> None:
    def interrupted() -> None:
        with folder.writer() as writer:
            writer.write_segments("capacity_samples", rows(1), "d", None)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert folder.manifest().number == 0
    assert not list((folder.data / "segments").rglob("*.parquet"))


def test_readers_in_other_processes_never_see_half_a_state(folder: Folder) -> None:
    script = textwrap.dedent(f"""
        import sys
        from pathlib import Path
        import pyarrow.parquet as pq
        from netyield.store.folder import Folder
        folder, seen = Folder.open(Path({str(folder.root)!r})), set()
        print("ready", flush=True)
        while True:
            manifest = folder.manifest()
            total = sum(pq.read_metadata(folder.path(s)).num_rows for s in manifest.segments)
            assert total == sum(s.rows for s in manifest.segments)
            assert total == 6 * min(manifest.number, 1) + 2 * max(manifest.number - 1, 0), (total, manifest.number)
            seen.add(manifest.number)
            if manifest.number == 30:
                sys.exit(0 if len(seen) > 3 else 2)
    """)
    reader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert reader.stdout is not None
    assert reader.stdout.readline() == "ready\n"
    with folder.writer() as writer:
        writer.write_segments("capacity_samples", rows(*range(6)), "d", None)
        writer.commit()
        for number in range(2, 31):
            drop = writer.manifest.of("capacity_samples")[:1]
            count = drop[0].rows + 2
            writer.write_segments("capacity_samples", rows(*(n / 100 for n in range(count))), "d", None)
            writer.commit(drop_segments=drop)
            assert writer.manifest.number == number
    _, errors = reader.communicate(timeout=60)
    assert reader.returncode == 0, errors


def test_raw_input_is_kept_by_its_hash_once(folder: Folder, tmp_path: Path) -> None:
    path = tmp_path / "bill.csv"
    path.write_bytes(b"a,b\n1,2\n")
    with folder.writer() as writer:
        name = writer.keep_raw(path)
        assert writer.keep_raw(b"a,b\n1,2\n") == name
        path.write_bytes(b"changed in place")
        assert (folder.data / name).read_bytes() == b"a,b\n1,2\n"
        with pytest.raises(FileNotFoundError):
            writer.keep_raw(tmp_path / "gone.csv")
    assert re.fullmatch(r"raw/[0-9a-f]{64}", name)
    assert len(list((folder.data / "raw").iterdir())) == 1


@pytest.fixture
def small_files() -> Iterator[int]:
    """A limit on file size the system itself enforces, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    yield 20_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_the_system_refuses_is_a_clear_error(folder: Folder, small_files: int) -> None:
    with folder.writer() as writer:
        writer.write_segments("capacity_samples", rows(1), "d", None)
        writer.commit()
        with pytest.raises(StoreError, match="the disk is full") as caught:
            writer.keep_raw(os.urandom(small_files + 1))
        assert "Free some space and run again" in caught.value.repair
    assert keys(folder) == ["1"]
    assert not list(folder.data.rglob("*.tmp"))


def test_compaction_merges_small_segments_and_keeps_rows_and_results(folder: Folder) -> None:
    with folder.writer() as writer:
        for hour in range(12):
            writer.write_segments("capacity_samples", rows(hour), "d", None)
            writer.write_segments("capacity_samples", rows(hour, source="other"), "d", f"key{hour % 2}")
            writer.commit()
        for hour in range(8):
            writer.write_segments("capacity_samples", rows(24 + hour), "d", None)
            writer.commit()
        before = writer.manifest
        assert writer.compact("capacity_samples") == 12
        assert writer.compact("capacity_samples") == 0
    after = folder.manifest()
    assert len(after.segments) == 1 + 12 + 8, "snapshots of six parts and days of eight are left alone"
    (merged,) = [segment for segment in after.segments if segment.delivery == "compaction"]
    assert (merged.rows, merged.day, len(merged.parts)) == (12, "2026-11-01", 12)
    assert keys(folder) == sorted(f"{h}" for h in [*range(12), *range(12), *range(24, 32)])
    assert inputs_key(before.segments) == inputs_key(after.segments)
    assert inputs_key(before.segments) != inputs_key(before.segments[1:])
    assert len(before.segments) == len(Folder.open(folder.root).manifest_number(before.number).segments)


def test_segments_have_the_contract_columns_compressed_with_checksums(folder: Folder) -> None:
    with folder.writer() as writer:
        (segment,) = writer.write_segments("capacity_samples", rows(2, 1), "d", None)
        with pytest.raises(ContractError, match="capacity_samples"):
            writer.write_segments("capacity_samples", rows(1).drop_columns(["pool"]), "d", None)
        path = writer.path(segment)
        content = path.read_bytes()
        column = pq.read_metadata(path).row_group(0).column(0)
        assert pq.read_schema(path).equals(contract("capacity_samples").schema)
    assert column.compression == "ZSTD"
    assert (segment.sha256, segment.size_bytes) == (hashlib.sha256(content).hexdigest(), len(content))
    assert (segment.min_us, segment.max_us) == (1793494800_000000, 1793498400_000000)


def test_damage_and_newer_versions_are_clear_errors(folder: Folder, tmp_path: Path) -> None:
    with folder.writer() as writer:
        writer.write_segments("capacity_samples", rows(1), "d", None)
        writer.commit()
    path = manifest_path(folder.data, 1)
    good = path.read_bytes()
    for bad in (good[:-30], good.replace(b'"rows":1', b'"rows":2'), b""):
        path.write_bytes(bad)
        with pytest.raises(StoreError, match=r"manifest 000000000001\.json is damaged"):
            Folder.open(tmp_path).manifest()
    path.write_bytes(good)
    with pytest.raises(StoreError, match="no manifest 7"):
        folder.manifest_number(7)
    with pytest.raises(StoreError, match="no books yet"):
        Folder.open(tmp_path / "nowhere")
    (folder.data / "format.json").write_text('{"format": 99}')
    with pytest.raises(StoreError, match="format 99"):
        Folder.open(tmp_path)
