"""The shipped device catalogue: how many multiprocessors does a GPU model have, and how do MIG profiles cut it?

``data/device_catalogue.csv``: one row per model, the first row whose pattern matches the name the driver prints wins.
Patterns are shell globs without regard to case. ``memory_bytes`` is what ``nvidia-smi`` printed where a capture exists,
else the vendor's nominal size. ``compute_slices`` and ``memory_slices`` are the MIG slices of the whole device (empty:
no MIG). ``instance_multiprocessors`` maps compute slices of a GPU instance to its multiprocessors; it is not
proportional (H100: 3 slices have 60 multiprocessors, 1 slice has 16), and empty where nobody published it.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """What is known of one GPU model."""

    pattern: str
    multiprocessors: int
    memory_bytes: int
    compute_slices: int | None
    memory_slices: int | None
    instance_multiprocessors: Mapping[int, int]
    source: str

    def compute_slices_of(self, multiprocessors: int) -> int | None:
        """How many of the device's compute slices an instance of that many multiprocessors has, or None."""
        for slices, count in self.instance_multiprocessors.items():
            if count == multiprocessors:
                return slices
        return None

    def memory_slices_of(self, memory_bytes: int, device_bytes: int) -> int | None:
        """How many of the device's memory slices an instance of that size holds, or None without MIG.

        An instance reports a little less than its slices (96 % and more in the captures), so this rounds.
        """
        if not self.memory_slices or device_bytes <= 0:
            return None
        return max(1, round(self.memory_slices * memory_bytes / device_bytes))


@cache
def device_model(name: str) -> DeviceModel | None:
    """The catalogue row for a model name as the driver prints it (``NVIDIA H100 80GB HBM3``), or None."""
    wanted = name.strip().lower()
    return next((model for model in catalogue() if fnmatchcase(wanted, model.pattern.lower())), None)


@cache
def catalogue() -> tuple[DeviceModel, ...]:
    """All rows, most specific first as the file has them."""
    text = resources.files("netyield.sources.gpu").joinpath("data", "device_catalogue.csv").read_text(encoding="utf-8")
    return tuple(_model(row) for row in csv.DictReader(text.splitlines()))


def _model(row: Mapping[str, str]) -> DeviceModel:
    instances = (pair.split(":") for pair in row["instance_multiprocessors"].split())
    return DeviceModel(
        pattern=row["model_pattern"],
        multiprocessors=int(row["multiprocessors"]),
        memory_bytes=int(row["memory_bytes"]),
        compute_slices=int(row["compute_slices"]) if row["compute_slices"] else None,
        memory_slices=int(row["memory_slices"]) if row["memory_slices"] else None,
        instance_multiprocessors={int(slices): int(count) for slices, count in instances},
        source=row["source"],
    )
