"""Answers of the Prometheus API as labelled series, and as lines of a spool file that can be read again.

The spool is the raw input of a delivery: gzip, two lines per answer (what was asked, and the answer itself).
"""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from netyield.core.errors import SourceError
from netyield.sources.gpu.series import Series
from netyield.sources.gpu.series_rows import FloatArray, IntArray

_EMPTY_TIMES: IntArray = np.empty(0, dtype=np.int64)
_EMPTY_VALUES: FloatArray = np.empty(0, dtype=np.float64)


def series_of(parsed: Mapping[str, Any], asked: Mapping[str, Any]) -> list[Series]:
    """The series of an answer: matrix, vector, or label sets. Only samples of [asked start, end) are kept.

    ``asked["name"]`` names series whose name an aggregate dropped. Native histograms have no float samples. Raises
    SourceError for what is no such answer.
    """
    try:
        return _series_of(parsed["data"], asked)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        message = f"an answer is not in Prometheus' form ({type(error).__name__}: {error});"
        raise SourceError(message, "check url, and what stands between.") from None


def _series_of(data: Any, asked: Mapping[str, Any]) -> list[Series]:
    if isinstance(data, list):
        return [_named(labels, "", _EMPTY_TIMES, _EMPTY_VALUES) for labels in data]
    start, end = int(asked["start_ms"]) * 1000, int(asked["end_ms"]) * 1000
    found = []
    for item in data["result"]:
        pairs = item.get("values") or ([item["value"]] if "value" in item else [])
        if not pairs:
            continue
        times = np.rint(np.array([pair[0] for pair in pairs], dtype=np.float64) * 1000).astype(np.int64) * 1000
        values = np.array([pair[1] for pair in pairs]).astype(np.float64)
        if data["resultType"] == "matrix":
            keep = (times >= start) & (times < end)
            times, values = times[keep], values[keep]
        if len(times):
            found.append(_named(item["metric"], str(asked.get("name", "")), times, values))
    return found


def _named(labels: Mapping[str, str], name: str, times: IntArray, values: FloatArray) -> Series:
    rest = {key: value for key, value in labels.items() if key != "__name__"}
    return Series(labels.get("__name__", name), rest, times, values)


class Spool:
    """The answers of one delivery on their way into a file. ``digest`` covers every question and answer."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        self.path = path
        self.bytes = 0
        self._digest = hashlib.sha256()
        self._file = cast("IO[bytes]", gzip.GzipFile(path, "wb", compresslevel=1, mtime=0))
        self._line(json.dumps(header, sort_keys=True).encode())

    def add(self, asked: Mapping[str, Any], body: bytes) -> None:
        """Write one question and its answer."""
        self._line(json.dumps(asked, sort_keys=True).encode())
        self._line(body.replace(b"\n", b" "))

    def close(self) -> str:
        """Finish the file; the hash of its content."""
        self._file.close()
        return self._digest.hexdigest()

    def _line(self, line: bytes) -> None:
        self.bytes += len(line)
        self._digest.update(line + b"\n")
        self._file.write(line + b"\n")


def spooled(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(question, parsed answer) of a spool file, in order; the first pair is (header, {})."""
    with gzip.open(path, "rb") as stream:
        yield json.loads(stream.readline()), {}
        while line := stream.readline():
            yield json.loads(line), json.loads(stream.readline())
