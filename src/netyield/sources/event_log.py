"""Files of events, one row each: requests, outcomes, gateway logs. Which are new, and what do they hold?

A log grows: the cursor keeps how far each file was read, and only what follows is read next time. Files are not
copied into the project: they may hold prompts. A subclass says how the rows of one file become rows of its table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from netyield.core.finding import Finding
from netyield.core.period import Period, from_micros
from netyield.sources.contract import Cursor, Delivery, Probe, SourceSettings, unreadable
from netyield.sources.event_reading import Events, Reading, micros_of
from netyield.sources.files import file_format, label, matching, no_file, size_bytes
from netyield.sources.growing_file import Position, look
from netyield.sources.opened import BLOCK_BYTES, Place

__all__ = ["EventLog", "EventLogSettings", "Events"]
ENOUGH_FOR_PROBE = 2  # blocks


class EventLogSettings(SourceSettings):
    """``path``: file or glob, relative to netyield.toml, .gz allowed. Naive times are in ``timezone``."""

    path: str


@dataclass(slots=True)
class _Sample:
    """What the first blocks hold."""

    rows: int = 0
    window: Period | None = None
    findings: list[Finding] = field(default_factory=list)
    whole: bool = True

    def add(self, events: Events) -> None:
        self.rows += events.rows.num_rows
        self.findings += events.findings
        if events.rows.num_rows:
            us = micros_of(events.rows)
            low, high = from_micros(int(us.min())), from_micros(int(us.max()) + 1)
            before = self.window
            self.window = Period(min(low, before.since), max(high, before.until)) if before else Period(low, high)


class EventLog(ABC):
    """Files of one glob, each an append-only delivery."""

    type: ClassVar[str]
    table: ClassVar[str]
    settings: EventLogSettings

    def __init__(self, settings: EventLogSettings, root: Path) -> None:
        self.settings = settings
        self.root = root
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @abstractmethod
    def read(self, path: Path, place: Place) -> Iterator[Events]:
        """The rows of one file in blocks."""

    def line_by_line(self, path: Path) -> bool:
        """May the file be read on from the middle?"""
        del path
        return True

    def probe(self) -> Probe:
        """The files, and the window and rows of the first of them as far as its first blocks tell."""
        paths = matching(self.root, self.settings.path)
        if not paths:
            missing = no_file(self.type, self.settings.path, self.root)
            return Probe(False, missing.message, tables=(self.table,), findings=(missing,))
        size = size_bytes(*paths)
        sample = self._sample(paths)
        count = f"{sample.rows:,} rows" if sample.whole else f"more than {sample.rows:,} rows"
        found = f"{len(paths)} {self.type} file{'s' if len(paths) > 1 else ''}, {size:,} bytes, {count}"
        found += f", {sample.window}" if sample.window else ""
        rows = sample.rows if sample.whole else None
        return Probe(True, found, sample.window, rows, size, (self.table,), tuple(sample.findings))

    def _sample(self, paths: list[Path]) -> _Sample:
        sample = _Sample()
        blocks = 0
        for path in paths:
            for events in self.read(path, Place(self.type, label(self.root, path))):
                if blocks == ENOUGH_FOR_PROBE:
                    sample.whole = False
                    return sample
                blocks += size_bytes(path) > BLOCK_BYTES // 8  # small files are looked through at once
                sample.add(events)
        return sample

    def deliveries(self, cursor: Cursor) -> Iterator[Delivery]:
        """Every file with something new, by name."""
        files: dict[str, Any] = dict(cursor.get("files", {}))
        for path in matching(self.root, self.settings.path):
            name = label(self.root, path)
            stored = files.get(name, {})
            try:
                seen = look(path, Position.of(stored), quoted=file_format(path) == "csv")
            except OSError as error:
                yield unreadable(self.type, name, error)
                continue
            if stored.get("content_hash") == seen.content_hash:
                continue
            if not (seen.divisible and self.line_by_line(path)):
                seen = replace(seen, before=Position(), end=Position(), divisible=False, same=False)
            reading = Reading(self.table, self.read, path, Place(self.type, name), seen, stored if seen.same else {})
            yield Delivery(
                name=name,
                kind="append",
                content_hash=seen.content_hash,
                chunks=reading.chunks,
                next_cursor=partial(_cursor, files, name, reading),
                size_bytes=seen.size,
            )


def _cursor(files: dict[str, Any], name: str, reading: Reading) -> Cursor:
    files[name] = reading.stored()
    return {"files": files}
