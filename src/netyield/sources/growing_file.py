"""A log that is still being written. How far was it read, is it still the same file, and what came since?

A cursor keeps, per file, where the last complete record ended and the hash of everything before it. When that hash
still fits, only what follows is read; a file that was rewritten or rotated is read whole (its rows are recognised by
their event keys). A last line without a line end is read, but never counted as complete.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from netyield.sources.opened import BYTE_ORDER_MARKS, GZIP_MAGIC

PIECE_BYTES = 1 << 20
PARQUET_MAGIC = b"PAR1"
NEWLINE, QUOTE = 10, 34
VALUE_BEGINS_AFTER = np.frombuffer(b',;\t|"\r\n', np.uint8)


@dataclass(frozen=True, slots=True)
class Position:
    """Bytes and line ends before the first record that was not complete, and the hash of those bytes."""

    offset: int = 0
    lines: int = 0
    sha256: str = hashlib.sha256().hexdigest()

    @classmethod
    def of(cls, stored: Mapping[str, Any] | None) -> Position:
        """The position a cursor holds; the start of the file when it holds none."""
        stored = stored or {}
        return cls(stored["offset"], stored["lines"], stored["sha256"]) if "offset" in stored else cls()

    def stored(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Look:
    """A file at one moment. ``end``: after its last complete record; ``last_row``: the line its last byte is on;
    ``ended``: that line has its line end; ``same``: the file still begins as it did at ``before``; ``divisible``:
    plain text that can be read from the middle."""

    before: Position
    end: Position
    size: int
    last_row: int
    ended: bool
    content_hash: str
    same: bool
    divisible: bool


def look(path: Path, before: Position, *, quoted: bool) -> Look:
    """Hash the file once. ``quoted``: line ends inside double quotes do not end a record (CSV)."""
    whole, complete = hashlib.sha256(), hashlib.sha256()
    size, lines, end, lines_at_end = 0, 0, 0, 0
    same, open_quote, divisible, ended, before_it = before.offset == 0, False, True, True, NEWLINE
    with path.open("rb") as stream:
        while piece := stream.read(_wanted(size, before.offset)):
            if size == 0:
                divisible = _is_divisible(piece)
            scan = _scan(piece, before_it, open_quote) if quoted and (open_quote or b'"' in piece) else None
            cut = piece.rfind(b"\n") + 1 if scan is None else scan.cut
            open_quote, divisible = (False, divisible) if scan is None else (scan.open_quote, divisible and scan.clean)
            before_it = piece[-1]
            if cut:
                complete = whole.copy()
                complete.update(piece[:cut])
                end, lines_at_end = size + cut, lines + piece.count(b"\n", 0, cut)
            whole.update(piece)
            lines += piece.count(b"\n")
            size += len(piece)
            ended = piece.endswith(b"\n")
            if size == before.offset and before.offset:
                same = whole.hexdigest() == before.sha256
    position = Position(end, lines_at_end, complete.hexdigest()) if divisible else Position()
    last_row = lines + (not ended)
    start = before if same else Position()
    return Look(start, position, size, last_row, ended, whole.hexdigest(), same, divisible)


def _wanted(size: int, stop: int) -> int:
    """Pieces end exactly where the hash is to be compared."""
    return min(PIECE_BYTES, stop - size) if size < stop else PIECE_BYTES


def _is_divisible(start: bytes) -> bool:
    packed = start.startswith((GZIP_MAGIC, PARQUET_MAGIC))
    wide = any(start.startswith(mark) for mark, name in BYTE_ORDER_MARKS if name != "utf-8")
    old_mac = b"\r" in start and b"\n" not in start
    return not (packed or wide or old_mac)


class _Scan(NamedTuple):
    cut: int  # bytes up to the last record end of the piece
    open_quote: bool  # is a quote open after it
    clean: bool  # does every opening quote stand where a value begins


def _scan(piece: bytes, before_it: int, open_quote: bool) -> _Scan:
    data = np.frombuffer(piece, np.uint8)
    quotes = np.flatnonzero(data == QUOTE)
    newlines = np.flatnonzero(data == NEWLINE)
    outside = newlines[(np.searchsorted(quotes, newlines) + open_quote) % 2 == 0]
    opening = quotes[int(open_quote) :: 2]
    earlier = np.where(opening > 0, data[np.maximum(opening - 1, 0)], before_it)
    clean = bool(np.isin(earlier, VALUE_BEGINS_AFTER).all())
    return _Scan(int(outside[-1]) + 1 if outside.size else 0, bool((quotes.size + open_quote) % 2), clean)


@contextmanager
def after(path: Path, position: Position, size: int, *, header: bool) -> Iterator[tuple[Path, int]]:
    """A temporary file with the bytes from ``position`` to ``size`` (behind the header lines of a CSV), and what to
    add to its row numbers. It is gone when the block ends."""
    with tempfile.TemporaryDirectory(prefix="netyield-") as folder, path.open("rb") as stream:
        tail = Path(folder) / f"tail{path.suffix}"
        with tail.open("wb") as out:
            heading = _heading(stream) if header else b""
            out.write(heading)
            stream.seek(position.offset)
            _copy(stream, out, size - position.offset)
        yield tail, position.lines - heading.count(b"\n")


def _heading(stream: IO[bytes]) -> bytes:
    heading = b""
    while not heading.strip(b"\xef\xbb\xbf \t\r\n"):
        line = stream.readline()
        if not line:
            break
        heading += line
    return heading


def _copy(stream: IO[bytes], out: IO[bytes], count: int) -> None:
    while count > 0 and (piece := stream.read(min(PIECE_BYTES, count))):
        out.write(piece)
        count -= len(piece)
