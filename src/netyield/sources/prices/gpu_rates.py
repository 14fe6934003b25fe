"""Public GPU-hour list prices. What would such a GPU cost, by whose list, on which terms, read when?

For people who have no bill yet and want a rate card to start from. They are a sample of public lists, never a default:
nothing is priced with them until a person writes the rate into netyield.toml. The lists carry no date of their own;
``read_in`` is the month they were read in.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Any


@dataclass(frozen=True, slots=True)
class GpuRate:
    """One list price, ``currency`` per GPU and hour, of an instance with ``gpus`` GPUs."""

    provider: str
    instance: str
    gpu: str
    gpus: int
    currency: str
    term: str  # on_demand | spot
    rate_per_gpu_hour: Decimal
    read_in: str  # "2026-11"
    source: str
    licence: str

    @property
    def price_source(self) -> str:
        """What a rate card made from it says in ``price_source``."""
        return f"{self.source}, read {self.read_in}"

    def rate_card(self, pool: str, since: str) -> dict[str, Any]:
        """The ``rates`` entry of a ``[[source]] type = "rate_card"`` with this price."""
        return {"pool": pool, "currency": self.currency, "per_gpu_hour": f"{self.rate_per_gpu_hour:f}", "since": since}


@cache
def gpu_rates() -> tuple[GpuRate, ...]:
    """All shipped rates, in the order of the file."""
    text = resources.files("netyield.sources.prices").joinpath("data/gpu_rates.csv").read_text(encoding="utf-8")
    return tuple(
        GpuRate(
            row["provider"], row["instance"], row["gpu"], int(row["gpus"]), row["currency"], row["term"],
            Decimal(row["rate_per_gpu_hour"]), row["read_in"], row["source"], row["licence"],
        )
        for row in csv.DictReader(text.splitlines())
    )


def find_rates(gpu: str, term: str = "on_demand") -> list[GpuRate]:
    """Rates of a GPU model, cheapest first; found also inside a device name ("NVIDIA H100 80GB HBM3")."""
    words = gpu.upper().replace("-", " ").split()
    found = [rate for rate in gpu_rates() if rate.gpu in words and rate.term == term]
    return sorted(found, key=lambda rate: (rate.rate_per_gpu_hour, rate.provider, rate.instance))
