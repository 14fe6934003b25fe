"""What do rented GPUs cost a month? A dated quote on its term, the price path after it, storage, egress and support.

The price path is a random walk with drift, fixed for each term; egress is that of the answers, which leave the cloud.
"""

from __future__ import annotations

import numpy as np

from netyield.core.finding import Severity
from netyield.economics.placement.case import Case
from netyield.economics.placement.costs import Cost, finding
from netyield.economics.placement.fleet_size import Size
from netyield.economics.placement.stated import too_old, unstated
from netyield.economics.placement.uncertain import Float64, Uncertain, within
from netyield.economics.placement.ways import Rent

MONTHS = 12.0
PATH, PATH_MONTHS = "rental price path", 120
GIGA = 1e9


def rent_cost(case: Case, option: Rent, sized: Size) -> dict[str, Float64]:
    """Monthly dollars by part."""
    bill = sized.gpus * sized.paid_share * case.hours * option_rate(case, option) * price_path(case, option)
    return {
        "GPU rent": bill,
        "storage": case.of(option, "storage_usd_per_gpu_month") * sized.gpus,
        "support": case.of(option, "support_share", option.provider_class) * bill,
        "egress": _egress_gb(case, option) * case.of(option, "egress_usd_per_gb", option.provider_class),
    }


def _egress_gb(case: Case, option: Rent) -> Float64:
    if option.egress_gb_per_month is not None:
        return case.of(option, "egress_gb_per_month") * case.growth()
    each = case.inputs.of("", "egress_bytes_per_token", None, "")
    return each * case.month() * case.demand.output_tokens / GIGA


def option_rate(case: Case, option: Rent) -> Float64:
    """Dollars per GPU-hour of the quote, or of the public lists for that GPU."""
    if option.usd_per_gpu_hour is not None:
        day = option.dated.isoformat() if option.dated else ""
        return case.inputs.given(f"{option.name}: GPU price", option.usd_per_gpu_hour, "USD per GPU-hour", option.source, day)
    found = listed_rate(option)
    if found is None:
        message = f"{option.name} has no price"
        raise ValueError(message)
    value, source, dated = found
    return case.inputs.given(f"{option.name}: GPU price", value, "USD per GPU-hour", source, dated, assumed=True)


def listed_rate(option: Rent) -> tuple[Uncertain, str, str] | None:
    """The interval of public lists for the GPU and term: (value, source, read in). The shipped lists are of specialised
    clouds, on demand and spot: for another class or a reservation there is none."""
    from netyield.sources.prices.gpu_rates import find_rates

    term = option.term or "on_demand"
    if option.provider_class != "specialised" or option.term_months:
        return None
    rates = [each for each in find_rates(option.gpu, term) if option.provider in (None, each.provider)]
    if not rates:
        return None
    amounts = sorted(float(rate.rate_per_gpu_hour) for rate in rates)
    value = within(amounts[0], amounts[len(amounts) // 2], amounts[-1])
    return value, f"{term}: {'; '.join(sorted({rate.source for rate in rates}))}", rates[0].read_in


def price_path(case: Case, option: Rent) -> Float64:
    """Mean rental price over the horizon against today's: a random walk with drift, fixed for each term."""
    horizon, fixed = case.horizon, max(1, option.term_months)
    drift, spread = case.of(option, "price_drift"), case.of(option, "price_walk_sd")
    if fixed >= horizon:
        return np.ones(len(drift))
    months = np.arange(horizon)
    noise = np.cumsum(case.inputs.draws.normal(PATH, PATH_MONTHS)[:, :horizon], axis=1)
    steps = spread[:, None] * np.sqrt(1 / MONTHS) * np.c_[np.zeros(len(drift)), noise[:, :-1]]
    path = np.exp(drift[:, None] * months / MONTHS + steps)
    return np.asarray(path[:, (months // fixed) * fixed].mean(axis=1))


def quoted(case: Case, option: Rent, cost: Cost) -> None:
    """Whether the price may be used: a quote has a date, a term and a source; without one a public list has to know it."""
    if option.usd_per_gpu_hour is None:
        if listed_rate(option) is None:
            message = f"{option.name}: no public price is known for a {option.gpu} on that term at that class of provider."
            cost.missing.append(finding("no_price", Severity.ERROR, message, "Write usd_per_gpu_hour, dated, term and source."))
        return
    lacks = [] if option.term is not None else ["term"]
    cost.missing += unstated(option, "GPU price", option.usd_per_gpu_hour, lacks)
    cost.notes += too_old(case, option, "GPU price", option.usd_per_gpu_hour)
