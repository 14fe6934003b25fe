"""Which readings of a file stand there twice, and do they agree?

A reading is known by its series (a number the caller gives each device) and its time. The first one stands; a later
one that says the same is a repetition, one that says something else is a conflict. Blocks come one after the other,
in any order of time; a block that only moves on in time (or only back) costs no search.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

MIX = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True, slots=True)
class Sorted:
    """One block's verdict: masks over its rows. Rows in neither mask are new."""

    repeated: NDArray[np.bool_]
    conflicting: NDArray[np.bool_]


@dataclass(slots=True)
class SeenReadings:
    """What the blocks so far held: 16 bytes per reading."""

    _keys: list[NDArray[np.uint64]] = field(default_factory=list)
    _contents: list[NDArray[np.uint64]] = field(default_factory=list)
    _first: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    _last: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    def sort_out(self, series: NDArray[np.int64], us: NDArray[np.int64], content: NDArray[np.uint64]) -> Sorted:
        """Compare one block with itself and with all before it, and remember it."""
        if not series.size:
            return Sorted(np.zeros(0, bool), np.zeros(0, bool))
        order = np.lexsort((np.arange(series.size), us, series))
        s, t, c = series[order], us[order], content[order]
        opens = np.ones(s.size, bool)
        opens[1:] = (s[1:] != s[:-1]) | (t[1:] != t[:-1])
        group = np.cumsum(opens) - 1
        first = np.flatnonzero(opens)
        known, standing = self._search(s[first], t[first], c[first])
        agrees = c == standing[group]
        old = ~opens | known[group]
        self._remember(s[first][~known], t[first][~known], c[first][~known])
        repeated, conflicting = np.empty(s.size, bool), np.empty(s.size, bool)
        repeated[order] = old & agrees
        conflicting[order] = old & ~agrees
        return Sorted(repeated, conflicting)

    def _search(
        self, series: NDArray[np.int64], us: NDArray[np.int64], content: NDArray[np.uint64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.uint64]]:
        """Which readings earlier blocks hold, and the content that stands for each."""
        self._reach(int(series.max()) + 1)
        known = np.zeros(series.size, bool)
        standing = content.copy()
        inside = np.flatnonzero((us >= self._first[series]) & (us <= self._last[series]))
        if inside.size:
            wanted = _key(series[inside], us[inside])
            for keys, contents in zip(self._keys, self._contents, strict=True):
                place = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
                hit = keys[place] == wanted
                known[inside[hit]] = True
                standing[inside[hit]] = contents[place[hit]]
        return known, standing

    def _reach(self, count: int) -> None:
        more = count - self._first.size
        if more > 0:
            self._first = np.append(self._first, np.full(more, np.iinfo(np.int64).max))
            self._last = np.append(self._last, np.full(more, np.iinfo(np.int64).min))

    def _remember(self, series: NDArray[np.int64], us: NDArray[np.int64], content: NDArray[np.uint64]) -> None:
        if not series.size:
            return
        np.minimum.at(self._first, series, us)
        np.maximum.at(self._last, series, us)
        keys = _key(series, us)
        order = np.argsort(keys)
        self._keys.append(keys[order])
        self._contents.append(content[order])


def _key(series: NDArray[np.int64], us: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Series and time in 64 bits (splitmix64): two of ten million readings share a key once in 370,000 files."""
    mixed = us.astype(np.uint64) + (series.astype(np.uint64) + np.uint64(1)) * MIX[0]
    mixed = (mixed ^ (mixed >> np.uint64(30))) * MIX[1]
    mixed = (mixed ^ (mixed >> np.uint64(27))) * MIX[2]
    result: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
    return result
