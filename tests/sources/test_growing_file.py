"""How far a growing file was read, and whether it is still the same file."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netyield.sources import growing_file
from netyield.sources.growing_file import Position, after, look

cells = st.text(st.sampled_from('ab",\n'), max_size=6)


@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=12), st.integers(0, 200), st.integers(1, 40))
def test_the_end_is_after_the_last_whole_record(
    tmp_path_factory: pytest.TempPathFactory, records: list[tuple[str, str]], cut: int, piece: int
) -> None:
    """Whatever is quoted and wherever the file is cut: the bytes up to the end are whole records, with their hash."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([("x", "y"), *records])
    text = out.getvalue().encode()[: max(cut, 1)]
    path = tmp_path_factory.mktemp("look") / "log.csv"
    path.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(growing_file, "PIECE_BYTES", piece)
        seen = look(path, Position(), quoted=True)
    assert seen.divisible
    head = text[: seen.end.offset]
    assert seen.end.sha256 == hashlib.sha256(head).hexdigest()
    assert seen.end.lines == head.count(b"\n")
    assert seen.content_hash == hashlib.sha256(text).hexdigest()
    ends = [n + 1 for n, byte in enumerate(text) if byte == 10 and text[:n].count(b'"') % 2 == 0]
    assert seen.end.offset == (ends[-1] if ends else 0)
    assert seen.last_row == text.count(b"\n") + (not text.endswith(b"\n"))


def test_growth_is_recognised_and_so_is_another_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"a,b\n1,2\n")
    first = look(path, Position(), quoted=True).end
    path.write_bytes(b"a,b\n1,2\n3,4\n5,")
    grown = look(path, first, quoted=True)
    assert grown.same
    assert (grown.before, grown.end.lines, grown.ended) == (first, 3, False)
    with after(path, grown.before, grown.size, header=True) as (tail, shift):
        assert tail.read_bytes() == b"a,b\n3,4\n5,"
        assert shift == 1  # line 2 of the tail is line 3 of the file
    assert not tail.exists()
    path.write_bytes(b"a,b\n1,9\n3,4\n")
    assert not look(path, first, quoted=True).same
    path.write_bytes(b"a,b\n")
    assert not look(path, first, quoted=True).same


@pytest.mark.parametrize(
    "data",
    [gzip.compress(b"a\n1\n", mtime=0), "a\n1\n".encode("utf-16"), b"a\r1\r", b'a,b\nan inch "mark,2\n'],
    ids=["gzip", "utf-16", "old mac", "stray quote"],
)
def test_what_cannot_be_divided_is_always_read_whole(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(data)
    seen = look(path, Position(), quoted=True)
    assert not seen.divisible
    assert seen.end == Position()


def test_a_position_survives_json() -> None:
    position = Position(12, 3, "abc")
    assert Position.of(position.stored()) == position
    assert Position.of({}) == Position.of(None) == Position()
