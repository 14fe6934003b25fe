"""One file of events read once. Where does it go on, and what is each event's key?

Rows are known by their ids or, without ids, by their content (see event_keys). What was read of a file before comes
from the cursor, so that the keys of its next part fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from netyield.core.contract import conform
from netyield.core.finding import Finding
from netyield.sources.contract import Chunk, rejected_rows
from netyield.sources.event_keys import ContentKeys, Newest
from netyield.sources.files import file_format
from netyield.sources.growing_file import Look, Position, after
from netyield.sources.opened import Place, RejectedRow


@dataclass(slots=True)
class Events:
    """Some rows of a file. ``rows``: the table's columns but ``event_key``; ``ids``: what tells an event apart (null:
    its content does); ``content``: the row's mapped cells as one text, needed where an id is null."""

    rows: pa.Table
    ids: pa.Array | None = None
    content: pa.Array | None = None
    rejected: list[RejectedRow] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


class Reading:
    """One file read once: from where the cursor says, with keys that fit what was read before."""

    def __init__(
        self, table: str, read: Callable[[Path, Place], Iterator[Events]], path: Path, place: Place, seen: Look,
        stored: Mapping[str, Any],
    ) -> None:
        self.table, self.read, self.path, self.place, self.seen = table, read, path, place, seen
        self.newest = Newest(stored.get("newest_us"), stored.get("newest", {}))
        known = None if self.newest.digests is None else dict(self.newest.digests)
        self.keys = ContentKeys(self._earlier if seen.before.offset else None, self.newest.us, known)
        self.half_read: list[Any] | None = stored.get("half_read")
        self.last: list[Any] | None = None

    def stored(self) -> dict[str, Any]:
        """What the cursor keeps of this file."""
        return {
            **self.seen.end.stored(),
            "content_hash": self.seen.content_hash,
            "newest_us": self.newest.us,
            "newest": self.newest.digests,
            "half_read": self.last,
        }

    def chunks(self) -> Iterator[Chunk]:
        """The new rows. Line numbers are those of the whole file."""
        seen = self.seen
        whole = nullcontext((self.path, 0))
        csv = file_format(self.path) == "csv"
        with after(self.path, seen.before, seen.size, header=csv) if seen.before.offset else whole as (path, shift):
            for events in self.read(path, self.place):
                yield self._chunk(_shifted(events, shift) if shift else events)

    def _earlier(self) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """The digests of what was read before (rows without an id)."""
        with after(self.path, Position(), self.seen.before.offset, header=False) as (path, _):
            silent = ContentKeys()
            for events in self.read(path, self.place):
                nameless = _nameless(events)
                us = micros_of(events.rows)[nameless]
                if us.size and events.content is not None:
                    yield silent.assign(events.content.filter(pa.array(nameless)), us)[1], us

    def _chunk(self, events: Events) -> Chunk:
        if self.seen.divisible:
            events = self._up_to_the_look(events)
        rows = events.rows
        keys = self._keyed(events)
        rejected = [(row[0], self.table, *row[1:]) for row in events.rejected]
        table = conform(self.table, rows.append_column("event_key", keys)) if rows.num_rows else None
        return Chunk({} if table is None else {self.table: table}, rejected_rows(rejected), events.findings)

    def _up_to_the_look(self, events: Events) -> Events:
        """Without what was written after the look, and without a last line that is not complete yet."""
        seen = self.seen
        numbers = events.rows["row_number"].to_numpy() if events.rows.num_rows else np.empty(0, np.int64)
        if numbers.size and numbers.max() > seen.last_row:
            keep = pa.array(numbers <= seen.last_row)
            events = Events(
                events.rows.filter(keep), None if events.ids is None else events.ids.filter(keep),
                None if events.content is None else events.content.filter(keep), events.rejected, events.findings,
            )
        half = [row for row in events.rejected if row[0] == seen.last_row and not seen.ended]
        if half:
            events.rejected = [row for row in events.rejected if row[0] != seen.last_row]
            events.findings = _without_rows(events.findings, half)
            message = "the last line is not complete; it is read when it is"
            repair = "Nothing, if the file is still written."
            events.findings.append(self.place.warning("half_line", message, repair, seen.last_row))
        return events

    def _keyed(self, events: Events) -> pa.Array:
        """The event keys, and what the next read must know of them."""
        nameless = _nameless(events)
        us = micros_of(events.rows)
        numbers = events.rows["row_number"].to_numpy() if us.size else np.empty(0, np.int64)
        complete = numbers <= self.seen.end.lines
        short = np.zeros(us.size, np.uint64)
        made: pa.Array = pa.array([], pa.string())
        if nameless.any():
            assert events.content is not None
            made, short[nameless] = self.keys.assign(events.content.filter(pa.array(nameless)), us[nameless])
        self.newest.add(short[complete & nameless], us[complete & nameless])
        if events.ids is None or nameless.all():
            keys = made
        else:
            keys = pc.replace_with_mask(events.ids, pa.array(nameless), made) if nameless.any() else events.ids
        if self.half_read is not None and us.size:
            keys = self._completed(keys, numbers)
        if us.size and not complete.all():
            self.last = [int(numbers[-1]), keys[-1].as_py()]
        return keys

    def _completed(self, keys: pa.Array, numbers: NDArray[np.int64]) -> pa.Array:
        """A line that was read before it was complete keeps the key it was booked under: it is another version."""
        number, key = self.half_read or (0, "")
        return pc.if_else(pa.array(numbers == number), pa.scalar(key), keys)


def _nameless(events: Events) -> NDArray[np.bool_]:
    if events.ids is None:
        return np.ones(events.rows.num_rows, bool)
    result: NDArray[np.bool_] = pc.is_null(events.ids).to_numpy(zero_copy_only=False)
    return result


def micros_of(rows: pa.Table) -> NDArray[np.int64]:
    """The event times of some rows, in microseconds."""
    if not rows.num_rows:
        return np.empty(0, np.int64)
    result: NDArray[np.int64] = rows["event_time"].cast(pa.int64()).to_numpy()
    return result


def _shifted(events: Events, shift: int) -> Events:
    """Rows of a part, numbered as in the whole file."""
    rows = events.rows
    if rows.num_rows:
        at = rows.column_names.index("row_number")
        rows = rows.set_column(at, "row_number", pc.add(rows["row_number"], shift))
    rejected = [(number + shift, code, message, record) for number, code, message, record in events.rejected]
    findings = [one if one.row is None else replace(one, row=one.row + shift) for one in events.findings]
    return Events(rows, events.ids, events.content, rejected, findings)


def _without_rows(findings: list[Finding], rows: list[RejectedRow]) -> list[Finding]:
    """The findings less the given refused rows."""
    kept = []
    for finding in findings:
        taken = sum(1 for row in rows if row[1] == finding.code)
        if taken < finding.count:
            kept.append(replace(finding, count=finding.count - taken) if taken else finding)
    return kept
