"""LiteLLM logs in files: exports of the spend table (CSV, Parquet, JSON) and logged payloads (JSON in every framing).

The ``generic_api`` callback writes JSON arrays, JSON Lines or single objects; an array may fill the file or a line.
Rows are numbered by line, or by position where one array fills the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from netyield.core.finding import Finding
from netyield.sources.files import read_rows
from netyield.sources.opened import Place, RejectedRow, text_blocks
from netyield.sources.traffic.litellm_payload import COLUMNS, Record

BLOCK_BYTES = 4 << 20
PEEK_BYTES = 1 << 16
RECORDS_PER_BLOCK = 20_000
WHOLE_FILE_BYTES = 1 << 30  # a single array beyond this does not fit beside its parsed records

Piece = tuple[list[tuple[int, Record]], list[RejectedRow], list[Finding]]


def framing(path: Path) -> str:
    """``lines`` (one JSON object each), ``arrays`` (one JSON array each), ``whole`` (one JSON text) or ``table``."""
    start = next(text_blocks(path, Place("litellm", ""), PEEK_BYTES)).text.lstrip()
    first, newline, _ = start.partition(b"\n")
    if not first.startswith((b"{", b"[")):
        return "table"
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return "lines" if first.startswith(b'{"') and newline else "whole"
    return "lines" if first.startswith(b"{") else "arrays"


def records(path: Path, place: Place, more: tuple[str, ...] = ()) -> Iterator[Piece]:
    """(numbered records, refused rows, findings), piece by piece; of a table also the columns ``more``."""
    kind = framing(path)
    if kind == "table":
        yield from _of_table(path, place, more)
    elif kind == "whole":
        yield from _of_text(path, place)
    else:
        yield from _of_lines(path, place)


def _of_table(path: Path, place: Place, more: tuple[str, ...]) -> Iterator[Piece]:
    for block in read_rows(path, place, (*COLUMNS, "metadata", *more)):
        names = block.rows.column_names
        findings = list(block.findings)
        if "startTime" not in names and (names or len(block.numbers)):
            message = "the file has no column startTime; nothing of it was read"
            findings.append(place.error("missing_column", message, "Is it an export of LiteLLM_SpendLogs?", 1))
            yield [], [], findings
            return
        numbers = block.numbers.to_pylist()
        for start in range(0, max(len(numbers), 1), RECORDS_PER_BLOCK):
            part = block.rows.slice(start, RECORDS_PER_BLOCK).to_pylist() if numbers else []  # no columns, no rows
            numbered = list(zip(numbers[start : start + RECORDS_PER_BLOCK], part, strict=True))
            yield numbered, block.rejected if start == 0 else [], findings if start == 0 else []


def _of_lines(path: Path, place: Place) -> Iterator[Piece]:
    code = f"{place.code}.bad_json"
    for text in text_blocks(path, place, BLOCK_BYTES):
        found: list[tuple[int, Record]] = []
        rejected: list[RejectedRow] = []
        for number, line in enumerate(text.text.split(b"\n"), text.line):
            if not line.strip():
                continue
            try:
                parsed = json.loads(line, parse_float=Decimal)
            except (ValueError, RecursionError):
                rejected.append((number, code, "the line is not JSON", None))
                continue
            several = parsed if isinstance(parsed, list) else [parsed]
            found += [(number, one) for one in several if isinstance(one, dict)]
            rejected += [
                (number, code, "the record is not a JSON object", None) for one in several if not isinstance(one, dict)
            ]
        findings = list(text.findings)
        if rejected:
            first = rejected[0]
            findings.append(place.error("bad_json", first[2], "Repair or remove the line.", first[0], len(rejected)))
        yield found, rejected, findings


def _of_text(path: Path, place: Place) -> Iterator[Piece]:
    findings: list[Finding] = []
    parts = []
    size = 0
    for block in text_blocks(path, place):
        parts.append(block.text)
        findings += block.findings
        size += len(block.text)
        if size > WHOLE_FILE_BYTES:
            message = f"one JSON text of more than {WHOLE_FILE_BYTES >> 30} GiB; nothing of it was read"
            yield [], [], [*findings, place.error("too_large", message, "Log JSON Lines (one object per line).")]
            return
    found: list[tuple[int, Record]] = []
    rejected: list[RejectedRow] = []
    for number, one in _elements(b"".join(parts).decode("utf-8"), place, findings):
        if isinstance(one, dict):
            found.append((number, one))
        else:
            rejected.append((number, f"{place.code}.bad_json", "the element is not a JSON object", None))
        if len(found) == RECORDS_PER_BLOCK:
            yield found, rejected, []
            found, rejected = [], []
    yield found, rejected, findings


def _elements(text: str, place: Place, findings: list[Finding]) -> Iterator[tuple[int, object]]:
    """The elements of an array, or one object; what comes before damage is kept."""
    decoder = json.JSONDecoder(parse_float=Decimal)
    at, number = 0, 0
    text = text.strip()
    if text.startswith("["):
        at = 1
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        if at >= len(text) or text[at] == "]":
            break
        try:
            one, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            message = f"the JSON is cut short or damaged; the {number} records before were read"
            findings.append(place.error("truncated", message, "Export the file again.", number + 1))
            return
        number += 1
        yield number, one
    if text.startswith("[") and at >= len(text):
        message = f"the JSON array does not end; its {number} records were read"
        findings.append(place.error("truncated", message, "Export the file again.", number))
