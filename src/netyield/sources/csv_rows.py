"""Rows of a CSV file, fast and exactly numbered. Which line does each row start on, and which are no rows?

Whole blocks go through Arrow's parser as text. Only a block in which a quote stands where none belongs (an inch
sign, a forgotten closing quote) is read line by line, so that one bad row never swallows its neighbours. Row numbers
count lines as an editor does, also when a quoted value holds line breaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from netyield.sources.csv_lines import LONGEST_RECORD_LINES, Header, Parsed, by_lines, forgiving
from netyield.sources.opened import BLOCK_BYTES, Block, Place, TextBlock, text_blocks

DELIMITERS = ",;\t|"
NEWLINE, RETURN, QUOTE = 10, 13, 34


def csv_blocks(
    path: Path, place: Place, columns: Sequence[str] | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Blocks of text columns. ``columns`` keeps only those of the file's columns (unknown names are ignored)."""
    header: Header | None = None
    carry, line, first = b"", 1, True
    for piece in text_blocks(path, place, block_bytes):
        text = TextBlock(carry + piece.text, line if carry else piece.line, piece.last, piece.findings)
        if header is None:
            header, text = _take_header(text, place, columns)
            if header is None:
                yield Block(pa.table({}), pa.array([], pa.int64()), findings=text.findings)
                return
            text.findings = header.findings + text.findings
        block, used = _parse(text, header, place)
        carry, line = text.text[used:], text.line + text.text.count(b"\n", 0, used)
        if first or block.rows.num_rows or block.rejected or block.findings:
            yield block
        first = False


def csv_header(path: Path, place: Place) -> list[str]:
    """The column names of a CSV file; empty when there are none."""
    for text in text_blocks(path, place, 1 << 16):
        header, _ = _take_header(text, place, None)
        return [] if header is None else header.names
    return []


def _take_header(
    text: TextBlock, place: Place, columns: Sequence[str] | None
) -> tuple[Header | None, TextBlock]:
    line, rest = text.line, text.text
    first = b""
    while rest and not first.strip():  # blank lines before the header are skipped
        first, _, rest = rest.partition(b"\n")
        line += 1
    if not first.strip():
        finding = place.error("empty_file", "the file is empty", "Export it again, or remove it from the path.")
        return None, TextBlock(b"", line, text.last, [*text.findings, finding])
    heading = first.decode("utf-8").rstrip("\r")
    delimiter = max(DELIMITERS, key=heading.count)
    raw = [name.strip() for name in forgiving(heading, delimiter)]
    if not raw:
        finding = place.error("bad_header", "the first line is no CSV header", "Is this really a CSV file?", line - 1)
        return None, TextBlock(b"", line, text.last, [*text.findings, finding])
    header = _named(raw, delimiter, place, line - 1)
    header.wanted = [name for name in header.names if columns is None or name in columns] or header.names
    return header, TextBlock(rest, line, text.last, text.findings)


def _named(raw: list[str], delimiter: str, place: Place, row: int) -> Header:
    """Unique names; a repeated column keeps its first position and the others are put aside."""
    names: list[str] = []
    repeated = []
    for position, name in enumerate(raw, 1):
        unique = name or f"column {position}"
        if unique in names:
            repeated.append(unique)
            unique = f"{unique} (column {position})"
        names.append(unique)
    header = Header(names, delimiter, raw, [])
    if repeated:
        message = f"columns named twice in the header, only the first of each is used: {', '.join(repeated)}"
        header.findings.append(place.warning("duplicate_column", message, "Give every column its own name.", row))
    return header


@dataclass(slots=True)
class _Scan:
    """Where records end in a block, and whether its quotes are well formed up to there."""

    ends: NDArray[np.int64]
    starts_line: NDArray[np.int64]
    used: int
    clean: bool


def _scan(text: TextBlock, delimiter: str) -> _Scan:
    data = np.frombuffer(text.text, np.uint8)
    newlines = np.flatnonzero(data == NEWLINE)
    quotes = np.flatnonzero(data == QUOTE)
    if text.last and data.size and data[-1] != NEWLINE:
        newlines = np.append(newlines, data.size)
    keep = np.arange(newlines.size)
    if quotes.size:
        keep = np.flatnonzero(np.searchsorted(quotes, newlines) % 2 == 0)
    ends = newlines[keep]
    used = min(int(ends[-1]) + 1, data.size) if ends.size else 0
    starts_line = text.line + np.concatenate(([0], keep[:-1] + 1)) if keep.size else keep
    inside = quotes[quotes < used]
    clean = _quotes_are_clean(data, inside, delimiter) and (not text.last or used == data.size)
    return _Scan(ends, starts_line, used, clean)


