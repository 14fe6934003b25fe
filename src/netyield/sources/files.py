"""Files for every source: which ones does a path name, and what rows do they hold?

``read_rows`` gives any CSV, JSON Lines or Parquet file (.gz or not) as blocks of an Arrow table with true row
numbers, in bounded memory; dirt comes back as findings and rejected rows. See csv_rows, json_rows, parquet_rows.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from netyield.core.finding import Finding, Severity
from netyield.sources.csv_rows import csv_blocks, csv_header
from netyield.sources.json_rows import json_blocks
from netyield.sources.opened import BLOCK_BYTES, Block, Place, RejectedRow, open_binary, packed
from netyield.sources.parquet_rows import parquet_blocks, parquet_header, parquet_rows

__all__ = [
    "Block", "Format", "Place", "RejectedRow", "estimated_rows", "file_format", "header", "label", "matching",
    "no_file", "open_binary", "read_rows", "size_bytes",
]

Format = Literal["csv", "jsonl", "parquet"]
PARQUET_MAGIC = b"PAR1"
TYPICAL_PACKING = 10  # a gzip CSV unpacks to about this many times its size


def matching(root: Path, pattern: str) -> list[Path]:
    """The files a path or glob (``**`` too) names, relative to ``root``, sorted; ``~`` is the home folder."""
    wanted = Path(pattern).expanduser()
    absolute = wanted if wanted.is_absolute() else root / wanted
    if absolute.is_file():  # a name that holds [ or * itself
        return [absolute]
    anchor = Path(absolute.anchor)
    return sorted(path for path in anchor.glob(str(absolute.relative_to(anchor))) if _may_be_file(path))


def _may_be_file(path: Path) -> bool:
    """A name in a folder that may not be entered counts: whoever reads it will say that it cannot be read."""
    try:
        return path.is_file()
    except OSError:
        return True


def size_bytes(*paths: Path) -> int:
    """The bytes of some files; one that cannot be looked at counts nothing."""
    total = 0
    for path in paths:
        with suppress(OSError):
            total += path.stat().st_size
    return total


def label(root: Path, path: Path) -> str:
    """The name people see: relative to ``root`` where it is inside it."""
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def no_file(code: str, pattern: str, root: Path) -> Finding:
    """The finding for a path that names no file."""
    message = f"no file matches {pattern!r} in {root}."
    repair = "Correct the path in netyield.toml."
    if (root / pattern).is_dir():
        message = f"{pattern!r} is a folder, not a file."
        repair = f"Name the files in it in netyield.toml, for example {pattern.rstrip('/')}/*.csv."
    return Finding(f"{code}.no_file", Severity.ERROR, message, repair, pattern)


def file_format(path: Path) -> Format:
    """By content where it is certain (Parquet, a line that opens an object), else by name."""
    try:
        with open_binary(path) as stream:
            start = stream.read1(64)  # type: ignore[attr-defined]
    except (EOFError, OSError, zlib.error):
        start = b""
    if start.startswith(PARQUET_MAGIC) or ".parquet" in path.suffixes or ".pq" in path.suffixes:
        return "parquet"
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    return "jsonl" if text.startswith(b"{") or {".jsonl", ".ndjson"} & set(path.suffixes) else "csv"


def read_rows(path: Path, place: Place, columns: Sequence[str] | None = None) -> Iterator[Block]:
    """The rows of a file of any known format, in bounded blocks. ``columns`` keeps only those the file has."""
    kind = file_format(path)
    if kind == "parquet":
        return parquet_blocks(path, place, columns)
    return json_blocks(path, place, columns) if kind == "jsonl" else csv_blocks(path, place, columns)


def header(path: Path, place: Place) -> list[str]:
    """The column names without reading the rows (JSON Lines: those of the first block); empty when unreadable."""
    kind = file_format(path)
    if kind == "parquet":
        return parquet_header(path)
    if kind == "csv":
        return csv_header(path, place)
    return next((list(block.rows.column_names) for block in json_blocks(path, place, block_bytes=1 << 16)), [])


def estimated_rows(path: Path, first: Block) -> int:
    """Rows of a file whose first block is known: exact for Parquet and for files of one block."""
    if file_format(path) == "parquet":
        return parquet_rows(path)
    size = size_bytes(path) * (TYPICAL_PACKING if packed(path) else 1)
    rows: int = first.rows.num_rows
    return rows if size <= BLOCK_BYTES else rows * size // BLOCK_BYTES
