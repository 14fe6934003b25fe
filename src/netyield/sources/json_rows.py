"""Rows of a JSON Lines file as flat text columns. What does each line say, without losing a digit?

Nested objects become dotted column names (``usage.prompt_tokens``), numbers keep the digits the file wrote, true and
false are those words, lists stay JSON text. A key that is missing or null is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from netyield.sources.opened import Block, Place, TextBlock, text_blocks

JSON_BLOCK_BYTES = 4 << 20  # parsed objects take about ten times their text


def json_blocks(
    path: Path, place: Place, columns: Sequence[str] | None = None, block_bytes: int = JSON_BLOCK_BYTES
) -> Iterator[Block]:
    """Blocks of text columns, one line one row. ``columns`` (dotted) are kept when given, missing ones as nulls."""
    for text in text_blocks(path, place, block_bytes):
        if text.last and text.line == 1 and not text.text.strip():
            text.findings.append(place.error("empty_file", "the file is empty", "Export it again, or remove it."))
        yield _block(text, place, columns)


def _block(text: TextBlock, place: Place, columns: Sequence[str] | None) -> Block:
    records: list[dict[str, str | None]] = []
    numbers: list[int] = []
    code = f"{place.code}.bad_json"
    block = Block(pa.table({}), pa.array([], pa.int64()), findings=list(text.findings))
    for number, line in enumerate(text.text.split(b"\n"), text.line):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_float=Decimal, parse_constant=str)
        except (ValueError, RecursionError) as error:
            block.rejected.append((number, code, f"the line is not JSON: {error}", None))
            continue
        if not isinstance(record, dict):
            block.rejected.append((number, code, "the line is not a JSON object", None))
            continue
        records.append(flatten(record))
        numbers.append(number)
    if block.rejected:
        first = block.rejected[0]
        repair = "Repair or remove the line."
        block.findings.append(place.error("bad_json", first[2], repair, first[0], len(block.rejected)))
    names = list(dict.fromkeys(key for record in records for key in record)) if columns is None else list(columns)
    block.rows = pa.table({name: pa.array([record.get(name) for record in records], pa.string()) for name in names})
    block.numbers = pa.array(numbers, pa.int64())
    return block


def flatten(record: dict[str, Any], prefix: str = "") -> dict[str, str | None]:
    """A JSON object as dotted keys and text values (see the module)."""
    flat: dict[str, str | None] = {}
    for key, value in record.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            flat.update(flatten(value, f"{name}."))
        else:
            flat[name] = _text(value)
    return flat


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, default=float)
    return str(value)
