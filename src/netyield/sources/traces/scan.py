"""A byte scanner for the regular shape of a prefix trace: flat objects, a list of whole numbers under ``hash_ids``.

It reads hundreds of megabytes a second. A line of any other shape (nested values, escapes, exponents) is marked, and
the general reader decides what it is; so the scanner never refuses a line and never guesses.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from netyield.core.compiled import compiled
from netyield.sources.traces.trace import Int64

Bytes = NDArray[np.uint8]
Float64 = NDArray[np.float64]
KEYS = (
    b"timestamp", b"input_length", b"output_length", b"hash_ids", b"chat_id", b"parent_chat_id", b"session_id", b"tenant",
)  # fmt: skip
TIMESTAMP, INPUT, OUTPUT, IDS, CHAT, PARENT, SESSION, TENANT = range(len(KEYS))
NEEDED = (1 << TIMESTAMP) | (1 << INPUT) | (1 << IDS)
NO_NUMBER = -(2**62)  # a key the line does not have
IRREGULAR, BLANK, REGULAR = 0, 1, 2
MOST_DIGITS = 18  # of a number that surely fits 64 bits


class Scanned(NamedTuple):
    """One entry per line of the file; ``kind`` says which lines the rest is valid for. ``spans`` are byte positions:
    the line itself, then the values of session and tenant (0, 0 where the line has none)."""

    kind: NDArray[np.int8]
    timestamp: Float64
    numbers: Int64  # lines x 8, by the order of KEYS; only input, output, chat and parent are filled
    counts: Int64
    ids: Int64
    spans: Int64  # lines x 6


def scan(text: bytes) -> Scanned:
    """Every line of the file (see ``Scanned``)."""
    data = np.frombuffer(text, np.uint8)
    lines, most_ids = _sizes(data)
    keys = np.frombuffer(b"".join(KEYS), np.uint8)
    ends = np.cumsum([len(key) for key in KEYS]).astype(np.int64)
    kind = np.zeros(lines, np.int8)
    timestamp = np.zeros(lines, np.float64)
    numbers = np.full((lines, len(KEYS)), NO_NUMBER, np.int64)
    counts = np.zeros(lines, np.int64)
    spans = np.zeros((lines, 6), np.int64)
    ids = np.empty(most_ids, np.int64)
    filled = _scan(data, keys, ends, kind, timestamp, numbers, counts, spans, ids)
    return Scanned(kind, timestamp, numbers, counts, ids[:filled], spans)


@compiled
def _sizes(data: Bytes) -> tuple[int, int]:
    lines = 1
    commas = 0
    for byte in data:
        lines += byte == 10
        commas += byte == 44
    return lines, lines + commas


@compiled
def _blank(byte: int) -> bool:
    return byte == 32 or byte == 9 or byte == 13


@compiled
def _skip(data: Bytes, at: int, end: int) -> int:
    while at < end and _blank(data[at]):
        at += 1
    return at


@compiled
def _whole(data: Bytes, at: int, end: int) -> tuple[int, int]:
    """The whole number at a place and the place after it; -1 where there is none that surely fits."""
    negative = at < end and data[at] == 45
    start = at + negative
    at = start
    value = 0
    while at < end and 48 <= data[at] <= 57:
        value = value * 10 + (np.int64(data[at]) - 48)  # type: ignore[assignment]
        at += 1
    if at == start or at - start > MOST_DIGITS or (at - start > 1 and data[start] == 48):
        return 0, -1
    return (-value if negative else value), at


@compiled
def _string_end(data: Bytes, at: int, end: int) -> int:
    """The place of the quote that ends the string, -1 where it has an escape or no end."""
    while at < end:
        if data[at] == 34:
            return at
        if data[at] == 92 or data[at] < 32:
            return -1
        at += 1
    return -1


@compiled
def _key(data: Bytes, start: int, end: int, keys: Bytes, ends: Int64) -> int:
    begin = 0
    for k in range(len(ends)):
        if ends[k] - begin == end - start:
            same = True
            for j in range(end - start):
                if data[start + j] != keys[begin + j]:
                    same = False
                    break
            if same:
                return k
        begin = ends[k]
    return -1


@compiled
def _scan(
    data: Bytes, keys: Bytes, ends: Int64, kind: NDArray[np.int8], timestamp: Float64, numbers: Int64,
    counts: Int64, spans: Int64, ids: Int64,
) -> int:  # fmt: skip
    filled = 0
    start = 0
    for line in range(len(kind)):
        end = start
        while end < len(data) and data[end] != 10:
            end += 1
        spans[line, 0], spans[line, 1] = start, end
        at = _skip(data, start, end)
        if at == end:
            kind[line] = BLANK
        else:
            got = _line(data, at, end, keys, ends, timestamp, numbers, spans, line, ids, filled)
            if got >= 0:
                kind[line] = REGULAR
                counts[line] = got
                filled += got
        start = end + 1
    return filled


@compiled
def _line(
    data: Bytes, at: int, end: int, keys: Bytes, ends: Int64, timestamp: Float64, numbers: Int64, spans: Int64,
    line: int, ids: Int64, filled: int,
) -> int:  # fmt: skip
    """How many ids the line has, written from ``filled`` on; -1 when the line is not of the regular shape."""
    if data[at] != 123:
        return -1
    seen = 0
    count = 0
    at = _skip(data, at + 1, end)
    while True:
        if at >= end or data[at] != 34:
            return -1
        close = _string_end(data, at + 1, end)
        if close < 0:
            return -1
        key = _key(data, at + 1, close, keys, ends)
        if key >= 0 and seen & (1 << key):
            return -1
        at = _skip(data, close + 1, end)
        if at >= end or data[at] != 58:
            return -1
        at = _skip(data, at + 1, end)
        if at >= end:
            return -1
        if key == IDS:
            if data[at] != 91:
                return -1
            at = _skip(data, at + 1, end)
            if at < end and data[at] == 93:
                at += 1
            else:
                while True:
                    value, after = _whole(data, at, end)
                    if after < 0:
                        return -1
                    ids[filled + count] = value
                    count += 1
                    at = after
                    if at < end and data[at] == 44:
                        at += 1
                        if at < end and data[at] == 32:
                            at += 1
                        continue
                    at = _skip(data, at, end)
                    if at < end and data[at] == 44:
                        at = _skip(data, at + 1, end)
                        continue
                    if at < end and data[at] == 93:
                        at += 1
                        break
                    return -1
        elif data[at] == 34:
            close = _string_end(data, at + 1, end)
            if close < 0 or (key >= 0 and key != SESSION and key != TENANT):
                return -1
            if key == SESSION:
                spans[line, 2], spans[line, 3] = at, close + 1
            elif key == TENANT:
                spans[line, 4], spans[line, 5] = at, close + 1
            at = close + 1
        elif data[at] == 45 or 48 <= data[at] <= 57:
            value, after = _whole(data, at, end)
            if after < 0 or key == TENANT:
                return -1
            negative = data[at] == 45
            if key == SESSION:
                spans[line, 2], spans[line, 3] = at, after
            elif key > 0:
                numbers[line, key] = value
            if after < end and data[after] == 46:
                fraction = after + 1
                tail = fraction
                mantissa = abs(value)
                scale = 1.0
                while tail < end and 48 <= data[tail] <= 57:
                    mantissa = mantissa * 10 + (np.int64(data[tail]) - 48)  # type: ignore[assignment]
                    scale *= 10.0
                    tail += 1
                if tail == fraction or tail - at > 15 or key > 0:
                    return -1
                if key == TIMESTAMP:
                    timestamp[line] = -mantissa / scale if negative else mantissa / scale
                after = tail
            elif key == TIMESTAMP:
                timestamp[line] = value
            if after < end and (data[after] == 101 or data[after] == 69):
                return -1
            at = after
        else:
            return -1
        if key >= 0:
            seen |= 1 << key
        at = _skip(data, at, end)
        if at < end and data[at] == 44:
            at = _skip(data, at + 1, end)
            continue
        if at < end and data[at] == 125:
            break
        return -1
    if _skip(data, at + 1, end) != end or seen & NEEDED != NEEDED:
        return -1
    return count
