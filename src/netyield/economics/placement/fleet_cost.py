"""What do GPUs cost that are paid for by the hour of their reservation? Size, staff, licences, rent or ownership.

A fleet is sized for the objective and paid for whole months, busy or not: utilisation comes out. Own, a month and GPU:
    capital = price (1 + network) (1 - residual / (1 + r)^life) r / (1 - (1 + r)^-life) / 12
    hall    = kW USD/kW-month        power = kW draw PUE USD/kWh 730
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from netyield.core.finding import Severity
from netyield.economics.placement.assumed import default_of
from netyield.economics.placement.capacity import Capacity
from netyield.economics.placement.case import Case
from netyield.economics.placement.costs import Cost, finding
from netyield.economics.placement.options import Fleet, Licence, Own, Rent
from netyield.economics.placement.uncertain import Float64, Uncertain, within

MONTHS = 12.0
OLD_DAYS = 180
PATH = "rental price path"
LEAST = 0.01  # a what-if may ask for no availability at all


@dataclass(frozen=True)
class Size:
    """Replicas and GPUs paid for, the mean paid share of the month (1 unless it scales), and the work in replicas."""

    needed: Float64
    replicas: Float64
    gpus: Float64
    paid_share: Float64
    busy: Float64
    utilisation: Float64


def load(case: Case, option: Fleet, capacity: Capacity) -> Float64:
    """The window's demand this fleet sees, as a multiple of the measured one: growth, tokenizer, model error, tax."""
    tax = case.inputs.given(f"{option.name}: virtualisation tax", option.virtualisation_tax, "of throughput", option.source) \
        if option.virtualisation_tax.high else np.zeros(case.inputs.draws.count)  # fmt: skip
    return case.growth() * case.tokens_ratio(option) * case.service(capacity) / np.maximum(1.0 - tax, LEAST)


def size(case: Case, option: Fleet, capacity: Capacity, fixed: int | None = None) -> Size:
    """How many replicas are paid for: those the objective needs, spares for failures, in whole minimum units."""
    demand = load(case, option, capacity)
    quantile = case.sized_for.get(option.name, option.size_for)
    if fixed is not None:
        needed = np.full(len(demand), float(fixed))
    elif case.peak is not None:
        needed = capacity.following(case.peak * demand / case.weekly_peak())
    elif quantile is not None:
        needed = capacity.following(float(np.quantile(case.demand.rate, quantile)) * demand)
    else:
        needed = capacity.replicas(demand)
    up = np.maximum(case.inputs.of(option.name, "availability", option.availability, option.source, _day(option)), LEAST)
    replicas = needed if fixed is not None else np.maximum(np.ceil(needed / up - 1e-9), needed + option.spare_replicas)
    unit = option.minimum_gpus
    gpus = np.ceil(replicas * capacity.gpus_per_replica / unit - 1e-9) * unit
    share = np.ones(len(demand))
    if isinstance(option, Rent) and option.scaling == "hourly" and fixed is None:
        share = _followed(case, option, capacity, demand, needed)
    busy = capacity.busy(demand) / case.weekly_peak()
    return Size(needed, replicas, gpus, share, busy, busy * capacity.gpus_per_replica / (gpus * share))


def _followed(case: Case, option: Rent, capacity: Capacity, demand: Float64, needed: Float64) -> Float64:
    """Mean of the replicas a fleet that follows the load pays, of those at the peak; starts are paid and serve nothing."""
    per_moment = capacity.following(case.shape() * demand[:, None])
    mean = np.minimum(per_moment, needed[:, None]).mean(axis=1)
    starting = option.start_seconds / 3600.0 * np.maximum(0.0, needed - mean) / 24.0 * 2.0
    paid = (mean + starting + option.spare_replicas) / (needed + option.spare_replicas)
    return np.asarray(np.minimum(1.0, paid), np.float64)


