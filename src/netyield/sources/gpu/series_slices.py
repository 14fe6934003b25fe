"""MIG layout from exporter labels. Which slices does a device have, and how large is each?

dcgm-exporter puts the profile (``3g.40gb``) on every series of a GPU instance; the shipped device catalogue knows how
many multiprocessors such an instance has. What the catalogue does not know stays null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from netyield.sources.gpu.catalogue import device_model
from netyield.sources.gpu.series_labels import Device, Labels
from netyield.sources.gpu.series_rows import IntArray, Run, key_of

_PROFILE = re.compile(r"(?:\d+c\.)?(\d+)g\.(\d+)gb.*", re.IGNORECASE)


@dataclass(slots=True)
class Layout:
    """The slices seen in one delivery, each with the span of time it was seen in."""

    spans: dict[tuple[str, str, str], tuple[Device, int, int, int]] = field(default_factory=dict)

    def add(self, device: Device, labels: Labels, times_us: IntArray, holds_us: IntArray) -> None:
        """Note that the slice existed at these times."""
        profile = labels.get("GPU_I_PROFILE", "")
        if not device.slice_id or not profile or not len(times_us):
            return
        key = (device.device_id, device.slice_id, profile)
        known = self.spans.get(key)
        first, last, hold = int(times_us.min()), int(times_us.max()), int(holds_us.max())
        if known is not None:
            first, last, hold = min(first, known[1]), max(last, known[2]), max(hold, known[3])
        self.spans[key] = (device, first, last, hold)

    def runs(self) -> Iterator[Run]:
        """One row of ``gpu_slices`` per slice: from its first reading, held to the end of its last."""
        for key, (device, first, last, hold) in sorted(self.spans.items(), key=lambda item: item[0]):
            constants: dict[str, str | int | None] = {
                "device_id": device.device_id, "slice_id": device.slice_id, "gpu_model": device.model,
                "host": device.host, "slice_profile": key[2], **profile_size(key[2], device.model or ""),
            }
            yield Run(constants, key_of("slice", *key), np.array([first]), np.array([last - first + hold]))


def profile_size(profile: str, model_name: str) -> Mapping[str, int | None]:
    """Compute and memory slices and multiprocessors of a MIG profile; null where profile or model is unknown."""
    sizes: dict[str, int | None] = dict.fromkeys(
        ("multiprocessors", "device_multiprocessors", "compute_slices", "memory_slices"))
    found, model = _PROFILE.fullmatch(profile), device_model(model_name)
    if found:
        sizes["compute_slices"] = int(found.group(1))
    if model is not None:
        sizes["device_multiprocessors"] = model.multiprocessors
    if found and model is not None:
        memory_bytes = int(found.group(2)) * 2**30
        sizes["multiprocessors"] = model.instance_multiprocessors.get(int(found.group(1)))
        sizes["memory_slices"] = model.memory_slices_of(memory_bytes, model.memory_bytes)
    return sizes
