"""``nvidia-smi -q`` texts as readings and MIG layouts: what did each device read, and how is it cut?

Utilisation is not reported under MIG and stays absent then (unknown, not idle). Memory of a MIG slice is its GPU
instance's and is read once for it, with ``slice_id`` = GPU instance; the layout rows are per compute instance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from netyield.core.contract import conform, contract
from netyield.core.finding import Finding
from netyield.core.period import from_micros, micros
from netyield.sources.files import Place
from netyield.sources.gpu.catalogue import device_model
from netyield.sources.gpu.mig_layout import ComputeInstance, gpu_instances, stranded
from netyield.sources.gpu.nvidia_smi_text import Log, Node, SmiText, parse_smi
from netyield.sources.gpu.series import DEFAULT_INTERVAL_US
from netyield.sources.gpu.series_labels import canonical_uuid

QUANTITY = re.compile(r"(?P<number>[0-9]+(?:\.[0-9]+)?) (?P<unit>%|W|MiB)")
UNITS = {"%": 1.0, "W": 1.0, "MiB": 2.0**20}
ABSENT = re.compile(r"(?:\[?(?:N/A|Not Supported|Not Found)\]?|Requested functionality has been deprecated)?")
HELD_STEPS = 3
TIMESTAMP = "%a %b %d %H:%M:%S %Y"


@dataclass(frozen=True, slots=True)
class SmiOptions:
    """How a text is to be read. ``at_us`` is the time of its first log, else each log's own (in ``timezone``).

    Without ``hold_us`` a reading stands for three times the usual step between logs, as everywhere; one log alone for
    three times the step exporters have by default.
    """

    host: str
    hold_us: int | None = None
    pool: str | None = None
    at_us: int | None = None
    timezone: str = "UTC"
    section: str | None = None
    device_multiprocessors: int | None = None


@dataclass(slots=True)
class SmiRows:
    """Rows of the two tables, and what was found on the way."""

    samples: list[dict[str, Any]] = field(default_factory=list)
    slices: list[dict[str, Any]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def tables(self) -> dict[str, pa.Table]:
        """The rows as conforming tables; an empty table is left out."""
        rows = {"gpu_samples": self.samples, "gpu_slices": self.slices}
        return {
            name: conform(name, pa.Table.from_pylist(found, contract(name).source_schema))
            for name, found in rows.items() if found
        }


def read_smi(text: str, options: SmiOptions, place: Place) -> SmiRows:
    """All readings and layouts of one text."""
    rows = SmiRows()
    parsed = parse_smi(text)
    logs = _chosen(parsed, options, place, rows)
    timed = list(_timed(logs, options, place, rows))
    if options.hold_us is None:
        steps = [late - early for early, late in pairwise(sorted(time_us for _, time_us in timed))]
        options = replace(options, hold_us=HELD_STEPS * round(median(steps or [DEFAULT_INTERVAL_US])))
    for log, time_us in timed:
        gpus = [node for node in log.root.children if node.key.startswith("GPU ") and node.value is None]
        complete = log.root.text("Attached GPUs") == str(len(gpus))
        for index, gpu in enumerate(gpus):
            name = str(index) if complete else gpu.key.removeprefix("GPU ")
            profiles = {mig: profile for (listed, mig), profile in parsed.profiles.items() if listed == index}
            _Reader(gpu, name, profiles, time_us, options, place, rows).read()
    return rows


def _chosen(parsed: SmiText, options: SmiOptions, place: Place, rows: SmiRows) -> list[Log]:
    """The logs to read: all of a plain file; of a capture those of one section, the last one unless it is named."""
    if not parsed.logs:
        message = "there is no nvidia-smi -q output in the file"
        rows.findings.append(place.error("no_log", message, "Write it with: nvidia-smi -q > file.txt", 1))
    states = list(dict.fromkeys(log.state for log in parsed.logs))
    wanted = options.section if options.section is not None else (states[-1] if states else "")
    if parsed.logs and wanted not in states:
        message = f"the file has no section {wanted!r}"
        rows.findings.append(place.error("no_section", message, f"Its sections: {', '.join(states)}.", 1))
    if options.section is None and len(states) > 1:
        message = f"the file has the sections {', '.join(states)}; {wanted!r} was read"
        rows.findings.append(place.info("section", message, "Set section to read another one.", 1))
    return [log for log in parsed.logs if log.state == wanted]


def _timed(logs: list[Log], options: SmiOptions, place: Place, rows: SmiRows) -> Iterator[tuple[Log, int]]:
    """Each log with its time in microseconds, no time twice."""
    printed = [_printed_us(log, options.timezone) for log in logs]
    seen: set[int] = set()
    for log, own in zip(logs, printed, strict=True):
        time_us = own
        if options.at_us is not None:
            origin = printed[0]
            time_us = options.at_us + (own - origin if own is not None and origin is not None else 0)
        if time_us is None:
            message = "the log's Timestamp cannot be read"
            rows.findings.append(place.error("bad_time", message, "Set at = \"<ISO time>\" for this file.", log.row))
        elif time_us in seen:
            message = "a second log of the same second was left out"
            rows.findings.append(place.info("repeated_time", message, "", log.row))
        else:
            seen.add(time_us)
            yield log, time_us


def _printed_us(log: Log, zone: str) -> int | None:
    """``Fri Jul  3 22:22:26 2026`` in the machine's own zone."""
    try:
        moment = datetime.strptime(log.root.text("Timestamp") or "", TIMESTAMP)
    except ValueError:
        return None
    return micros(moment.replace(tzinfo=ZoneInfo(zone)))


