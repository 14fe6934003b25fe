"""CSV read line by line, the slow and forgiving way. Where does a record end when quotes are not well formed?

A record is one line, or as many as close its quotes and fill the header. A quote that never closes costs its own line
only: reading goes on with the next one.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from itertools import islice

import pyarrow as pa

from netyield.core.finding import Finding
from netyield.sources.opened import TextBlock

LONGEST_RECORD_LINES = 1_000  # a quoted value with more line breaks than this is a forgotten closing quote
# (rows as text columns, the line each starts on, (line, values found) of what is no row)
Parsed = tuple[pa.Table, pa.Array, list[tuple[int, int]]]


@dataclass(slots=True)
class Header:
    """The unique column names of a file, its delimiter, the names as written, and the columns that are wanted."""

    names: list[str]
    delimiter: str
    raw: list[str]
    wanted: list[str]
    findings: list[Finding] = field(default_factory=list)


def by_lines(text: TextBlock, header: Header) -> tuple[Parsed, int]:
    """The rows of a block and how many of its bytes were used; the rest is a record not yet complete."""
    lines = text.text.decode("utf-8").split("\n")
    if not lines[-1]:
        lines.pop()
    width, at = len(header.names), 0
    records: list[list[str]] = []
    numbers: list[int] = []
    bad: list[tuple[int, int]] = []
    while at < len(lines):
        record, taken = _record(lines, at, header, text.last)
        if taken == 0:
            break
        if len(record) == width:
            records.append(record)
            numbers.append(text.line + at)
        elif lines[at].strip():
            bad.append((text.line + at, len(record)))
        at += taken
    used = min(sum(len(line.encode()) + 1 for line in lines[:at]), len(text.text))
    positions = [(name, header.names.index(name)) for name in header.wanted]
    rows = pa.table({name: pa.array([record[at] for record in records], pa.string()) for name, at in positions})
    return (rows, pa.array(numbers, pa.int64()), bad), used


def _record(lines: list[str], at: int, header: Header, last: bool) -> tuple[list[str], int]:
    """(values, lines taken). No values: the quotes never close. No lines taken: the next block is needed."""
    alone = lines[at].rstrip("\r")
    if '"' not in alone:
        return alone.split(header.delimiter), 1
    try:
        return next(csv.reader([alone], delimiter=header.delimiter, strict=True), []), 1
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return forgiving(alone, header.delimiter), 1
    several = islice(lines, at, at + LONGEST_RECORD_LINES)
    reader = csv.reader((f"{line}\n" for line in several), delimiter=header.delimiter, strict=True)
    try:
        record = next(reader)
    except csv.Error as error:
        ran_out = "unexpected end" in str(error) and len(lines) - at < LONGEST_RECORD_LINES
        return [], 0 if ran_out and not last else 1
    return (record, reader.line_num) if len(record) == len(header.names) else ([], 1)


def forgiving(line: str, delimiter: str) -> list[str]:
    """One line with text after a closing quote, as spreadsheets read it."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
