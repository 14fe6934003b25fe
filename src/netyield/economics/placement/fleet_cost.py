"""What do GPUs cost that are paid for by the hour of their reservation? Rent or ownership, staff, licences.

A fleet is sized for the objective and paid for whole months, busy or not: utilisation comes out.
"""

from __future__ import annotations

import numpy as np

from netyield.core.finding import Severity
from netyield.economics.placement.capacity import Capacity
from netyield.economics.placement.case import Case, same_model
from netyield.economics.placement.costs import Cost, finding
from netyield.economics.placement.fleet_size import Size, size
from netyield.economics.placement.own_cost import described, own_cost
from netyield.economics.placement.rent_cost import quoted, rent_cost
from netyield.economics.placement.training import room
from netyield.economics.placement.uncertain import Float64
from netyield.economics.placement.ways import Fleet, Licence, Own, Rent

MONTHS = 12.0


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
        quoted(case, option, cost)
    else:
        described(case, option, cost)
    _licensed(option, cost)
    if cost.missing:
        return cost
    sized = size(case, option, capacity, fixed)
    cost.replicas, cost.gpus, cost.utilisation = sized.replicas, sized.gpus, sized.utilisation
    cost.meets_slo = capacity.meets_slo if option.meets_slo is None else option.meets_slo
    cost.parts |= rent_cost(case, option, sized) if isinstance(option, Rent) else own_cost(case, option, sized, cost)
    cost.parts |= _staff(case, option, sized) | _licences(case, option, sized)
    cost.training_room = room(case, option, capacity, sized)
    _remarks(option, capacity, cost, fixed)
    return cost


def _staff(case: Case, option: Fleet, sized: Size) -> dict[str, Float64]:
    """Whole people: the minimum up to gpus_per_fte GPUs, one more for every further so many."""
    least = case.of(option, "minimum_fte", key="minimum_fte_owned" if isinstance(option, Own) else "minimum_fte_rented")
    each = case.of(option, "gpus_per_fte")
    people = least + np.ceil(np.maximum(0.0, sized.gpus - each) / each)
    return {"staff": people * case.of(option, "staff_usd_per_year") / MONTHS}


def _licences(case: Case, option: Fleet, sized: Size) -> dict[str, Float64]:
    found = {}
    for each in option.licence:
        if each.usd_per_year is None:
            continue
        key = f"{option.name}: licence {each.name}"
        dated, source = (each.dated or option.dated), each.source or option.source
        day = dated.isoformat() if dated else ""
        yearly = case.inputs.given(key, each.usd_per_year, f"USD per {each.per} and year", source, day)
        found[f"licence {each.name}"] = yearly * _meter(case, key, each, sized.gpus) / MONTHS
    return found


def _meter(case: Case, key: str, each: Licence, gpus: Float64) -> Float64:
    if each.per == "fixed":
        return np.ones(len(gpus))
    if each.per == "server":
        return np.ceil(gpus / np.maximum(1.0, case.inputs.of(key, "gpus_per_server", each.gpus_per_server, each.source)))
    return gpus * (each.cores_per_gpu or 0.0) if each.per == "core" else gpus


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
    if capacity.model and option.model and not same_model(option.model, capacity.model):
        message = f"{option.name}: it serves {option.model}, and its size is that of {capacity.model}."
        repair = f'Add [[capacity]] gpu = "{option.gpu}" from a load test of {option.model}.'
        cost.notes.append(finding("other_model_sized", Severity.WARNING, message, repair))
    if capacity.evidence != "simulated":
        message = f"{capacity.gpu}: replicas follow from rates of a load test and the busiest minute; queues are not simulated."
        cost.notes.append(finding("not_simulated", Severity.WARNING, message, "Size it with netyield placement size."))
