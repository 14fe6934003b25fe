"""The project folder: where is everything, and how does one writer change it while readers read?

    .netyield/
      raw/        what was delivered, by SHA-256
      spool/      pushes that wait to be booked
      segments/   <table>/<month>/<number>-<sequence>-<day>.parquet, immutable
      manifests/  <number>.json, whose state never changes; the highest number is the books
      derived/    results that can be made again
      horizon.json  from which number on manifests are complete (collection.py)
      lock        held by the one writer

A reader picks a manifest and reads the segments it names; nothing it reads changes, or goes away within the grace time. A writer adds
segments that no manifest names yet, then creates the next manifest in one step. Killed before that step, its files
carry a number above the current one and the next writer sweeps them.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from netyield.core.errors import StoreError
from netyield.core.period import iso
from netyield.store import segments as segment_files
from netyield.store.durable import make_folder, publish
from netyield.store.lock import exclusive
from netyield.store.manifest import EMPTY, Change, Manifest, Segment, apply, decode
from netyield.store.writer import Writer, manifest_path

DATA_FOLDER = ".netyield"
FORMAT = 1
_PARTS = ("raw", "spool", "segments", "manifests", "derived")


class Folder:
    """A project folder, opened for reading; ``writer`` opens it for writing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = root / DATA_FOLDER
        self._cache: Manifest = EMPTY

    @classmethod
    def create(cls, root: Path) -> Folder:
        """The folder with its data folder, made when it is not there yet."""
        folder = cls(root)
        for part in _PARTS:
            make_folder((folder.data / part).absolute())
        version = folder.data / "format.json"
        if not version.exists():
            publish(version, json.dumps({"format": FORMAT}).encode())
        return cls.open(root)

    @classmethod
    def open(cls, root: Path) -> Folder:
        """An existing folder. Raises StoreError when there is none or it is from a newer version."""
        folder = cls(root)
        version = folder.data / "format.json"
        if not version.is_file():
            message = f"{root} has no books yet ({DATA_FOLDER} is missing)."
            raise StoreError(message, "Run `netyield init` there, or `netyield ingest` beside its netyield.toml.")
        found = json.loads(version.read_text(encoding="utf-8"))["format"]
        if found > FORMAT:
            message = f"{folder.data} has format {found}; this version reads up to {FORMAT}."
            raise StoreError(message, "Use the newer netyield that wrote it.")
        return folder

    def numbers(self) -> list[int]:
        """The numbers of all manifests, ascending."""
        names = (self.data / "manifests").glob("*.json")
        return sorted(int(name.stem) for name in names if name.stem.isdigit())

    def manifest(self, as_of: datetime | None = None) -> Manifest:
        """The newest manifest, or the newest recorded at or before ``as_of``; number 0 when nothing was booked.

        Raises StoreError for a moment whose books were collected.
        """
        numbers = self.numbers()
        if as_of is not None:
            horizon = self.horizon()
            complete = [number for number in numbers if number >= horizon]
            numbers = complete[: self._recorded_until(complete, as_of)]
            if horizon and not numbers:
                first = self.manifest_number(complete[0]).recorded_at
                message = f"the books as of {iso(as_of)} are no longer kept: {self.data} goes back to {iso(first)}."
                raise StoreError(message, "Ask for a later moment; project.history_days says how long states are kept.")
        return self.manifest_number(numbers[-1]) if numbers else EMPTY

    def recorded_before(self, moment: datetime) -> bool:
        """Is there a complete state as of that moment?"""
        horizon = self.horizon()
        return self._recorded_until([number for number in self.numbers() if number >= horizon], moment) > 0

    def horizon(self) -> int:
        """The number from which on every state is complete; 0 when nothing was ever collected."""
        return int(self._horizon().get("from", 0))

    def horizon_is_clear(self) -> bool:
        """Was the last collection brought to its end?"""
        return bool(self._horizon().get("clear", True))

    def _horizon(self) -> dict[str, Any]:
        try:
            return dict(json.loads((self.data / "horizon.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def _recorded_until(self, numbers: Sequence[int], as_of: datetime) -> int:
        """How many manifests were recorded at or before ``as_of`` (recorded_at never decreases)."""
        low, high = 0, len(numbers)
        while low < high:
            middle = (low + high) // 2
            if self._is_recorded_by(numbers[middle], as_of):
                low = middle + 1
            else:
                high = middle
        return low

    def _is_recorded_by(self, number: int, as_of: datetime) -> bool:
        try:
            return self.change(number).recorded_at <= as_of
        except StoreError:
            if manifest_path(self.data, number).exists():
                raise
            return True  # collected just now: older than everything that is kept

    def manifest_number(self, number: int) -> Manifest:
        """The manifest of that number. Raises StoreError when there is none."""
        try:
            return self._state(number)
        except StoreError:
            if not manifest_path(self.data, number).exists():
                raise
            return self._state(number)  # one it was based on was collected meanwhile; now it stands by itself

    def _state(self, number: int) -> Manifest:
        if number == 0:
            return EMPTY
        changes: list[Change] = []
        step: int | None = number
        while step is not None and step != 0 and step != self._cache.number:
            changes.append(self.change(step))
            step = changes[-1].base
        state = self._cache if step is not None and step == self._cache.number else EMPTY
        for change in reversed(changes):
            state = apply(state, change)
        if number >= self._cache.number:
            self._cache = state
        return state

    def change(self, number: int) -> Change:
        """What the file of that number holds. Raises StoreError when there is none or it is damaged."""
        path = manifest_path(self.data, number)
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            message = f"there is no manifest {number} in {self.data}."
            raise StoreError(message, "Pick a number that `netyield check` lists.") from None
        return decode(content, path.name)

    def segments(
        self, manifest: Manifest, table: str, since: datetime | None = None, until: datetime | None = None
    ) -> list[Segment]:
        """The segments of a table that may hold rows of the half-open window [since, until)."""
        return [segment for segment in manifest.of(table) if segment_files.overlaps(segment, since, until)]

    def path(self, segment: Segment) -> Path:
        """Where a segment lies."""
        return self.data / segment.path

    def paths(self, segments: Iterable[Segment]) -> list[str]:
        """Absolute paths of segments, as the SQL engine takes them."""
        base = self.data.absolute()
        return [str(base / segment.path) for segment in segments]

    def derived_path(self, kind: str, day: str, key: str) -> Path:
        """Where a result of a kind, day and input hash is kept; its folder is made when that is permitted.

        Asking is using: one that is there gets a new date, so that ``collect_results`` leaves it (derived.py).
        """
        path = self.data / "derived" / kind / day / f"{key}.parquet"
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError):
            os.utime(path)
        return path

    @contextlib.contextmanager
    def writer(self, wait_seconds: float = 10) -> Iterator[Writer]:
        """The right to write. Raises StoreError when another process keeps it longer than ``wait_seconds``."""
        with exclusive(self.data / "lock", wait_seconds):
            writer = Writer(self.data, self.manifest(), self._weights())
            writer.sweep()
            try:
                yield writer
            finally:
                writer.discard()

    def _weights(self) -> Mapping[str, int]:
        """Entries in the last whole manifest and in the changes since it: decides when to write all again."""
        numbers = self.numbers()
        since, step = 0, numbers[-1] if numbers else 0
        while step:
            change = self.change(step)
            if change.base is None:
                return {"whole": change.weight, "since": since, "changes": numbers[-1] - step}
            since += change.weight
            step = change.base
        return {"whole": 0, "since": since, "changes": 0}