def fleet_cost(case: Case, option: Rent | Own, fixed: int | None = None) -> Cost:
    """The monthly cost of a rented or owned fleet; ``fixed`` replicas without spares for the trough of a hybrid."""
    cost = Cost()
    capacity = case.capacities.get(option.gpu.lower())
    if capacity is None:
        known = ", ".join(each.gpu for each in case.capacities.values()) or "none"
        message = f"{option.name}: nothing says how many {option.gpu} this traffic needs (known: {known})."
        repair = f"Add [[capacity]] gpu = \"{option.gpu}\" from a load test, or size it with netyield placement size."
        cost.missing.append(finding("no_capacity", Severity.ERROR, message, repair))
        return cost
    if isinstance(option, Rent):
        _quoted(case, option, cost)
    else:
        _described(option, cost)
    _licensed(option, cost)
    if cost.missing:
        return cost
    sized = size(case, option, capacity, fixed)
    cost.replicas, cost.gpus, cost.utilisation = sized.replicas, sized.gpus, sized.utilisation
    cost.meets_slo = capacity.meets_slo if option.meets_slo is None else option.meets_slo
    cost.parts |= _rent(case, option, sized) if isinstance(option, Rent) else _own(case, option, sized, cost)
    cost.parts |= _staff(case, option, sized) | _licences(case, option, sized)
    if case.options.training is not None:
        cost.parts["training on idle GPUs"] = -_training(case, option, capacity, sized)
    _remarks(option, capacity, cost, fixed)
    return cost


def _rent(case: Case, option: Rent, sized: Size) -> dict[str, Float64]:
    hourly = option_rate(case, option)
    bill = sized.gpus * sized.paid_share * case.hours * hourly * price_path(case, option)
    own = (option.name, option.source, _day(option))
    storage = _of(case, own, "storage_usd_per_gpu_month", option.storage_usd_per_gpu_month)
    support = _of(case, own, "support_share", option.support_share)
    found = {"GPU rent": bill, "storage": storage * sized.gpus, "support": support * bill}
    if option.egress_gb_per_month.high and option.egress_usd_per_gb.high:
        volume = case.inputs.given(f"{option.name}: egress", option.egress_gb_per_month, "GB per month", *own[1:])
        rate = case.inputs.given(f"{option.name}: egress price", option.egress_usd_per_gb, "USD per GB", *own[1:])
        found["egress"] = volume * rate * case.growth()
    return found


def option_rate(case: Case, option: Rent) -> Float64:
    """Dollars per GPU-hour of the quote, or of the public lists for that GPU."""
    key = f"{option.name}: GPU price"
    if option.usd_per_gpu_hour is not None:
        return case.inputs.given(key, option.usd_per_gpu_hour, "USD per GPU-hour", option.source, _day(option))
    found = listed_rate(option)
    if found is None:
        message = f"{option.name} has no price"
        raise ValueError(message)
    value, source, dated = found
    return case.inputs.given(key, value, "USD per GPU-hour", source, dated, assumed=True)


