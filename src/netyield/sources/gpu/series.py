"""Labelled metric series -> the canonical tables gpu_samples, gpu_owners, gpu_slices and engine_samples.

What did each device read, and who held it, whoever exported it and however it was scraped? One translator serves the
live Prometheus source and saved metrics texts. Rules: one reading per (device, slice, signal, time), so that copies
made for time-slicing count once; sentinels are missing, never 0; units by name, label, HELP text or setting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from netyield.core.finding import Finding
from netyield.sources.contract import Chunk, rejected_rows
from netyield.sources.gpu.aliases import Alias, UtilScale, aliases, factor_for
from netyield.sources.gpu.engines import EngineSeries, engine_runs, engine_series
from netyield.sources.gpu.kubernetes import ClusterFacts, is_cluster_series
from netyield.sources.gpu.series_labels import (
    Device,
    Inventory,
    Labels,
    ScrapeTargets,
    device_of,
    workload_of,
)
from netyield.sources.gpu.series_owners import Allocation, Ownership
from netyield.sources.gpu.series_readings import Part, Remarks, clean, merged
from netyield.sources.gpu.series_rows import (
    SECOND_US,
    FloatArray,
    IntArray,
    RowNumbers,
    Run,
    key_of,
    tables_of,
    usual_interval,
)
from netyield.sources.gpu.series_slices import Layout

DEFAULT_INTERVAL_US = 30 * SECOND_US  # dcgm-exporter's collect interval
_INFO_NAMES = frozenset({"nvidia_smi_gpu_info"})
_ALLOCATION_FAMILIES = frozenset({"dcgm", "amd"})  # the other exporters never know the workload


class Series(NamedTuple):
    """One labelled series. ``holds_us`` is given only where the readings are not single samples (windows)."""

    name: str
    labels: Labels
    times_us: IntArray
    values: FloatArray
    holds_us: IntArray | None = None


Reduce: TypeAlias = Callable[[IntArray, FloatArray, IntArray], tuple[IntArray, FloatArray, IntArray]]
LabelledSeries: TypeAlias = Series | tuple[str, Labels, IntArray, FloatArray]


@dataclass(frozen=True, slots=True)
class Reading:
    """How series are to be read.

    ``host`` stands in where no label names it. ``hold_us`` fixes how long a reading may be held; else it is
    ``hold_factor`` x the scrape interval (``interval_us``, or each series' own median step, or for a series of one or
    two samples that of its neighbours, else ``usual_interval_us``). ``allocating_jobs`` are scrape jobs known to label
    workloads. ``help_texts`` are HELP lines by metric name. Cluster facts before ``from_us`` are context only. ``file``
    is named in findings.
    """

    host: str = ""
    pool: str | None = None
    hold_us: int | None = None
    hold_factor: int = 3
    interval_us: int | None = None
    usual_interval_us: int = DEFAULT_INTERVAL_US
    util_scale: UtilScale | None = None
    allocation: Allocation = "auto"
    allocating_jobs: frozenset[str] = frozenset()
    help_texts: Mapping[str, str] = field(default_factory=dict)
    from_us: int = 0
    file: str = ""


def translate(series: Iterable[LabelledSeries], reading: Reading) -> Iterator[Chunk]:
    """All tables of a set of series, in chunks. A series is a ``Series`` or (name, labels, times_us, values)."""
    translator = Translator(reading)
    yield from translator.samples(series)
    yield translator.finish()


@dataclass(slots=True)
class Translator:
    """Translates the series of one delivery, in as many pieces as memory asks for.

    Every call of ``samples`` must hold all series of the signals in it (copies of a reading are found within one
    call). ``finish`` gives what needs all of them: the owners and the findings.
    """

    reading: Reading
    numbers: RowNumbers = field(default_factory=RowNumbers)
    ownership: Ownership = field(default_factory=Ownership)
    facts: ClusterFacts = field(default_factory=ClusterFacts)
    targets: ScrapeTargets = field(default_factory=ScrapeTargets)
    inventory: Inventory = field(default_factory=Inventory)
    layout: Layout = field(default_factory=Layout)
    remarks: Remarks = field(default_factory=Remarks)
    _interval_us: int = 0

    def __post_init__(self) -> None:
        self._interval_us = self.reading.interval_us or self.reading.usual_interval_us

    def samples(self, series: Iterable[LabelledSeries], reduce: Reduce | None = None) -> Iterator[Chunk]:
        """The samples of these series as chunks of bounded size; GPU readings of one device and signal go through
        ``reduce``, once they are clean and merged."""
        rest = [item for item in (Series(*raw) for raw in series) if not self._is_fact(item)]
        intervals = [step for item in rest if (step := self._interval(item)) is not None]
        self._interval_us = int(np.median(intervals)) if intervals else self._interval_us
        yield from self._gpu_chunks(rest, reduce)
        yield from self._engine_chunks(rest)

    def finish(self) -> Chunk:
        """The owners and slices of all devices seen, the refused rows, and the findings."""
        self.ownership.allocating_jobs |= self.reading.allocating_jobs
        hold_us = self.reading.hold_us or self.reading.hold_factor * self._interval_us
        runs = self.ownership.runs(self.facts, self.reading.allocation, hold_us, self.reading.from_us)
        chunk = Chunk(findings=self.findings())
        for table, rows in (("gpu_owners", runs), ("gpu_slices", self.layout.runs())):
            pieces = list(tables_of(table, rows, self.numbers))
            if pieces:
                chunk.tables[table] = pa.concat_tables(pieces)
        if self.remarks.rejected:
            chunk.rejected = rejected_rows(self.remarks.rejected)
        return chunk

    def findings(self) -> list[Finding]:
        """What was found so far, aggregated by code."""
        owners = self.ownership
        return [
            *self.remarks.findings(self.reading.file),
            *self.facts.findings(owners.placed_pods(), owners.devices_by_host(), self.reading.file),
        ]

    def note_owners(self, series: Iterable[LabelledSeries]) -> None:
        """Take only the allocation from these series, not their readings."""
        for item in (Series(*raw) for raw in series):
            alias = aliases().get(item.name)
            if alias is not None and not self._is_fact(item):
                self._place(alias, item, self._holds(item))

    def _is_fact(self, item: Series) -> bool:
        """Keep what describes other series; True when the item is no reading itself."""
        if item.name in _INFO_NAMES:
            self.inventory.add(item.labels, self.reading.host)
        elif item.name == "up":
            self.targets.add(item.labels)
        elif is_cluster_series(item.name):
            self.facts.add(item.name, item.labels, item.times_us, item.values)
        else:
            return False
        return True

    def _interval(self, item: Series) -> int | None:
        if self.reading.interval_us is not None or item.holds_us is not None:
            return self.reading.interval_us
        return usual_interval(item.times_us)

    def _holds(self, item: Series) -> IntArray:
        if item.holds_us is not None:
            return item.holds_us
        hold_us = self.reading.hold_us or self.reading.hold_factor * (self._interval(item) or self._interval_us)
        return np.full(len(item.times_us), hold_us, dtype=np.int64)

    def _place(self, alias: Alias, item: Series, holds_us: IntArray) -> tuple[Device, bool] | None:
        """The device of a series, noting who held it; and whether the series is a workload's own."""
        labels = self.inventory.describe(item.labels, self.reading.host)
        device = device_of(alias.family, labels, self.reading.host)
        if device is None:
            self.remarks.note("gpu.no_device", len(item.times_us), f"{item.name} {dict(item.labels)}")
            return None
        self.layout.add(device, labels, item.times_us, holds_us)
        workload = None
        if alias.family in _ALLOCATION_FAMILIES:
            workload = workload_of(labels, self.targets)
            self.ownership.add(device, workload, item.labels.get("job", ""), item.times_us, holds_us)
        return device, workload is not None

    def _gpu_chunks(self, series: Iterable[Series], reduce: Reduce | None) -> Iterator[Chunk]:
        groups: dict[tuple[str, str, str], list[Part]] = defaultdict(list)
        devices: dict[tuple[str, str, str], Device] = {}
        for item in series:
            alias = aliases().get(item.name)
            part = self._part(alias, item) if alias is not None else None
            if alias is None or part is None:
                continue
            key = (part.device.device_id, part.device.slice_id, alias.metric)
            devices.setdefault(key, part.device)
            groups[key].append(part)
        runs = (self._gpu_run(key, devices[key], groups[key], reduce) for key in sorted(groups))
        for table in tables_of("gpu_samples", runs, self.numbers):
            yield Chunk(tables={"gpu_samples": table})

    def _part(self, alias: Alias, item: Series) -> Part | None:
        factor = factor_for(alias, item.labels, self.reading.help_texts.get(item.name, ""), self.reading.util_scale)
        if factor is None:
            self.remarks.note("gpu.scale_unknown", len(item.times_us), item.name)
            return None
        holds_us = self._holds(item)
        placed = self._place(alias, item, holds_us)
        if placed is None:
            return None
        device, labelled = placed
        part = Part(device, alias.rank, labelled, item.times_us, item.values, holds_us)
        return clean(part, alias.metric, factor, self.remarks)

    def _gpu_run(self, key: tuple[str, str, str], device: Device, parts: list[Part], reduce: Reduce | None) -> Run:
        times, values, holds = merged(parts, self.remarks)
        if reduce is not None:
            times, values, holds = reduce(times, values, holds)
        constants = {
            "device_id": device.device_id, "slice_id": device.slice_id, "host": device.host,
            "gpu_model": device.model, "pool": self.reading.pool, "metric": key[2],
        }
        return Run(constants, key_of("gpu", *key), times, holds, values)

    def _engine_chunks(self, series: Iterable[Series]) -> Iterator[Chunk]:
        runs: dict[EngineSeries, tuple[IntArray, FloatArray, IntArray]] = {}
        for item in series:
            identity = engine_series(item.name, item.labels, self.reading.host)
            if identity is None:
                continue
            keep = np.isfinite(item.values)
            self.remarks.note("gpu.not_a_number", int((~keep).sum()), item.name)
            new = (item.times_us[keep], item.values[keep], self._holds(item)[keep])
            runs[identity] = _together(runs.get(identity), new)
        for table in tables_of("engine_samples", engine_runs(runs), self.numbers):
            yield Chunk(tables={"engine_samples": table})


def _together(
    known: tuple[IntArray, FloatArray, IntArray] | None, new: tuple[IntArray, FloatArray, IntArray]
) -> tuple[IntArray, FloatArray, IntArray]:
    """Two scrapes of one process series, each time once (the first seen stands)."""
    if known is None:
        return new
    times = np.concatenate([known[0], new[0]])
    unique, place = np.unique(times, return_index=True)
    return unique, np.concatenate([known[1], new[1]])[place], np.concatenate([known[2], new[2]])[place]
