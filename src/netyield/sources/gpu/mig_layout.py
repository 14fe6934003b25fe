"""How is a GPU cut by MIG, and what does the cut strand?

Profiles are not proportional: an H100 cut into 3g + 2g + 1g + 1g uses all seven compute slices and all eight memory
slices, and 8 of its 132 multiprocessors belong to nobody. Splitting a GPU instance into compute instances strands
more. Rows are per compute instance, so that the multiprocessors of the rows are those somebody can use; memory is the
GPU instance's and stands on its first row only, so that it too may be summed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from netyield.sources.gpu.catalogue import DeviceModel

PROFILE = re.compile(r"(?:(?P<compute>[0-9]+)c\.)?(?P<gpu>[0-9]+)g\.[0-9]+gb.*")


@dataclass(frozen=True, slots=True)
class ComputeInstance:
    """One MIG device as the driver lists it. ``memory_bytes`` is what its whole GPU instance has."""

    gpu_instance: int
    compute_instance: int
    multiprocessors: int
    memory_bytes: int | None
    used_bytes: int | None
    profile: str | None
    row: int

    @property
    def slice_id(self) -> str:
        """``2/0``: GPU instance and compute instance."""
        return f"{self.gpu_instance}/{self.compute_instance}"

    def compute_slices(self, model: DeviceModel | None) -> int | None:
        """Compute slices of this compute instance, by its profile or else by its multiprocessors."""
        match = PROFILE.fullmatch(self.profile or "")
        if match:
            return int(match["compute"] or match["gpu"])
        return model.compute_slices_of(self.multiprocessors) if model else None


@dataclass(frozen=True, slots=True)
class Stranded:
    """Multiprocessors nobody can use: lost between GPU instances, and lost inside split ones (None: not known)."""

    total: int
    device: int
    by_splitting: int | None

    def sentence(self, device_id: str) -> str:
        """``d: 20 of 132 multiprocessors are in no MIG slice (8 by partitioning, 12 by splitting)``."""
        text = f"{device_id}: {self.total} of {self.device} multiprocessors are in no MIG slice"
        if self.by_splitting is None:
            return text
        return f"{text} ({self.total - self.by_splitting} by partitioning, {self.by_splitting} by splitting)"


def stranded(instances: Sequence[ComputeInstance], model: DeviceModel) -> Stranded:
    """What the layout leaves over of the device."""
    used = sum(instance.multiprocessors for instance in instances)
    by_splitting: int | None = 0
    for group in gpu_instances(instances).values():
        whole = _multiprocessors_of(group, model)
        if whole is None or by_splitting is None:
            by_splitting = None
        else:
            by_splitting += whole - sum(instance.multiprocessors for instance in group)
    return Stranded(model.multiprocessors - used, model.multiprocessors, by_splitting)


def gpu_instances(instances: Sequence[ComputeInstance]) -> Mapping[int, list[ComputeInstance]]:
    """The compute instances of each GPU instance, in order."""
    groups: dict[int, list[ComputeInstance]] = {}
    for instance in instances:
        groups.setdefault(instance.gpu_instance, []).append(instance)
    return groups


def _multiprocessors_of(group: Sequence[ComputeInstance], model: DeviceModel) -> int | None:
    """Multiprocessors of a GPU instance: its only compute instance's, unless that is a part; else the catalogue's."""
    match = PROFILE.fullmatch(group[0].profile or "")
    if len(group) == 1 and not (match and match["compute"]):
        return group[0].multiprocessors
    if match:
        return model.instance_multiprocessors.get(int(match["gpu"]))
    parts = [instance.compute_slices(model) for instance in group]
    return model.instance_multiprocessors.get(sum(part or 0 for part in parts)) if all(parts) else None
