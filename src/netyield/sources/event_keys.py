"""Keys of events that carry no id. Which rows are the same event when they are delivered again?

key = the first 128 bits of SHA-256 over the row's mapped content, ":" and the ordinal among identical rows of that
file. Two equal rows of one file are two events; the same file again, or a longer one, gives the same keys. Identical
content has an identical time, so that only blocks whose times overlap are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

DIGEST_BYTES = 16
MOST_REMEMBERED = 10_000  # rows of the newest time a cursor keeps; with more of them the file's start is read again
UNIT_SEPARATOR = "\x1f"

Earlier = Callable[[], Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]]


def content(columns: Mapping[str, pa.Array]) -> pa.Array:
    """One text per row from its mapped cells (in the order of their names), null where every cell is null."""
    named = [columns[name] for name in sorted(columns)]
    texts = [column if column.type == pa.string() else column.cast(pa.string()) for column in named]
    if len(texts) == 1:
        return pc.fill_null(texts[0], "")
    return pc.binary_join_element_wise(
        *texts, UNIT_SEPARATOR, null_handling="replace", null_replacement="\x00"
    )


def digests(texts: pa.Array) -> NDArray[np.uint8]:
    """SHA-256 of each text, its first 16 bytes, as an (n, 16) array."""
    raw = b"".join([sha256(text).digest()[:DIGEST_BYTES] for text in texts.cast(pa.binary()).to_pylist()])
    return np.frombuffer(raw, np.uint8).reshape(-1, DIGEST_BYTES)


@dataclass(slots=True)
class ContentKeys:
    """Keys for the blocks of one file, one after the other.

    ``newest_us`` and ``newest`` are what a cursor kept of the part read before: its latest time, and how often each
    digest stood at that time. A row that is older than that needs the whole earlier part: ``earlier`` gives it.
    """

    earlier: Earlier | None = None
    newest_us: int | None = None
    newest: Mapping[str, int] | None = None
    _blocks: list[tuple[int, int, NDArray[np.uint64]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.newest_us is not None and self.newest is not None:
            short = [int(digest, 16) for digest, count in self.newest.items() for _ in range(count)]
            self._blocks.append((self.newest_us, self.newest_us, np.sort(np.array(short, np.uint64))))

    def assign(self, texts: pa.Array, us: NDArray[np.int64]) -> tuple[pa.Array, NDArray[np.uint64]]:
        """(keys, short digests) of one block of rows with these times."""
        if not us.size:
            return pa.array([], pa.string()), np.empty(0, np.uint64)
        full = digests(texts)
        short = full[:, :8].copy().view(">u8").ravel().astype(np.uint64)
        self._reach_back(int(us.min()))
        ordinals = 1 + _occurrence(short) + self._before(short, us)
        self.remember(short, us)
        return _written(full, ordinals), short

    def remember(self, short: NDArray[np.uint64], us: NDArray[np.int64]) -> None:
        """These rows were there before any that follow."""
        if short.size:
            self._blocks.append((int(us.min()), int(us.max()), np.sort(short)))

    def _reach_back(self, oldest_us: int) -> None:
        if self.newest_us is None or self.earlier is None:
            return
        if oldest_us < self.newest_us or (oldest_us == self.newest_us and self.newest is None):
            later = self._blocks if self.newest is None else self._blocks[1:]
            self._blocks, earlier, self.earlier = list(later), self.earlier, None
            for short, us in earlier():
                self.remember(short, us)

    def _before(self, short: NDArray[np.uint64], us: NDArray[np.int64]) -> NDArray[np.int64]:
        counts = np.zeros(short.size, np.int64)
        low, high = int(us.min()), int(us.max())
        for first, last, known in self._blocks:
            if first <= high and last >= low:
                counts += np.searchsorted(known, short, "right") - np.searchsorted(known, short, "left")
        return counts


def _occurrence(short: NDArray[np.uint64]) -> NDArray[np.int64]:
    """How many equal values stand before each one in this block."""
    order = np.argsort(short, kind="stable")
    ordered = short[order]
    opens = np.ones(ordered.size, bool)
    opens[1:] = ordered[1:] != ordered[:-1]
    place = np.arange(ordered.size)
    result = np.empty(ordered.size, np.int64)
    result[order] = place - np.maximum.accumulate(np.where(opens, place, 0))
    return result


def _written(full: NDArray[np.uint8], ordinals: NDArray[np.int64]) -> pa.Array:
    text = full.tobytes().hex().encode()
    offsets = np.arange(full.shape[0] + 1, dtype=np.int32) * (2 * DIGEST_BYTES)
    hexes = pa.StringArray.from_buffers(full.shape[0], pa.py_buffer(offsets.tobytes()), pa.py_buffer(text))
    return pc.binary_join_element_wise(hexes, pa.array(ordinals).cast(pa.string()), ":")


@dataclass(slots=True)
class Newest:
    """What a cursor keeps of the complete part: its latest time, and how often each digest stands at that time.

    ``digests`` is None when there are too many of them: then the file's start is read again when it matters.
    """

    us: int | None = None
    digests: dict[str, int] | None = field(default_factory=dict)

    def add(self, short: NDArray[np.uint64], us: NDArray[np.int64]) -> None:
        """More rows of the complete part."""
        if not us.size:
            return
        latest = int(us.max())
        if self.us is not None and latest < self.us:
            return
        if latest != self.us:
            self.us, self.digests = latest, {}
        if self.digests is None:
            return
        for value in short[us == latest].tolist():
            name = f"{value:016x}"
            self.digests[name] = self.digests.get(name, 0) + 1
        if len(self.digests) > MOST_REMEMBERED:
            self.digests = None
