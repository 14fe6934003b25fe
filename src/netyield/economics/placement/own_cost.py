"""What do GPUs of one's own cost a month? Their price over their life, the hall, power, support, failures.

    depreciation     = price (1 + network) (1 - residual) / life / 12
    cost of capital  = price (1 + network) (1 - residual / (1 + r)^life) r / (1 - (1 + r)^-life) / 12 - depreciation
    hall    = kW USD/kW-month        power = kW draw PUE USD/kWh 730

Both capital parts together are the even payment worth as much as the straight-line charges of the asset register plus r on
what is not yet written off: whichever way an asset is written off, that sum is worth the same.
"""

from __future__ import annotations

import numpy as np

from netyield.core.finding import Severity
from netyield.economics.placement.assumed import default_of
from netyield.economics.placement.case import Case
from netyield.economics.placement.costs import Cost, finding
from netyield.economics.placement.fleet_size import Size
from netyield.economics.placement.stated import too_old, unstated
from netyield.economics.placement.uncertain import Float64
from netyield.economics.placement.ways import Own

MONTHS = 12.0


def own_cost(case: Case, option: Own, sized: Size, cost: Cost) -> dict[str, Float64]:
    """Monthly dollars by part; the kilowatts go into the cost, for a hall has so many."""
    gpu = option.gpu
    installed = sized.gpus * case.of(option, "usd_per_gpu", gpu) * (1.0 + case.of(option, "network_storage_share"))
    life, residual = case.of(option, "life_years"), case.of(option, "residual_share")
    depreciation = installed * (1.0 - residual) / life / MONTHS
    capital = installed * annuity(case.of(option, "cost_of_capital"), life, residual) / MONTHS
    kilowatts = sized.gpus * case.of(option, "kw_per_gpu", gpu)
    drawn = kilowatts * case.of(option, "draw_share") * case.of(option, "pue")
    cost.kilowatts = kilowatts
    cost.rack_units = sized.gpus * case.of(option, "rack_units_per_gpu")
    return {
        "depreciation": depreciation,
        "cost of capital": capital - depreciation,
        "maintenance": installed * case.of(option, "maintenance_share") / MONTHS,
        "failed GPUs": installed * case.of(option, "failure_share") / MONTHS,
        "hall": kilowatts * case.of(option, "usd_per_kw_month"),
        "power": drawn * case.hours * case.of(option, "usd_per_kwh"),
    }


def annuity(rate: Float64, years: Float64, residual: Float64) -> Float64:
    """Yearly payment for one dollar of price over its life, less its residual value at the end."""
    safe = np.maximum(rate, 1e-9)
    recovery = safe / (1.0 - (1.0 + safe) ** -years)
    return (1.0 - residual / (1.0 + safe) ** years) * recovery


def described(case: Case, option: Own, cost: Cost) -> None:
    """A GPU no default speaks of has to be described by whoever owns it; a price given has a date and a source."""
    lacks = [key for key in ("usd_per_gpu", "kw_per_gpu") if getattr(option, key) is None and default_of(key, option.gpu) is None]
    if lacks:
        message = f"{option.name}: nothing is known of a {option.gpu}: {' and '.join(lacks)} are missing."
        cost.missing.append(finding("unknown_gpu", Severity.ERROR, message, f"Write {' and '.join(lacks)}, or correct gpu."))
    if option.usd_per_gpu is not None:
        cost.missing += unstated(option, "GPU price", option.usd_per_gpu)
        cost.notes += too_old(case, option, "GPU price", option.usd_per_gpu)
