"""kv-cache-tester sessions: a folder of JSON files, one agent session each, with requests at times from its own start.

Ids are chained and, unless ``hash_id_scope`` is ``global``, local to their file, sub-agents (nested ``requests``)
included. They cover full blocks only. Nothing in the files says when one session starts against another, so that
interleaving is an input, and every figure depends on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from netyield.core.errors import WrongUse
from netyield.core.finding import Finding, Severity
from netyield.sources.traces.columns import Columns, starts, take
from netyield.sources.traces.prefix_jsonl import bit_patterns
from netyield.sources.traces.trace import Identity, Int64

USUAL_BLOCK = 64
EVERY = re.compile(r"every:(\d+(?:\.\d+)?)")
MEANING = {
    "together": "all sessions start at the same moment",
    "sequence": "each session starts when the one before it has made its last request",
}


class Call(msgspec.Struct, rename={"input": "in", "output": "out"}):
    """One request of a session, or a sub-agent with requests of its own."""

    t: float = 0.0
    type: str = ""
    input: int = 0
    output: int = -1
    hash_ids: list[int] = []
    requests: list[Call] | None = None


class Session(msgspec.Struct):
    """One file."""

    requests: list[Call]
    block_size: int = USUAL_BLOCK
    hash_id_scope: str = "local"


class Part(NamedTuple):
    """The requests of one session in columns."""

    name: str
    row: int
    block_size: int
    shared_ids: bool
    seconds: list[float]
    inputs: list[int]
    outputs: list[int]
    counts: list[int]
    ids: Int64


def parse(texts: Iterable[tuple[str, int, bytes]], interleave: str, folder: str) -> Columns:
    """All sessions (name, row, JSON) as one trace in the order that ``interleave`` makes: ``together``, ``sequence`` or
    ``every:SECONDS`` (sessions in the order of their names, one started after each such time)."""
    check_interleave(interleave)
    findings: list[Finding] = []
    parts = list(_parts(texts, findings))
    sizes = sorted({part.block_size for part in parts})
    if len(sizes) > 1:
        message = f"sessions were recorded with blocks of {', '.join(map(str, sizes))} tokens; one trace needs one size."
        repair = "Read the sessions of each block size apart."
        findings.append(Finding("trace.mixed_block_sizes", Severity.ERROR, message, repair, folder))
    columns = _joined(parts, interleave)
    columns.findings += findings
    columns.notes.append(f"interleaving {interleave}: {meaning(interleave)}")
    take(columns, np.argsort(columns.time_us, kind="stable"))
    return columns


def check_interleave(interleave: str) -> None:
    """Raises WrongUse for an unknown way to interleave sessions."""
    if interleave not in MEANING and not EVERY.fullmatch(interleave):
        message = f"{interleave!r} is no way to interleave sessions;"
        raise WrongUse(message, "give together, sequence or every:SECONDS.")


def meaning(interleave: str) -> str:
    """An interleaving in words."""
    return MEANING.get(interleave) or f"a session starts every {interleave.removeprefix('every:')} s, in order of names"


def _parts(texts: Iterable[tuple[str, int, bytes]], findings: list[Finding]) -> Iterator[Part]:
    decoder = msgspec.json.Decoder(Session)
    for name, row, text in texts:
        try:
            session = decoder.decode(text)
        except msgspec.DecodeError as error:
            message = f"the session cannot be read: {error}; left out."
            repair = "Repair or remove the file."
            findings.append(Finding("trace.bad_session", Severity.ERROR, message, repair, name, row))
            continue
        calls = list(flat(session.requests))
        if any(seconds < 0 for seconds, _ in calls):
            message = "a request is before the start of its session (negative time)."
            repair = "Shift the times of the session so that its first request is at 0."
            findings.append(Finding("trace.negative_time", Severity.ERROR, message, repair, name, row))
        ids: list[int] = []
        for _, call in calls:
            ids += call.hash_ids
        yield Part(
            name, row, session.block_size, session.hash_id_scope == "global",
            [seconds for seconds, _ in calls], [call.input for _, call in calls], [call.output for _, call in calls],
            [len(call.hash_ids) for _, call in calls], bit_patterns(ids),
        )  # fmt: skip


def flat(calls: list[Call], start: float = 0.0) -> Iterator[tuple[float, Call]]:
    """Every request with its time from the start of the session. A sub-agent's own requests count from the session's
    start too, unless the first of them is before the sub-agent itself: then from the sub-agent's start."""
    for call in calls:
        if call.requests is None:
            yield start + call.t, call
            continue
        first = min((inner.t for inner in call.requests), default=call.t)
        yield from flat(call.requests, start + call.t if first < call.t else start)


def _joined(parts: list[Part], interleave: str) -> Columns:
    counts = np.array([count for part in parts for count in part.counts], np.int64)
    requests = [len(part.counts) for part in parts]
    begin = _starts_us(parts, interleave)
    seconds = np.array([value for part in parts for value in part.seconds], np.float64)
    times = np.rint(seconds * 1e6).astype(np.int64) + np.repeat(begin, requests)
    return Columns(
        "sessions",
        Identity.PREFIX,
        parts[0].block_size if parts else USUAL_BLOCK,
        times,
        np.array([value for part in parts for value in part.inputs], np.int64),
        np.array([value for part in parts for value in part.outputs], np.int64),
        starts(counts),
        _apart(parts),
        np.repeat(np.array([part.row for part in parts], np.int64), requests),
        np.zeros(len(counts), np.int32),
        np.repeat(np.arange(len(parts), dtype=np.int32), requests),
        sessions=tuple(part.name for part in parts) or ("",),
        full_blocks=True,
    )


def _apart(parts: list[Part]) -> Int64:
    """The ids of all sessions, those local to a session moved so that no two sessions share one."""
    if not parts:
        return np.zeros(0, np.int64)
    room = max((int(part.ids.max()) + 1 for part in parts if part.shared_ids and len(part.ids)), default=0)
    moved: list[Int64] = []
    for part in parts:
        if part.shared_ids or not len(part.ids):
            moved.append(part.ids)
            continue
        low = int(part.ids.min())
        moved.append(part.ids + (room - low))
        room += int(part.ids.max()) - low + 1
    ids: Int64 = np.concatenate(moved)
    return ids


def _starts_us(parts: list[Part], interleave: str) -> Int64:
    if interleave == "together":
        return np.zeros(len(parts), np.int64)
    every = EVERY.fullmatch(interleave)
    if every:
        each: Int64 = np.rint(np.arange(len(parts)) * float(every[1]) * 1e6).astype(np.int64)
        return each
    ends = np.cumsum([max(part.seconds, default=0.0) for part in parts], dtype=np.float64)
    begin: Int64 = np.rint(np.concatenate([np.zeros(1), ends])[: len(parts)] * 1e6).astype(np.int64)
    return begin
