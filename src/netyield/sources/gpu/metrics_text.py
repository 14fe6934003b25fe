"""Saved metrics texts: one scrape of an exporter (Prometheus text, OpenMetrics) or the output of ``nvidia-smi -q``.

A text without times needs one: ``at`` (the time of the snapshot), or the file's own modification time. Samples that
carry their own time keep it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, ValidationInfo, field_validator

from netyield.core.period import micros, parse_time
from netyield.sources.contract import Chunk
from netyield.sources.files import Place
from netyield.sources.gpu.aliases import UtilScale
from netyield.sources.gpu.file_source import FILENAME, FileSettings, FileSource, stem
from netyield.sources.gpu.nvidia_smi import SmiOptions, read_smi
from netyield.sources.gpu.openmetrics import Exposition, parse
from netyield.sources.gpu.series import Reading, Series, translate
from netyield.sources.opened import text_blocks

MODIFICATION = "mtime"


class MetricsText(FileSource):
    """``type = "metrics_text"``: saved texts of exporters and of nvidia-smi."""

    type: ClassVar[str] = "metrics_text"
    tables: ClassVar[tuple[str, ...]] = ("gpu_samples", "gpu_slices", "gpu_owners", "engine_samples")

    class Settings(FileSettings):
        """``at``: ISO time or ``mtime``. ``host`` stands in where no label names it (default: the file's name).

        ``section`` (nvidia_smi) picks one of a capture's sections; ``util_scale`` (prometheus) settles a name that
        does not tell percent from ratio; ``device_multiprocessors`` stands in for the device catalogue.
        """

        kind: Literal["prometheus", "nvidia_smi"] = "prometheus"
        at: str | None = None
        host: str = FILENAME
        hold_seconds: float | None = Field(default=None, gt=0, le=86_400)
        section: str | None = None
        util_scale: UtilScale | None = None
        device_multiprocessors: int | None = Field(default=None, gt=0)

        @field_validator("at")
        @classmethod
        def _readable(cls, at: str | None, info: ValidationInfo) -> str | None:
            if at is not None and at != MODIFICATION:
                parse_time(at, str(info.data.get("timezone", "UTC")))  # its ValueError is the message
            return at

    settings: Settings

    def read(self, path: Path, place: Place) -> Iterator[Chunk]:
        """The tables of one text."""
        blocks = list(text_blocks(path, place))
        text = b"".join(block.text for block in blocks).decode("utf-8")
        yield Chunk(findings=[finding for block in blocks for finding in block.findings])
        if self.settings.kind == "nvidia_smi":
            yield self._smi(text, path, place)
        else:
            yield from self._exposition(parse(text), path, place)

    def _smi(self, text: str, path: Path, place: Place) -> Chunk:
        rows = read_smi(text, SmiOptions(
            host=self._host(path),
            hold_us=self._hold_us,
            pool=self.pool_of(path),
            at_us=self._at_us(path),
            timezone=self.settings.timezone,
            section=self.settings.section,
            device_multiprocessors=self.settings.device_multiprocessors,
        ), place)
        return Chunk(tables=rows.tables(), findings=rows.findings)

    def _exposition(self, found: Exposition, path: Path, place: Place) -> Iterator[Chunk]:
        remarks = Chunk()
        if found.faults:
            first = found.faults[0]
            message = f"lines cannot be read and were left out (first: {first.reason})"
            repair = "Save the exporter's answer as it is: curl -s http://HOST:PORT/metrics > file.prom"
            remarks.findings.append(place.error("bad_line", message, repair, first.row, len(found.faults)))
        if not found.samples:
            message = "there is no sample in the file"
            remarks.findings.append(place.error("no_sample", message, "Is it a metrics text?", 1))
        at_us = self._at_us(path)
        if at_us is None:
            at_us = _modified_us(path)
            if any(sample.time_us is None for sample in found.samples):
                message = "the samples carry no time: the file's modification time stands for it"
                remarks.findings.append(place.info("file_time", message, "Set at to the time of the scrape."))
        yield remarks
        yield from translate(_series(found, at_us), Reading(
            host=self._host(path),
            pool=self.pool_of(path),
            hold_us=self._hold_us,
            util_scale=self.settings.util_scale,
            help_texts=found.helps,
            file=place.file,
        ))

    @property
    def _hold_us(self) -> int | None:
        """The declared hold; without one three times the usual step between the readings of the file."""
        return None if self.settings.hold_seconds is None else round(self.settings.hold_seconds * 1_000_000)

    def _host(self, path: Path) -> str:
        return self.settings.host.replace(FILENAME, stem(path))

    def _at_us(self, path: Path) -> int | None:
        """The declared time of the snapshot, None when each sample or log must tell its own."""
        at = self.settings.at
        if at is None:
            return None
        return _modified_us(path) if at == MODIFICATION else micros(parse_time(at, self.settings.timezone))


def _series(found: Exposition, at_us: int) -> Iterator[Series]:
    """Samples grouped by name and labels, by time; where one time stands twice, the first value stands."""
    index = _gpu_index(found)
    groups: dict[tuple[str, tuple[tuple[str, str], ...]], dict[int, float]] = defaultdict(dict)
    for sample in found.samples:
        time_us = at_us if sample.time_us is None else sample.time_us
        groups[sample.name, tuple(sorted(sample.labels.items()))].setdefault(time_us, sample.value)
    for (name, labels), values in groups.items():
        known = dict(labels)
        if name.startswith("nvidia_smi_") and known.get("uuid", "") in index:
            known.setdefault("index", index[known["uuid"]])
        times = sorted(values)
        yield Series(name, known, np.array(times, np.int64), np.array([values[time] for time in times], np.float64))


def _gpu_index(found: Exposition) -> dict[str, str]:
    """nvidia_gpu_exporter tells the GPU's index in a series of its own; masked UUIDs are told apart by it."""
    return {
        sample.labels.get("uuid", ""): str(int(sample.value))
        for sample in found.samples
        if sample.name == "nvidia_smi_index" and np.isfinite(sample.value)
    }


def _modified_us(path: Path) -> int:
    return path.stat().st_mtime_ns // 1_000
