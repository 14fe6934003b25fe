"""kill -9 at random moments: the last good state stands, and the next run ends with the same books."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
from fake_source import NOW, canonical
from killed_ingest import sources

from netyield.ledger.ingest import ingest
from netyield.store.folder import Folder

SECONDS = 9
TABLES = ("attempts", "outcomes", "charges", "quarantine")


def test_books_after_many_kills_equal_those_of_an_uninterrupted_run(tmp_path: Path) -> None:
    script = Path(__file__).with_name("killed_ingest.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(SECONDS), "20261120"],
        capture_output=True, text=True, timeout=SECONDS * 10, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    killed, ended = (int(word) for word in done.stdout.split())
    assert killed >= 5
    whole = Folder.create(tmp_path / "uninterrupted")
    ingest(whole, sources(), now=NOW)
    expected = {table: canonical(whole, table) for table in TABLES}
    assert {table: len(rows) for table, rows in expected.items()} == {
        "attempts": 15, "outcomes": 4, "charges": 3, "quarantine": 33
    }  # fmt: skip
    for number in range(ended):
        folder = Folder.open(tmp_path / str(number))
        assert {table: canonical(folder, table) for table in TABLES} == expected
        assert folder.manifest().cursors["log"] == {"log": 11}
        for manifest in map(folder.manifest_number, folder.numbers()):  # every older state still reads
            for segment in manifest.segments:
                assert pq.read_metadata(folder.path(segment)).num_rows == segment.rows
        assert ingest(folder, sources(), now=NOW).booked == []
