"""Per-device readings of one signal from a mapped file: what did each GPU do, and did somebody hold it?

``long``: one row per device and time. ``wide``: one row per time and one column per device. Each row stands for the
interval that begins at its time, so that N rows of one interval cover N intervals exactly. The devices count as
allocated unless ``allocated`` says otherwise; who holds them comes from the mapped columns. Allocation is written
once per stretch without a change or a gap, readings are written as they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import Field, model_validator

from netyield.sources.contract import Chunk
from netyield.sources.files import Block, Place, header, read_rows
from netyield.sources.gpu.aliases import SIGNALS
from netyield.sources.gpu.csv_columns import Numbers, TimeUnit, cell, numbers, times, words
from netyield.sources.gpu.file_source import FileSettings, FileSource, Refusals, missing_columns, unmapped_columns
from netyield.sources.gpu.intervals import UNKNOWN_US, Intervals
from netyield.sources.gpu.reading_tables import owner_table, sample_table
from netyield.sources.gpu.readings import (
    ALLOCATION_WORDS,
    IDENTITY,
    JOB_STATE_WORDS,
    OWNERSHIP,
    People,
    Readings,
)
from netyield.sources.gpu.seen_readings import SeenReadings
from netyield.sources.gpu.series_readings import HIGHEST_RATIO

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
CONTENT_MIX = np.uint64(0x9E3779B97F4A7C15)
COLUMNS = frozenset({"time", "device", "value", *IDENTITY, *OWNERSHIP} - {"allocated"})
PERCENT, AMOUNT = 100.0, 2.0**62  # at or above 2^62 a reading is a driver's "no value" mark
HIGHEST = {"gpu_util_percent": PERCENT, "power_watts": 100_000.0}
SCALE_LOOK = 20  # readings before a doubt about the scale is worth a word
TIME_REPAIR = "Correct the row, or set time_unit = \"s\" | \"ms\" | \"iso\" to what the file has."


class GpuCsv(FileSource):
    """``type = "gpu_csv"``: one signal of many devices."""

    type: ClassVar[str] = "gpu_csv"
    tables: ClassVar[tuple[str, ...]] = ("gpu_samples", "gpu_owners")

    class Settings(FileSettings):
        """``columns`` maps our words to the file's: time, and (long) device and value; ``scale`` multiplies values.

        ``allocated`` is true, false, or the name of a column; ``devices`` (wide) lists the device columns, else every
        column that is not mapped is one.
        """

        layout: Literal["long", "wide"] = "long"
        metric: Literal[SIGNALS]  # type: ignore[valid-type]
        columns: Mapping[str, str]
        devices: tuple[str, ...] = ()
        time_unit: TimeUnit = "iso"
        interval_seconds: float | None = Field(default=None, gt=0, le=86_400)
        host: str | None = None
        gpu_model: str | None = None
        allocated: bool | str = True
        scale: float = Field(default=1.0, gt=0)

        @model_validator(mode="after")
        def _mapped(self) -> GpuCsv.Settings:
            needed = {"time", "device", "value"} if self.layout == "long" else {"time"}
            allowed = COLUMNS if self.layout == "long" else COLUMNS - {"device", "value", "slice"}
            if not needed <= set(self.columns) or not set(self.columns) <= allowed:
                message = f"columns for layout {self.layout} must name {sorted(needed)} and may name {sorted(allowed)}"
                raise ValueError(message)
            return self

    settings: Settings

    def read(self, path: Path, place: Place) -> Iterator[Chunk]:
        """The readings of one file, block by block."""
        mapped = dict(self.settings.columns)
        if isinstance(self.settings.allocated, str):
            mapped["allocated"] = self.settings.allocated
        names = header(path, place)
        lost = missing_columns(names, mapped, tuple(mapped), place)
        devices = self._device_columns(names, mapped)
        yield Chunk(findings=lost or unmapped_columns(names, [*mapped.values(), *devices], place))
        if lost:
            return
        file = _File(self.settings, mapped, devices, self.pool_of(path) or "", place)
        for block in read_rows(path, place, [*mapped.values(), *file.devices]):
            yield file.chunk(block)

    def _device_columns(self, names: list[str], mapped: Mapping[str, str]) -> list[str]:
        if self.settings.layout == "long":
            return []
        wanted = self.settings.devices or [name for name in names if name not in mapped.values()]
        return [name for name in wanted if name in names]


@dataclass(slots=True)
class _File:
    """What one file's blocks have in common."""

    settings: GpuCsv.Settings
    mapped: Mapping[str, str]
    devices: list[str]
    pool: str
    place: Place
    people: People = field(default_factory=People)
    seen: SeenReadings = field(default_factory=SeenReadings)
    intervals: Intervals = field(init=False)
    first: bool = True

    def __post_init__(self) -> None:
        seconds = self.settings.interval_seconds
        self.intervals = Intervals(None if seconds is None else round(seconds * 1_000_000))

    def chunk(self, block: Block) -> Chunk:
        """One block as canonical tables."""
        refusals = Refusals("gpu_samples", self.place)
        refusals.take_block(block)
        rows, row, us = self._with_time(block, refusals)
        if rows.num_rows:
            readings = self._readings(rows, row, us, refusals)
            self.people.catch_up()
            readings = self._only_good(readings, refusals)
            self._remark(readings, refusals)
            self._book(readings, refusals)
            self.first = False
        return refusals.finish()

    def _with_time(self, block: Block, refusals: Refusals) -> tuple[pa.Table, Integers, Integers]:
        """The rows whose time can be read, their line numbers and their times."""
        row = block.numbers.to_numpy(zero_copy_only=False)
        if not block.rows.num_rows:
            return block.rows, row, row
        column = block.rows[self.mapped["time"]]
        when = times(column, self.settings.time_unit, self.settings.timezone)
        refusals.refuse(
            ~when.good, row, "bad_time", "the time cannot be read", TIME_REPAIR, lambda i: {"time": cell(column, i)}
        )
        if when.good.all():
            return block.rows, row, when.us
        return block.rows.filter(pa.array(when.good)), row[when.good], when.us[when.good]

    def _readings(self, rows: pa.Table, row: Integers, us: Integers, refusals: Refusals) -> Readings:
        ownership = self.people.ownerships.numbers([self._word(rows, name) for name in OWNERSHIP], us.size)
        parts = []
        for column, device in self._value_columns(rows, refusals):
            identity = self.people.identities.numbers(
                [device if name == "device" else self._word(rows, name) for name in IDENTITY], us.size
            )
            found = numbers(rows[column], self.settings.scale)
            parts.append(Readings.of(us, identity, ownership, found, row, rows[column]))
        return Readings.join(parts) if parts else Readings.none()

    def _value_columns(self, rows: pa.Table, refusals: Refusals) -> list[tuple[str, pa.Array | str]]:
        """(column of the values, the device or devices they are of)."""
        if self.settings.layout == "long":
            return [(self.mapped["value"], words(rows[self.mapped["device"]]))]
        if self.first and not self.settings.devices:
            self.devices, odd = _numeric(rows, self.devices)
            if odd:
                message = f"columns without any number are not read as devices: {', '.join(odd)}"
                repair = "List the device columns in devices = [...]."
                refusals.chunk.findings.append(self.place.warning("not_a_device", message, repair, 1, len(odd)))
        return [(name, name) for name in self.devices]

    def _word(self, rows: pa.Table, name: str) -> pa.Array | str:
        """A mapped column, or the constant the settings give."""
        if name in self.mapped:
            return words(rows[self.mapped[name]])
        constants = {
            "pool": self.pool,
            "host": self.settings.host or "",
            "gpu_model": self.settings.gpu_model or "",
            "allocated": "true" if self.settings.allocated else "false",
        }
        return constants.get(name, "")

    def _only_good(self, readings: Readings, refusals: Refusals) -> Readings:
        """Without the rows that cannot be used; each goes into quarantine under the first fault it has."""
        record = readings.record(self.people)
        left = np.ones(readings.us.size, bool)
        for code, bad, message, repair in self._faults(readings):
            refusals.refuse(bad & left, readings.row, code, message, repair, record)
            left &= ~bad
        readings = readings.take(np.flatnonzero(left))
        series = self._series(readings)
        content = np.where(readings.missing, np.nan, readings.value).view(np.uint64) ^ (
            (readings.ownership.astype(np.uint64) + np.uint64(1)) * CONTENT_MIX
        )
        verdict = self.seen.sort_out(series, readings.us, content)
        refusals.remark_repeated(verdict.repeated, readings.row)
        refusals.refuse_conflicting(verdict.conflicting, readings.row, readings.record(self.people))
        return readings.take(np.flatnonzero(~(verdict.repeated | verdict.conflicting)))

    def _faults(self, readings: Readings) -> Iterator[tuple[str, Flags, str, str]]:
        metric = self.settings.metric
        highest = HIGHEST.get(metric, HIGHEST_RATIO if metric.endswith("_ratio") else AMOUNT)
        nameless = np.array([not key[0] for key in self.people.identities.keys], bool)
        unclear = np.array([owner.state is None for owner in self.people.owners], bool)
        repair = "Correct the row or map another column."
        yield "no_device", nameless[readings.identity], "the row names no device", repair
        yield "bad_value", ~readings.good, f"the value is no number of {metric}", repair
        yield "absurd_value", ~readings.missing & ((readings.value < 0) | (readings.value > highest)), (
            f"the value is outside 0 to {highest:g}, the range of {metric}"
        ), "Correct the row; if the whole column is in another unit, set scale (0.01 turns percent into a ratio)."
        yield "bad_allocated", unclear[readings.ownership], "the allocation column holds another word than yes or no", (
            f"Known words: {', '.join(ALLOCATION_WORDS)}."
        )

    def _series(self, readings: Readings) -> Integers:
        return np.array(self.people.series_of, np.int64)[readings.identity]

    def _book(self, readings: Readings, refusals: Refusals) -> None:
        series = self._series(readings)
        known = len(self.intervals.inferred)
        hold_us = self.intervals.of(len(self.people.series.keys), series, readings.us)
        timeless = hold_us[series] == UNKNOWN_US
        refusals.refuse(
            timeless, readings.row, "no_interval", "no device has two readings: how long one stands is not known",
            "Set interval_seconds.", readings.record(self.people),
        )
        if len(self.intervals.inferred) > known:
            gaps = sorted({gap / 1_000_000 for gap in self.intervals.inferred.values()})
            message = f"interval_seconds is not set; taken from the gaps between readings: {_span(gaps)} s"
            refusals.chunk.findings.append(self.place.info("interval_inferred", message, "Set interval_seconds."))
        readings = readings.take(np.flatnonzero(~timeless))
        refusals.chunk.tables = {
            "gpu_samples": sample_table(readings, self.people, self.settings.metric, hold_us),
            "gpu_owners": owner_table(readings, self.people, hold_us, self.settings.delivery == "immutable"),
        }

    def _remark(self, readings: Readings, refusals: Refusals) -> None:
        """What is worth a word about rows that are kept."""
        say = refusals.chunk.findings.append
        if readings.missing.any():
            message = "cells without a value: the device is unknown there, not idle"
            say(self.place.info("missing_value", message, "", int(readings.row[readings.missing].min()),
                                int(readings.missing.sum())))
        odd = np.array([owner.odd_job_state for owner in self.people.owners], bool)[readings.ownership]
        if odd.any():
            message = "the job state is not a known word and was left empty"
            repair = f"Known words: {', '.join(JOB_STATE_WORDS)}."
            say(self.place.warning("odd_job_state", message, repair, int(readings.row[odd].min()), int(odd.sum())))
        value = readings.value[~readings.missing]
        percent = self.settings.metric == "gpu_util_percent" and self.settings.scale == 1.0
        fractions = ((value > 0) & (value < 1)).any()
        if self.first and percent and value.size >= SCALE_LOOK and fractions and value.max() <= 1:
            message = "all values of a percent signal lie between 0 and 1: are they ratios?"
            say(self.place.warning("scale", message, "If so, set scale = 100."))


def _numeric(rows: pa.Table, names: list[str]) -> tuple[list[str], list[str]]:
    """Columns that hold some number or nothing at all, and those that hold only other words."""
    odd = [name for name in names if _only_words(numbers(rows[name]))]
    return [name for name in names if name not in odd], odd


def _only_words(found: Numbers) -> bool:
    return bool((~found.good).any() and not (found.good & ~found.missing).any())


def _span(values: list[float]) -> str:
    return f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
