"""What may the one writer do? Add segments, keep raw input, and make both the books by one new manifest.

Nothing becomes visible before ``commit``, and ``commit`` is one link of one file: everything or nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa

from netyield.core.errors import StoreError
from netyield.store import compaction
from netyield.store import segments as segment_files
from netyield.store.durable import TEMPORARY, make_folder, publish, reported, sync_files, sync_folder
from netyield.store.manifest import Change, DeliveryRecord, Manifest, Segment, apply, booked, encode, whole

WHOLE_EVERY = 512  # a reader never opens more manifest files than this
_PIECE = 1 << 20


def manifest_path(data: Path, number: int) -> Path:
    """The file of a manifest."""
    return data / "manifests" / f"{number:012d}.json"


class Writer:
    """Made by ``Folder.writer``; holds the lock as long as it is open."""

    def __init__(self, data: Path, manifest: Manifest, weights: Mapping[str, int]) -> None:
        self._data = data
        self._weights = dict(weights)
        self._pending: list[Segment] = []
        self._sequence = 0
        self.manifest = manifest

    def path(self, segment: Segment) -> Path:
        """Where a segment lies."""
        return self._data / segment.path

    def paths(self, segments: Iterable[Segment]) -> list[str]:
        """Absolute paths of segments, booked or not yet."""
        return [str(self.path(segment).absolute()) for segment in segments]

    @property
    def pending(self) -> tuple[Segment, ...]:
        """Segments written since the last commit; the next commit books them."""
        return tuple(self._pending)

    def write_segments(
        self,
        table: str,
        rows: pa.Table,
        delivery: str,
        snapshot_key: str | None = None,
        recorded_at: datetime | None = None,
    ) -> list[Segment]:
        """Write rows (full contract schema, of one source) as one segment per day. Booked by the next commit."""
        rows = segment_files.checked(table, rows)
        moment = recorded_at or datetime.now(UTC)
        source = str(rows["source"][0].as_py()) if rows.num_rows else ""
        written = []
        for day, part in segment_files.by_day(table, rows):
            encoded = segment_files.encode(table, part)
            written.append(self._write(table, day, encoded, delivery, snapshot_key, moment, source, ()))
        return written

    def _write(
        self,
        table: str,
        day: str | None,
        encoded: segment_files.Encoded,
        delivery: str,
        snapshot_key: str | None,
        recorded_at: datetime,
        source: str,
        parts: tuple[str, ...],
    ) -> Segment:
        self._sequence += 1
        month = str(day)[:7]
        path = f"segments/{table}/{month}/{self.manifest.number + 1:012d}-{self._sequence:05d}-{day}.parquet"
        segment = Segment(
            table, path, encoded.rows, day, encoded.min_us, encoded.max_us, encoded.sha256, len(encoded.content),
            delivery, snapshot_key, recorded_at, source, parts,
        )  # fmt: skip
        self._pending.append(segment)
        with reported(f"writing {encoded.rows} rows of {table}"):
            make_folder((self._data / path).parent)
            (self._data / path).write_bytes(encoded.content)
        return segment

    def without(self, segment: Segment, positions: np.ndarray[Any, np.dtype[np.int64]]) -> Segment | None:
        """A new segment with the rows of ``segment`` except those at ``positions``; None when none are left.

        A pending segment is replaced at once; a booked one stays until the next commit drops it.
        """
        mask = np.ones(segment.rows, dtype=bool)
        mask[positions] = False
        kept: Segment | None = None
        if mask.any():
            rows = segment_files.read([self.path(segment)], segment.table).filter(pa.array(mask))
            kept = self._write(
                segment.table, segment.day, segment_files.encode(segment.table, rows), segment.delivery,
                segment.snapshot_key, segment.recorded_at, segment.source, (),
            )  # fmt: skip
        if segment in self._pending:
            self._pending.remove(segment)
            self.path(segment).unlink()
        return kept

    def merge(self, group: list[Segment]) -> Segment:
        """One segment with the rows of several of the same table, day, source and snapshot key."""
        first = group[0]
        rows = (piece for segment in group for piece in segment_files.pieces(self.path(segment), first.table))
        parts = tuple(sorted(part for segment in group for part in (segment.parts or (segment.sha256,))))
        newest = max(segment.recorded_at for segment in group)
        encoded = segment_files.encode_pieces(first.table, rows)
        return self._write(
            first.table, first.day, encoded, "compaction", first.snapshot_key, newest, first.source, parts
        )

    def keep_raw(self, content: Path | bytes) -> str:
        """Keep delivered bytes under their SHA-256; the path within the data folder.

        Always a copy: a hard link to a log that grows would change under its hash. Raises OSError when a delivered
        file cannot be read, StoreError when it cannot be written.
        """
        if isinstance(content, bytes):
            name = f"raw/{hashlib.sha256(content).hexdigest()}"
            if not (self._data / name).exists():
                with reported("keeping delivered bytes"):
                    publish(self._data / name, content)
            return name
        with content.open("rb") as stream:  # outside ``reported``: an unreadable source is not a fault of the books
            return self._copy_raw(stream)

    def _copy_raw(self, stream: BinaryIO) -> str:
        temporary = self._data / "raw" / f".{os.getpid()}{TEMPORARY}"
        digest = hashlib.sha256()
        try:
            with reported("keeping the delivered file"):
                make_folder(temporary.parent)
                with temporary.open("wb") as target:
                    while piece := stream.read(_PIECE):
                        digest.update(piece)
                        target.write(piece)
                    target.flush()
                    os.fsync(target.fileno())
                temporary.replace(self._data / "raw" / digest.hexdigest())
                sync_folder(self._data / "raw")
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
        return f"raw/{digest.hexdigest()}"

    def commit(
        self,
        new_deliveries: Iterable[DeliveryRecord] = (),
        cursors: Mapping[str, Any] | None = None,
        drop_segments: Iterable[Segment] = (),
        closed: Mapping[str, Mapping[str, int]] | None = None,
        recorded_at: datetime | None = None,
    ) -> Manifest:
        """Book what was written since the last commit, in one step. ``recorded_at`` (default: now) never goes back."""
        number = self.manifest.number + 1
        change = Change(
            number=number,
            recorded_at=max(recorded_at or datetime.now(UTC), self.manifest.recorded_at),
            base=self.manifest.number,
            add=tuple(self._pending),
            drop=tuple(sorted(segment.path for segment in drop_segments)),
            deliveries={record.hash: booked(record, number) for record in new_deliveries},
            cursors=dict(cursors or {}),
            closed=dict(closed or {}),
        )
        state = apply(self.manifest, change)
        since = self._weights["since"] + change.weight
        everything = since >= self._weights["whole"] or self._weights["changes"] + 1 >= WHOLE_EVERY
        stored = whole(state) if everything else change
        with reported("making the rows durable"):
            sync_files([self.path(segment) for segment in self._pending])
        self._publish(manifest_path(self._data, number), encode(stored))
        self._weights = (
            {"whole": stored.weight, "since": 0, "changes": 0}
            if everything
            else {**self._weights, "since": since, "changes": self._weights["changes"] + 1}
        )
        self._pending.clear()
        self.manifest = state
        return state

    def _publish(self, path: Path, content: bytes) -> None:
        try:
            with reported("writing the manifest"):
                publish(path, content, exclusive=True)
        except FileExistsError:
            message = f"manifest {path.name} appeared while this process held the lock."
            raise StoreError(message, "Does the file system support flock? Use a local disk.") from None
        except BaseException:
            if path.exists():  # it failed after the link: what it names is booked and must not be discarded
                self._pending.clear()
            raise

    def discard(self, segments: Iterable[Segment] | None = None) -> None:
        """Remove segments (all, or the given ones) that were written and not booked."""
        for segment in list(self._pending if segments is None else segments):
            if segment in self._pending:
                self._pending.remove(segment)
                with contextlib.suppress(OSError):
                    self.path(segment).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Remove what a killed writer left: temporary files, and segments numbered above the current manifest."""
        swept = 0
        for part in ("raw", "segments", "manifests"):
            for path in (self._data / part).rglob(f"*{TEMPORARY}"):
                path.unlink(missing_ok=True)
                swept += 1
        for path in (self._data / "segments").rglob("*.parquet"):
            number = path.name.split("-", 1)[0]
            if number.isdigit() and int(number) > self.manifest.number:
                path.unlink(missing_ok=True)
                swept += 1
        return swept

    def compact(
        self, table: str, recorded_at: datetime | None = None, cursors: Mapping[str, Any] | None = None
    ) -> int:
        """Merge small segments of a table, per day, source and snapshot key; how many went into the merged ones.

        ``cursors`` are stored only when something was merged.
        """
        groups = compaction.groups(self.manifest.of(table))
        for group in groups:
            self.merge(group)
        merged = [segment for group in groups for segment in group]
        if merged:
            self.commit(cursors=cursors, drop_segments=merged, recorded_at=recorded_at)
        return len(merged)

    def settle(self, delivery: str) -> None:
        """Merge the pending small segments of a delivery before they are booked (it may touch one day many times)."""
        for group in compaction.groups(segment for segment in self._pending if segment.delivery == delivery):
            merged = self.merge(group)
            self._pending.remove(merged)
            self._pending.append(replace(merged, delivery=delivery, parts=()))
            self.discard(group)