@dataclass(slots=True)
class _Reader:
    """One GPU of one log."""

    gpu: Node
    name: str
    profiles: dict[int, str]
    time_us: int
    options: SmiOptions
    place: Place
    rows: SmiRows

    @property
    def device_id(self) -> str:
        return canonical_uuid(self.gpu.text("GPU UUID") or "") or f"{self.options.host}/{self.name}"

    @property
    def model(self) -> str | None:
        return self.gpu.text("Product Name")

    def read(self) -> None:
        power = self.gpu.child("GPU Power Readings", "Power Readings")
        memory = self.gpu.child("FB Memory Usage")
        utilisation = self.gpu.child("Utilization")
        self._sample("gpu_util_percent", "", utilisation and utilisation.child("GPU"))
        self._sample("memory_used_bytes", "", memory and memory.child("Used"))
        self._sample("memory_total_bytes", "", memory and memory.child("Total"))
        draws = ("Average Power Draw", "Power Draw", "Instantaneous Power Draw")
        self._sample("power_watts", "", power and power.child(*draws))
        if self.gpu.text("MIG Mode", "Current") == "Enabled":
            self._layout()

    def _sample(self, metric: str, slice_id: str, node: Node | None) -> None:
        value = self._quantity(node)
        if node is not None and value is not None:
            own = {"gpu_model": self.model, "pool": self.options.pool, "metric": metric, "value": value}
            self.rows.samples.append(self._row(slice_id, metric, node.row) | own)

    def _quantity(self, node: Node | None) -> float | None:
        if node is None or ABSENT.fullmatch(node.value or ""):
            return None
        match = QUANTITY.fullmatch(node.value or "")
        if match is None:
            message = f"{node.key} of {self.device_id} cannot be read ({node.value!r}); it stays unknown"
            repair = "Check the device (ERR! and Unknown Error are the driver's own words)."
            self.rows.findings.append(self.place.warning("bad_value", message, repair, node.row))
            return None
        return float(match["number"]) * UNITS[match["unit"]]

    def _row(self, slice_id: str, what: str, row: int) -> dict[str, Any]:
        return {
            "row_number": row,
            "event_key": f"{self.device_id}|{slice_id}|{what}|{self.time_us}",
            "event_time": from_micros(self.time_us),
            "device_id": self.device_id,
            "slice_id": slice_id,
            "host": self.options.host or None,
            "hold_us": self.options.hold_us,
        }

    def _layout(self) -> None:
        instances = [found for node in self.gpu.all("MIG Device") if (found := self._instance(node)) is not None]
        model = device_model(self.model or "")
        total = self.options.device_multiprocessors or (model.multiprocessors if model else None)
        device_bytes = int(self._quantity_at("FB Memory Usage", "Total") or 0)
        for number, group in gpu_instances(instances).items():
            for place, instance in enumerate(group):
                memory = instance.memory_bytes if place == 0 else None
                self.rows.slices.append(self._row(instance.slice_id, "slice", instance.row) | {
                    "gpu_model": self.model,
                    "slice_profile": instance.profile,
                    "multiprocessors": instance.multiprocessors,
                    "device_multiprocessors": total,
                    "compute_slices": instance.compute_slices(model),
                    "memory_slices": model.memory_slices_of(memory, device_bytes) if model and memory else None,
                    "memory_bytes": memory,
                })
            self._memory_sample(number, group[0])
        self._remark(instances, total)

    def _memory_sample(self, gpu_instance: int, instance: ComputeInstance) -> None:
        readings = (("memory_used_bytes", instance.used_bytes), ("memory_total_bytes", instance.memory_bytes))
        for metric, value in readings:
            if value is not None:
                own = {"gpu_model": self.model, "pool": self.options.pool, "metric": metric, "value": float(value)}
                self.rows.samples.append(self._row(str(gpu_instance), metric, instance.row) | own)

    def _instance(self, node: Node) -> ComputeInstance | None:
        numbers = [node.text("GPU Instance ID"), node.text("Compute Instance ID"),
                   node.text("Device Attributes", "Shared", "Multiprocessor count"), node.text("Index")]
        if not all(number is not None and number.isdigit() for number in numbers):
            message = f"a MIG device of {self.device_id} lacks its instance numbers or multiprocessor count"
            self.rows.findings.append(self.place.error("bad_mig_device", message, "Capture the text again.", node.row))
            return None
        gpu_instance, compute_instance, multiprocessors, index = (int(number or 0) for number in numbers)
        memory = node.child("Shared FB Memory Usage", "FB Memory Usage")
        total, used = (self._quantity(memory.child(key)) if memory else None for key in ("Total", "Used"))
        return ComputeInstance(
            gpu_instance, compute_instance, multiprocessors, None if total is None else int(total),
            None if used is None else int(used), self.profiles.get(index), node.row,
        )

    def _quantity_at(self, heading: str, key: str) -> float | None:
        node = self.gpu.child(heading)
        return self._quantity(node.child(key)) if node else None

    def _remark(self, instances: list[ComputeInstance], total: int | None) -> None:
        say, row = self.rows.findings.append, self.gpu.row
        model = device_model(self.model or "")
        if not instances:
            message = f"{self.device_id}: MIG is enabled and no instance is defined; nothing can run on the device"
            repair = "Create instances (nvidia-smi mig -cgi) or disable MIG."
            say(self.place.warning("no_mig_instance", message, repair, row))
        elif total is None:
            message = f"{self.device_id}: {self.model!r} is not in the device catalogue; stranded parts are not known"
            say(self.place.warning("unknown_model", message, "Set device_multiprocessors for this source.", row))
        elif model is not None and total == model.multiprocessors:
            rest = stranded(instances, model)
            if rest.total > 0:
                repair = "Another MIG profile may fit better."
                say(self.place.info("stranded", rest.sentence(self.device_id), repair, row))
