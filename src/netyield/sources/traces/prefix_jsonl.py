"""Mooncake and Bailian traces: one JSON object a line, ids chained, so that equal id means equal whole prefix.

Mooncake: ``timestamp`` (ms), ``input_length``, ``output_length``, ``hash_ids`` over blocks of 512 tokens, the last one
partial. Bailian: the same with ``timestamp`` in seconds, blocks of 16 tokens, ``chat_id``, ``parent_chat_id``, ``type``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np

from netyield.core.finding import Finding, Severity
from netyield.sources.traces.columns import Columns, named, starts
from netyield.sources.traces.scan import (
    BLANK,
    CHAT,
    INPUT,
    NO_NUMBER,
    OUTPUT,
    PARENT,
    REGULAR,
    Scanned,
    scan,
)  # fmt: skip
from netyield.sources.traces.times import UNITS_US
from netyield.sources.traces.trace import Identity, Int64

MOONCAKE_BLOCK = 512
BAILIAN_BLOCK = 16


class Line(msgspec.Struct):
    """One request as Mooncake and Bailian write it; other keys are passed over."""

    timestamp: float
    input_length: int
    hash_ids: list[int]
    output_length: int = -1
    chat_id: int | str | None = None
    parent_chat_id: int | str | None = None
    session_id: int | str | None = None
    tenant: str | None = None


class Lines(NamedTuple):
    """The lines that are requests, in columns; ``refused`` those that are not, with the reason."""

    row: Int64
    timestamp: np.ndarray[tuple[int], np.dtype[np.float64]]
    input_tokens: Int64
    output_tokens: Int64
    counts: Int64
    ids: Int64
    chats: list[tuple[object, object]]  # chat and parent of each, where any line has them
    sessions: list[str]
    tenants: list[str]
    refused: list[tuple[int, str]]


def parse(
    text: bytes, file: str, format: str | None = None, unit: str | None = None, *, scanned: bool = True
) -> Columns:
    """The requests of a whole file. Lines that are no request become one finding and are left out.

    ``scanned=False`` reads every line with the general reader; the columns are the same (tested).
    """
    lines = _by_scanning(text) if scanned else _by_general(text)
    bailian = bool(lines.chats) if format is None else format == "bailian"
    unit_us = UNITS_US[unit or ("s" if bailian else "ms")]
    sessions, session = named(conversations(lines.chats) if lines.chats else lines.sessions)
    tenants, tenant = named(lines.tenants)
    return Columns(
        "bailian" if bailian else "mooncake",
        Identity.PREFIX,
        BAILIAN_BLOCK if bailian else MOONCAKE_BLOCK,
        np.rint(lines.timestamp * unit_us).astype(np.int64),
        lines.input_tokens,
        lines.output_tokens,
        starts(lines.counts),
        lines.ids,
        lines.row,
        tenant,
        session,
        tenants,
        sessions,
        findings=refused_lines(lines.refused, file),
    )


def conversations(chats: list[tuple[object, object]]) -> list[str]:
    """The first chat of the conversation each chat belongs to, followed from parent to parent."""
    root: dict[object, object] = {}
    names = []
    for chat, parent in chats:
        first = root.get(parent, chat if parent in (None, -1, "-1") else parent)
        if chat is not None:
            root[chat] = first
        names.append("" if first is None else str(first))
    return names


def bit_patterns(ids: list[int]) -> Int64:
    """Whole numbers of up to 64 bits, signed or not, as the int64 of the same bits."""
    try:
        return np.array(ids, np.int64)
    except OverflowError:
        return np.array([i & 0xFFFFFFFFFFFFFFFF for i in ids], np.uint64).view(np.int64)


def refused_lines(refused: list[tuple[int, str]], file: str) -> list[Finding]:
    """The finding for lines that could not be read as requests."""
    if not refused:
        return []
    message = f"the line is no request: {refused[0][1]}; left out."
    repair = "Repair or remove the line, or name the right --format."
    return [Finding("trace.bad_line", Severity.ERROR, message, repair, file, refused[0][0], len(refused))]


def _by_general(text: bytes) -> Lines:
    rows, lines, refused = _decoded((row, line) for row, line in enumerate(text.split(b"\n"), 1))
    return _lines(np.array(rows, np.int64), lines, refused)


def _decoded(numbered: Iterable[tuple[int, bytes]]) -> tuple[list[int], list[Line], list[tuple[int, str]]]:
    decoder = msgspec.json.Decoder(Line)
    rows: list[int] = []
    lines: list[Line] = []
    refused: list[tuple[int, str]] = []
    for row, line in numbered:
        if not line or line.isspace():
            continue
        try:
            lines.append(decoder.decode(line))
            rows.append(row)
        except msgspec.DecodeError as error:
            refused.append((row, str(error)))
    return rows, lines, refused


def _lines(row: Int64, lines: list[Line], refused: list[tuple[int, str]]) -> Lines:
    ids: list[int] = []
    for line in lines:
        ids += line.hash_ids
    any_chat = any(line.chat_id is not None or line.parent_chat_id is not None for line in lines)
    return Lines(
        row,
        np.array([line.timestamp for line in lines], np.float64),
        np.array([line.input_length for line in lines], np.int64),
        np.array([line.output_length for line in lines], np.int64),
        np.array([len(line.hash_ids) for line in lines], np.int64),
        bit_patterns(ids),
        [(line.chat_id, line.parent_chat_id) for line in lines] if any_chat else [],
        ["" if line.session_id is None else str(line.session_id) for line in lines],
        [line.tenant or "" for line in lines],
        refused,
    )


def _by_scanning(text: bytes) -> Lines:
    found = scan(text)
    regular = np.flatnonzero(found.kind == REGULAR)
    quick = _from_scan(text, found, regular)
    other = np.flatnonzero((found.kind != REGULAR) & (found.kind != BLANK))
    if not len(other):
        return quick
    spans = found.spans[other, :2].tolist()
    rows, lines, refused = _decoded(
        (int(line) + 1, text[start:end]) for line, (start, end) in zip(other, spans, strict=True)
    )
    return _merged(quick, _lines(np.array(rows, np.int64), lines, refused))


def _from_scan(text: bytes, found: Scanned, regular: Int64) -> Lines:
    output = found.numbers[regular, OUTPUT]
    chats: list[tuple[object, object]] = []
    pairs = found.numbers[regular][:, [CHAT, PARENT]]
    if (pairs != NO_NUMBER).any():
        chats = [(_or_none(chat), _or_none(parent)) for chat, parent in pairs.tolist()]
    return Lines(
        regular + 1,
        found.timestamp[regular],
        found.numbers[regular, INPUT],
        np.where(output == NO_NUMBER, -1, output),
        found.counts[regular],
        found.ids,
        chats,
        _names(text, found.spans[regular, 2:4]),
        _names(text, found.spans[regular, 4:6]),
        [],
    )


def _or_none(number: int) -> int | None:
    return None if number == NO_NUMBER else number


def _names(text: bytes, spans: Int64) -> list[str]:
    if not spans.any():
        return [""] * len(spans)
    return [text[start:end].strip(b'"').decode("utf-8", "replace") for start, end in spans.tolist()]


def _merged(one: Lines, two: Lines) -> Lines:
    """Two sets of lines of one file, in the order of the file."""
    row = np.concatenate([one.row, two.row])
    order = np.argsort(row, kind="stable")
    counts = np.concatenate([one.counts, two.counts])
    first = starts(counts)
    size = counts[order]
    moved = starts(size)
    index = np.repeat(first[:-1][order] - moved[:-1], size) + np.arange(int(moved[-1]), dtype=np.int64)
    chats: list[tuple[object, object]] = []
    if one.chats or two.chats:
        nothing: tuple[object, object] = (None, None)
        all_chats = (one.chats or [nothing] * len(one.row)) + (two.chats or [nothing] * len(two.row))
        chats = [all_chats[i] for i in order]
    sessions, tenants = one.sessions + two.sessions, one.tenants + two.tenants
    return Lines(
        row[order],
        np.concatenate([one.timestamp, two.timestamp])[order],
        np.concatenate([one.input_tokens, two.input_tokens])[order],
        np.concatenate([one.output_tokens, two.output_tokens])[order],
        size,
        np.concatenate([one.ids, two.ids])[index],
        chats,
        [sessions[i] for i in order],
        [tenants[i] for i in order],
        two.refused,
    )
