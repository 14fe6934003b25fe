"""Cases for the tests of placement: published fleets, and small ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from netyield.economics.placement.assumed import Inputs
from netyield.economics.placement.capacity import Capacity, Level, rated
from netyield.economics.placement.case import Case
from netyield.economics.placement.demand import Demand
from netyield.economics.placement.options import parse_options
from netyield.economics.placement.uncertain import Draws

AS_OF = date(2026, 11, 22)
HOUR, DAY, WEEK, MONTH = 3600.0, 86_400.0, 604_800.0, 730 * 3600.0
# Published figures carry no spread: every uncertain input is put at the number the source used.
EXACT: dict[str, Any] = {
    "minimum_gpus": 1, "spare_replicas": 0, "availability": 1, "minimum_fte": 0, "gpus_per_fte": 1e9, "staff_usd_per_year": 0,
}  # fmt: skip
NO_EXTRAS = {"storage_usd_per_gpu_month": 0, "support_share": 0, "egress_usd_per_gb": 0}


def demand(**changes: Any) -> Demand:
    """A week of ten million requests, evenly spread, a third of the input from a cache."""
    words: dict[str, Any] = {
        "model": "open-model", "requests": 1_000_000, "input_tokens": 2_000_000_000, "cache_read_tokens": 600_000_000,
        "cache_write_tokens": 0, "output_tokens": 300_000_000, "span_seconds": WEEK, "rate": np.ones(2016),
        "source": "a test",
    }  # fmt: skip
    return Demand(**(words | changes))


def levels(per_replica: float = 0.25, **changes: Any) -> Capacity:
    """A simulated fleet: one replica for each quarter of the demand and one for bursts."""
    found = [
        Level(each, int(np.ceil(each / per_replica)) + 1, each / per_replica / (np.ceil(each / per_replica) + 1))
        for each in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
    ]
    words: dict[str, Any] = {
        "gpu": "h100", "gpus_per_replica": 2, "levels": tuple(found), "log_sd": 0.0, "source": "a test", "gpu_memory_gib": 80.0,
    }  # fmt: skip
    return Capacity(**(words | changes))


def case(
    options: Sequence[Mapping[str, Any]],
    seen: Demand | None = None,
    capacities: Sequence[Capacity] = (),
    draws: int = 1000,
    **tables: Any,
) -> Case:
    """Options as a file would hold them, for some traffic."""
    asked = seen or demand()
    parsed = parse_options({"option": list(options), "traffic": {"growth": 1, "source": "a test"}, **tables})
    found = {each.gpu.lower(): each for each in (capacities or (levels(),))}
    for each in parsed.capacity:
        found[each.gpu.lower()] = rated(
            each.gpu, each.gpus_per_replica, each.rates, asked, each.log_sd, each.source, each.dated.isoformat()
        )
    return Case(asked, parsed, found, Inputs(Draws(draws)), AS_OF)


def api(**changes: Any) -> dict[str, Any]:
    """An API with every class priced."""
    words = {
        "kind": "api", "name": "API", "input": 0.5, "cache_read": 0.05, "output": 1.5, "price_change": 1,
        "dated": "2026-11-01", "source": "a quote",
    }  # fmt: skip
    return words | changes


def rent(**changes: Any) -> dict[str, Any]:
    """A dated quote for three years: nothing is uncertain."""
    words = {
        "kind": "rent", "name": "rented", "gpu": "h100", "usd_per_gpu_hour": 2.5, "dated": "2026-11-01", "term": "36 months",
        "source": "a quote", **EXACT, **NO_EXTRAS,
    }  # fmt: skip
    return words | changes


def own(**changes: Any) -> dict[str, Any]:
    """GPUs of one's own at the inputs of the sheet's roll-up."""
    words = {
        "kind": "own", "name": "owned", "gpu": "h100", "usd_per_gpu": 33_000, "network_storage_share": 0, "life_years": 4,
        "residual_share": 0.10, "cost_of_capital": 0.10, "usd_per_kw_month": 150, "usd_per_kwh": 0.10, "pue": 1.3,
        "draw_share": 0.65, "kw_per_gpu": 1.275, "maintenance_share": 0.04, "failure_share": 0, "source": "a quote",
        "dated": "2026-11-01", **EXACT,
    }  # fmt: skip
    return words | changes
