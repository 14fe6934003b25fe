"""Logs with the prompts themselves: tokenised, cut into blocks, fingerprinted with a keyed hash; the text is dropped.

Nothing of the text leaves this module: the columns hold counts and fingerprints only.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from netyield.core.finding import Finding, Severity
from netyield.sources.fingerprints import Fingerprints, prompt_text, prompt_tokens
from netyield.sources.traces.columns import Columns, named, starts
from netyield.sources.traces.prefix_jsonl import bit_patterns, refused_lines
from netyield.sources.traces.times import microseconds
from netyield.sources.traces.trace import Identity

TIMES = ("timestamp", "ts", "time", "start_time", "startTime", "created_at", "created")
OUTPUTS = ("output_length", "output_tokens", "completion_tokens")


def parse(text: bytes, file: str, fingerprints: Fingerprints, unit: str | None) -> Columns:
    """The requests of a whole file, one JSON object a line."""
    found: list[tuple[int, int, int, int, list[int], str, str]] = []
    refused: list[tuple[int, str]] = []
    timeless: list[int] = []
    for row, raw in enumerate(text.split(b"\n"), 1):
        if not raw or raw.isspace():
            continue
        try:
            record = msgspec.json.decode(raw, type=dict[str, Any])
            tokens, ids = _prompt(record, fingerprints)
            time = _time(record, unit)
        except (msgspec.DecodeError, ValueError) as error:
            refused.append((row, str(error)))
            continue
        if time is None:
            timeless.append(row)
        session, tenant = str(record.get("session_id") or ""), str(record.get("tenant") or "")
        found.append((row, time or 0, tokens, _output(record, fingerprints), ids, session, tenant))
    columns = _columns(found, fingerprints)
    columns.findings += refused_lines(refused, file)
    if timeless:
        message = "the line has no time; requests are replayed in the order of the file, all at once."
        repair = "Add a timestamp where time matters (TTL, rates, latency)."
        where = (file, timeless[0], len(timeless))
        columns.findings.append(Finding("trace.no_time", Severity.WARNING, message, repair, *where))
    return columns


def _columns(found: list[tuple[int, int, int, int, list[int], str, str]], fingerprints: Fingerprints) -> Columns:
    sessions, session = named([one[5] for one in found])
    tenants, tenant = named([one[6] for one in found])
    numbers = np.array([one[:4] for one in found], np.int64).reshape(-1, 4)
    size = fingerprints.block_size
    return Columns(
        "text",
        Identity.PREFIX,
        size,
        numbers[:, 1].copy(),
        numbers[:, 2].copy(),
        numbers[:, 3].copy(),
        starts(np.array([len(one[4]) for one in found], np.int64)),
        bit_patterns([number for one in found for number in one[4]]),
        numbers[:, 0].copy(),
        tenant,
        session,
        tenants,
        sessions,
        notes=[f"prompts cut into blocks of {size} tokens by tokenizer {fingerprints.tokenizer.name}; no text is kept"],
    )


def _prompt(record: dict[str, Any], fingerprints: Fingerprints) -> tuple[int, list[int]]:
    known = prompt_tokens(record)
    if known is not None:
        return fingerprints.of_tokens(known)
    text = prompt_text(record)
    if text is None:
        message = "it has no prompt (messages, input, prompt, text or token_ids)"
        raise ValueError(message)
    return fingerprints.of_text(text)


def _time(record: dict[str, Any], unit: str | None) -> int | None:
    for name in TIMES:
        if record.get(name) is not None:
            return microseconds(record[name], unit)
    return None


def _output(record: dict[str, Any], fingerprints: Fingerprints) -> int:
    usage = record.get("usage")
    for holder in (record, usage if isinstance(usage, dict) else {}):
        for name in OUTPUTS:
            if type(holder.get(name)) is int:
                return int(holder[name])
    output = record.get("output")
    return fingerprints.tokenizer.blocks(output, fingerprints.block_size)[0] if isinstance(output, str) else -1