def _quotes_are_clean(data: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: str) -> bool:
    """Every opening quote follows a delimiter, line end or quote; every closing one precedes such."""
    if not quotes.size:
        return True
    allowed = np.zeros(256, bool)
    allowed[[ord(delimiter), NEWLINE, RETURN, QUOTE]] = True
    opening, closing = quotes[0::2], quotes[1::2]
    before = data[np.maximum(opening - 1, 0)]
    after = data[np.minimum(closing + 1, data.size - 1)]
    return bool(np.all(allowed[before] | (opening == 0)) and np.all(allowed[after] | (closing == data.size - 1)))


def _parse(text: TextBlock, header: Header, place: Place) -> tuple[Block, int]:
    """The block's rows and how many of its bytes were used (the rest belongs to a record not yet complete)."""
    scan = _scan(text, header.delimiter)
    stuck = scan.used == 0 and (text.last or text.text.count(b"\n") > LONGEST_RECORD_LINES)
    parsed = _by_arrow(text, scan, header) if scan.clean and not stuck else None
    used = scan.used
    if parsed is None:
        parsed, used = by_lines(text, header)
    rows, numbers, bad = parsed
    block = Block(rows, numbers, findings=list(text.findings))
    _drop_repeated_header(block, header, place)
    width = len(header.names)
    code = f"{place.code}.ragged_row"
    block.rejected = [(number, code, _ragged(found, width), None) for number, found in bad]
    if bad:
        repair = "Repair the row in the file (often a stray quote or delimiter) and read it again."
        block.findings.append(place.error("ragged_row", _ragged(bad[0][1], width), repair, bad[0][0], len(bad)))
    return block, used


def _ragged(found: int, width: int) -> str:
    return f"the row has {found} values where the header has {width}" if found else "the row's quotes are not closed"


def _by_arrow(text: TextBlock, scan: _Scan, header: Header) -> Parsed | None:
    """None when Arrow sees other records than the scan (a lone carriage return) or no CSV at all (binary noise): read
    it line by line then."""
    invalid: list[tuple[int, int]] = []

    def skip(row: arrow_csv.InvalidRow) -> str:
        invalid.append((row.number or 0, row.actual_columns))
        return "skip"

    if scan.used == 0:
        return pa.table({name: pa.array([], pa.string()) for name in header.wanted}), pa.array([], pa.int64()), []
    try:
        rows = _arrow_table(text.text[: scan.used], header, skip, threads=True)
        if invalid:
            invalid.clear()
            rows = _arrow_table(text.text[: scan.used], header, skip, threads=False)  # only this way rows are numbered
    except pa.ArrowInvalid:
        return None
    if rows.num_rows + len(invalid) != scan.ends.size:
        return None
    good = np.ones(scan.ends.size, bool)
    good[[number - 1 for number, _ in invalid]] = False
    blank = _blank(text.text, scan.ends)[good]
    numbers = scan.starts_line[good]
    if blank.any():
        rows, numbers = rows.filter(pa.array(~blank)), numbers[~blank]
    bad = [(int(scan.starts_line[number - 1]), found) for number, found in invalid]
    return rows, pa.array(numbers, pa.int64()), bad


def _arrow_table(text: bytes, header: Header, skip: object, *, threads: bool) -> pa.Table:
    return arrow_csv.read_csv(
        pa.BufferReader(text),
        read_options=arrow_csv.ReadOptions(
            column_names=header.names, use_threads=threads, block_size=max(len(text) + 1, 1 << 10)
        ),
        parse_options=arrow_csv.ParseOptions(
            delimiter=header.delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=skip
        ),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.string() for name in header.names},
            include_columns=header.wanted,
            strings_can_be_null=False,
            check_utf8=False,
        ),
    )


def _blank(text: bytes, ends: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Records that are an empty line (or a carriage return only)."""
    starts = np.concatenate(([0], ends[:-1] + 1))
    length = ends - starts
    data = np.frombuffer(text, np.uint8)
    blank: NDArray[np.bool_] = (length == 0) | ((length == 1) & (data[np.minimum(starts, data.size - 1)] == RETURN))
    return blank


def _drop_repeated_header(block: Block, header: Header, place: Place) -> None:
    """Files glued together repeat the header between their rows."""
    if not header.wanted or not block.rows.num_rows:
        return
    same: pa.ChunkedArray | None = None
    for name in header.wanted:
        here = pc.equal(block.rows[name], header.raw[header.names.index(name)])
        same = here if same is None else pc.and_(same, here)
        if not pc.any(same).as_py():
            return
    first = block.numbers.filter(same.combine_chunks())[0].as_py()  # type: ignore[union-attr]
    count = pc.sum(same).as_py()
    block.findings.append(
        place.info("repeated_header", "the header is repeated between the rows and was skipped", "", first, count)
    )
    keep = pc.invert(same).combine_chunks()
    block.rows, block.numbers = block.rows.filter(keep), block.numbers.filter(keep)
