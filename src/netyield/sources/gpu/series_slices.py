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
from netyield.sources.gpu.series_owners import Observed
from netyield.sources.gpu.series_rows import SECOND_US, IntArray, Run, key_of

BUCKET_US = 300 * SECOND_US
_PROFILE = re.compile(r"(?:\d+c\.)?(\d+)g\.(\d+)gb.*", re.IGNORECASE)


@dataclass(slots=True)
class Layout:
    """The slices seen in one delivery, each with the times it was seen at."""

    seen: dict[tuple[str, str, str], tuple[Device, Observed]] = field(default_factory=dict)

    def add(self, device: Device, labels: Labels, times_us: IntArray, holds_us: IntArray) -> None:
        """Note that the slice existed at these times."""
        profile = labels.get("GPU_I_PROFILE", "")
        if device.slice_id and profile and len(times_us):
            key = (device.device_id, device.slice_id, profile)
            self.seen.setdefault(key, (device, Observed()))[1].add(times_us, holds_us)

    def runs(self) -> Iterator[Run]:
        """Rows of ``gpu_slices``: per slice and five minutes one, from the first reading to the end of the last."""
        for key, (device, observed) in sorted(self.seen.items(), key=lambda item: item[0]):
            times, holds = observed.merged()
            constants: dict[str, str | int | None] = {
                "device_id": device.device_id, "slice_id": device.slice_id, "gpu_model": device.model,
                "host": device.host, "slice_profile": key[2], **profile_size(key[2], device.model or ""),
            }
            _, first = np.unique(times // BUCKET_US, return_index=True)
            last = np.append(first[1:], len(times)) - 1
            yield Run(constants, key_of("slice", *key), times[first], times[last] - times[first] + holds[last])


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
