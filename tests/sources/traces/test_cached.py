"""The columnar form: the same trace, used only for the same file, harmless where nothing can be written."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from tests.sources.traces.trace_files import mooncake, write_lines

from netyield.sources.traces import cached
from netyield.sources.traces.read import read_trace
from netyield.sources.traces.trace import Trace

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(autouse=True)
def small_traces_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached, "LEAST_ACCESSES", 1)


def same(one: Trace, two: Trace) -> bool:
    return all(
        np.array_equal(getattr(one, f.name), getattr(two, f.name)) and type(getattr(one, f.name)) is type(getattr(two, f.name))
        for f in fields(Trace)
        if f.name != "notes"
    )


def used(trace: Trace) -> bool:
    return any(note.startswith("read from its cached columnar form") for note in trace.notes)


def a_trace(path: Path, size: int = 512) -> Path:
    return write_lines(path, [mooncake(-1, 2 * size, [1, 2]), mooncake(4, 2 * size, [1, 3], tenant="red")])


def test_the_same_trace_comes_back_and_says_where_from(tmp_path: Path) -> None:
    path, cache = a_trace(tmp_path / "t.jsonl"), tmp_path / "cache"
    first, second = read_trace(path, cache=cache), read_trace(path, cache=cache)
    assert not used(first)
    assert used(second)
    assert same(first, second)
    assert second.findings
    assert not used(read_trace(path))
    assert not list(cache.glob("*.tmp"))


def test_the_mooncake_trace_comes_back(tmp_path: Path) -> None:
    path = DATA / "kv" / "mooncake_synthetic_trace.jsonl.gz"
    first, second = read_trace(path, cache=tmp_path), read_trace(path, cache=tmp_path)
    assert used(second)
    assert same(first, second)


def test_content_ids_come_back(tmp_path: Path) -> None:
    path, cache = a_trace(tmp_path / "t.jsonl"), tmp_path / "cache"
    first = read_trace(path, cache=cache, format="content")
    second = read_trace(path, cache=cache, format="content")
    assert used(second)
    assert same(first, second)
    assert not used(read_trace(path, cache=cache))  # other options, another form


def test_a_changed_file_is_read_anew_even_with_its_old_size_and_times(tmp_path: Path) -> None:
    path, cache = a_trace(tmp_path / "t.jsonl"), tmp_path / "cache"
    before = path.stat()
    read_trace(path, cache=cache)
    path.write_bytes(path.read_bytes().replace(b"[1, 3]", b"[7, 3]"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = read_trace(path, cache=cache)
    assert not used(again)
    assert again.unique_blocks == 4
    assert used(read_trace(path, cache=cache))


def test_settled_files_are_known_without_reading_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, cache = a_trace(tmp_path / "t.jsonl"), tmp_path / "cache"
    monkeypatch.setattr(cached, "SETTLED_NS", -1)
    read_trace(path, cache=cache)
    monkeypatch.setattr(cached, "digest", lambda path: pytest.fail("the file was read"))
    assert used(read_trace(path, cache=cache))


def test_a_touched_file_is_still_the_same_file(tmp_path: Path) -> None:
    path, cache = a_trace(tmp_path / "t.jsonl"), tmp_path / "cache"
    read_trace(path, cache=cache)
    os.utime(path, ns=(1, 1))
    assert used(read_trace(path, cache=cache))


def test_a_damaged_form_is_not_used(tmp_path: Path) -> None:
    path, cache = a_trace(tmp_path / "t.jsonl"), tmp_path / "cache"
    whole = read_trace(path, cache=cache)
    [place] = cache.iterdir()
    data = place.read_bytes()
    for damaged in (b"", data[:7], data[:40], data[:-3], b"x" * len(data)):
        place.write_bytes(damaged)
        again = read_trace(path, cache=cache)
        assert not used(again)
        assert same(again, whole)


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    path = a_trace(tmp_path / "t.jsonl")
    (tmp_path / "file").write_bytes(b"")
    for cache in (tmp_path / "file" / "traces", Path("/proc/nothing")):
        assert read_trace(path, cache=cache).requests == 2
        assert not used(read_trace(path, cache=cache))


def test_the_forms_used_last_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "cache"
    paths = [a_trace(tmp_path / f"{n}.jsonl") for n in range(4)]
    for path in paths:
        read_trace(path, cache=cache)
    assert len(list(cache.iterdir())) == 4
    for age, path in enumerate(paths):
        kept = {one: one.stat().st_mtime_ns for one in cache.iterdir()}
        read_trace(path, cache=cache)
        [place] = [one for one in cache.iterdir() if one.stat().st_mtime_ns != kept[one]]
        os.utime(place, (1_000 + age, 1_000 + age))
    size = max(one.stat().st_size for one in cache.iterdir())
    monkeypatch.setattr(cached, "KEPT_BYTES", 2 * size + size // 2)
    read_trace(paths[0], cache=cache, block_size=511)
    assert len(list(cache.iterdir())) == 2
    monkeypatch.undo()
    assert used(read_trace(paths[3], cache=cache))


def test_the_folder_is_the_users_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("NETYIELD_CACHE", raising=False)
    assert cached.cache_folder() == tmp_path / "netyield" / "traces"
    monkeypatch.setenv("NETYIELD_CACHE", str(tmp_path / "x"))
    assert cached.cache_folder() == tmp_path / "x" / "traces"
