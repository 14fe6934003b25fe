"""Which canonical GPU signal is a metric name, and in which unit? The table is ``data/metric_aliases.csv``.

A name does not carry its unit: ``DCGM_FI_DEV_GPU_UTIL_RATIO`` is a percent under DCGM 4.6 and 0 to 1 under 4.7. It
is decided, in this order, by the person (``util_scale``), by the driver-version label that changed in the same
release, by the HELP text; never by the values, since an idle GPU reads at most 1 in either unit.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib import resources
from typing import Literal

UtilScale = Literal["percent", "ratio"]
UTIL_FACTOR: dict[str, Fraction] = {"percent": Fraction(1), "ratio": Fraction(100)}
COUNTERS = frozenset({"energy_joules"})
SIGNALS = (
    "engine_active_ratio", "gpu_util_percent", "sm_active_ratio", "power_watts", "memory_used_bytes",
    "memory_total_bytes", "energy_joules", "dram_active_ratio", "tensor_active_ratio",
)
_PERCENT_HELP = re.compile(r"\bin\s*%|percent|\b0\s*(?:-|to)\s*100\b", re.IGNORECASE)
_RATIO_HELP = re.compile(r"\bratio\b|\bfraction\b|\b0(?:\.0)?\s*(?:-|to)\s*1(?:\.0)?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Alias:
    """One exposed name: reading x ``factor`` = ``metric`` in its canonical unit. ``factor`` is None where only a
    label decides (``factor_by_label``). ``family`` names the label rules; ``rank`` is the place in the table."""

    name: str
    metric: str
    factor: Fraction | None
    factor_by_label: tuple[tuple[str, Fraction], ...]
    family: str
    rank: int
    source: str


@cache
def aliases() -> dict[str, Alias]:
    """Exposed name to alias. AMD names come lower case, upper case and with the prefix ``amd_``."""
    text = resources.files("netyield.sources.gpu").joinpath("data", "metric_aliases.csv").read_text(encoding="utf-8")
    table: dict[str, Alias] = {}
    for rank, row in enumerate(csv.DictReader(text.splitlines())):
        alias = _alias(row, rank)
        names = [alias.name]
        if alias.family == "amd":
            names += [alias.name.upper(), f"amd_{alias.name}"]
        table |= dict.fromkeys(names, alias)
    return table


def _alias(row: Mapping[str, str], rank: int) -> Alias:
    pairs = [pair.split("=") for pair in row["factor_by_label"].split(";") if pair]
    return Alias(
        name=row["name"],
        metric=row["metric"],
        factor=Fraction(row["factor"]) if row["factor"] else None,
        factor_by_label=tuple((label, Fraction(factor)) for label, factor in pairs),
        family=row["labels"],
        rank=rank,
        source=row["source"],
    )


@cache
def names_of(metric: str) -> tuple[str, ...]:
    """Every exposed name of a canonical signal, in table order."""
    return tuple(name for name, alias in aliases().items() if alias.metric == metric)


def factor_for(
    alias: Alias, labels: Mapping[str, str], help_text: str = "", util_scale: UtilScale | None = None
) -> Fraction | None:
    """What a reading is multiplied by; None when the scale cannot be known. ``util_scale`` overrides DCGM's GPU_UTIL
    names only (some platforms re-export it as 0 to 1 under the classic name)."""
    if util_scale and alias.metric == "gpu_util_percent" and alias.family == "dcgm":
        return UTIL_FACTOR[util_scale]
    if alias.factor is not None:
        return alias.factor
    for label, factor in alias.factor_by_label:
        if labels.get(label):
            return factor
    percent, ratio = bool(_PERCENT_HELP.search(help_text)), bool(_RATIO_HELP.search(help_text))
    if percent == ratio:
        return None
    return UTIL_FACTOR["percent" if percent else "ratio"]
