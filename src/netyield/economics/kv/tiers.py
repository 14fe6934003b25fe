"""Which tiers may the plan use, at which sizes and prices? ``tiers.toml``, read strictly, and what stands in for it.

Tiers stand in the file from fast to slow, below HBM. Every size is per node, or of the whole pool for a shared tier.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from netyield.core.errors import ConfigError, WrongUse
from netyield.core.inference.hardware import Gpu
from netyield.economics.kv.prices import Price, price_of

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
HOURS_PER_MONTH, HOURS_PER_YEAR = 730.0, 8760.0
# Eight RoCE links reached 142 of 200 GB/s at large sizes: three quarters of the line is what large transfers see.
LINE_SHARE = 0.75


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GpuSettings(_Strict):
    """[gpu]: what differs from the table of GPUs."""

    usd_per_hour: Positive | None = None
    memory_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    node: Annotated[int, Field(ge=1)] = 8
    watts: NotNegative = 0.0


class PowerSettings(_Strict):
    """[power]: what a kilowatt-hour costs at the meter, and the share of it that cooling adds."""

    usd_per_kwh: NotNegative | None = None
    pue: Annotated[float, Field(ge=1)] = 1.3


class Tier(_Strict):
    """[[tier]]: one place below HBM where blocks can be kept."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
    sizes_gb: Annotated[tuple[NotNegative, ...], Field(min_length=1)]
    shared: bool = False
    read_gb_per_second: Positive
    read_per: Literal["gpu", "node", "drive", "cluster"] = "node"
    latency_ms: NotNegative = 0.4
    measured: tuple[tuple[Positive, Positive], ...] = ()
    usd_per_gb: NotNegative | None = None
    life_years: Positive = 3.0
    usd_per_gb_month: NotNegative = 0.0
    usd_per_hour: NotNegative = 0.0
    watts_per_tb: NotNegative = 0.0
    drive_gb: Positive | None = None
    drive_writes_per_day: Positive | None = None
    write_gb_per_second: Positive | None = None
    pool_gb_per_gpu_second: Positive | None = None
    pool_usd_per_node_hour: NotNegative = 0.0

    @model_validator(mode="after")
    def _whole(self) -> Tier:
        if (self.read_per == "drive" or self.drive_writes_per_day or self.write_gb_per_second) and not self.drive_gb:
            message = "drive_gb is missing: give the size of one drive"
            raise ValueError(message)
        if self.shared and self.pool_gb_per_gpu_second:
            message = "shared already means one pool: leave pool_gb_per_gpu_second out"
            raise ValueError(message)
        if self.usd_per_gb is None and not self.usd_per_gb_month and not self.usd_per_hour:
            message = "no price: give usd_per_gb (bought), usd_per_gb_month (rented) or usd_per_hour; 0 says it is free"
            raise ValueError(message)
        return self

    @property
    def wears(self) -> bool:
        """Whether writing wears it out."""
        return self.drive_gb is not None and self.drive_writes_per_day is not None

    def drives(self, size_gb: float) -> int:
        """Drives that hold this much."""
        return math.ceil(size_gb / self.drive_gb - 1e-9) if self.drive_gb else 0

    def usd_per_gb_hour(self) -> float:
        """What keeping one GB for an hour costs, without wear."""
        bought = (self.usd_per_gb or 0.0) / (self.life_years * HOURS_PER_YEAR)
        return bought + self.usd_per_gb_month / HOURS_PER_MONTH


