"""Traces of lengths only (Azure, BurstGPT, Vidur): when requests came and how long they were, not what they shared.

Nothing about reuse follows from lengths. With a declared reuse model the ids are made by that model, and the answer
says so; without one the trace has no blocks, and a finding says that no hit rate follows.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.sources.traces.columns import Columns, starts
from netyield.sources.traces.length_columns import check_columns, columns_named, lengths_of
from netyield.sources.traces.prefix_jsonl import refused_lines
from netyield.sources.traces.times import microseconds
from netyield.sources.traces.trace import Identity, Int64

USUAL_BLOCK = 16
MODEL = re.compile(r"(shared|conversations):(\d+)")


class Reuse(NamedTuple):
    """A declared model of reuse: the first ``shared_tokens`` of every prompt are the same; and requests are dealt in
    turn to ``conversations``, each prompt beginning with the one before it of its conversation as long as they grow."""

    shared_tokens: int = 0
    conversations: int = 0


def reuse_named(text: str) -> Reuse:
    """``shared:TOKENS``, ``conversations:COUNT`` or both joined by ``+``. Raises WrongUse for anything else."""
    found = [MODEL.fullmatch(part) for part in text.split("+")]
    values = {one[1]: int(one[2]) for one in found if one}
    if None in found or len(values) != len(found):
        message = f"{text!r} is no model of reuse;"
        raise WrongUse(message, "give shared:TOKENS, conversations:COUNT or both joined by +.")
    return Reuse(values.get("shared", 0), values.get("conversations", 0))


def parse(
    text: bytes, file: str, block_size: int | None, unit: str | None, reuse: str | None, named: str | None = None
) -> Columns:
    """The requests of a CSV or JSON Lines file of lengths, with blocks made by the declared reuse model if any."""
    model = reuse_named(reuse) if reuse else None
    size = block_size or USUAL_BLOCK
    rows, refused = _rows(text, unit, columns_named(named), file)
    numbers = np.array(rows, np.int64).reshape(-1, 5)
    inputs = numbers[:, 2].copy()
    counts, ids = modelled(inputs, size, model) if model else (np.zeros(len(rows), np.int64), np.zeros(0, np.int64))
    columns = Columns(
        "lengths",
        Identity.PREFIX if model else Identity.NONE,
        size,
        numbers[:, 1].copy(),
        inputs,
        numbers[:, 3].copy(),
        starts(counts),
        ids,
        numbers[:, 0].copy(),
        np.zeros(len(rows), np.int32),
        np.zeros(len(rows), np.int32),
        cached_tokens=np.maximum(numbers[:, 4], 0) if (numbers[:, 4] >= 0).any() else None,
        findings=[*refused_lines(refused, file), *_untold(numbers[:, 4], file)],
    )
    if model:
        columns.notes.append(f"reuse is modelled, not measured: {reuse}")
        message = f"the file has lengths only; its reuse is the declared model {reuse}, not a measurement."
        repair = "Give a trace with block ids or prompts to measure it."
        columns.findings.append(Finding("trace.modelled_reuse", Severity.WARNING, message, repair, file))
    else:
        columns.block_tokens = columns.last_tokens = np.zeros(len(rows), np.int32)
        message = "the file has lengths only; no hit rate follows from lengths."
        repair = "Declare a model (--reuse shared:TOKENS+conversations:COUNT), or give a trace with block ids or prompts."
        columns.findings.append(Finding("trace.lengths_only", Severity.ERROR, message, repair, file))
    return columns


def modelled(inputs: Int64, size: int, model: Reuse) -> tuple[Int64, Int64]:
    """How many blocks each request has, and their ids, under a reuse model. A partial last block is never shared."""
    counts = -(-inputs // size)
    ids = np.empty(int(counts.sum()), np.int64)
    shared = model.shared_tokens // size
    held: list[list[int]] = [[] for _ in range(model.conversations)]
    fresh, at = shared, 0
    for request, (tokens, count) in enumerate(zip(inputs.tolist(), counts.tolist(), strict=True)):
        full = tokens // size
        turn = request % model.conversations if model.conversations else -1
        before = held[turn] if turn >= 0 and len(held[turn]) <= full else []
        path = before + list(range(len(before), min(shared, full)))
        path += range(fresh, fresh + full - len(path))
        more = count - full
        ids[at : at + full] = path
        fresh = max(fresh, (path[-1] + 1) if path else 0)
        if more:
            ids[at + full] = fresh
            fresh += 1
        if turn >= 0:
            held[turn] = path
        at += count
    return counts, ids


def _rows(
    text: bytes, unit: str | None, mapped: Mapping[str, str], file: str
) -> tuple[list[tuple[int, int, int, int, int]], list[tuple[int, str]]]:
    """(row, time, input, output, cached) of each request, and why the others are none."""
    rows: list[tuple[int, int, int, int, int]] = []
    refused: list[tuple[int, str]] = []
    checked, untimed = not mapped, []
    for row, record in _records(text, refused):
        names = {name.strip().lower(): value for name, value in record.items() if isinstance(name, str)}
        if not checked:
            check_columns(mapped, set(names), file)
            checked = True
        try:
            found = lengths_of(names, mapped)
            time = 0 if found.time is None else microseconds(found.time, unit)
            if found.time is None:
                untimed.append(row)
            rows.append((row, time, found.input, found.output, found.cached))
        except ValueError as error:
            refused.append((row, str(error)))
    if 0 < len(untimed) < len(rows):  # where no request has a time, their order is all there is
        lost = set(untimed)
        rows = [each for each in rows if each[0] not in lost]
        refused += [(row, "it has no time, unlike others") for row in untimed]
    return rows, sorted(refused)


def _untold(cached: Int64, file: str) -> list[Finding]:
    """A file that tells of a cache for some requests only."""
    silent = int((cached < 0).sum())
    if not silent or silent == len(cached):
        return []
    message = "the request does not say what was cached; it counts as nothing, unlike others of the file."
    repair = "Fill the column, with 0 where nothing was."
    return [Finding("trace.cached_unknown", Severity.WARNING, message, repair, file, None, silent)]


def _records(text: bytes, refused: list[tuple[int, str]]) -> list[tuple[int, dict[str, Any]]]:
    if not text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        reader = csv.DictReader(io.StringIO(text.decode("utf-8-sig", "replace"), newline=""))
        return [(reader.line_num, record) for record in reader]
    records = []
    for row, line in enumerate(text.split(b"\n"), 1):
        if not line or line.isspace():
            continue
        try:
            records.append((row, msgspec.json.decode(line, type=dict[str, Any])))
        except msgspec.DecodeError as error:
            refused.append((row, str(error)))
    return records