def listed_rate(option: Rent) -> tuple[Uncertain, str, str] | None:
    """The interval of public lists for the GPU and term: (value, source, read in)."""
    from netyield.sources.prices.gpu_rates import find_rates

    term = option.term if option.term in ("on_demand", "spot") else "on_demand"
    rates = [each for each in find_rates(option.gpu, term) if option.provider in (None, each.provider)]
    if not rates:
        return None
    amounts = sorted(float(rate.rate_per_gpu_hour) for rate in rates)
    value = within(amounts[0], amounts[len(amounts) // 2], amounts[-1])
    return value, "; ".join(sorted({rate.source for rate in rates})), rates[0].read_in


def price_path(case: Case, option: Rent) -> Float64:
    """Mean rental price over the horizon against today's: a random walk with drift, fixed for each term."""
    horizon, fixed = case.options.decision.horizon_months, max(1, option.term_months)
    drift = case.inputs.of(option.provider_class, "price_drift", None, "")
    spread = case.inputs.of(option.provider_class, "price_walk_sd", None, "")
    if fixed >= horizon:
        return np.ones(len(drift))
    months = np.arange(horizon)
    noise = np.cumsum(case.inputs.draws.normal(PATH, horizon), axis=1)
    path = np.exp(drift[:, None] * months / MONTHS + spread[:, None] * np.sqrt(1 / MONTHS) * np.c_[np.zeros(len(drift)), noise[:, :-1]])
    return np.asarray(path[:, (months // fixed) * fixed].mean(axis=1))


def _own(case: Case, option: Own, sized: Size, cost: Cost) -> dict[str, Float64]:
    own = (option.name, option.source, _day(option))
    gpu = option.gpu
    price = _of(case, own, "usd_per_gpu", option.usd_per_gpu, gpu)
    installed = sized.gpus * price * (1.0 + _of(case, own, "network_storage_share", option.network_storage_share))
    life, rate = _of(case, own, "life_years", option.life_years), _of(case, own, "cost_of_capital", option.cost_of_capital)
    residual = _of(case, own, "residual_share", option.residual_share)
    kilowatts = sized.gpus * _of(case, own, "kw_per_gpu", option.kw_per_gpu, gpu)
    drawn = kilowatts * _of(case, own, "draw_share", option.draw_share) * _of(case, own, "pue", option.pue)
    cost.kilowatts = kilowatts
    yearly = _of(case, own, "maintenance_share", option.maintenance_share)
    lost = _of(case, own, "failure_share", option.failure_share)
    return {
        "capital": installed * annuity(rate, life, residual) / MONTHS,
        "maintenance": installed * yearly / MONTHS,
        "failed GPUs": installed * lost / MONTHS,
        "hall": kilowatts * _of(case, own, "usd_per_kw_month", option.usd_per_kw_month),
        "power": drawn * case.hours * _of(case, own, "usd_per_kwh", option.usd_per_kwh),
    }


def annuity(rate: Float64, years: Float64, residual: Float64) -> Float64:
    """Yearly payment for one dollar of price over its life, less its residual value at the end."""
    safe = np.maximum(rate, 1e-9)
    recovery = safe / (1.0 - (1.0 + safe) ** -years)
    return (1.0 - residual / (1.0 + safe) ** years) * recovery


def _staff(case: Case, option: Fleet, sized: Size) -> dict[str, Float64]:
    """Whole people: the minimum up to gpus_per_fte GPUs, one more for every further so many."""
    own = (option.name, option.source, _day(option))
    kind = "minimum_fte_owned" if isinstance(option, Own) else "minimum_fte_rented"
    least = _of(case, own, kind, option.minimum_fte)
    each = _of(case, own, "gpus_per_fte", option.gpus_per_fte)
    people = least + np.ceil(np.maximum(0.0, sized.gpus - each) / each)
    return {"staff": people * _of(case, own, "staff_usd_per_year", option.staff_usd_per_year) / MONTHS}


def _licences(case: Case, option: Fleet, sized: Size) -> dict[str, Float64]:
    found = {}
    for each in option.licence:
        if each.usd_per_year is None:
            continue
        key = f"{option.name}: licence {each.name}"
        dated = each.dated.isoformat() if each.dated else _day(option)
        yearly = case.inputs.given(key, each.usd_per_year, f"USD per {each.per} and year", each.source, dated)
        found[f"licence {each.name}"] = yearly * _meter(each, sized.gpus) / MONTHS
    return found


def _meter(each: Licence, gpus: Float64) -> Float64:
    if each.per == "fixed":
        return np.ones(len(gpus))
    if each.per == "server":
        return np.ceil(gpus / each.gpus_per_server)
    return gpus * (each.cores_per_gpu or 0.0) if each.per == "core" else gpus


def _training(case: Case, option: Fleet, capacity: Capacity, sized: Size) -> Float64:
    """Rent that training jobs need not pay because they run on replicas no request needs at that moment."""
    training = case.options.training
    if training is None or (isinstance(option, Rent) and option.scaling == "hourly"):
        return np.zeros(len(sized.gpus))
    per_moment = capacity.following(case.shape() * load(case, option, capacity)[:, None])
    free = np.maximum(0.0, sized.gpus[:, None] - per_moment * capacity.gpus_per_replica).mean(axis=1) * case.hours
    dated = training.dated.isoformat()
    wanted = case.inputs.given("training: GPU-hours", training.gpu_hours_per_month, "per month", training.source, dated)
    price = case.inputs.given("training: GPU price", training.usd_per_gpu_hour, "USD per GPU-hour", training.source, dated)
    return np.asarray(np.minimum(free, wanted) * price, np.float64)


def _quoted(case: Case, option: Rent, cost: Cost) -> None:
    if option.usd_per_gpu_hour is None:
        if listed_rate(option) is None:
            message = f"{option.name}: no public price is known for a {option.gpu} on that term."
            cost.missing.append(finding("no_price", Severity.ERROR, message, "Write usd_per_gpu_hour, dated, term and source."))
        return
    lacks = [key for key in ("dated", "term") if getattr(option, key) is None]
    if lacks:
        message = f"{option.name}: its GPU price has no {' and no '.join({'dated': 'date', 'term': 'term'}[key] for key in lacks)}."
        repair = 'Write dated = YYYY-MM-DD and term = "on_demand", "spot" or "12 months": prices moved threefold in two years.'
        cost.missing.append(finding("undated_price", Severity.ERROR, message, repair))
    elif option.dated is not None and (case.as_of - option.dated).days > OLD_DAYS:
        message = f"{option.name}: its GPU price is {(case.as_of - option.dated).days} days old."
        cost.notes.append(finding("old_price", Severity.WARNING, message, "Ask for a new quote, or give an interval."))


def _described(option: Own, cost: Cost) -> None:
    """A GPU no default speaks of has to be described by whoever owns it."""
    lacks = [key for key in ("usd_per_gpu", "kw_per_gpu") if getattr(option, key) is None and default_of(key, option.gpu) is None]
    if lacks:
        message = f"{option.name}: nothing is known of a {option.gpu}: {' and '.join(lacks)} are missing."
        cost.missing.append(finding("unknown_gpu", Severity.ERROR, message, f"Write {' and '.join(lacks)}, or correct gpu."))


def _licensed(option: Fleet, cost: Cost) -> None:
    for each in option.licence:
        if each.usd_per_year is None:
            message = f"{option.name}: the price of the licence {each.name} is unknown."
            repair = "Write usd_per_year from your own quote; 0 says it is free."
            cost.missing.append(finding("no_licence_price", Severity.ERROR, message, repair))


def _remarks(option: Fleet, capacity: Capacity, cost: Cost, fixed: int | None) -> None:
    if option.spare_replicas == 0 and fixed is None:
        message = f"{option.name}: no spare replica: one failure breaks the objective."
        cost.notes.append(finding("no_spare", Severity.WARNING, message, "Write spare_replicas = 1."))
    if option.size_for is not None and option.size_for < 0.99:
        message = f"{option.name}: sized for P{option.size_for * 100:g} of the load, so the busiest moments miss the objective."
        cost.notes.append(finding("sized_below_peak", Severity.WARNING, message, "Leave size_for out, or spill to an API."))
    if capacity.evidence != "simulated":
        message = f"{capacity.gpu}: replicas follow from rates of a load test and the busiest minute; queues are not simulated."
        cost.notes.append(finding("not_simulated", Severity.WARNING, message, "Size it with netyield placement size."))


def _of(case: Case, own: tuple[str, str, str], name: str, value: Uncertain | None, kind: str = "") -> Float64:
    return case.inputs.of(own[0], name, value, own[1], own[2], kind)


def _day(option: Fleet) -> str:
    return option.dated.isoformat() if option.dated else ""
