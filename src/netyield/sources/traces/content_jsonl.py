"""Content-id traces (RAGPulse): equal id means equal content wherever it stands, by role or in one list.

What an engine's prefix cache can share follows from (block before, id); what position-independent reuse could share,
from the id alone. The file gives no length per id, so each id of a request gets min(largest, round(input / ids)).
"""

from __future__ import annotations

import msgspec
import numpy as np

from netyield.sources.traces.columns import Columns, named, starts
from netyield.sources.traces.prefix_jsonl import bit_patterns, refused_lines
from netyield.sources.traces.times import microseconds
from netyield.sources.traces.trace import Identity

LARGEST_BLOCK = 512


class Line(msgspec.Struct):
    """One request; ``hash_ids`` by role, in the order the prompt is put together, or in one list."""

    timestamp: float | str
    input_length: int
    hash_ids: dict[str, list[int]] | list[int]
    output_length: int = -1
    session_id: int | str | None = None
    tenant: str | None = None


def parse(text: bytes, file: str, largest: int, unit: str | None) -> Columns:
    """The requests of a whole file; ``largest`` is the most tokens one id can stand for."""
    decoder = msgspec.json.Decoder(Line)
    lines: list[Line] = []
    times: list[int] = []
    rows: list[int] = []
    refused: list[tuple[int, str]] = []
    for row, raw in enumerate(text.split(b"\n"), 1):
        if not raw or raw.isspace():
            continue
        try:
            line = decoder.decode(raw)
            times.append(microseconds(line.timestamp, unit))
        except (msgspec.DecodeError, ValueError) as error:
            refused.append((row, str(error)))
            continue
        lines.append(line)
        rows.append(row)
    ids = [_ids(line) for line in lines]
    counts = np.array([len(one) for one in ids], np.int64)
    inputs = np.array([line.input_length for line in lines], np.int64)
    each = np.clip(np.rint(inputs / np.maximum(counts, 1)), 1, largest).astype(np.int32)
    tenants, tenant = named([line.tenant or "" for line in lines])
    sessions, session = named(["" if line.session_id is None else str(line.session_id) for line in lines])
    return Columns(
        "content",
        Identity.CONTENT,
        largest,
        np.array(times, np.int64),
        inputs,
        np.array([line.output_length for line in lines], np.int64),
        starts(counts),
        bit_patterns([one for some in ids for one in some]),
        np.array(rows, np.int64),
        tenant,
        session,
        tenants,
        sessions,
        block_tokens=each,
        last_tokens=each.copy(),
        notes=[f"content ids: each id stands for min({largest}, round(input / ids)) tokens, for the file says no length"],
        findings=refused_lines(refused, file),
    )


def _ids(line: Line) -> list[int]:
    if isinstance(line.hash_ids, list):
        return line.hash_ids
    return [one for role in line.hash_ids.values() for one in role]