class Tiers(_Strict):
    """The whole file. ``present``: GB per tier of what runs today."""

    gpu: GpuSettings = GpuSettings()
    power: PowerSettings = PowerSettings()
    present: dict[str, NotNegative] = {}
    tier: Annotated[tuple[Tier, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names(self) -> Tiers:
        names = [tier.name for tier in self.tier]
        for name in names:
            if names.count(name) > 1:
                message = f"two tiers are named {name!r}"
                raise ValueError(message)
        for name in self.present:
            if name not in names:
                near = difflib.get_close_matches(name, names, n=1)
                message = f"[present] speaks of {name!r}, which is no tier" + (
                    f"; did you mean {near[0]!r}?" if near else ""
                )
                raise ValueError(message)
        return self


def read_tiers(path: Path) -> Tiers:
    """The file's tiers. Raises ConfigError that names the key and what to write."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"The tiers file {str(path)!r} cannot be read ({error.strerror})."
        raise WrongUse(message, "Correct the path, or write one with netyield kv plan --write-tiers FILE.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{path} is no TOML: {error}."
        raise ConfigError(message, "Correct that line.") from None
    try:
        return Tiers.model_validate(written)
    except ValidationError as error:
        # A misspelt key is also a missing one; the misspelling is what to tell.
        found = sorted(error.errors(), key=lambda each: each["type"] != "extra_forbidden")
        raise _told(path, found[0]) from None


def _told(path: Path, error: Any) -> ConfigError:
    where = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        known = _keys_at(error["loc"])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        message = f"{path}: {where} is not a known key."
        return ConfigError(message, f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}.")
    what = str(error["msg"]).removeprefix("Value error, ")
    message = f"{path}: {where}: {what}."
    return ConfigError(message, "netyield kv plan --write-tiers FILE writes an annotated example.")


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    rooms: dict[str, type[BaseModel]] = {"gpu": GpuSettings, "power": PowerSettings, "tier": Tier}
    room = rooms.get(str(place[0])) if len(place) > 1 else Tiers
    return list(room.model_fields) if room else []


def default_tiers(gpu: Gpu) -> Tiers:
    """DRAM over the host links and NVMe drives, at the newest dated prices: what is assumed without a file."""
    return Tiers(
        tier=(
            Tier(
                name="dram", sizes_gb=(256, 512, 1024, 2048), usd_per_gb=price_of("dram").usd, latency_ms=0.4,
                read_gb_per_second=LINE_SHARE * gpu.host_gb_per_second, read_per="gpu", watts_per_tb=60.0,
                pool_gb_per_gpu_second=LINE_SHARE * gpu.network_gb_per_second,
            ),
            Tier(
                name="nvme", sizes_gb=(7_680, 15_360, 30_720, 61_440), usd_per_gb=price_of("nvme").usd, latency_ms=1.0,
                drive_gb=7_680, read_gb_per_second=12.0, read_per="drive", write_gb_per_second=6.8,
                drive_writes_per_day=1.0, watts_per_tb=3.0,
                pool_gb_per_gpu_second=LINE_SHARE * gpu.network_gb_per_second,
            ),
        )
    )  # fmt: skip


def prices_used(tiers: Tiers, gpu: Gpu, given: bool) -> list[Price]:
    """The dated prices an answer rests on; those of the user's file carry no date of ours."""
    found = [] if tiers.gpu.usd_per_hour else [price_of(f"gpu:{gpu.name}")]
    if tiers.power.usd_per_kwh is None and any(tier.watts_per_tb for tier in tiers.tier):
        found.append(price_of("power"))
    return found if given else [*found, price_of("dram"), price_of("nvme")]


def gpu_usd_per_hour(tiers: Tiers, gpu: Gpu) -> float:
    """The price of a GPU-hour: the file's, else the newest dated one. Raises WrongUse when there is none."""
    return tiers.gpu.usd_per_hour or price_of(f"gpu:{gpu.name}").usd


def kwh_usd(tiers: Tiers) -> float:
    """The price of a kilowatt-hour with cooling."""
    price = price_of("power").usd if tiers.power.usd_per_kwh is None else tiers.power.usd_per_kwh
    return price * tiers.power.pue


EXAMPLE = """\
# The tiers below HBM that `netyield kv plan --tiers THIS_FILE` may use, from fast to slow. Put your own figures in.

[gpu]
usd_per_hour = 2.95          # what one GPU costs you; left out: the newest dated price Netyield knows
memory_share = 0.9           # of HBM the engine may use (gpu_memory_utilization, mem_fraction_static)
node = 8                     # GPUs in one node

[power]
usd_per_kwh = 0.1437
pue = 1.3                    # power at the meter for each unit at the machine

[present]                    # what runs today, GB per node by tier; marked on the frontier
dram = 512

[[tier]]
name = "dram"
sizes_gb = [256, 512, 1024, 2048]   # per node; 0 (without this tier) is always tried
read_gb_per_second = 48             # what large loads reach: measure it, it decides the answer
read_per = "gpu"                    # gpu | node | drive | cluster: what that rate is of
latency_ms = 0.4
usd_per_gb = 10.94                  # bought, written off over life_years
life_years = 3
watts_per_tb = 60
pool_gb_per_gpu_second = 37.5       # the nodes' memory may also be one pool, read over the network at this rate;
pool_usd_per_node_hour = 0          # left out: each node keeps its own. What the network costs more, if anything

[[tier]]
name = "nvme"
sizes_gb = [7680, 15360, 30720, 61440]
drive_gb = 7680                     # size of one drive: rates and wear follow the number of drives
read_gb_per_second = 12.0
read_per = "drive"
write_gb_per_second = 6.8           # of one drive
drive_writes_per_day = 1.0          # what its maker allows (DWPD)
latency_ms = 1.0
usd_per_gb = 0.365
watts_per_tb = 3
# measured = [[20e6, 3.1], [146e6, 8.0], [4.5e9, 11.2]]   # (bytes, GB/s) where you measured: used instead

# [[tier]]
# name = "pool"
# shared = true                     # one pool for all nodes: sizes are of the whole pool
# sizes_gb = [30720, 122880]
# read_gb_per_second = 150
# read_per = "node"
# usd_per_gb_month = 0.20           # rented storage
# usd_per_hour = 4.0                # the share of the network it takes
"""
