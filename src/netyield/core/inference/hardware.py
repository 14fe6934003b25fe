"""What can a GPU do? Peak rates, memory and links, from a dated table."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from netyield.core.errors import WrongUse

CATALOGUE = "hardware.toml"
TERA, GIB = 1e12, float(2**30)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU. ``tflops`` are dense peaks by precision of the weights; links one way, in GB/s."""

    name: str
    hbm_gib: float
    hbm_gb_per_second: float
    tflops: dict[str, float]
    host_gb_per_second: float
    network_gb_per_second: float
    source: str
    checked: str

    def peak_flops(self, dtype: str) -> float:
        """Dense FLOP/s at a precision of the weights. Raises WrongUse where the GPU has none."""
        if dtype not in self.tflops:
            message = f"{self.name} has no {dtype} rate;"
            raise WrongUse(message, f"give --weights {' or '.join(self.tflops)}.")
        return self.tflops[dtype] * TERA


def find_gpu(word: str) -> Gpu:
    """The GPU of this name or alias. Raises WrongUse with the nearest."""
    gpus = _gpus()
    found = gpus.get(word.strip().lower())
    if found is None:
        near = difflib.get_close_matches(word.strip().lower(), list(gpus), n=1)
        known = ", ".join(dict.fromkeys(gpu.name for gpu in gpus.values()))
        message = f"{word!r} is no known GPU."
        raise WrongUse(message, f"Did you mean {gpus[near[0]].name}?" if near else f"Known: {known}.")
    return found


@cache
def _gpus() -> dict[str, Gpu]:
    text = resources.files("netyield.core.inference").joinpath(CATALOGUE).read_text(encoding="utf-8")
    found: dict[str, Gpu] = {}
    for entry in tomllib.loads(text)["gpu"]:
        gpu = Gpu(
            str(entry["name"]), float(entry["hbm_gib"]), float(entry["hbm_gb_per_second"]),
            {str(name): float(rate) for name, rate in entry["tflops"].items()}, float(entry["host_gb_per_second"]),
            float(entry["network_gb_per_second"]), str(entry["source"]), str(entry["checked"]),
        )  # fmt: skip
        found |= {name.lower(): gpu for name in (gpu.name, *entry["aliases"])}
    return found
