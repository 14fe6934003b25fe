"""What the GPU file sources share: which files are there, and how do they become deliveries?"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from netyield.core.finding import Finding
from netyield.core.period import Period, from_micros
from netyield.sources.contract import (
    REJECTED,
    Chunk,
    Cursor,
    Delivery,
    Probe,
    SourceSettings,
    rejected_rows,
)  # fmt: skip
from netyield.sources.file_deliveries import file_deliveries
from netyield.sources.files import Block, Place, label, matching, no_file, size_bytes

PROBE_BYTES = 32 << 20
FILENAME = "{filename}"


class FileSettings(SourceSettings):
    """Keys of every GPU file source. ``path`` may be a glob and is relative to netyield.toml."""

    path: str
    pool: str | None = None
    delivery: Literal["immutable", "append"] = "immutable"


class FileSource(ABC):
    """Files of one glob, each one delivery. A subclass reads one file."""

    type: ClassVar[str]
    tables: ClassVar[tuple[str, ...]]
    settings: FileSettings

    def __init__(self, settings: FileSettings, root: Path) -> None:
        self.settings = settings
        self.root = root

    @abstractmethod
    def read(self, path: Path, place: Place) -> Iterator[Chunk]:
        """The chunks of one file."""

    def probe(self) -> Probe:
        """The files the path names; their window when they are small enough to look through at once."""
        paths = matching(self.root, self.settings.path)
        if not paths:
            missing = no_file(self.type, self.settings.path, self.root)
            return Probe(False, missing.message, tables=self.tables, findings=(missing,))
        size = size_bytes(*paths)
        found = f"{len(paths)} {self.type} file{'s' if len(paths) > 1 else ''}, {size:,} bytes"
        if size > PROBE_BYTES:
            return Probe(True, found, bytes=size, tables=self.tables)
        window, rows = self._look(paths)
        found += f", {rows:,} rows" + (f", {window}" if window else "")
        return Probe(True, found, window, rows, size, self.tables)

    def _look(self, paths: list[Path]) -> tuple[Period | None, int]:
        first: list[int] = []
        last: list[int] = []
        rows = 0
        for path in paths:
            for chunk in self.read(path, Place(self.type, label(self.root, path))):
                for table in chunk.tables.values():
                    if table.num_rows:
                        start = table["event_time"].cast("int64").to_numpy()
                        end = start + table["hold_us"].to_numpy()
                        first.append(int(start.min()))
                        last.append(int(end.max()))
                        rows += table.num_rows
        return (Period(from_micros(min(first)), from_micros(max(last))) if first else None), rows

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """Every file, by name. The ledger knows by its content hash which ones it has (``cursor`` is not needed)."""
        del cursor

        def make(path: Path, name: str, identity: str) -> Delivery:
            return Delivery(
                name=name,
                kind=self.settings.delivery,
                content_hash=identity,
                chunks=self._chunks(path),
                raw=path,
                size_bytes=size_bytes(path),
            )

        yield from file_deliveries(self.type, self.root, self.settings.path, make)

    def _chunks(self, path: Path) -> Callable[[], Iterator[Chunk]]:
        place = Place(self.type, label(self.root, path))
        return lambda: self.read(path, place)

    def pool_of(self, path: Path) -> str | None:
        """The declared pool; ``{filename}`` stands for the file's name up to its first dot."""
        return None if self.settings.pool is None else self.settings.pool.replace(FILENAME, stem(path))


def stem(path: Path) -> str:
    """``vc6YE`` for ``vc6YE.cluster_sequence_vc.csv.gz``."""
    return path.name.split(".", 1)[0] or path.name


def missing_columns(
    names: Sequence[str], mapped: Mapping[str, str], required: Sequence[str], place: Place
) -> list[Finding]:
    """An error per required column that the file lacks, with the nearest one it has (nothing of it can be read)."""
    lost = [key for key in required if mapped[key] not in names]
    findings = []
    for key in lost if names else ():
        near = difflib.get_close_matches(mapped[key], names, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Its columns: {', '.join(names)}."
        message = f"the file has no column {mapped[key]!r} (columns.{key}); nothing of it was read"
        findings.append(place.error("missing_column", message, hint, 1))
    return findings


def unmapped_columns(names: Sequence[str], used: Iterable[str], place: Place) -> list[Finding]:
    """What the file has and the mapping does not ask for, in one remark."""
    left = [name for name in names if name not in set(used)]
    if not left:
        return []
    message = f"columns that are not mapped and were not read: {', '.join(left)}"
    return [place.info("unmapped_column", message, "Map them in columns = {...} if they matter.", 1, len(left))]


class Refusals:
    """Rows refused in one block: one finding per code with its first row and count, one quarantine row each."""

    def __init__(self, table: str, place: Place) -> None:
        self.table = table
        self.place = place
        self.rows: list[tuple[int, str, str, str, Mapping[str, Any] | None]] = []
        self.chunk = Chunk()

    def take_block(self, block: Block) -> None:
        """What the file reader already refused and remarked."""
        self.chunk.findings += block.findings
        self.rows += [
            (number, self.table, code, message, record)
            for number, code, message, record in block.rejected
        ]

    def refuse(
        self, bad: NDArray[np.bool_], numbers: NDArray[np.int64], code: str, message: str, repair: str,
        record: Callable[[int], dict[str, object]], *, warning: bool = False,
    ) -> None:
        """Put the rows of the mask ``bad`` into quarantine; ``record`` gives the mapped columns of a position."""
        places = np.flatnonzero(bad)
        if not places.size:
            return
        full = f"{self.place.code}.{code}"
        self.rows += [(int(numbers[i]), self.table, full, message, record(int(i))) for i in places]
        first = int(places[numbers[places].argmin()])
        example = ", ".join(f"{name} = {value!r}" for name, value in record(first).items())
        make = self.place.warning if warning else self.place.error
        self.chunk.findings.append(make(code, f"{message} ({example})", repair, int(numbers[first]), int(places.size)))

    def refuse_conflicting(
        self, bad: NDArray[np.bool_], numbers: NDArray[np.int64], record: Callable[[int], dict[str, object]]
    ) -> None:
        """Readings of one device and time that say something else than the first one."""
        message = "the same device and time stands in an earlier row with another value; the first one stands"
        repair = "Remove the wrong row, or map the column that tells the devices apart."
        self.refuse(bad, numbers, "conflicting_row", message, repair, record, warning=True)

    def remark_repeated(self, repeated: NDArray[np.bool_], numbers: NDArray[np.int64]) -> None:
        """Rows that repeat an earlier one word for word are dropped with a remark."""
        count = int(repeated.sum())
        if count:
            message = "the row repeats an earlier one and was dropped"
            first = int(numbers[repeated].min())
            self.chunk.findings.append(self.place.info("repeated_row", message, "", first, count))

    def finish(self) -> Chunk:
        """The chunk with its quarantine rows."""
        self.rows.sort(key=lambda row: row[0])
        self.chunk.rejected = rejected_rows(self.rows) if self.rows else REJECTED.empty_table()
        return self.chunk
