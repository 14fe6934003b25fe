"""Mooncake and Bailian traces: one JSON object a line, ids chained, so that equal id means equal whole prefix.

Mooncake: ``timestamp`` (ms), ``input_length``, ``output_length``, ``hash_ids`` over blocks of 512 tokens, the last one
partial. Bailian: the same with ``timestamp`` in seconds, blocks of 16 tokens, ``chat_id``, ``parent_chat_id``, ``type``.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from netyield.core.finding import Finding, Severity
from netyield.sources.traces.columns import Columns, starts
from netyield.sources.traces.trace import Identity

MOONCAKE_BLOCK = 512
BAILIAN_BLOCK = 16
MAX_SIGNED = 2**63


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


def parse(text: bytes, file: str) -> Columns:
    """The requests of a whole file. Lines that are no request become one finding and are left out."""
    decoder = msgspec.json.Decoder(Line)
    lines: list[Line] = []
    rows: list[int] = []
    refused: list[tuple[int, str]] = []
    for row, line in enumerate(text.split(b"\n"), 1):
        if not line or line.isspace():
            continue
        try:
            lines.append(decoder.decode(line))
            rows.append(row)
        except msgspec.DecodeError as error:
            refused.append((row, str(error)))
    return _columns(lines, rows, refused, file)


def _columns(lines: list[Line], rows: list[int], refused: list[tuple[int, str]], file: str) -> Columns:
    bailian = any(line.chat_id is not None for line in lines[:1])
    unit_us = 1_000_000 if bailian else 1_000
    ids: list[int] = []
    for line in lines:
        ids += line.hash_ids
    sessions, session = _named([_root(line) for line in lines])
    tenants, tenant = _named([line.tenant or "" for line in lines])
    return Columns(
        "bailian" if bailian else "mooncake",
        Identity.PREFIX,
        BAILIAN_BLOCK if bailian else MOONCAKE_BLOCK,
        np.array([round(line.timestamp * unit_us) for line in lines], np.int64),
        np.array([line.input_length for line in lines], np.int64),
        np.array([line.output_length for line in lines], np.int64),
        starts(np.array([len(line.hash_ids) for line in lines], np.int64)),
        bit_patterns(ids),
        np.array(rows, np.int64),
        tenant,
        session,
        tenants,
        sessions,
        findings=refused_lines(refused, file),
    )


def bit_patterns(ids: list[int]) -> Any:
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


def _root(line: Line) -> str:
    return "" if line.session_id is None else str(line.session_id)


def _named(names: list[str]) -> tuple[tuple[str, ...], Any]:
    number: dict[str, int] = {}
    codes = np.array([number.setdefault(name, len(number)) for name in names], np.int32)
    return tuple(number) or ("",), codes
