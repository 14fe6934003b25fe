"""What does an arrangement cost per hour? GPUs, memory, drives (for room, wear or write speed), power.

Drives are bought whole and as many as the most demanding of three asks for: room, bytes written per day against what
their maker allows, and the rate of writing. All floats: a plan is an estimate and never posts to the books.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from netyield.economics.kv.cluster import Cluster
from netyield.economics.kv.endurance import DAY_SECONDS, TB
from netyield.economics.kv.outcome import Outcome
from netyield.economics.kv.tiers import HOURS_PER_YEAR, Tier

GB = 1e9


@dataclass(frozen=True, slots=True)
class TierCost:
    """One tier of an arrangement: dollars per hour, drives per node (or pool) and what they are needed for."""

    tier: str
    size_gb: float
    usd_per_hour: float
    power_usd_per_hour: float
    drives: int = 0
    wear_drives: int = 0
    written_tb_per_day: float = 0.0
    bound_by: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """An arrangement in dollars per hour, and per million input tokens of the trace."""

    gpu_usd_per_hour: float
    tiers: tuple[TierCost, ...]
    mtok_per_hour: float

    @property
    def usd_per_hour(self) -> float:
        """All of it."""
        return self.gpu_usd_per_hour + sum(each.usd_per_hour + each.power_usd_per_hour for each in self.tiers)

    @property
    def usd_per_mtok(self) -> float:
        """Dollars per million input tokens."""
        return self.usd_per_hour / self.mtok_per_hour if self.mtok_per_hour else float("inf")


@dataclass(frozen=True, slots=True)
class Prices:
    """What is needed to price an arrangement; ``tier_factors`` multiply a tier's dollars (what-if)."""

    usd_per_gpu_hour: float
    usd_per_kwh: float
    gpu_watts: float = 0.0
    tier_factors: tuple[float, ...] = ()


def cost_of(
    outcome: Outcome, cluster: Cluster, tiers: tuple[Tier, ...], prices: Prices, seconds: float, input_tokens: int
) -> Cost:
    """The cost of an outcome whose trace took ``seconds`` and held ``input_tokens``."""
    parts = []
    for place, tier in enumerate(tiers):
        size = outcome.candidate.sizes_gb[place]
        if size:
            factor = prices.tier_factors[place] if prices.tier_factors else 1.0
            written = outcome.written_bytes[place]
            each = tier_cost(tier, size, cluster.nodes, written, seconds, prices.usd_per_kwh, factor)
            if outcome.candidate.pooled and tier.pool_gb_per_gpu_second:
                network = tier.pool_usd_per_node_hour * cluster.nodes
                each = replace(each, usd_per_hour=each.usd_per_hour + network)
            parts.append(each)
    gpus = cluster.gpus * (prices.usd_per_gpu_hour + prices.gpu_watts / 1e3 * prices.usd_per_kwh)
    return Cost(gpus, tuple(parts), input_tokens / 1e6 / seconds * 3600.0 if seconds else 0.0)


def tier_cost(
    tier: Tier,
    size_gb: float,
    nodes: int,
    written_bytes: float,
    seconds: float,
    usd_per_kwh: float,
    factor: float = 1.0,
) -> TierCost:
    """One tier of a size per node (or pool), written to at this rate."""
    caches = 1 if tier.shared else nodes
    per_second = written_bytes / seconds / caches if seconds else 0.0
    needs = {"room": tier.drives(size_gb)}
    if tier.drive_gb and tier.drive_writes_per_day:
        needs["wear"] = math.ceil(per_second * DAY_SECONDS / (tier.drive_gb * GB * tier.drive_writes_per_day) - 1e-9)
    if tier.write_gb_per_second:
        needs["write speed"] = math.ceil(per_second / (tier.write_gb_per_second * GB) - 1e-9)
    drives = max(needs.values())
    bought = drives * tier.drive_gb if tier.drive_gb else size_gb
    hourly = bought * (tier.usd_per_gb or 0.0) / (tier.life_years * HOURS_PER_YEAR)
    hourly += size_gb * tier.usd_per_gb_month / 730.0
    power = bought / 1e3 * tier.watts_per_tb / 1e3 * usd_per_kwh
    bound = max(needs, key=lambda name: needs[name]) if tier.drive_gb else "room"
    return TierCost(
        tier.name, size_gb, (hourly + tier.usd_per_hour / caches) * caches * factor, power * caches, drives * caches,
        needs.get("wear", 0) * caches, per_second * caches * DAY_SECONDS / TB, bound,
    )  # fmt: skip
