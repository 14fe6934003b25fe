"""Writes OpenMetrics 1.0 text with timestamps, the format ``promtool tsdb create-blocks-from openmetrics`` loads."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from netyield.core.period import micros
from netyield.testing.example.plan import START

START_SECONDS = micros(START) // 1_000_000


@dataclass(frozen=True, slots=True)
class Samples:
    """A stretch of one series: the sample name (with _total, _sum ...), its labels, minutes and printed values."""

    name: str
    labels: str
    minutes: Sequence[int]
    values: Sequence[object]


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family; a counter's ``name`` is without ``_total``."""

    name: str
    kind: str
    help: str
    samples: Iterable[Samples]


def labels_of(**labels: str) -> str:
    """Labels as text, in the given order, empty ones left out."""
    return ",".join(f'{name}="{value}"' for name, value in labels.items() if value)


def write_metrics(path: Path, families: Iterable[Family]) -> None:
    """The families as one gzipped file; the same input gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=2, mtime=0) as stream,
    ):
        for family in families:
            header = f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n"
            stream.write(header.encode())
            for piece in family.samples:
                stream.write("".join(_lines(piece)).encode())
        stream.write(b"# EOF\n")


def _lines(piece: Samples) -> Iterator[str]:
    prefix = f"{piece.name}{{{piece.labels}}}"
    return (
        f"{prefix} {value} {START_SECONDS + 60 * minute}\n"
        for minute, value in zip(piece.minutes, piece.values, strict=True)
    )
