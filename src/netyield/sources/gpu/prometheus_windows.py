"""Windows computed by the server: one mean per device, signal and window, exactly the mean of the raw samples.

The server gives count, sum, max and min over windows that do not overlap. A window is taken as it is where one series
speaks for the device (or complete, equal copies do) and nothing in it can be a sentinel. Everywhere else, as when a
device changed hands or is shared, its raw samples are fetched for that window and reduced here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from netyield.sources.gpu.aliases import aliases
from netyield.sources.gpu.series import Series
from netyield.sources.gpu.series_labels import Inventory, Labels, device_of
from netyield.sources.gpu.series_readings import FP64_BLANK, INT32_BLANKS
from netyield.sources.gpu.series_rows import FloatArray, IntArray

FUNCTIONS = ("count_over_time", "sum_over_time", "max_over_time", "min_over_time")
UUID_LABELS = ("UUID", "uuid", "gpu_uuid", "serial_number")
Place = tuple[str, str]
Doubtful = Mapping[Place, NDArray[np.bool_]]


@dataclass(slots=True)
class Row:
    """One series: its aggregates (functions x windows), NaN where the server gave nothing."""

    name: str
    labels: Labels
    place: Place | None
    cells: FloatArray

    @property
    def present(self) -> NDArray[np.bool_]:
        """The windows that hold samples of this series."""
        return np.asarray(self.cells[0] > 0)

    @property
    def plain(self) -> NDArray[np.bool_]:
        """The windows in which nothing needs cleaning: no sentinel, no negative, no missing aggregate."""
        high, low = self.cells[2], self.cells[3]
        whole = np.isfinite(self.cells).all(axis=0)
        return np.asarray(whole & (low >= 0) & (high < FP64_BLANK) & ~np.isin(high, INT32_BLANKS))


@dataclass(slots=True)
class WindowTable:
    """The aggregates of one signal over the windows of one delivery, [first_us, first_us + windows x window_us)."""

    first_us: int
    window_us: int
    windows: int
    interval_us: Mapping[str, int]
    host: str = ""
    inventory: Inventory = field(default_factory=Inventory)
    rows: dict[tuple[str, tuple[tuple[str, str], ...]], Row] = field(default_factory=dict)

    def add(self, function: str, series: Iterable[Series]) -> None:
        """Take in the answers for one function; each point stands at the last millisecond of its window."""
        for item in series:
            key = (item.name, tuple(sorted(item.labels.items())))
            if key not in self.rows:
                empty = np.full((len(FUNCTIONS), self.windows), np.nan)
                self.rows[key] = Row(item.name, item.labels, self.place_of(item.name, item.labels), empty)
            number = (item.times_us + 1000 - self.first_us) // self.window_us - 1
            self.rows[key].cells[FUNCTIONS.index(function), number] = item.values

    def place_of(self, name: str, labels: Labels) -> Place | None:
        """The device and slice a series is about."""
        family = aliases()[name].family
        device = device_of(family, self.inventory.describe(labels, self.host), self.host)
        return (device.device_id, device.slice_id) if device else None

    def doubtful(self) -> dict[Place, NDArray[np.bool_]]:
        """The windows, by device, whose mean the server cannot give."""
        places: dict[Place, list[Row]] = defaultdict(list)
        for row in self.rows.values():
            if row.place is not None:
                places[row.place].append(row)
        found = {}
        for place, rows in places.items():
            doubt = np.zeros(self.windows, dtype=np.bool_)
            for row in rows:
                doubt |= row.present & ~row.plain
            if len(rows) > 1:
                doubt |= self._differing(rows)
            if doubt.any():
                found[place] = doubt
        return found

    def _differing(self, rows: list[Row]) -> NDArray[np.bool_]:
        """Windows with several speakers that are not complete, equal copies of one another."""
        present = np.stack([row.present for row in rows])
        several = present.sum(axis=0) > 1
        leader = rows[0].cells.copy()
        for row in rows[1:]:
            leader = np.where(np.isnan(leader[0]), row.cells, leader)
        steps = np.array([self.interval_us[row.name] for row in rows])
        complete = leader[0] * steps.min() >= self.window_us
        equal = np.all([~here | (row.cells == leader).all(axis=0) for here, row in zip(present, rows, strict=True)],
                       axis=0)
        return np.asarray(several & ~(complete & equal))

    def means(self, doubtful: Doubtful) -> list[Series]:
        """One reading per clear window: the mean, at the window's start, held for the time its samples cover."""
        found = []
        for row in self.rows.values():
            doubt = doubtful.get(row.place) if row.place else None
            numbers = np.flatnonzero(row.present if doubt is None else row.present & ~doubt)
            if len(numbers):
                counts, sums = row.cells[0, numbers], row.cells[1, numbers]
                covered = np.minimum((counts * self.interval_us[row.name]).astype(np.int64), self.window_us)
                starts = self.first_us + numbers.astype(np.int64) * self.window_us
                found.append(Series(row.name, row.labels, starts, sums / counts, covered))
        return found

    def raw_matchers(self, doubtful: Doubtful) -> tuple[str, list[str]] | None:
        """(label, values) that select the doubtful devices; None when they have no identity of their own."""
        label, values = "", set()
        for row in self.rows.values():
            if row.place not in doubtful:
                continue
            label = next((one for one in UUID_LABELS if row.labels.get(one)), "")
            if not label:
                return None
            values.add(row.labels[label])
        return (label, sorted(values)) if label else None

    def only_doubtful(self, series: Iterable[Series], doubtful: Doubtful) -> list[Series]:
        """The raw samples that lie in doubtful windows of their device."""
        found = []
        for item in series:
            doubt = doubtful.get(self.place_of(item.name, item.labels) or ("", ""))
            if doubt is None:
                continue
            keep = doubt[(item.times_us - self.first_us) // self.window_us]
            if keep.any():
                found.append(item._replace(times_us=item.times_us[keep], values=item.values[keep]))
        return found


@dataclass(frozen=True, slots=True)
class WindowMean:
    """Reduces the merged raw readings of a device to one mean per window, as the server does."""

    first_us: int
    window_us: int
    interval_us: int

    def __call__(
        self, times_us: IntArray, values: FloatArray, holds_us: IntArray
    ) -> tuple[IntArray, FloatArray, IntArray]:
        """(window starts, means, time covered)."""
        if not len(times_us):
            return times_us, values, holds_us
        numbers = (times_us - self.first_us) // self.window_us
        windows, place, counts = np.unique(numbers, return_inverse=True, return_counts=True)
        means = np.bincount(place, weights=values) / counts
        covered = np.minimum(counts.astype(np.int64) * self.interval_us, self.window_us)
        return self.first_us + windows * self.window_us, means, covered
