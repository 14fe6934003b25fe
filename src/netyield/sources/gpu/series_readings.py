"""Readings of one signal: which are real, and which one stands when a device is exported more than once?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np

from netyield.core.finding import Finding, Severity
from netyield.core.period import from_micros, iso
from netyield.sources.gpu.aliases import COUNTERS
from netyield.sources.gpu.series_labels import Device
from netyield.sources.gpu.series_rows import FloatArray, IntArray

# DCGM's INT64 blanks all parse to 2^63 as float64, so the test is a bound, not equality. The bounds below are of
# canonical values: what no device reaches, and what DCGM's INT32 and FP64 blanks exceed in every unit of the table.
SENTINEL = 2.0**62
HIGHEST: Mapping[str, float] = {
    "gpu_util_percent": 105.0,
    "power_watts": 1e5,
    "memory_used_bytes": 2.0**47,
    "memory_total_bytes": 2.0**47,
}
HIGHEST_RATIO = 1.05  # the profiling counters overshoot 1 by a little
INT32_BLANKS = (2147483632.0, 2147483633.0, 2147483634.0, 2147483635.0)
FP64_BLANK = 2.0**47
MOST_REJECTED = 1000
_TEXTS: dict[str, tuple[Severity, str, str]] = {
    "gpu.sentinel": (Severity.INFO, "readings that say 'not supported' or 'blank' are missing, not 0",
                     "Nothing to do; without another signal the time stays unknown."),
    "gpu.not_a_number": (Severity.INFO, "readings are not a number and were left out", "Check the exporter."),
    "gpu.negative": (Severity.WARNING, "negative readings were refused", "Check the exporter; see the quarantine."),
    "gpu.out_of_range": (Severity.ERROR, "readings are above what the signal can be and were refused",
                         "If it is GPU_UTIL, set util_scale = \"percent\" or \"ratio\" in this [[source]]."),
    "gpu.scale_unknown": (Severity.WARNING, "readings were left out: percent or 0 to 1 cannot be told by the name",
                          "Set util_scale = \"percent\" (DCGM 4.6) or \"ratio\" (DCGM 4.7) in this [[source]]."),
    "gpu.no_device": (Severity.WARNING, "readings name no device (no UUID, and no host with a GPU index)",
                      "Set host in this [[source]], or keep the labels UUID or Hostname and gpu."),
    "gpu.copies": (Severity.INFO, "copies of device readings (time-slicing, HPC mapping) were counted once",
                   "Nothing to do."),
    "gpu.copies_differ": (Severity.WARNING, "copies of a device reading differ and no reading of the device itself "
                          "stands beside them; the highest was taken",
                          "Let the exporter keep the series of the device without pod labels."),
}


@dataclass(slots=True)
class Remarks:
    """Counts by finding code, with one example each, and the refused readings (the first thousand per code)."""

    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    examples: dict[str, str] = field(default_factory=dict)
    rejected: list[tuple[int, str, str, str, Mapping[str, Any] | None]] = field(default_factory=list)

    def note(self, code: str, count: int, example: str = "") -> None:
        """Count ``count`` more of a kind."""
        if count:
            self.counts[code] += count
            self.examples.setdefault(code, example)

    def refuse(self, code: str, metric: str, device: Device, times: IntArray, values: FloatArray) -> None:
        """Count readings and keep them for the quarantine."""
        if not len(times):
            return
        room = max(MOST_REJECTED - self.counts[code], 0)
        self.note(code, len(times), f"{metric} of {device.device_id}")
        for time, value in zip(times[:room].tolist(), values[:room].tolist(), strict=True):
            record = {"device_id": device.device_id, "slice_id": device.slice_id, "host": device.host,
                      "metric": metric, "event_time": iso(from_micros(time)), "value": value}
            self.rejected.append((len(self.rejected) + 1, "gpu_samples", code, _TEXTS[code][1], record))

    def findings(self, file: str) -> list[Finding]:
        """One finding per code."""
        found = []
        for code, count in sorted(self.counts.items()):
            severity, text, repair = _TEXTS[code]
            example = f" (first: {self.examples[code]})" if self.examples[code] else ""
            found.append(Finding(code, severity, text + example, repair, file, None, count))
        return found


@dataclass(frozen=True, slots=True)
class Part:
    """One series of a signal of a device; ``labelled`` when it is a workload's copy or share."""

    device: Device
    rank: int
    labelled: bool
    times_us: IntArray
    values: FloatArray
    holds_us: IntArray


def clean(part: Part, metric: str, factor: Fraction, remarks: Remarks) -> Part:
    """The part in the canonical unit, with only the readings that can be true."""
    raw = part.values
    finite = np.isfinite(raw)
    sentinel = finite & (raw >= SENTINEL)
    if metric not in COUNTERS:
        sentinel |= finite & (np.isin(raw, INT32_BLANKS) & (factor != 1 or not metric.endswith("_bytes")))
        sentinel |= finite & (raw >= FP64_BLANK)
    values = raw * float(factor.numerator) / float(factor.denominator)
    negative = finite & (raw < 0)
    highest = np.inf if metric in COUNTERS else HIGHEST.get(metric, HIGHEST_RATIO)
    absurd = finite & ~sentinel & (values > highest)
    remarks.note("gpu.not_a_number", int((~finite).sum()), f"{metric} of {part.device.device_id}")
    remarks.note("gpu.sentinel", int(sentinel.sum()), f"{metric} of {part.device.device_id}")
    remarks.refuse("gpu.negative", metric, part.device, part.times_us[negative], raw[negative])
    remarks.refuse("gpu.out_of_range", metric, part.device, part.times_us[absurd], values[absurd])
    keep = finite & ~sentinel & ~negative & ~absurd
    return Part(part.device, part.rank, part.labelled, part.times_us[keep], values[keep], part.holds_us[keep])


def merged(parts: Sequence[Part], remarks: Remarks) -> tuple[IntArray, FloatArray, IntArray]:
    """One reading per time: the device's own before a workload's, the better known name before the other, else the
    highest (a workload's share can only be below the device's)."""
    if len(parts) == 1 and bool(np.all(np.diff(parts[0].times_us) > 0)):
        return parts[0].times_us, parts[0].values, parts[0].holds_us
    times = np.concatenate([part.times_us for part in parts])
    values = np.concatenate([part.values for part in parts])
    holds = np.concatenate([part.holds_us for part in parts])
    labelled = np.repeat([part.labelled for part in parts], [len(part.times_us) for part in parts])
    rank = np.repeat([part.rank for part in parts], [len(part.times_us) for part in parts])
    order = np.lexsort((-values, rank, labelled, times))
    times, values, holds, labelled, rank = times[order], values[order], holds[order], labelled[order], rank[order]
    keep = np.concatenate(([True], np.diff(times) > 0)) if len(times) else np.empty(0, dtype=np.bool_)
    stands = np.maximum.accumulate(np.where(keep, np.arange(len(times)), 0))
    differ = labelled[stands] & (rank == rank[stands]) & (values != values[stands])
    remarks.note("gpu.copies", int((~keep).sum()))
    remarks.note("gpu.copies_differ", int(differ.sum()))
    return times[keep], values[keep], holds[keep]
